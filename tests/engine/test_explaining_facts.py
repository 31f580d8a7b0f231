"""An explanation has the answers that its decision got, and asks no more unless it is told to."""

from __future__ import annotations

import time
from typing import Any

import pytest

import policyengine
from policyengine.explanation import Explanation, explain
from policyengine.guards import words
from policyengine.plugins import Finding, Texts
from policyengine.rules.load import load_text

BUNDLE = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: facts
version: 1.0.0
limits:
  guard_milliseconds: 500
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules:
  - id: model
    when: request.model == "x"
    deny: no
  - id: one
    words: {any: [one]}
    deny: no
  - id: two
    words: {any: [two]}
    deny: no
"""
INPUT = {"request": {"model": "x", "messages": [{"role": "user", "content": "one two"}]}}


class Slow:
    """`words` that takes more than half of the time that a decision has for its questions."""

    READS, COST, SCHEMA, FINDING = words.READS, words.COST, words.SCHEMA, words.FINDING

    def __init__(self) -> None:
        self.asked: list[str] = []

    def normal(self, value: Any) -> Any:
        return words.normal(value)

    def build(self, config: Any) -> Any:
        def find(texts: Texts) -> list[Finding]:
            self.asked.append(config["any"][0])
            time.sleep(0.3)
            return words.build(config)(texts)

        return find


def explained(model: str, **more: Any) -> tuple[Explanation, list[str]]:
    checked = policyengine.check(load_text({"bundle.yaml": BUNDLE, "p.yaml": POLICY}))
    guard = Slow()
    engine = policyengine.Engine(policyengine.compile(checked), guards={"words": guard})
    input = {"request": {**INPUT["request"], "model": model}}
    return explain(checked, engine, "llm.request", input, **more), guard.asked


def test_what_the_decision_skipped_is_not_asked() -> None:
    told, asked = explained("x")
    assert asked == []
    assert [rule.result for rule in told.rules] == ["matched", "not matched", "not matched"]
    assert told.rules[1].why == "the decision did not ask for its facts: nothing hung on them"
    assert told.rules[1].clauses[0].holds is None


def test_each_question_is_asked_once_for_the_decision_and_its_explanation() -> None:
    told, asked = explained("y")
    assert asked == ["one"]
    assert [rule.result for rule in told.rules] == ["not matched", "matched", "not matched"]


@pytest.mark.parametrize("model", ["x", "y"])
def test_a_long_explanation_runs_out_of_no_time(model: str) -> None:
    """The questions together take longer than a decision may."""
    told, asked = explained(model, ask=True)
    assert sorted(asked) == ["one", "two"]
    assert [rule.result for rule in told.rules][1:] == ["matched", "matched"]
