"""Each verb: what it writes, and its exit code."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from policyengine.cli._exits import Exit
from policyengine.cli._starters import files_of, starters

ALLOWED = '{"request": {"model": "small"}}'
DENIED = '{"request": {"model": "small-preview"}}'


@pytest.mark.parametrize("starter", starters())
def test_every_starter_is_valid_formatted_and_passes_its_tests(run: Callable, starter: str) -> None:
    assert run("init", "x", "--starter", starter).exit_code == Exit.OK
    assert {str(p.relative_to("x")) for p in Path("x").rglob("*") if p.is_file()} == set(
        files_of(starter)
    )
    checked = run("check", "--strict", "x")
    assert checked.exit_code == Exit.OK, checked.output
    tested = run("test", "x")
    assert tested.exit_code == Exit.OK, tested.output
    formatted = run("fmt", "--check", "--diff", "x")
    assert formatted.exit_code == Exit.OK, formatted.output


def test_init_overwrites_nothing(run: Callable, bundle: Path) -> None:
    (bundle / "bundle.yaml").write_text("mine")
    (bundle / "models.yaml").unlink()
    result = run("init", "b")
    assert result.exit_code == Exit.USAGE
    assert "b/bundle.yaml" in result.stderr
    assert (bundle / "bundle.yaml").read_text() == "mine"
    assert not (bundle / "models.yaml").exists()


def test_check_says_what_is_wrong_where(run: Callable, bundle: Path) -> None:
    assert run("check").exit_code == Exit.OK
    text = (bundle / "models.yaml").read_text()
    (bundle / "models.yaml").write_text(text.replace("request.model", "request.modle"))
    result = run("check", "b")
    assert result.exit_code == Exit.INVALID_POLICY
    assert "b/models.yaml:9:11" in result.stdout
    assert "did you mean" in result.stdout
    assert "request.modle" in result.stdout


def test_check_as_json(run: Callable, bundle: Path) -> None:
    run("init", "other/deep")
    (Path("other/deep") / "models.yaml").write_text("rules: [")
    result = run("check", "b", "other", "--format", "json")
    assert result.exit_code == Exit.INVALID_POLICY
    told = json.loads(result.stdout)
    assert (told["format"], told["kind"], told["ok"]) == (1, "check", False)
    assert [(b["path"], b["errors"]) for b in told["bundles"]] == [("b", 0), ("other/deep", 1)]
    assert told["bundles"][1]["diagnostics"][0]["path"] == "other/deep/models.yaml"


def test_check_for_github(run: Callable, bundle: Path) -> None:
    (bundle / "models.yaml").write_text("rules: [")
    result = run("check", "--format", "github")
    assert result.stdout.startswith("::error file=b/models.yaml,line=1")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nowhere", "does not exist"),
        ("empty", "no `bundle.yaml` in or below"),
        ("b/models.yaml", "is a file"),
    ],
)
def test_what_is_no_bundle(run: Callable, bundle: Path, path: str, told: str) -> None:
    Path("empty").mkdir()
    result = run("check", path)
    assert result.exit_code == Exit.USAGE
    assert told in result.stderr


def test_fmt_writes_once_and_keeps_the_mode(run: Callable) -> None:
    file = Path("p.yaml")
    file.write_text("# c\nkind: Policy\napiVersion: 'x'\n")
    file.chmod(0o640)
    check = run("fmt", "--check", "p.yaml")
    assert (check.exit_code, check.stdout) == (Exit.INVALID_POLICY, "would format p.yaml\n")
    diff = run("fmt", "--diff", ".")
    assert diff.exit_code == Exit.OK
    assert "-apiVersion: 'x'" in diff.stdout
    assert '+apiVersion: "x"' in diff.stdout
    assert "'x'" in file.read_text()
    assert run("fmt", "p.yaml").stdout == "formatted p.yaml\n"
    assert file.read_text() == '# c\napiVersion: "x"\nkind: Policy\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert run("fmt", "--check", ".").exit_code == Exit.OK
    assert [p.name for p in Path().iterdir()] == ["p.yaml"]


def test_fmt_follows_a_link_and_keeps_it(run: Callable) -> None:
    Path("real.yml").write_text("a:   1")
    Path("link.yaml").symlink_to("real.yml")
    assert run("fmt", "link.yaml").exit_code == Exit.OK
    assert Path("link.yaml").is_symlink()
    assert Path("real.yml").read_text() == "a: 1\n"


def test_fmt_standard_input(run: Callable) -> None:
    assert run("fmt", "-", input="a:   1").stdout == "a: 1\n"
    assert run("fmt", "-", "--check", input="a:   1").exit_code == Exit.INVALID_POLICY
    assert run("fmt", "-", "x.yaml", input="").exit_code == Exit.USAGE


def test_fmt_leaves_what_is_no_yaml(run: Callable) -> None:
    Path("bad.yaml").write_text("a: [")
    Path("good.yaml").write_text("a:  1\n")
    result = run("fmt", ".")
    assert result.exit_code == Exit.INVALID_POLICY
    assert "bad.yaml:1" in result.stderr
    assert Path("bad.yaml").read_text() == "a: ["
    assert Path("good.yaml").read_text() == "a: 1\n"


FAILING = """\
apiVersion: policyengine.dev/v1
kind: TestSuite
name: failing
point: llm.request
tests:
  - name: "wrong \\x1b[31m"
    input: {request: {model: small}}
    expect: {verdict: deny}
  - name: later
    skip: not yet
    expect: {verdict: deny}
"""


def test_test_shows_the_difference_and_why(run: Callable, bundle: Path) -> None:
    assert run("test", "b").exit_code == Exit.OK
    (bundle / "tests" / "failing.yaml").write_text(FAILING)
    result = run("test")
    assert result.exit_code == Exit.TESTS_FAILED
    assert "b/tests/failing.yaml:6:11" in result.stdout
    assert "expected deny\n    but got  allow" in result.stdout
    assert "skip  later: not yet" in result.stdout
    assert "2 passed, 1 failed, 1 skipped" in result.stdout
    assert "\x1b" not in result.stdout


def test_test_as_junit_in_a_file(run: Callable, bundle: Path) -> None:
    (bundle / "tests" / "failing.yaml").write_text(FAILING)
    result = run("test", "--format", "junit", "--output", "out/r.xml")
    assert result.exit_code == Exit.TESTS_FAILED
    assert "written to out/r.xml" in result.stdout
    root = ET.parse("out/r.xml").getroot()
    assert [root.get(k) for k in ("tests", "failures", "errors", "skipped")] == list("4101")
    case = root.find(".//testcase[failure]")
    assert case is not None
    assert (case.get("file"), case.get("line")) == ("b/tests/failing.yaml", "6")


def test_test_as_json(run: Callable, bundle: Path) -> None:
    told = json.loads(run("test", "--format", "json").stdout)
    assert (told["format"], told["kind"], told["ok"]) == (1, "tests", True)
    assert [case["outcome"] for case in told["cases"]] == ["passed", "passed"]


def test_no_tests_fail(run: Callable, bundle: Path) -> None:
    assert run("test", "--filter", "nothing").exit_code == Exit.TESTS_FAILED
    (bundle / "tests" / "models.yaml").unlink()
    result = run("test", "b")
    assert result.exit_code == Exit.TESTS_FAILED
    assert "there are no tests" in result.stdout


def test_one_bundle_without_tests_fails_the_run(run: Callable, bundle: Path) -> None:
    run("init", "c")
    (Path("c") / "tests" / "models.yaml").unlink()
    result = run("test")
    assert result.exit_code == Exit.TESTS_FAILED
    assert "c has no tests" in result.stderr


def test_test_with_an_invalid_bundle_or_suite(run: Callable, bundle: Path) -> None:
    (bundle / "tests" / "more.yaml").write_text("kind: TestSuite\n")
    result = run("test")
    assert result.exit_code == Exit.TESTS_FAILED
    assert "b/tests/more.yaml:1:1" in result.stdout
    (bundle / "models.yaml").write_text("rules: [")
    result = run("test")
    assert result.exit_code == Exit.INVALID_POLICY
    assert "b/models.yaml" in result.stderr


def test_test_options(run: Callable, bundle: Path) -> None:
    assert "1 passed" in run("test", "--filter", "preview").stdout
    assert "shuffled with seed 4" in run("test", "--shuffle", "4").stdout
    (bundle / "tests" / "a.yaml").write_text(FAILING)
    assert "passed" in run("test", "--fail-fast").stdout


def test_long_runs_show_how_far_they_are(
    run: Callable, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("test").stderr == ""
    monkeypatch.setattr("policyengine.cli.test._PATIENCE_NS", -1)
    assert run("test").stderr == ""
    monkeypatch.setattr("policyengine.cli.test._is_watched", lambda: True)
    assert "2 of 2 tests" in run("test").stderr
    assert "of 2 tests" not in run("test").stdout


def test_eval_denies_with_an_exit_code(run: Callable, bundle: Path) -> None:
    result = run("eval", "b", "--point", "llm.request", "--input", "-", input=DENIED)
    assert result.exit_code == Exit.DENIED
    assert result.stdout.startswith("DENY  llm.request")
    assert "no-preview-models  b/models.yaml:8:9" in result.stdout
    assert "Preview models may change" in result.stdout
    arguments = ("eval", "b", "--point", "llm.request", "--input", "-", "--exit-zero")
    assert run(*arguments, input=DENIED).exit_code == Exit.OK
    assert run(*arguments, input=ALLOWED).stdout.startswith("ALLOW")


def test_eval_as_json_at_a_time(run: Callable, bundle: Path) -> None:
    Path("in.json").write_text(f'{{"point": "llm.request", "input": {DENIED}}}')
    arguments = ("eval", "b", "--input", "in.json", "--format", "json")
    result = run(*arguments, "--clock", "2026-02-03T04:05:06Z")
    told = json.loads(result.stdout)
    assert (told["format"], told["kind"], told["verdict"]) == (1, "decision", "deny")
    assert told["time"] == "2026-02-03T04:05:06Z"
    assert run(*arguments, "--clock", "yesterday").exit_code == Exit.USAGE


def test_eval_many(run: Callable, bundle: Path) -> None:
    folder = Path("recorded")
    folder.mkdir()
    (folder / "a.json").write_text(ALLOWED)
    (folder / "b.jsonl").write_text(f"{DENIED}\n\n{ALLOWED}\n")
    arguments = ("eval", "b", "--point", "llm.request", "--input", "recorded")
    result = run(*arguments)
    assert result.exit_code == Exit.DENIED
    assert "recorded/b.jsonl:1" in result.stdout
    assert "3 inputs decided" in result.stdout
    told = json.loads(run(*arguments, "--format", "json").stdout)
    assert told["summary"]["verdicts"] == {"allow": 2, "require_approval": 0, "deny": 1}
    assert told["summary"]["rules"] == {"no-preview-models": 1}
    names = [d["input"] for d in told["decisions"]]
    assert names == ["recorded/a.json", "recorded/b.jsonl:1", "recorded/b.jsonl:3"]


BAD_INPUTS = [
    ('{"a": 1,\n "b" 2}', "standard input:2:6: expected ':'"),
    ("", "standard input:1:1"),
    ("[]", "must be a JSON object"),
    ('{"a": 1, "a": 2}', "same key twice"),
    ('{"a": NaN}', "`NaN` is not a JSON number"),
    ("[" * 100_000, "nested"),
    ('{"a":' * 300 + "1" + "}" * 300, "nested deeper than 200 levels"),
    ('{"a": %s}' % ("9" * 10_000), "standard input:1"),
    (b'{"a": "\xff"}', "standard input:1: this is not UTF-8"),
    ('{"request": {"model": 3}}', "`request.model` must be a string, not a number"),
    ('{"request": {}}', "`request.model` is missing"),
    ('{"request": {"model": "x", "messages": {}}}', "must be a list, not an object"),
    ('{"point": "tool.call", "input": {}}', "is for the point `tool.call`"),
]


@pytest.mark.parametrize(("text", "told"), BAD_INPUTS, ids=range(len(BAD_INPUTS)))
def test_bad_inputs_are_refused_clearly(
    run: Callable, bundle: Path, text: str | bytes, told: str
) -> None:
    result = run("eval", "b", "--point", "llm.request", "--input", "-", input=text)
    assert result.exit_code == Exit.USAGE
    assert told in result.stderr
    assert result.stdout == ""


def test_unknown_fields_are_warned_of(run: Callable, bundle: Path) -> None:
    text = '{"request": {"model": "small", "max_token": 3}, "subjct": {}}'
    result = run("eval", "b", "--point", "llm.request", "--input", "-", input=text)
    assert result.exit_code == Exit.OK
    assert "`request.max_token` is not a field" in result.stderr
    assert "did you mean `max_tokens`?" in result.stderr
    assert "did you mean `subject`?" in result.stderr


def test_no_name_in_an_input_reaches_the_terminal_raw(run: Callable, bundle: Path) -> None:
    text = r'{"request": {"model": "small"}, "\u001b[31m\n": 1}'
    result = run("eval", "b", "--point", "llm.request", "--input", "-", input=text)
    assert result.exit_code == Exit.OK
    assert "\\x1b[31m\\n" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--input", "nowhere.json", "--point", "llm.request"), "`nowhere.json` does not exist"),
        (("--input", "-"), "which decision point"),
        (("--input", "-", "--point", "llm.requests"), "did you mean `llm.request`?"),
        (("--input", "empty", "--point", "llm.request"), "no `.json` or `.jsonl` files"),
    ],
)
def test_eval_refusals(run: Callable, bundle: Path, arguments: tuple[str, ...], told: str) -> None:
    Path("empty").mkdir()
    result = run("eval", "b", *arguments, input="{}")
    assert result.exit_code == Exit.USAGE
    assert told in result.stderr


def test_explain_shows_the_values(run: Callable, bundle: Path) -> None:
    arguments = ("explain", "b", "--point", "llm.request", "--input", "-")
    result = run(*arguments, input=DENIED)
    assert result.exit_code == Exit.OK
    assert "no-preview-models (deny) matched" in result.stdout
    assert "b/models.yaml:8:9" in result.stdout
    told = json.loads(run(*arguments, "--format", "json", input=DENIED).stdout)
    assert (told["format"], told["kind"]) == (1, "explanation")
    assert [rule["rule"] for rule in told["rules"]] == ["no-preview-models"]


def test_explain_one_rule(run: Callable, bundle: Path) -> None:
    arguments = ("explain", "b", "--point", "llm.request", "--input", "-", "--rule")
    assert run(*arguments, "no-preview-models", input=DENIED).exit_code == Exit.OK
    result = run(*arguments, "no-preview-model", input=DENIED)
    assert result.exit_code == Exit.USAGE
    assert "did you mean `no-preview-models`?" in result.stderr


def test_schemas_are_schemas(run: Callable) -> None:
    listed = [line.split()[0] for line in run("schema").stdout.splitlines()]
    assert {"bundle", "policy", "test-suite", "point.llm.request"} <= set(listed)
    assert run("schema", "--write", "out").exit_code == Exit.OK
    assert {p.name for p in Path("out").iterdir()} == {f"{n}.schema.json" for n in listed}
    for path in Path("out").iterdir():
        Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_schema_of_a_point(run: Callable) -> None:
    assert json.loads(run("schema", "llm.request").stdout)["title"] == "llm.request"
    result = run("schema", "polcy")
    assert result.exit_code == Exit.USAGE
    assert "did you mean `policy`?" in result.stderr
