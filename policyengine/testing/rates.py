"""Tests of rates: how well a rule tells labelled texts apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from policyengine.analysis.json_lines import MAX_BYTES
from policyengine.analysis.labelled import LabelError, read_labelled
from policyengine.analysis.rates import MEASURES, Counts, Rate
from policyengine.rules.yaml import DEFAULT_LIMITS
from policyengine.testing import model
from policyengine.testing.cases import Case, cases
from policyengine.testing.clock import moment
from policyengine.testing.results import Difference
from policyengine.testing.suite import read_suites

if TYPE_CHECKING:
    from policyengine.api import Engine
    from policyengine.rules.files import Files

HOLE = "${text}"

# Where a text stands that a test puts nowhere itself.
_INPUTS: Mapping[str, Any] = {
    "llm.request": {"request": {"model": "any", "messages": [{"role": "user", "content": HOLE}]}},
    "llm.response": {
        "request": {"model": "any"},
        "response": {"choices": [{"index": 0, "role": "assistant", "content": HOLE}]},
    },
    "tool.call": {"tool": {"name": "any", "arguments": {"text": HOLE}}},
    "tool.result": {"tool": {"name": "any"}, "result": {"content": [HOLE]}},
}


def measured(engine: Engine, case: Case, test: model.RateTest, files: Files) -> Counts:
    """The rates of a rule on the texts of a file of the bundle.

    Raises `LabelError` for texts that cannot be read or have no place in the input.
    """
    # INVARIANT: only files of the bundle itself are read, no path leads out of it.
    if test.data not in files.list(DEFAULT_LIMITS):
        raise LabelError(files.show(test.data), 0, "the bundle has no such file")
    data = read_labelled(files.read(test.data, MAX_BYTES), files.show(test.data))
    shape = case.input or _INPUTS.get(case.point)
    if shape is None or _filled(shape, "a") == _filled(shape, "b"):
        raise LabelError(files.show(test.data), 0, f"`input` says nowhere `{HOLE}`")
    wanted = frozenset(test.labels)
    judged, failed = [], 0
    for row in data.rows:
        matched, broken = _judged(
            engine, case, test.rule, _filled(shape, row.text) if row.input is None else row.input
        )
        failed += broken
        judged.append((row.is_one_of(wanted), matched))
    return Counts.of(judged, failed)


def _judged(engine: Engine, case: Case, rule: str, input: Any) -> tuple[bool, bool]:
    """Whether the rule matched, and whether it could not be evaluated."""
    decision = engine.decide(case.point, input, now=moment(case.clock), reserve=False)
    names = [(reason.policy, reason.rule) for reason in (*decision.reasons, *decision.shadow)]
    matched = any(rule in (name, f"{policy}/{name}") for policy, name in names)
    failed = any(rule in (error.rule, f"{error.policy}/{error.rule}") for error in decision.errors)
    return matched, failed


def _filled(value: Any, text: str) -> Any:
    match value:
        case str():
            return value.replace(HOLE, text)
        case dict():
            return {key: _filled(item, text) for key, item in value.items()}
        case list():
            return [_filled(item, text) for item in value]
        case _:
            return value


def differences(test: model.RateTest, counts: Counts, case: Case) -> tuple[Difference, ...]:
    """The rates that do not lie where they must."""
    found = []
    for measure in MEASURES:
        bound: model.Bound | None = getattr(test.expect, measure)
        rate: Rate = getattr(counts, measure)
        if bound is not None and not _within(rate, bound, test.sure):
            span = case.suite.document.span((*case.place, "expect", measure))
            wanted = bound.model_dump(exclude_none=True)
            found.append(Difference(measure, wanted, str(rate), span))
    return tuple(found)


def _within(rate: Rate, bound: model.Bound, sure: bool) -> bool:
    if rate.value is None:
        return False
    low, high = rate.interval if sure else (rate.value, rate.value)
    least = 0.0 if bound.at_least is None else bound.at_least
    most = 1.0 if bound.at_most is None else bound.at_most
    return least <= low and high <= most


def all_rates(engine: Engine, files: Files) -> dict[tuple[str, str], Counts]:
    """What the tests of rates in a bundle's folder measure of any engine, by suite and name.

    Tests that cannot be measured, and those of rules that the engine does not have, are left out.
    """
    found = {}
    for case, test in _rate_cases(files):
        if not _has(engine, case.point, test.rule):
            continue
        try:
            found[case.suite.model.name, case.name] = measured(engine, case, test, files)
        except LabelError:
            continue
    return found


def _has(engine: Engine, point: str, rule: str) -> bool:
    found = engine.program.points.get(point)
    rules = found.rules if found is not None else ()
    return any(rule in (one.id, f"{one.policy}/{one.id}") for one in rules)


def _rate_cases(files: Files) -> Iterator[tuple[Case, model.RateTest]]:
    for suite in read_suites(files).suites:
        for case in cases(suite):
            if isinstance(case.test, model.RateTest) and not case.skip:
                yield case, case.test
