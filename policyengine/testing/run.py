"""Running the policy tests of a bundle."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

from policyengine.analysis.labelled import LabelError
from policyengine.diagnostics import CompileError
from policyengine.explanation import explain
from policyengine.rules.files import Files
from policyengine.testing import expectations, model, rates, steps
from policyengine.testing.amounts import counters
from policyengine.testing.cases import Case, cases
from policyengine.testing.clock import moment
from policyengine.testing.compare import compile_differences, differences
from policyengine.testing.compiling import compiled_errors
from policyengine.testing.results import CaseResult, Outcome, SuiteResults
from policyengine.testing.selection import Selection
from policyengine.testing.subject import Subject
from policyengine.testing.suite import read_suites

if TYPE_CHECKING:
    from policyengine.rules.model import Bundle, CheckedBundle
    from policyengine.testing.second_opinion import SecondOpinion


class OnResult(Protocol):
    """Told of each result, in the order in which tests run."""

    def __call__(self, result: CaseResult, done: int, total: int) -> None: ...


def run(
    bundle: str | Path | Bundle | CheckedBundle,
    *,
    files: Files | None = None,
    filter: str | None = None,
    shuffle_seed: int | None = None,
    fail_fast: bool = False,
    on_result: OnResult | None = None,
    second: SecondOpinion | None = None,
) -> SuiteResults:
    """Run the tests in a bundle's folder `tests/`.

    `files` is where to find them, by default the bundle's own folder on disk. `filter` chooses
    tests by name (see `Selection`), `shuffle_seed` puts them into another order, `fail_fast` stops
    after the first that does not pass. `second` is asked about every request that is decided; it
    must be of the same checked bundle, and what it finds is its own to tell.

    Raises `CompileError` if the bundle itself is invalid. What is wrong with a test file is in
    the results.
    """
    began = time.perf_counter_ns()
    subject = Subject.of(bundle, files)
    read = read_suites(subject.files)
    every = [case for suite in read.suites for case in cases(suite)]
    selection = Selection(filter or "")
    chosen = [case for case in every if selection.takes(case.suite.model.name, case.name)]
    if shuffle_seed is not None:
        # The order of tests is no secret.
        Random(shuffle_seed).shuffle(chosen)  # noqa: S311
    results: list[CaseResult] = []
    for case in chosen:
        result = _timed(case, subject, second)
        results.append(result)
        if on_result is not None:
            on_result(result, len(results), len(chosen))
        if fail_fast and result.outcome in ("failed", "error"):
            break
    return SuiteResults(
        cases=tuple(results),
        diagnostics=read.diagnostics,
        unselected=len(every) - len(chosen),
        not_run=len(chosen) - len(results),
        shuffle_seed=shuffle_seed,
        duration_ns=time.perf_counter_ns() - began,
        sources=read.sources,
    )


def together(results: Iterable[SuiteResults]) -> SuiteResults:
    """The results of several bundles as one. A bundle without tests makes the whole no success.

    >>> together([]).ok
    False
    """
    parts = tuple(results)
    return SuiteResults(
        cases=tuple(case for part in parts for case in part.cases),
        diagnostics=tuple(found for part in parts for found in part.diagnostics),
        unselected=sum(part.unselected for part in parts),
        not_run=sum(part.not_run for part in parts),
        shuffle_seed=next((p.shuffle_seed for p in parts if p.shuffle_seed is not None), None),
        duration_ns=sum(part.duration_ns for part in parts),
        sources={path: source for part in parts for path, source in part.sources.items()},
    )


def _timed(case: Case, subject: Subject, second: SecondOpinion | None) -> CaseResult:
    began = time.perf_counter_ns()
    result = _result(case, subject, second)
    return replace(result, duration_ns=time.perf_counter_ns() - began)


def _result(case: Case, subject: Subject, second: SecondOpinion | None) -> CaseResult:
    told = CaseResult(case.suite.model.name, case.name, "passed", case.span)
    if case.problem is not None:
        message = ": ".join(filter(None, (case.problem.message, case.problem.note)))
        return replace(told, outcome="error", message=message, span=case.problem.span)
    if case.skip:
        return replace(told, outcome="skipped", message=case.skip)
    match case.test:
        case model.CompileTest() as test:
            return _compiled(case, test, told)
        case model.DecisionTest() as test:
            return _decided(case, test, told, subject, second)
        case model.StepsTest() as test:
            return _stepped(case, test, told, subject, second)
        case model.RateTest() as test:
            return _rated(case, test, told, subject)
        case None:
            raise ValueError("a case has either a test or a problem")


def _compiled(case: Case, test: model.CompileTest, told: CaseResult) -> CaseResult:
    try:
        found = compiled_errors(test)
    except ValueError as error:
        return replace(told, outcome="error", message=str(error))
    at = (*case.place, "expect")
    wrong = compile_differences(test.expect, found, case.suite.document, at)
    if not wrong:
        return told
    return replace(told, outcome="failed", differences=wrong)


def _decided(
    case: Case,
    test: model.DecisionTest,
    told: CaseResult,
    subject: Subject,
    second: SecondOpinion | None,
) -> CaseResult:
    mistake = _mistake(case, test, subject)
    if mistake:
        return replace(told, outcome="error", message=mistake)
    facts = steps.known_facts(test.facts)
    now = moment(case.clock)
    engine = subject.fresh()
    if second is not None:
        second.ask(engine, case.point, case.input, facts=facts, now=now)
    decision = engine.decide(case.point, case.input, facts=facts, now=now)
    standing = counters(decision, engine.store, now.timestamp())
    at = (*case.place, "expect")
    wrong = differences(test.expect, decision, case.suite.document, at, standing)
    if not wrong:
        return told
    explanation = explain(
        subject.checked, subject.fresh(), case.point, case.input, facts=facts, now=now
    )
    return replace(
        told, outcome="failed", differences=wrong, decision=decision, explanation=explanation
    )


def _stepped(
    case: Case,
    test: model.StepsTest,
    told: CaseResult,
    subject: Subject,
    second: SecondOpinion | None,
) -> CaseResult:
    try:
        _check_steps(case, test, subject)
        failed = steps.played(case, test, subject, second)
    except steps.StepError as error:
        span = case.suite.document.span((*case.place, "steps", error.step))
        message = f"step {error.step + 1}: {error}"
        return replace(told, outcome="error", message=message, span=span, step=error.step + 1)
    if failed is None:
        return told
    return replace(
        told,
        outcome="failed",
        message=failed.told,
        differences=failed.differences,
        decision=failed.decision,
        explanation=failed.explanation,
        step=failed.step + 1,
    )


def _check_steps(case: Case, test: model.StepsTest, subject: Subject) -> None:
    """Raises `StepError` for the first step that is wrong in itself."""
    wrong = steps.mistake(test)
    if wrong is not None:
        raise wrong
    for i, step in enumerate(test.steps):
        each = [e for e in (step.expect, step.expect_last) if e is not None]
        facts = {**test.facts, **step.facts}
        message = _named_wrongly(step.point or case.point, case.clock, each, facts, subject)
        if message:
            raise steps.StepError(i, message)


def _rated(case: Case, test: model.RateTest, told: CaseResult, subject: Subject) -> CaseResult:
    mistake = _rate_mistake(case, test, subject)
    if mistake:
        return replace(told, outcome="error", message=mistake)
    try:
        measured = rates.measured(subject.fresh(), case, test, subject.files)
    except LabelError as error:
        return replace(told, outcome="error", message=str(error))
    except CompileError as error:
        return replace(told, outcome="error", message=error.diagnostics[0].message)
    wrong = rates.differences(test, measured, case)
    outcome: Outcome = "failed" if wrong else "passed"
    return replace(told, outcome=outcome, differences=wrong, rates=measured)


def _rate_mistake(case: Case, test: model.RateTest, subject: Subject) -> str:
    if case.point not in subject.checked.points:
        return _unknown("decision point", case.point, subject.checked.points)
    if test.rule not in subject.rules:
        return _unknown("rule", test.rule, subject.rules)
    if not test.expect.model_fields_set:
        return "`expect` says nothing, so nothing is tested"
    return ""


def _mistake(case: Case, test: model.DecisionTest, subject: Subject) -> str:
    return _named_wrongly(case.point, case.clock, [test.expect], test.facts, subject)


def _named_wrongly(
    point: str,
    clock: str,
    expectations: Iterable[expectations.Expectation],
    facts: Iterable[str],
    subject: Subject,
) -> str:
    """What is wrong with the test itself: a name that does not exist would test nothing."""
    if point not in subject.checked.points:
        return _unknown("decision point", point, subject.checked.points)
    for expect in expectations:
        for rule in _rules_named(expect):
            if rule not in subject.rules:
                return _unknown("rule", rule, subject.rules)
        if not expect.model_fields_set:
            return "`expect` says nothing, so nothing is tested"
    for guard in facts:
        if guard not in subject.guards:
            return _unknown("rule with the guard", guard, subject.guards)
    try:
        moment(clock)
    except ValueError as error:
        return str(error)
    return ""


def _rules_named(expect: expectations.Expectation) -> list[str]:
    rules: list[str | None] = []
    if isinstance(expect.rules, expectations.RuleSets):
        rules += [*expect.rules.include, *expect.rules.exclude]
    elif isinstance(expect.rules, list):
        rules += expect.rules
    rules += [*(expect.shadow or ())]
    rules += [item.rule for item in (*(expect.reasons or ()), *(expect.errors or ()))]
    wanted = expect.obligations
    if isinstance(expect.route, expectations.ExpectedRoute):
        rules.append(expect.route.rule)
    if wanted is not None:
        rules += [item.rule for item in wanted.approvals or ()]
        if isinstance(wanted.route, expectations.ExpectedRoute):
            rules.append(wanted.route.rule)
        for redaction in wanted.redactions or ():
            rules += redaction.rules or ()
        for trigger in wanted.triggers or ():
            rules += [] if isinstance(trigger, str) else trigger.rules or ()
    return [rule for rule in rules if rule is not None]


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(known), n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"the bundle has no {kind} `{name}`{hint}"
