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
