"""cel-python's opinion of a bundle's conditions, and where it differs from ours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import policyengine
from policyengine.cli import main
from policyengine.cli._exits import Exit
from policyengine.errors import FactError
from policyengine.rules.load import load_text
from policyengine.testing import second_opinion
from policyengine.testing.second_opinion import Opinion, SecondOpinion

pytest.importorskip("celpy", reason="cel-python is not installed")

MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
constants:
  small: [a, b]
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata:
  name: p
on: [llm.request]
variables:
  count: size(request.messages)
  broken: 1 / (size(request.messages) - size(request.messages))
rules:
  - id: r
    {clause}
    deny: Not this.
"""
# Each name stands for twice the one before.
DOUBLED = (
    "'"
    + "".join(
        f"cel.bind(a{n}, a{n - 1} + a{n - 1}, " if n else "cel.bind(a0, 1, " for n in range(14)
    )
    + "a13 > 1"
    + ")" * 14
    + "'"
)
INPUT = {"request": {"model": "a", "messages": [{"role": "user", "content": "hi"}]}}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def asked(clause: str, input: Any = INPUT, **known: Any) -> Opinion:
    text = POLICY.format(clause=clause)
    checked = policyengine.check(load_text({"bundle.yaml": MANIFEST, "p.yaml": text}))
    opinion = SecondOpinion(checked)
    engine = policyengine.Engine(policyengine.compile(checked))
    opinion.ask(engine, "llm.request", input, now=NOW, **known)
    return opinion.found


@pytest.mark.parametrize(
    "clause",
    [
        "when: request.model == 'a'",
        "unless: request.model == 'a'",
        "when: request.model in constants.small",
        "when: variables.count == 1",
        "when: cel.bind(x, request.model, x == 'a' || x == 'b')",
        "when: cel.bind(x, 1 / 0, false && x == 1)",
        "when: cel.bind(x, 2, [1, 2].exists(y, cel.bind(z, y, z == x)))",
        "when: variables.broken == 1",
        "when: variables.broken == 1 || variables.count > 0",
        "when: 1 / (variables.count - 1) == 1 || true",
        "when: request.max_tokens > 5",
        "when: has(request.max_tokens) && request.max_tokens > 5",
        "when: has(subject.team)",
        "when: has(session.id) || has(request.temperature)",
        "when: request.messages.exists(m, m.role == 'user' && m.content.contains('h'))",
        "when: request.messages.all(request, size(request.role) > 0)",
        "when: request.messages.filter(m, m.role == 'x').map(m, m.role) == []",
        "when: now > timestamp('2020-01-01T00:00:00Z') && now.getFullYear() == 2026",
        "when: request.model.matches('^[a-c]$')",
        "models: [a*]",
        "words: [hi]",
        "when: words(['hi']).size() == 1",
    ],
)
def test_both_agree(clause: str) -> None:
    found = asked(clause)
    assert (found.disagreements, found.not_asked) == ((), ())
    assert found.agreed == 1
    assert found.engine.startswith("cel-python ")


@pytest.mark.parametrize(
    "input",
    [
        {"request": {"model": "a", "messages": [], "max_tokens": None}},
        {"request": {"model": "a", "messages": [], "temperature": 1}},
        {"request": {"model": 5, "messages": []}},
        {"request": {}},
        {},
    ],
)
@pytest.mark.parametrize(
    "clause",
    [
        "when: request.max_tokens > 5",
        "unless: has(request.max_tokens)",
        "when: request.temperature == 1.0",
        "when: has(request.temperature) && request.temperature < 2.5",
        "when: size(request.messages) == 0",
    ],
)
def test_both_agree_on_odd_inputs(clause: str, input: dict[str, Any]) -> None:
    assert asked(clause, input).disagreements == ()


@pytest.mark.parametrize(
    "clause",
    [
        """when: has(subject.id) && size(words(["hi"])) > 0""",
        """when: size(words(["hi"])) > 0 || request.model == "a\"""",
        """when: size(words(["hi"])) > 0 && request.model == "b\"""",
        """when: size(words(["hi"])) > 0 && request.model == "a\"""",
    ],
)
def test_a_fact_that_failed_is_an_error_only_where_it_is_needed(clause: str) -> None:
    found = asked(clause, facts={"words": FactError("faked", "it fails")})
    assert found.agreed == 1, found
    assert found.disagreements == ()


def test_facts_are_given_to_both() -> None:
    clause = "when: words(['hi']).exists(f, f.start >= 0)"
    assert asked(clause, facts={"words": []}).agreed == 1
    assert asked(clause, facts={"words": FactError("faked", "no")}).agreed == 1


CEL_POLICY = """\
name: c
rule:
  variables:
    - name: allowed
      expression: "['a', 'b']"
    - name: known
      expression: request.model in variables.allowed
  match:
    - condition: variables.known && request.stream
      output: "true"
    - condition: variables.known
      rule:
        match:
          - condition: size(request.messages) > 1
            output: "false"
          - output: request.model == 'a'
    - output: "false"
"""


@pytest.mark.parametrize("model", ["a", "b", "c"])
@pytest.mark.parametrize("stream", [True, False])
def test_the_body_of_a_cel_policy_is_asked(model: str, stream: bool) -> None:
    files = {
        "bundle.yaml": MANIFEST,
        "p.yaml": POLICY.format(clause="policy: {file: c.yaml}"),
        "c.yaml": CEL_POLICY,
    }
    checked = policyengine.check(load_text(files))
    opinion = SecondOpinion(checked)
    engine = policyengine.Engine(policyengine.compile(checked))
    request = {**INPUT["request"], "model": model, "stream": stream}
    opinion.ask(engine, "llm.request", {"request": request}, now=NOW)
    assert (opinion.found.agreed, opinion.found.disagreements) == (1, ())
    assert opinion.found.not_asked == ()


@pytest.mark.parametrize(
    ("clause", "why"),
    [
        ("when: request.model.upperAscii() == 'A'", "it has no `upperAscii`"),
        ("when: math.greatest(1, 2) == 2", "it has no `greatest`"),
        (
            "when: '[1].exists(x, cel.bind(y, x + 1, [5].exists(x, x == y)))'",
            "`x` means two things in it",
        ),
        (f"when: {DOUBLED}", "it is too long with its variables written out"),
        ("when: request.?model.orValue('') == 'a'", "it has no `orValue`"),
        ("when: request.messages.exists(i, m, i == 0)", "it has no such form of `exists`"),
        ("when: \"[1, 2].map(x, x > 1, x) == [2]\"", "it has no such form of `map`"),
        ("when: \"{?'a': optional.of(1)} == {}\"", "it has no optional values"),
        ("when: 'google.protobuf.Int64Value{value: 1} == 1'", "messages are not put to it"),
    ],
)  # fmt: skip
def test_what_cel_python_has_no_words_for_is_not_asked(clause: str, why: str) -> None:
    found = asked(clause)
    (left,) = found.not_asked
    assert why in left.why
    assert found.agreed == 0


@pytest.mark.parametrize(
    ("clause", "defect"),
    [
        ("when: dyn(1) == dyn(1.0)", "mixed-types"),
        ("when: dyn(request.model) == 1", "mixed-types"),
        ("when: timestamp(0) < now", "seconds-as-timestamp"),
        ("when: duration('1.000000001s') > duration('1s')", "microseconds"),
        ("when: duration('61.5s').getMilliseconds() == 500", "duration-milliseconds"),
        ("when: string(true) == 'true'", "texts-of-values"),
        ("when: -1.0 / 0.0 < 0.0", "signs-of-infinity"),
        ("when: true == dyn(1)", "bool-is-number"),
    ],
)
def test_known_defects_are_named(clause: str, defect: str) -> None:
    found = asked(clause)
    assert [d.defect.name for d in found.disagreements if d.defect] == [defect]
    assert found.unexplained == ()


class _Liar:
    """cel-python, but for one thing: it says the opposite."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def evaluate(self, context: Any) -> Any:
        celtypes = sys.modules["celpy.celtypes"]
        return celtypes.BoolType(not self._real.evaluate(context))


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> None:
    import celpy

    program = celpy.Environment.program
    monkeypatch.setattr(celpy.Environment, "program", lambda self, ast: _Liar(program(self, ast)))


@pytest.mark.usefixtures("liar")
def test_disagreements_are_told_once_with_both_answers() -> None:
    text = POLICY.format(clause="when: request.model == 'a'")
    checked = policyengine.check(load_text({"bundle.yaml": MANIFEST, "p.yaml": text}))
    opinion = SecondOpinion(checked)
    engine = policyengine.Engine(policyengine.compile(checked))
    for _ in range(3):
        opinion.ask(engine, "llm.request", INPUT)
    clause = next(d for d in opinion.found.unexplained if d.clause == "when")
    assert (str(clause.ours), str(clause.theirs)) == ("true", "false")
    assert clause.text == '__input.request.model == "a"'
    assert clause.span.line == 11
    assert len(opinion.found.disagreements) == 1


def test_the_decision_is_held_against_the_clauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "_counted", lambda decision: {})
    (found,) = asked("when: request.model == 'a'").unexplained
    assert (found.clause, str(found.ours), str(found.theirs)) == ("the whole rule", "false", "true")


def test_unknown_points_and_inputs_that_are_no_objects_have_nothing_to_ask() -> None:
    checked = policyengine.check(load_text({"bundle.yaml": MANIFEST}))
    opinion = SecondOpinion(checked)
    engine = policyengine.Engine(policyengine.compile(checked))
    opinion.ask(engine, "nope", {})
    opinion.ask(engine, "llm.request", [])  # type: ignore[arg-type]
    assert opinion.found.agreed == 0


Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["init", "b"]).exit_code == 0
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_the_command_tests_with_both(run: Run) -> None:
    result = run("test", "b", "--engine", "cel-python")
    assert result.exit_code == Exit.OK
    assert "answers are the same, 0 differ" in result.stderr
    assert "answers are the same" not in result.stdout


@pytest.mark.usefixtures("liar")
def test_a_difference_changes_the_exit_code_only_where_all_else_is_well(run: Run) -> None:
    result = run("test", "b", "--engine", "cel-python")
    assert result.exit_code == Exit.DISAGREED
    assert "differs: b/" in result.stderr
    Path("r.json").write_text('{"request": {"model": "a", "messages": []}}')
    at = ("b", "--point", "llm.request", "--input", "r.json", "--engine", "cel-python")
    plain = run("eval", *at[:-2])
    opposed = run("eval", *at)
    assert opposed.stdout == plain.stdout or plain.exit_code == Exit.OK
    expected = Exit.DISAGREED if plain.exit_code == Exit.OK else plain.exit_code
    assert opposed.exit_code == expected


def test_what_is_missing_is_said_with_the_command(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "celpy", None)
    result = run("test", "b", "--engine", "cel-python")
    assert result.exit_code == Exit.USAGE
    assert second_opinion.INSTALL in result.stderr


def test_cel_python_is_imported_when_it_is_asked(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "celpy", None)
    assert run("test", "b").exit_code == Exit.OK
