"""Folders, trees, digests and limits."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from policyengine.diagnostics import CompileError
from policyengine.rules.check import check
from policyengine.rules.files import Folder
from policyengine.rules.load import load, load_text
from policyengine.rules.yaml import Limits

HEAD = "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: 1.0.0\n"
POLICY = """apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules:
  - id: a
    when: request.model == "x"
    deny: b
"""
FILES = {"bundle.yaml": HEAD, "policies/p.yaml": POLICY}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


def slugs(files: dict[str, str | bytes], limits: Limits | None = None) -> list[str]:
    with pytest.raises(CompileError) as caught:
        load_text(files, limits=limits or Limits())
    return [found.slug for found in caught.value.diagnostics]


def test_a_folder_and_a_mapping_give_the_same_bundle(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "tests/t.yaml": "x", ".hidden/p.yaml": "x"})
    one, other = load(folder), load_text(FILES)
    assert one.digest == other.digest
    assert one.digest == load(folder / "bundle.yaml").digest
    assert [policy.name for policy in one.policies] == ["p"]
    assert one.policies[0].span.path == f"{folder.as_posix()}/policies/p.yaml"
    assert other.policies[0].span.path == "policies/p.yaml"
    assert load_text(FILES, root="git").policies[0].span.path == "git/policies/p.yaml"


def test_a_folder_inside_a_mapping() -> None:
    files = {f"config/gate/{name}": text for name, text in FILES.items()}
    bundle = load_text(files, at="config/gate")
    assert bundle.digest == load_text(FILES).digest
    assert bundle.policies[0].span.path == "config/gate/policies/p.yaml"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"policies/p.yaml": POLICY + "\n"}, False),
        ({"data/words.txt": "a"}, False),
        ({"bundle.yaml": HEAD + "# note\n"}, False),
        ({"tests/p_test.yaml": "a"}, True),
        ({"README.md": "a"}, True),
    ],
)
def test_the_digest_covers_what_can_change_a_decision(change: dict[str, str], same: bool) -> None:
    before, after = load_text(FILES), load_text({**FILES, **change})
    assert (before.digest == after.digest) is same


def test_the_digest_covers_bases() -> None:
    over = {"bundle.yaml": HEAD + "extends: [{path: base}]\n"}
    files = {f"base/{name}": text for name, text in FILES.items()}
    changed = {**files, "base/policies/p.yaml": POLICY.replace("x", "y")}
    assert load_text({**over, **files}).digest != load_text({**over, **changed}).digest


def test_a_pinned_base_is_loaded_without_a_warning(tmp_path: Path) -> None:
    base = load(write(tmp_path / "base", FILES))
    manifest = HEAD + f"extends:\n  - path: ../base\n    digest: {base.digest}\n"
    bundle = load(write(tmp_path / "over", {"bundle.yaml": manifest}))
    assert bundle.warnings == ()
    assert [b.digest for b in bundle.extends] == [base.digest]
    assert [r.rule.id for r in check(bundle).points["llm.request"].rules] == ["a"]


def test_line_ends_do_not_change_places() -> None:
    wrong = POLICY.replace("request.model", "request.modle")
    places = []
    for text in (wrong, wrong.replace("\n", "\r\n")):
        with pytest.raises(CompileError) as caught:
            check(load_text({"bundle.yaml": HEAD, "p.yaml": text}))
        places.append(str(caught.value.diagnostics[0].span))
    assert places == ["p.yaml:7:11", "p.yaml:7:11"]


def test_everything_wrong_in_all_files_is_said_together() -> None:
    files = {
        "bundle.yaml": "kind: Bundle",
        "a.yaml": "a: [",
        "b.yaml": b"\xff",
        "c.yaml": POLICY.replace("deny", "dney"),
        "schemas/x.y.json": "{",
    }
    with pytest.raises(CompileError) as caught:
        load_text(files)
    paths = [found.span.path for found in caught.value.diagnostics]
    assert sorted(set(paths)) == sorted(files)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_files_from_outside_are_refused(tmp_path: Path, kind: str) -> None:
    folder = write(tmp_path / "bundle", FILES)
    write(tmp_path, {"outside/p.yaml": POLICY})
    match kind:
        case "link":
            (folder / "more.yaml").symlink_to(tmp_path / "outside/p.yaml")
        case "folder":
            (folder / "more").symlink_to(tmp_path / "outside")
        case _:
            os.mkfifo(folder / "more.yaml")
    with pytest.raises(CompileError) as caught:
        load(folder)
    assert [found.slug for found in caught.value.diagnostics] == ["unsafe-file"]


def test_a_link_inside_the_bundle_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "data/q.yaml": POLICY.replace("name: p", "name: q")})
    (folder / "q.yaml").symlink_to(folder / "data/q.yaml")
    assert {policy.name for policy in load(folder).policies} == {"p", "q"}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    with pytest.raises(CompileError) as caught:
        Folder(folder.as_posix()).read("gone.yaml", 10)
    assert [found.slug for found in caught.value.diagnostics] == ["unreadable-file"]


@pytest.mark.parametrize("path", ["nowhere", "empty", "file/bundle.yaml"])
def test_no_bundle(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CompileError) as caught:
        load(tmp_path / path)
    assert [found.slug for found in caught.value.diagnostics] == ["no-bundle"]


def test_limits() -> None:
    assert slugs({**FILES}, Limits(file_bytes=100)) == ["file-size"]
    assert slugs({**FILES}, Limits(total_bytes=120)) == ["bundle-size"]
    assert slugs({**FILES}, Limits(files=1)) == ["too-many-files"]
    assert slugs({**FILES}, Limits(nodes=5)) == ["yaml-size", "yaml-size"]
    bases = {f"b{i}/bundle.yaml": HEAD for i in range(3)}
    over = HEAD + "extends: [{path: b0}, {path: b1}, {path: b2}]"
    assert slugs({"bundle.yaml": over, **bases}, Limits(bases=2)) == ["too-many-bases"]
    assert slugs({**FILES, "b.yaml": b"a: \xff"}) == ["not-utf8"]


def outcome(files: dict[str, str | bytes]) -> None:
    """A bundle or diagnostics: any other exception fails the test."""
    try:
        check(load_text(files))
        found = None
    except CompileError as error:
        found = error.diagnostics
    assert found is None or (found and all(f.message and f.span.line >= 1 for f in found))


HOSTILE = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150, deadline=None)


@HOSTILE
@given(st.binary(max_size=200))
@example(b'"\\UFFFFFFFF"')
@example(b"%YAML 9.9\n---\na")
@example(b"? ? ? ?")
@example(b"!<tag:x> a")
@example(b"\xed\xa0\x80")
def test_any_bytes_as_a_policy(data: bytes) -> None:
    outcome({"bundle.yaml": HEAD, "p.yaml": data})


PIECES = st.sampled_from(
    [*POLICY.split("\n"), "    when: |", "      a &&", "    words: [a]", "  - id: b", "    : x",
     "    tag: {a: b}", "   x", "- ", "\t", "    models: {any: [a*b?]}", "    when: variables.x",
     "variables: {x: variables.x}", "    redact: mask", "final: true", "    deny: *a", "&a", "{"]
)  # fmt: skip


@HOSTILE
@given(st.lists(PIECES, max_size=14))
def test_any_lines_as_a_policy(lines: list[str]) -> None:
    outcome({"bundle.yaml": HEAD, "p.yaml": "\n".join(lines)})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "when", "deny", "words", "any", "rules", "message", "on", "tag"])
        | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@HOSTILE
@given(JSON, st.sampled_from(["rules", "metadata", "variables", "on", "mode", "final"]))
def test_any_value_in_a_policy(value: object, key: str) -> None:
    lines = [line for line in POLICY.split("\n") if not line.startswith(f"{key}:")]
    if key == "rules":
        lines = lines[:4]
    outcome({"bundle.yaml": HEAD, "p.yaml": "\n".join([*lines, f"{key}: {json.dumps(value)}"])})


@HOSTILE
@given(JSON)
def test_any_value_as_a_rule(value: object) -> None:
    head = "\n".join(POLICY.split("\n")[:5])
    outcome({"bundle.yaml": HEAD, "p.yaml": f"{head}\n  - {json.dumps(value)}\n"})


@HOSTILE
@given(st.text(st.sampled_from("ab.()[]{}&|!\"'\\ <>=+?:0_xin\n"), max_size=40))
def test_any_text_as_a_condition(text: str) -> None:
    outcome(
        {"bundle.yaml": HEAD, "p.yaml": POLICY.replace('request.model == "x"', json.dumps(text))}
    )


@HOSTILE
@given(JSON | st.text(max_size=30))
@example(
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/a"}},
        "$defs": {"a": {"$ref": "#/$defs/a"}},
    }
)
@example({"type": "object", "properties": {"now": {"type": "string"}}})
@example({"type": "object", "properties": {"a": {"type": ["string", "int", {}]}}})
@example({"type": "object", "properties": {"a": {"type": {}}}})
@example({"type": "object", "properties": {"a": {"x-text": True}}})
@example(
    {
        "type": "object",
        "properties": {
            "a": {"additionalProperties": {"type": "string", "x-text": True}, "type": "object"}
        },
    }
)
@example({"type": "object", "required": [[]], "properties": {"a": True}})
def test_any_schema_as_a_point(schema: object) -> None:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    outcome({"bundle.yaml": HEAD, "schemas/a.b.json": text, "p.yaml": POLICY})


def test_a_policy_with_too_many_variables_is_refused() -> None:
    for count, found in ((100, []), (200, ["expression-too-deep"])):
        variables = ", ".join(f"{{name: v{n}, expression: '{n}'}}" for n in range(count))
        rule = f"{{variables: [{variables}], match: [{{output: variables.v0 == 1}}]}}"
        cel = f"name: c\nrule: {rule}\n"
        policy = POLICY.replace('when: request.model == "x"', "policy: cel/c.yaml")
        bundle = load_text({"bundle.yaml": HEAD, "p.yaml": policy, "cel/c.yaml": cel})
        try:
            check(bundle)
            actual = []
        except CompileError as error:
            actual = [each.slug for each in error.diagnostics]
        assert actual == found


def test_the_digest_covers_cel_policies_and_their_matches_count_as_rules() -> None:
    policy = POLICY.replace('when: request.model == "x"', "policy: cel/c.yaml")

    def files(matches: int, limit: int) -> dict[str, str | bytes]:
        match = (
            "["
            + ", ".join(
                f"{{condition: now > timestamp({n}), output: 'true'}}" for n in range(matches)
            )
            + "]"
        )
        cel = f"name: c\nrule: {{match: {match}}}\n"
        manifest = HEAD + f"limits: {{rules: {limit}}}\n"
        return {"bundle.yaml": manifest, "p.yaml": policy, "cel/c.yaml": cel}

    one, other = load_text(files(3, 5)), load_text(files(4, 5))
    assert one.digest != other.digest
    assert "cel/c.yaml" in one.sources
    assert slugs(files(5, 5)) == ["too-many-rules"]
