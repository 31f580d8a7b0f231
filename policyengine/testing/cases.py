"""Tests as cases: fixtures merged, the matrix expanded, all holes filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.yaml import plain
from policyengine.source import Span
from policyengine.testing import model
from policyengine.testing.matrix import (
    MAX_COMBINATIONS,
    MAX_WEIGHT,
    TooLargeError,
    UnknownHoleError,
    combinations,
    filled,
    merged,
    shown,
    weight,
)
from policyengine.testing.suite import Place, Suite, validated

# Of all steps of a file: such a file may be of a proposed change, and hostile.
MAX_TIMES = 100_000


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to try: a test, or one combination of its matrix.

    `test` has no holes left; for a decision `input` is the whole input, and for a test of several
    steps `inputs` are those of its steps. `problem` says what is wrong with the test, so that it
    cannot be tried; then `test` is None.
    """

    suite: Suite
    name: str
    place: Place
    span: Span
    test: model.DecisionTest | model.StepsTest | model.CompileTest | model.RateTest | None
    point: str = ""
    clock: str = ""
    input: Any = None
    inputs: tuple[Any, ...] = ()
    skip: str = ""
    problem: Diagnostic | None = None


def cases(suite: Suite) -> Iterator[Case]:
    """All cases of a suite, in the order of the file."""
    left, times = MAX_WEIGHT, MAX_TIMES
    for i, test in enumerate(suite.model.tests):
        place: Place = ("tests", i)
        span = suite.document.span((*place, "name"))
        if isinstance(test, model.CompileTest):
            yield Case(suite, test.name, place, span, test, skip=test.skip or "")
            continue
        number = prod(len(values) for values in test.matrix.values())
        if not 0 < number <= MAX_COMBINATIONS:
            message = (
                f"the matrix has {number:,} combinations; there must be 1 to {MAX_COMBINATIONS:,}"
            )
            where = suite.document.span((*place, "matrix"))
            yield _broken(suite, test.name, place, Diagnostic("matrix-size", message, where))
            continue
        for chosen in combinations(test.matrix):
            case = _case(suite, test, place, chosen)
            left -= weight([case.input, *case.inputs], left)
            times -= _times(case.test)
            if left < 0 or times < 0:
                message = f"the inputs of this file hold more than {MAX_WEIGHT:,} characters"
                if times < 0:
                    message = f"the steps of this file happen more than {MAX_TIMES:,} times"
                yield _broken(suite, test.name, place, Diagnostic("matrix-size", message, span))
                return
            yield case
    for i, rate in enumerate(suite.model.rates):
        yield _rate(suite, rate, ("rates", i))


def _times(test: object) -> int:
    """How often the steps of a test happen; what is no number there is told when it is run."""
    steps = test.steps if isinstance(test, model.StepsTest) else []
    return sum(step.repeat for step in steps if isinstance(step.repeat, int))


def _rate(suite: Suite, test: model.RateTest, place: Place) -> Case:
    span = suite.document.span((*place, "name"))
    point = test.point or suite.model.point
    if point is None:
        message = "neither this test nor its suite names a decision point"
        return _broken(suite, test.name, place, Diagnostic("missing-field", message, span))
    whole: Any = {}
    for fixture in test.fixtures:
        if fixture not in suite.model.fixtures:
            message = f"there is no fixture `{fixture[:80]}` in this file"
            return _broken(suite, test.name, place, Diagnostic("unknown-fixture", message, span))
        whole = merged(whole, suite.model.fixtures[fixture])
    return Case(
        suite, test.name, place, span, test,
        point=point, clock=suite.model.clock, input=merged(whole, test.input), skip=test.skip or "",
    )  # fmt: skip


def _case(
    suite: Suite,
    test: model.DecisionTest | model.StepsTest,
    place: Place,
    chosen: dict[str, Any],
) -> Case:
    name = test.name
    try:
        name = _name(test.name, chosen)
        raw = _filled(suite, place, chosen)
        full = validated(type(test), raw, suite.document, place)
        whole = _input(suite, full, {}, place, chosen)
        steps = full.steps if isinstance(full, model.StepsTest) else []
        inputs = tuple(_input(suite, step, whole, place, chosen) for step in steps)
    except UnknownHoleError as error:
        span = suite.document.span((*place, "name"))
        problem = Diagnostic("unknown-matrix-name", error.message, span, note=error.note)
        return _broken(suite, name, place, problem)
    except TooLargeError as error:
        span = suite.document.span((*place, "name"))
        return _broken(suite, name, place, Diagnostic("matrix-size", str(error), span))
    except CompileError as error:
        return _broken(suite, name, place, error.diagnostics[0])
    point = full.point or suite.model.point
    if point is None:
        message = "neither this test nor its suite names a decision point"
        span = suite.document.span((*place, "name"))
        return _broken(suite, name, place, Diagnostic("missing-field", message, span))
    return Case(
        suite,
        name,
        place,
        suite.document.span((*place, "name")),
        full,
        point=point,
        clock=full.clock or suite.model.clock,
        input=whole,
        inputs=inputs,
        skip=full.skip or "",
    )


def _input(
    suite: Suite,
    holder: model.DecisionTest | model.StepsTest | model.Step,
    base: Any,
    place: Place,
    chosen: dict[str, Any],
) -> Any:
    """The whole input of a test or a step: its fixtures laid over the base, then its own."""
    for fixture in [*holder.fixtures, *([holder.fixture] if holder.fixture else [])]:
        base = merged(base, filled(_fixture(suite, place, fixture), chosen))
    return merged(base, holder.input)


def _filled(suite: Suite, place: Place, chosen: dict[str, Any]) -> dict[str, Any]:
    """The test as written, holes filled. What a hole in the text of a file cannot name stays."""
    node = suite.document.node(place)
    if node is None:
        raise KeyError(place)
    raw: dict[str, Any] = plain(node)
    matrix = raw.pop("matrix", None)
    found: dict[str, Any] = filled(raw, chosen)
    return found if matrix is None else {**found, "matrix": {}}


def _fixture(suite: Suite, place: Place, name: str) -> Any:
    if name in suite.model.fixtures:
        return suite.model.fixtures[name]
    # Known at reading time unless the matrix made the name.
    span = suite.document.span((*place, "name"))
    message = f"there is no fixture `{name[:80]}` in this file"
    raise CompileError([Diagnostic("unknown-fixture", message, span)])


def _broken(suite: Suite, name: str, place: Place, problem: Diagnostic) -> Case:
    span = suite.document.span((*place, "name"))
    return Case(suite, name, place, span, None, problem=problem)


def _name(name: str, chosen: dict[str, Any]) -> str:
    """The test's name with its combination, unless the name already tells it."""
    told = filled(name, chosen)
    if told != name or not chosen:
        return told if isinstance(told, str) else shown(told)
    return f"{name} [{', '.join(f'{key}={shown(value)}' for key, value in chosen.items())}]"
