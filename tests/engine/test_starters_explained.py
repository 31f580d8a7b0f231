"""The starter bundles: every input of their tests is explained as it is decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import policyengine
from policyengine.decision import Decision
from policyengine.errors import FactError
from policyengine.explanation import Explanation, explain
from policyengine.request import texts
from policyengine.rules.files import folder_of
from policyengine.testing import model
from policyengine.testing.cases import Case, cases
from policyengine.testing.clock import moment
from policyengine.testing.suite import read_suites

POLICIES = Path(__file__).resolve().parent.parent.parent / "policies"
STARTERS = sorted(path.parent.name for path in POLICIES.glob("*/bundle.yaml"))


def decided_cases(root: str) -> list[tuple[Case, model.DecisionTest]]:
    found = [case for suite in read_suites(folder_of(root)).suites for case in cases(suite)]
    return [(case, case.test) for case in found if isinstance(case.test, model.DecisionTest)]


@pytest.mark.parametrize("name", STARTERS)
def test_inputs_of_the_tests_are_explained_as_decided(name: str) -> None:
    checked = policyengine.check(policyengine.load(POLICIES / name))
    engine = policyengine.Engine(policyengine.compile(checked))
    every = decided_cases(checked.bundle.root)
    assert len(every) > 10
    for case, test in every:
        facts = {
            name: FactError("faked", "faked") if answer == "error" else answer
            for name, answer in test.facts.items()
        }
        now = moment(case.clock)
        explained = explain(checked, engine, case.point, case.input, facts=facts, now=now)
        decision = engine.decide(case.point, case.input, facts=facts, now=now)
        assert explained.decision == decision
        agree(explained, decision)
        for _, text, _ in texts(case.input, checked.points[case.point].point.texts):
            if len(text) > 20:
                assert json.dumps(text) not in json.dumps(decision.to_dict())


def agree(explained: Explanation, decision: Decision) -> None:
    told = [*decision.reasons, *decision.shadow]
    matched = {reason.rule for reason in told if reason.code == "rule"}
    failed = {error.rule for error in decision.errors}
    unasked = [f for f in decision.facts if decision.verdict == "deny" or f.status == "skipped"]
    skipped = {rule for fact in unasked for rule in fact.rules}
    assert len(matched - skipped) == len(
        {t.rule for t in explained.rules if t.result == "matched"} - skipped
    )
    for trace in explained.rules:
        if trace.rule not in skipped:
            assert (trace.result == "matched") == (trace.rule in matched), trace
            assert (trace.result == "error") == (trace.rule in failed), trace


@pytest.mark.parametrize("input", [None, [], "text", 5])
def test_an_input_that_is_no_object_is_denied_and_has_nothing_to_explain(input: object) -> None:
    checked = policyengine.check(policyengine.load(POLICIES / "gateway"))
    engine = policyengine.Engine(policyengine.compile(checked))
    explained = explain(checked, engine, "llm.request", input)  # type: ignore[arg-type]
    assert explained.rules == ()
    assert [reason.code for reason in explained.decision.reasons] == ["invalid-input"]


def test_an_unknown_point_has_nothing_to_explain() -> None:
    checked = policyengine.check(policyengine.load(POLICIES / "gateway"))
    engine = policyengine.Engine(policyengine.compile(checked))
    explained = explain(checked, engine, "no.point", {})
    assert explained.rules == ()
    assert [reason.code for reason in explained.decision.reasons] == ["unknown-point"]
