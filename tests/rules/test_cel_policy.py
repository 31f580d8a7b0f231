"""CEL Policy files: the conformance suite, positions of mistakes, explanations."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from policyengine import cel
from policyengine.cel import interpret
from policyengine.diagnostics import CompileError
from policyengine.rules.cel_policy import CompiledPolicy, compile, environment, load
from policyengine.source import Source
from policyengine.values.compare import equal
from policyengine.values.kinds import NONE, OptionalValue

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "cel-policy"
SUITES = sorted(DATA.glob("*.json"))
NEED_PROTOBUF = {"pb", "context_pb"}

# Functions that the suites declare.
FUNCTIONS = {
    "locationCode": lambda ip: {"10.0.0.1": "us"}.get(ip, "ir"),
    "hasCreditCard": lambda args: "cc" in args,
    "hasEmailOrPhone": lambda args: "email" in args or "phone" in args,
}
# What the suites call each mistake, and what we do.
SLUGS = {
    "rule creates unreachable outputs": "unreachable-behind-rule",
    "match creates unreachable outputs": "unreachable-behind-match",
    "condition is always false": "always-false",
    "incompatible output types": "incompatible-outputs",
    "nested aggregate rules are not allowed": "nested-aggregate",
    "overlapping": "duplicate-variable",
    "invalid qualified name": "bad-import",
    "mismatched input": "syntax",
    "undeclared reference": "undeclared-reference",
}
PLAIN = cel.Environment({"x": "int", "s": "string"}, extensions=("optionals",))


def read(suite: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(suite.read_text())
    return found


@cache
def messages() -> Any:
    """The types of the suites that need protobuf, which are skipped where there is none."""
    pytest.importorskip("google.protobuf", reason="there is no protobuf")
    from conformance_types import file_set

    from policyengine.protobuf import Messages

    return Messages(file_set())


def compiled(record: dict[str, Any]) -> CompiledPolicy:
    config = dict(record["config"] or {})
    policy = load(Source("policy.yaml", record["policy_yaml"]))
    return compile(policy, surroundings(record, config))


def surroundings(record: dict[str, Any], config: dict[str, Any]) -> cel.Environment:
    return environment(config, FUNCTIONS, messages() if record["needs_proto"] else None)


def evaluated(record: dict[str, Any], data: dict[str, Any]) -> Any:
    if "value" in data:
        return data["value"]
    expressions = surroundings(record, {**(record["config"] or {}), "variables": []})
    return expressions.compile(data["expr"]).evaluate({})


def unwrapped(value: Any) -> Any:
    """An output that may be nothing comes as an optional."""
    if isinstance(value, OptionalValue) and value.present:
        return unwrapped(value.value)
    return value


@pytest.mark.skipif(not SUITES, reason=f"there is no {DATA.name} data")
def test_the_suites_are_all_there() -> None:
    tests = {path.stem: read(path) for path in SUITES}
    assert len(tests) == 41
    assert sum(len(one["tests"]) for one in tests.values()) == 91
    assert {name for name, one in tests.items() if one["needs_proto"]} == NEED_PROTOBUF


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_the_suite_passes(suite: Path) -> None:
    record = read(suite)
    for test in record["tests"]:
        wanted = test["output"]
        if "error_set" in wanted:
            with pytest.raises(CompileError) as caught:
                compiled(record)
            slugs = {found.slug for found in caught.value.diagnostics}
            for message in wanted["error_set"]:
                (slug,) = {slug for text, slug in SLUGS.items() if text in message}
                assert slug in slugs, caught.value
            continue
        program = compiled(record).output
        bindings = {name: evaluated(record, v) for name, v in (test.get("input") or {}).items()}
        if "context_expr" in test:
            context = evaluated(record, {"expr": test["context_expr"]})
            bindings = messages().fields(context.held)
        expected = unwrapped(evaluated(record, wanted))
        for given in (
            program.evaluate(bindings),
            program._reference(bindings),
            interpret.evaluate(program.checked, bindings),
        ):
            assert equal(unwrapped(given), expected), (test["name"], given)


def problems(text: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        compile(load(Source("p.yaml", text)), PLAIN)
    return [
        f"{d.span.line}:{d.span.column} {d.slug}: {d.message}" for d in caught.value.diagnostics
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "name: p\nrule:\n  match:\n    - condition: y > 1\n      output: x",
            ["4:18 undeclared-reference: `y` is not declared"],
        ),
        (
            "name: p\nrule:\n  match:\n    - condition: x\n      output: x +",
            [
                "4:18 condition-not-bool: a condition must be `bool`, this is `int`",
                "5:18 syntax: expected an expression, found the end",
            ],
        ),
        (
            "name: p\nrule:\n  variables:\n    - {name: a, expression: variables.b}\n"
            "    - {name: b, expression: x}\n  match:\n    - output: variables.a",
            ["4:29 undeclared-reference: `variables` is not declared"],
        ),
        (
            "name: p\nrule:\n  match:\n    - {condition: x > 1, output: x}\n    - output: s",
            ["5:15 incompatible-outputs: this gives `string`, matches before it give `int`"],
        ),
        (
            "name: p\nrule:\n  match:\n    - output: x\n    - output: x",
            [
                "4:7 unreachable-behind-match: this match is always taken, so those behind it "
                "never are"
            ],
        ),
        (
            "name: p\nrule:\n  match:\n    - {output: x, explanation: x}",
            ["4:32 type-mismatch: the expression must be `string`, this is `int`"],
        ),
        (
            "name: p\nrule:\n  match:\n    - {output: x, rule: {match: [{output: x}]}}",
            ["4:7 bad-match: a match has both `output` and `rule`"],
        ),
        (
            "name: p\nrule:\n  match:\n    - condition: x > 1",
            ["4:7 bad-match: a match has neither `output` nor `rule`"],
        ),
        (
            "name: p\nrule:\n  match: [{output: x}]\n  aggregate: [{output: x}]",
            ["4:3 bad-rule: a rule has both `match` and `aggregate`"],
        ),
        ("name: p\nrule: {id: r}", ["2:1 bad-rule: a rule has neither `match` nor `aggregate`"]),
        ("name: p\nruel: {}\nrule: {match: [{output: x}]}", [
            "2:1 unknown-key: `ruel` is not a key of the document",
        ]),
        ("kind: Pod\nspec: {validations: [{expression: x}]}", [
            "1:7 wrong-value: `Pod` is not a kind of policy that can be read",
        ]),
    ],
)  # fmt: skip
def test_mistakes_are_told_at_their_place(text: str, found: list[str]) -> None:
    assert problems(text) == found


def policy(text: str) -> CompiledPolicy:
    return compile(load(Source("p.yaml", text)), PLAIN)


def test_explanations_follow_the_match_that_is_taken() -> None:
    one = policy("""
name: p
rule:
  match:
    - condition: x > 10
      rule:
        match:
          - {condition: s == 'a', output: "1", explanation: "'large a: ' + s"}
          - {output: "2"}
    - {condition: x > 5, output: "3", explanation: "'middle'"}
""")
    assert not one.total
    for bindings, output, explanation in (
        ({"x": 11, "s": "a"}, 1, "large a: a"),
        ({"x": 11, "s": "b"}, 2, ""),
        ({"x": 6, "s": "b"}, 3, "middle"),
    ):
        assert one.output.evaluate(bindings) == OptionalValue(True, output)
        assert one.explanation.evaluate(bindings) == OptionalValue(True, explanation)
    assert one.output.evaluate({"x": 0, "s": ""}) == NONE


def test_a_variable_is_evaluated_only_where_it_is_needed() -> None:
    one = policy("""
name: p
rule:
  variables:
    - {name: risky, expression: 1 / x}
  match:
    - {condition: s == 'safe', output: "0"}
    - {output: variables.risky}
""")
    assert one.total
    assert one.output.evaluate({"x": 0, "s": "safe"}) == 0
    assert one.output.evaluate({"x": 1, "s": ""}) == 1
    with pytest.raises(cel.EvaluationError) as caught:
        one.output.evaluate({"x": 0, "s": ""})
    assert caught.value.code == "divide-by-zero"


def test_a_local_name_of_a_macro_is_not_a_variable_of_the_policy() -> None:
    one = policy("""
name: p
rule:
  variables:
    - {name: a, expression: x}
  match:
    - {output: "[{'a': 5}].map(variables, variables.a)[0] + variables.a"}
""")
    assert one.output.evaluate({"x": 1, "s": ""}) == 6


def test_text_of_a_policy_stays_text() -> None:
    one = policy('kind: ValidatingAdmissionPolicy\nspec: {validations: [{expression: x > 0,'
                 ' message: "no \\" + s + \\n \\u1234"}]}')  # fmt: skip
    assert one.output.evaluate({"x": 0, "s": "b"}) == OptionalValue(True, 'no " + s + \n \u1234')
    assert one.output.evaluate({"x": 1, "s": "b"}) == NONE


@pytest.mark.parametrize("count", [16, 17, 50, 2_000])
def test_the_first_of_many_matches_is_taken(count: int) -> None:
    matches = "\n".join(f"    - {{condition: x == {n}, output: '{n}'}}" for n in range(count))
    for last, absent in (("\n    - output: '-1'", -1), ("", NONE)):
        one = policy(f"name: p\nrule:\n  match:\n{matches}{last}")
        for at in (0, 15, 16, 31, 32, count - 1, count):
            expected = at if at < count else absent
            bindings = {"x": at}
            assert unwrapped(one.output.evaluate(bindings)) == expected
            assert unwrapped(one.output._reference(bindings)) == expected


def test_among_many_matches_a_nested_rule_keeps_the_last_word() -> None:
    nested = "{condition: x == 1, rule: {match: [{condition: s == 'a', output: '7'}]}}"
    matches = ", ".join(f"{{condition: x == {n}, output: '{n}'}}" for n in range(2, 40))
    one = policy(
        f"name: p\nrule: {{match: [{nested}, {matches}, {{condition: x == 1, output: '8'}}]}}"
    )
    assert unwrapped(one.output.evaluate({"x": 1, "s": "a"})) == 7
    assert one.output.evaluate({"x": 1, "s": "b"}) == NONE
    assert unwrapped(one.output.evaluate({"x": 30, "s": "b"})) == 30


@pytest.mark.parametrize("count", [200, 5_000])
def test_what_is_too_deep_gets_a_diagnostic(count: int) -> None:
    variables = "\n".join(f"    - {{name: v{n}, expression: x}}" for n in range(count))
    text = f"name: p\nrule:\n  variables:\n{variables}\n  match: [{{output: x}}]"
    assert [found.partition(": ")[0] for found in problems(text)] == ["2:1 expression-too-deep"]


def test_the_environment_must_have_what_is_declared() -> None:
    with pytest.raises(ValueError, match="no callable"):
        environment({"functions": [{"name": "f", "overloads": []}]})
    with pytest.raises(ValueError, match="no extension"):
        environment({"extensions": [{"name": "nothing"}]})
    with pytest.raises(ValueError, match="no type"):
        environment({"variables": [{"name": "a", "type_name": "nothing"}]})
