"""`eval --expr`: expressions over an input, over variables, and at a decision point."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from policyengine.cli._exits import Exit

REQUEST = {"request": {"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}]}}


@pytest.mark.parametrize(
    ("expression", "variables", "value", "type_"),
    [
        ("1 + 2", (), "3", "int"),
        ("1 + 2 == 3 && ['a'].exists(x, x == y)", ('y="a"',), "true", "bool"),
        ("[1u, 2.5, null, b'\\x00a']", (), '[1u, 2.5, null, b"\\x00a"]', "list(dyn)"),
        ("{'b': type(1)}", (), '{"b": int}', "map(string, type(int))"),
        ("now", (), 'timestamp("2026-01-02T03:04:05Z")', "timestamp"),
        ("now - duration('90m')", (), 'timestamp("2026-01-02T01:34:05Z")', "timestamp"),
        ("duration('90m')", (), 'duration("5400s")', "duration"),
        ("a + b", ("a=1", " b = 2"), "3", "dyn"),
        ("tags.join('-').upperAscii()", ('tags=["a", "b"]',), '"A-B"', "string"),
        ("optional.of(1)", (), "optional.of(1)", "optional_type(int)"),
        ("optional.none()", (), "optional.none()", "optional_type(dyn)"),
    ],
)
def test_values(
    run: Callable, expression: str, variables: tuple[str, ...], value: str, type_: str
) -> None:
    given = [part for variable in variables for part in ("--var", variable)]
    result = run("eval", "--expr", expression, *given, "--clock", "2026-01-02T03:04:05Z")
    assert (result.output.strip(), result.exit_code) == (value, Exit.OK)
    result = run(
        "eval", "--expr", expression, *given, "--clock", "2026-01-02T03:04:05Z",
        "--format", "json",
    )  # fmt: skip
    assert json.loads(result.output)["type"] == type_


def test_an_input_without_a_point_gives_its_fields(run: Callable) -> None:
    Path("r.json").write_text(json.dumps(REQUEST))
    result = run("eval", "--expr", "request.model + '!'", "--input", "r.json")
    assert (result.output, result.exit_code) == ('"gpt-5!"\n', Exit.OK)


def test_a_point_types_the_input(run: Callable, bundle: Path) -> None:
    Path("r.json").write_text(json.dumps(REQUEST))
    at = (str(bundle), "--point", "llm.request", "--input", "r.json")
    good = run("eval", *at, "--expr", "request.messages.map(m, m.role)")
    assert (good.output, good.exit_code) == ('["user"]\n', Exit.OK)
    bad = run("eval", *at, "--expr", "request.modle == 'x'")
    assert bad.exit_code == Exit.INVALID_POLICY
    assert "did you mean `request.model`?" in bad.stderr
    assert "^^^^^^^^^^^^^" in bad.stderr


def test_the_input_is_held_against_the_point(run: Callable) -> None:
    Path("r.json").write_text('{"request": {"model": 5}}')
    result = run("eval", "--expr", "1", "--point", "llm.request", "--input", "r.json")
    assert result.exit_code == Exit.USAGE
    assert "`request.model` must be a string" in result.stderr


@pytest.mark.parametrize(
    ("expression", "slug", "marked"),
    [
        ("1 +", "syntax", "    |    ^"),
        ("[1, 2][5] == 1", "index-out-of-range", "1 | [1, 2][5] == 1\n  | ^^^^^^^^^"),
        ("true && 1/0 > 1", "divide-by-zero", "|         ^^^"),
        ("foo", "undeclared-reference", "^^^"),
    ],
)
def test_mistakes_are_shown_at_their_place(
    run: Callable, expression: str, slug: str, marked: str
) -> None:
    result = run("eval", "--expr", expression)
    assert result.exit_code == Exit.INVALID_POLICY
    assert result.stdout == ""
    assert f"error[{slug}]" in result.stderr
    assert marked.strip() in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--expr", "1", "--var", "x"), "write it as `name=json`"),
        (("--expr", "1", "--var", "x y=1"), "write it as `name=json`"),
        (("--expr", "1", "--var", "x=nope"), "no JSON"),
        (("--expr", "1", "--var", "x=NaN"), "no JSON"),
        (("--expr", "1", "--var", "x=" + "[" * 100_000), "no JSON"),
        (("--expr", "1", "--point", "nope"), "there is no decision point `nope`"),
        (("--expr", "1", "--engine", "cel-python"), "leave out `--expr`"),
        (("--expr", "1", "--input", "r.jsonl"), "one input"),
        (("--var", "x=1"), "`--var` is for `--expr`"),
        ((".", "--var", "x=1", "--input", "-"), "`--var` is for `--expr`"),
    ],
)
def test_refusals(run: Callable, arguments: tuple[str, ...], told: str) -> None:
    result = run("eval", *arguments)
    assert result.exit_code == Exit.USAGE
    assert told in result.stderr


def test_constants_of_the_bundle(run: Callable, bundle: Path) -> None:
    manifest = bundle / "bundle.yaml"
    manifest.write_text(manifest.read_text() + "\nconstants:\n  small: [a, b]\n")
    result = run(
        "eval", str(bundle), "--expr", "'a' in constants.small && size(constants.small)==2"
    )
    assert result.output == "true\n", result.stderr
