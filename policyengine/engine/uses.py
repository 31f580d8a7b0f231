"""What became of the questions of a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policyengine.decision import FactUse
from policyengine.engine.facts import Answer, Request, Source
from policyengine.engine.stream import Ready
from policyengine.errors import EvaluationError, FactError
from policyengine.plugins import Finding
from policyengine.program import Deny, PointProgram, RuleInfo

Detected = Sequence[tuple[str, Sequence[Finding] | None]]
Result = tuple[Sequence[int], Sequence[tuple[int, EvaluationError]]]


def uses(
    program: PointProgram,
    sources: Sequence[Source],
    answers: Mapping[int, Answer],
    result: Result,
) -> tuple[FactUse, ...]:
    """Each question of a point: used, failed or skipped, and why."""
    settled = _denied(program.rules, result)
    found: list[FactUse] = []
    for position, source in enumerate(sources):
        asking = program.asked_by[position]
        answer = answers.get(position)
        if answer is None:
            why = "the verdict was deny already" if settled else "no rule needed it"
            found.append(FactUse(source.name, "skipped", why, rules=asking))
        elif isinstance(answer, FactError):
            found.append(FactUse(source.name, "failed", answer.message, rules=asking))
        else:
            found.append(FactUse(source.name, "used", findings=len(answer), rules=asking))
    return tuple(found)


def _denied(rules: Sequence[RuleInfo], result: Result) -> bool:
    """Whether a rule denied, after which no fact is asked for."""
    matched, errors = result
    failed = (position for position, _ in errors if rules[position].on_error == "match")
    return any(
        isinstance(rules[position].verdict, Deny) and rules[position].mode == "enforce"
        for position in (*matched, *failed)
    )


def detected(point: Ready, request: Request) -> Detected:
    """What the guards over texts have found, by their names; None where one could not look."""
    return [
        (point.sources[position].name, None if isinstance(answer, FactError) else answer)
        for position, answer in request.answers.items()
        if point.sources[position].judges_texts
    ]
