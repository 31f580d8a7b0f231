"""What must hold for every bundle: errors never widen, rules only add, decisions repeat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_points import NAME, WORDS, bundles, inputs, plain
from test_points_against_interpreter import hostile_inputs

import policyengine
from policyengine.cel.checked import Declarations
from policyengine.cel.checker import check
from policyengine.cel.functions import library, table
from policyengine.cel.parser import parse
from policyengine.decision import Decision
from policyengine.errors import FactError
from policyengine.explanation import explain
from policyengine.guards import words
from policyengine.program import VERDICTS, Allow, Deny
from policyengine.rules.combining import restricts
from policyengine.rules.model import CheckedBundle, CheckedCondition, CheckedRule, Rule
from policyengine.source import Span

NOW = datetime(2024, 2, 29, 12, tzinfo=UTC)
SPAN = Span("policy.yaml", 1, 1, 1, 2)
FINDING = {"type": "WORD", "field": "text", "start": 0, "end": 1, "score": 1.0, "why": "entry 1"}
ANSWERS = st.sampled_from(["found", "none", "fails", "crashes", "nonsense"])


class Guard:
    """A guard `words` that answers by the word that is looked for."""

    READS, COST, SCHEMA, FINDING = words.READS, words.COST, words.SCHEMA, words.FINDING

    def __init__(self, answers: Mapping[str, str], *, later: bool = False) -> None:
        self._answers = answers
        self._later = later
        self.asked: list[str] = []

    def normal(self, value: Any) -> Any:
        return words.normal(value)

    def build(self, config: Any) -> Any:
        word = config["any"][0]
        return (
            (lambda texts: self._awaited(word)) if self._later else lambda texts: self._find(word)
        )

    async def _awaited(self, word: str) -> Any:
        await asyncio.sleep(0)
        return self._find(word)

    def _find(self, word: str) -> Any:
        self.asked.append(word)
        match self._answers[word]:
            case "found":
                return [dict(FINDING)]
            case "none":
                return []
            case "fails":
                raise FactError("fact-timeout", "the guard took too long")
            case "crashes":
                raise RuntimeError("quotes the secret text")
            case _:
                return [{"type": 7, "text": "secret"}]


def engine(checked: CheckedBundle, answers: Mapping[str, str]) -> policyengine.Engine:
    return policyengine.Engine(policyengine.compile(checked), guards={"words": Guard(answers)})


def decided(checked: CheckedBundle, input: Any, answers: Mapping[str, str]) -> Decision:
    return engine(checked, answers).decide(NAME, input, now=NOW)


def strictness(decision: Decision) -> int:
    return VERDICTS.index(decision.verdict)


def with_rules(checked: CheckedBundle, rules: Sequence[CheckedRule]) -> CheckedBundle:
    point = replace(checked.points[NAME], rules=tuple(rules))
    return replace(checked, points={NAME: point})


def condition(text: str) -> CheckedCondition:
    functions = table(library("standard").functions)
    return CheckedCondition(
        "when", check(parse(text), Declarations({}, functions)), False, SPAN, {}
    )


FAILING = condition("1 / 0 == 1")
bodies = st.one_of(inputs(), hostile_inputs()).map(plain)
places = st.integers(0, 1000)
answers = st.fixed_dictionaries(dict.fromkeys(WORDS, ANSWERS))
relaxed = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@relaxed
@given(bundles(), bodies, answers, places)
def test_adding_a_rule_that_denies_never_widens(
    checked: CheckedBundle, input: Any, answers: Mapping[str, str], at: int
) -> None:
    rules = checked.points[NAME].rules
    before = decided(checked, input, answers)
    like = rules[at % len(rules)]
    policy = like.policy
    conditions = ((), (FAILING,), like.conditions)[at % 3]
    added = CheckedRule(
        Rule("added", (), Deny("no"), (), SPAN), policy, conditions, "enforce", "match"
    )
    at %= len(rules) + 1
    after = decided(with_rules(checked, [*rules[:at], added, *rules[at:]]), input, answers)
    assert after.verdict in (before.verdict, "deny")


def _only_restricts(rule: Rule) -> bool:
    return restricts(rule) and not isinstance(rule.verdict, Allow)


@relaxed
@given(bundles(), bodies, answers, places)
def test_an_error_never_widens_access(
    checked: CheckedBundle, input: Any, answers: Mapping[str, str], at: int
) -> None:
    rules = [
        replace(r, on_error="match" if _only_restricts(r.rule) else "skip")
        for r in checked.points[NAME].rules
    ]
    at %= len(rules)
    rule = rules[at]
    before = decided(with_rules(checked, rules), input, answers)
    rules[at] = replace(rule, conditions=(FAILING,))
    after = decided(with_rules(checked, rules), input, answers)
    assert strictness(after) >= strictness(before)
    if isinstance(rule.rule.verdict, Deny) and rule.mode == "enforce":
        assert after.verdict == "deny"
    if not restricts(rule.rule) and rule.rule.verdict is None:
        assert after.verdict == before.verdict


@relaxed
@given(bundles(), bodies, answers)
def test_rules_in_shadow_or_warning_never_change_the_verdict(
    checked: CheckedBundle, input: Any, answers: Mapping[str, str]
) -> None:
    rules = checked.points[NAME].rules
    enforced = [rule for rule in rules if rule.mode == "enforce"]
    after = decided(checked, input, answers)
    if not enforced:
        assert after.verdict == checked.points[NAME].default
        return
    before = decided(with_rules(checked, enforced), input, answers)
    assert after.verdict == before.verdict
    assert after.redactions == before.redactions
    assert after.route == before.route
    assert after.triggers == before.triggers


@relaxed
@given(bundles(), bodies, answers)
def test_deciding_later_and_again_gives_the_same(
    checked: CheckedBundle, input: Any, answers: Mapping[str, str]
) -> None:
    program = policyengine.compile(checked)
    now = policyengine.Engine(program, guards={"words": Guard(answers)})
    later = policyengine.Engine(program, guards={"words": Guard(answers, later=True)})
    first = now.decide(NAME, input, now=NOW)
    assert now.decide(NAME, input, now=NOW) == first
    assert asyncio.run(now.adecide(NAME, input, now=NOW)) == first
    assert asyncio.run(later.adecide(NAME, input, now=NOW)) == first
    plain = {**first.to_dict(), "duration_ns": 0}
    assert {**now.decide(NAME, input, now=NOW).to_dict(), "duration_ns": 0} == plain
    assert json.loads(first.to_json()) == json.loads(json.dumps(first.to_dict()))
    refused = later.decide(NAME, input, now=NOW)
    assert all(fact.status != "used" for fact in refused.facts)
    assert "secret" not in first.to_json()


@relaxed
@given(bundles(), bodies, answers)
def test_facts_are_asked_at_most_once_and_only_while_they_matter(
    checked: CheckedBundle, input: Any, answers: Mapping[str, str]
) -> None:
    guard = Guard(answers)
    running = policyengine.Engine(policyengine.compile(checked), guards={"words": guard})
    decision = running.decide(NAME, input, now=NOW)
    assert len(guard.asked) == len(set(guard.asked))
    for fact in decision.facts:
        assert fact.rules
        assert (fact.status == "skipped") == (fact.why in SKIPPED)


SKIPPED = {"the verdict was deny already", "no rule needed it"}


@relaxed
@given(bundles(), bodies, answers, st.booleans())
def test_an_explanation_agrees_with_the_decision(
    checked: CheckedBundle, input: Any, answers: Mapping[str, str], ask: bool
) -> None:
    guard = Guard(answers)
    running = policyengine.Engine(policyengine.compile(checked), guards={"words": guard})
    decision = running.decide(NAME, input, now=NOW)
    asked = guard.asked.copy()
    guard.asked.clear()
    explained = explain(checked, running, NAME, input, now=NOW, ask=ask)
    assert explained.decision == decision
    # Each question once: those that the decision asked, and with `ask` perhaps the others.
    assert guard.asked[: len(asked)] == asked
    assert ask or len(guard.asked) == len(asked)
    assert len(guard.asked) == len(set(guard.asked))
    # Once a rule has denied, those that ask are not judged, whoever has asked their question.
    denied = decision.verdict == "deny"
    unasked = [fact for fact in decision.facts if denied or fact.status == "skipped"]
    skipped = {rule for fact in unasked for rule in fact.rules}
    told = [*decision.reasons, *decision.shadow]
    matched = {reason.rule for reason in told if reason.code == "rule"}
    failed = {error.rule: error.code for error in decision.errors}
    if decision.reasons[:1] and decision.reasons[0].code == "invalid-input":
        return
    for trace in explained.rules:
        if trace.rule in skipped:
            continue
        assert (trace.result == "matched") == (trace.rule in matched), trace
        assert (trace.result == "error") == (trace.rule in failed), trace
    json.dumps(explained.to_dict())


@settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))
@given(bundles(), st.lists(bodies, min_size=5, max_size=10), answers)
def test_threads_share_an_engine(
    checked: CheckedBundle, many: list[Any], answers: Mapping[str, str]
) -> None:
    running = engine(checked, answers)
    alone = [running.decide(NAME, input, now=NOW) for input in many]
    shared = engine(checked, answers)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = list(pool.map(lambda input: shared.decide(NAME, input, now=NOW), many * 8))
            assert found == alone * 8
