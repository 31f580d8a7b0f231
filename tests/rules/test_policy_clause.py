"""CEL policies as bodies of rules: compiled code and the interpreter agree when they hold."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.api import check, compile
from policyengine.engine import Engine
from policyengine.explanation import explain
from policyengine.rules.load import load_text

MANIFEST = """apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {tool.call: allow}
constants: {banned: [rm, dd]}
"""
HEAD = """apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [tool.call]
rules:
"""
# Effects that an error must not widen: one restricts, one allows.
RULES = """  - {id: denies, policy: {file: c.yaml%s}, deny: no}
  - {id: allows, policy: {file: c.yaml%s}, allow: true}
"""


def judged(policy: str, name: str, key: str = "", **more: Any) -> tuple[list[str], list[str]]:
    """The matched rules and the errors."""
    key = f", key: {key}" if key else ""
    files = {"bundle.yaml": MANIFEST, "p.yaml": HEAD + RULES % (key, key), "c.yaml": policy}
    checked = check(load_text(files))
    engine = Engine(compile(checked))
    told = explain(checked, engine, "tool.call", {"tool": {"name": name, "arguments": {}}, **more})
    decision = told.decision
    matched = [reason.rule for reason in decision.reasons if reason.code == "rule"]
    errors = sorted({error.code for error in decision.errors})
    by_hand = [rule.rule for rule in told.rules if rule.result == "matched"]
    if not errors:
        assert by_hand == ["denies", "allows"] if matched else by_hand == []
    else:
        assert [rule.result for rule in told.rules] == ["error", "error"]
    return matched, errors


def holds(policy: str, name: str, key: str = "") -> bool:
    matched, errors = judged(policy, name, key)
    assert errors == []
    return bool(matched)


def matches(*entries: str) -> str:
    return f"name: c\nrule: {{match: [{', '.join(entries)}]}}\n"


def aggregate(*entries: str) -> str:
    return f"name: c\nrule: {{aggregate: [{', '.join(entries)}]}}\n"


IS_A = "condition: tool.name == 'a'"
IS_B = "condition: tool.name == 'b'"


@pytest.mark.parametrize(
    ("policy", "holding"),
    [
        (matches("{output: tool.name == 'a'}"), "a"),
        (matches(f"{{{IS_A}, output: 'true'}}"), "a"),
        (matches(f"{{{IS_A}, output: 'false'}}, {{output: 'true'}}"), "bc"),
        (matches(f"{{{IS_A}, output: 'true'}}, {{{IS_B}, output: 'true'}}"), "ab"),
        # Texts
        (matches(f"{{{IS_A}, output: \"'not ' + tool.name\"}}"), "a"),
        (matches(f"{{{IS_A}, output: \"'no'\"}}, {{output: \"''\"}}"), "a"),
        (matches("{output: \"tool.name == 'a' ? 'no' : ''\"}"), "a"),
        # Optionals
        (matches("{output: \"tool.name == 'a' ? optional.of(true) : optional.none()\"}"), "a"),
        (matches("{output: \"optional.of(tool.name == 'a')\"}"), "a"),
        (matches("{output: \"tool.name == 'a' ? optional.of('') : optional.of('x')\"}"), "bc"),
        (matches("{output: \"tool.name == 'a' ? optional.of(0) : optional.none()\"}"), "a"),
        # Lists and aggregates
        (matches("{output: \"[tool.name].filter(n, n == 'a')\"}"), "a"),
        (matches("{output: \"[false, tool.name == 'a']\"}"), "a"),
        (aggregate(f"{{{IS_A}, output: \"'one'\"}}", f"{{{IS_B}, output: \"'two'\"}}"), "ab"),
        (aggregate(f"{{{IS_A}, output: 'true'}}", "{output: 'false'}"), "a"),
        (aggregate(f"{{{IS_A}, output: '1'}}"), "a"),
        (aggregate(f"{{{IS_A}, output: \"{{'why': 'a'}}\"}}"), "a"),
        # Nested rules: with a condition they have the last word
        (matches(f"{{condition: tool.name != 'c', rule: {{match: [{{{IS_A}, output: 'true'}}]}}}}",
                 "{output: 'true'}"), "ac"),
        (matches(f"{{rule: {{match: [{{{IS_A}, output: 'false'}}]}}}}", "{output: 'true'}"), "bc"),
        (matches(f"{{{IS_A}, rule: {{aggregate: [{{output: \"'x'\"}}]}}}}",
                 f"{{{IS_B}, output: \"['y']\"}}"), "ab"),
        # A validation says what must hold
        ("kind: ValidatingAdmissionPolicy\nspec: {validations: [{expression: tool.name == 'a'}]}",
         "bc"),
    ],
)  # fmt: skip
def test_what_a_policy_gives_says_whether_the_clause_holds(policy: str, holding: str) -> None:
    assert "".join(name for name in "abc" if holds(policy, name)) == holding


def test_a_key_chooses_from_objects() -> None:
    policy = matches(
        f"{{{IS_A}, output: \"{{'denied': true, 'why': 'a is not for you'}}\"}}",
        "{output: \"{'denied': tool.name == 'b', 'why': ''}\"}",
    )
    assert "".join(name for name in "abc" if holds(policy, name, "denied")) == "ab"
    assert "".join(name for name in "abc" if holds(policy, name, "why")) == "a"


@pytest.mark.parametrize(
    "policy",
    [
        matches("{output: \"1 / size(tool.name.split('')) > 0 && 1 / (size(tool.name) - 1) > 0\"}"),
        matches("{condition: 1 / (size(tool.name) - 1) > 0, output: 'false'}, {output: 'false'}"),
        aggregate("{output: 'true'}, {output: 1 / (size(tool.name) - 1) > 0}"),
        matches("{output: subject.role}"),
    ],
)
def test_what_cannot_be_evaluated_restricts_and_does_not_allow(policy: str) -> None:
    files = {"bundle.yaml": MANIFEST, "p.yaml": HEAD + RULES % ("", ""), "c.yaml": policy}
    engine = Engine(compile(check(load_text(files))))
    decision = engine.decide("tool.call", {"tool": {"name": "a", "arguments": {}}})
    assert decision.verdict == "deny"
    assert {(e.rule, e.counted_as) for e in decision.errors} == {
        ("denies", "match"), ("allows", "skip"),
    }  # fmt: skip
    assert judged(policy, "a")[1] != []


def test_a_dyn_output_must_be_bool() -> None:
    policy = matches("{output: tool.arguments.risky}")
    for value, matched in ((True, True), (False, False)):
        found = judged(policy, "a", tool={"name": "a", "arguments": {"risky": value}})
        assert bool(found[0]) is matched
    _, errors = judged(policy, "a", tool={"name": "a", "arguments": {"risky": "yes"}})
    assert errors != []


def test_constants_facts_and_own_variables() -> None:
    policy = """name: c
rule:
  variables:
    - {name: banned, expression: tool.name in constants.banned}
    - {name: secret, expression: "size(words(['heron'])) > 0"}
  match:
    - condition: variables.banned || variables.secret
      output: "'no'"
"""
    assert [holds(policy, name) for name in ("rm", "ls")] == [True, False]
    # Once the verdict is deny, nothing is asked for the rule that allows.
    call = {"name": "ls", "arguments": {"text": "the heron"}}
    assert judged(policy, "ls", tool=call) == (["denies"], [])


def test_an_explanation_shows_the_policy_with_its_places() -> None:
    policy = "name: c\nrule:\n  variables:\n    - {name: shell, expression: tool.name == 'sh'}\n"
    policy += "  match:\n    - condition: variables.shell\n      output: \"'no'\"\n"
    files = {"bundle.yaml": MANIFEST, "p.yaml": HEAD + RULES % ("", ""), "c.yaml": policy}
    checked = check(load_text(files))
    told = explain(
        checked, Engine(compile(checked)), "tool.call", {"tool": {"name": "sh", "arguments": {}}}
    )
    first = told.rules[0].clauses[0]
    assert (first.clause, first.holds, first.span.path) == ("policy", True, "p.yaml")
    value, body = first.step.parts
    assert (value.text, value.value, str(value.span)) == (
        'tool.name == "sh"',
        "true",
        "c.yaml:4:33",
    )
    assert (body.text, str(body.span)) == ("variables.shell", "c.yaml:6:18")
    assert value.to_dict()["path"] == "c.yaml"
