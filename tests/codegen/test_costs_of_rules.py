"""Rules whose loops multiply: what they may take, and what happens when it is used up."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.codegen.compiler import compile_bundle
from policyengine.decision import Decision
from policyengine.engine import Engine
from policyengine.program import Program
from policyengine.rules.check import check
from policyengine.rules.load import load_text

FILES = {
    "bundle.yaml": """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: costs
version: 1.0.0
defaults: {llm.request: allow}
constants: {names: [a, b]}
""",
    "p.yaml": """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
variables:
  roles: request.messages.map(m, m.role)
rules:
  - id: pairs
    when: request.messages.exists(a, request.messages.exists(b, a.role + b.role == "ab"))
    deny: x
  - id: variable
    when: request.messages.exists(m, m.role + "?" in variables.roles)
    deny: y
  - id: constant
    when: request.messages.exists(m, m.role in constants.names)
    tag: [named]
  - id: permits
    when: request.messages.all(a, request.messages.all(b, a.role + b.role != "ab"))
    allow: true
""",
}


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_bundle(check(load_text(FILES)))


def decided(program: Program, roles: list[str]) -> Decision:
    messages: list[dict[str, Any]] = [{"role": role, "content": "x"} for role in roles]
    return Engine(program).decide("llm.request", {"request": {"model": "m", "messages": messages}})


def test_small_input_is_decided_by_the_fast_form(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object) -> None:
        raise AssertionError("the reference was asked")

    monkeypatch.setattr("policyengine.values.judge._truth", refused)
    assert decided(program, ["user", "tool"]).errors == ()
    denied = decided(program, ["b", "a"])
    assert [reason.rule for reason in denied.reasons if reason.rule == "pairs"] == ["pairs"]


def test_hostile_input_denies_and_says_why(program: Program) -> None:
    decision = decided(program, ["user"] * 2_000)
    assert not decision.allowed
    codes = {error.rule: (error.code, error.counted_as) for error in decision.errors}
    assert codes["pairs"] == ("cost-exceeded", "match")
    assert codes["permits"][0] == "cost-exceeded"
    assert codes["permits"][1] != "match"
    assert "constant" not in codes


PAIRS = 'request.messages.exists(a, request.messages.exists(b, a.role + b.role == "no{n}"))'


def many(count: int, condition: str = PAIRS) -> Program:
    """A program of rules that each take all pairs of messages, and of one that takes none."""
    rules = "".join(
        f"  - id: r{n}\n    when: {condition.replace('{n}', str(n))}\n    warn: seen\n"
        for n in range(count)
    )
    tagged = "  - id: linear\n    when: request.messages.exists(m, m.role == 'a')\n    tag: [a]\n"
    head = FILES["p.yaml"].partition("variables:")[0]
    policy = f"{head}variables:\n  some: request.messages.map(m, m.role)\nrules:\n{rules}{tagged}"
    return compile_bundle(check(load_text({**FILES, "p.yaml": policy})))


def failed(decision: Decision) -> list[str]:
    assert {error.code for error in decision.errors} <= {"cost-exceeded"}
    return [error.rule for error in decision.errors]


@pytest.mark.parametrize(
    "condition", [PAIRS, 'request.model == "m" && ' + PAIRS, 'request.model != "{n}" && ' + PAIRS]
)
def test_all_loops_of_a_decision_share_what_they_may_take(
    condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten rules of 100 x 100 steps are within the limit of each loop, not of the decision."""
    monkeypatch.setattr("policyengine.values.budget.MAX_STEPS_OF_DECISION", 55_000)
    program = many(10, condition)
    for _ in range(2):
        decision = decided(program, ["user"] * 100)
        assert failed(decision) == [f"r{n}" for n in range(5, 10)]
        assert "55000" in decision.errors[0].message
    assert failed(decided(program, ["user"] * 70)) == []


def test_the_reference_shares_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyengine.values.budget.MAX_STEPS_OF_DECISION", 55_000)
    program = many(10)
    messages: list[Any] = [{"role": "user", "content": "x"} for _ in range(100)]
    # The first role is of another class. What a fast form reserved before it met that counts too.
    messages[0]["role"] = 1
    input = {"request": {"model": "m", "messages": messages}}
    codes = [error.code for error in Engine(program).decide("llm.request", input).errors]
    assert codes == ["type-mismatch"] * 2 + ["cost-exceeded"] * 8 + ["type-mismatch"]


def test_only_rules_that_may_multiply_have_an_allowance() -> None:
    assert "Allowance" in many(1).python
    assert "Allowance" not in many(1, "request.messages.exists(m, m.role == 'no{n}')").python
