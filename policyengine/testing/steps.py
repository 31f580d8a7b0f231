"""Tests of several steps: requests decided one after the other, over one store and one clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel

from policyengine.charges import Event, Reservation, Usage
from policyengine.errors import FactError, StateError
from policyengine.explanation import Explanation, explain
from policyengine.testing import model
from policyengine.testing.amounts import counters
from policyengine.testing.cases import Case
from policyengine.testing.clock import Clock, length, moment
from policyengine.testing.compare import differences
from policyengine.testing.expectations import Expectation, Hole
from policyengine.testing.results import Difference
from policyengine.testing.subject import Subject

if TYPE_CHECKING:
    from policyengine.api import Engine
    from policyengine.decision import Decision
    from policyengine.engine.facts import Answer
    from policyengine.testing.second_opinion import SecondOpinion

# How often the steps of one test may happen, and those of a file: such a file is hostile input too.
MOST_TIMES = 10_000


_Item = TypeVar("_Item")


class StepError(ValueError):
    """A step that cannot be tried as it is written; `step` is its position."""

    def __init__(self, step: int, message: str) -> None:
        super().__init__(message)
        self.step = step


@dataclass(frozen=True, slots=True)
class Failure:
    """The first step that is not as expected: its position, and at which repetition from 1 on."""

    step: int
    time: int
    told: str
    differences: tuple[Difference, ...]
    decision: Decision
    explanation: Explanation


def known_facts(facts: model.Facts) -> dict[str, Answer]:
    """The answers of guards that a test fakes."""
    failed = FactError("faked", "the test lets this guard fail")
    return {
        name: failed if answer == "error" else answer
        for name, answer in facts.items()
    }  # fmt: skip


def decides(step: model.Step) -> bool:
    """Whether a step has a request decided."""
    return step.expect is not None or step.expect_last is not None


def mistake(test: model.StepsTest) -> StepError | None:
    """What is wrong with the form of the steps, beyond their types."""
    total, names = 0, set[str]()
    for i, step in enumerate(test.steps):
        wrong = _mistake(step, names)
        total += 0 if wrong else int(step.repeat)
        if total > MOST_TIMES:
            wrong = f"the steps happen more than {MOST_TIMES:,} times"
        if wrong:
            return StepError(i, wrong)
        if decides(step) and step.name:
            names.add(step.name)
    return None


def _mistake(step: model.Step, names: set[str]) -> str:
    if step.name and step.name in names:
        return f"there are two steps `{step.name}`"
    if step.after is not None and step.now is not None:
        return "a step has `after` or `now`, not both"
    try:
        for text in (step.after, step.every):
            _ = text is None or length(text)
        _ = step.now is None or moment(step.now)
    except ValueError as error:
        return str(error)
    if unfilled := next(_unfilled(step), ""):
        return f"`{unfilled}` is a text, and must be a number"
    acts = step.observe or step.record or any(_reports(step))
    if not (acts or decides(step)):
        return "a step needs `expect`, or `settle`, `release`, `refund`, `record` or `observe`"
    if (step.key is not None or step.facts) and not decides(step):
        return "a request is decided where it has `expect`; this one has none"
    if step.input and not (decides(step) or step.record):
        return "a request is decided where it has `expect`; this one has none"
    for what in _reports(step):
        of = what.of if isinstance(what, model.Of) else None
        if of is not None and of not in names and not (decides(step) and of == step.name):
            return f"no step before this one that decides has the name `{of[:80]}`"
    return ""


def _reports(step: model.Step) -> list[model.Of | bool | None]:
    """What the host reports of a request."""
    return [step.extend, step.settle, step.release, step.refund]


def _unfilled(step: model.Step) -> Iterator[str]:
    """The numbers for which a text stands: a hole filled with the text of a hole."""
    for part in (step, *_reports(step), *_listed(step.observe), *_listed(step.record)):
        if not isinstance(part, BaseModel):
            continue
        for name, form in type(part).model_fields.items():
            is_text = isinstance(getattr(part, name), str)
            if is_text and Hole in get_args(form.annotation):
                yield name


def _listed(one_or_more: _Item | list[_Item]) -> list[_Item]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def played(
    case: Case, test: model.StepsTest, subject: Subject, second: SecondOpinion | None
) -> Failure | None:
    """The first step of a test that is not as expected; None where all are.

    Raises `StepError` for a step that makes no sense, such as settling where nothing is held.
    """
    play = _Play(case, test, subject, second)
    for i, time, decision in play.decisions():
        step = test.steps[i]
        key = "expect_last" if time == step.repeat and step.expect_last is not None else "expect"
        expect = getattr(step, key) or Expectation()
        at = (*case.place, "steps", i, key)
        standing = counters(decision, play.engine.store, play.clock.seconds)
        wrong = differences(expect, decision, case.suite.document, at, standing)
        if wrong:
            told = _told(test, i, time, play.clock)
            # What led there happens again, as explaining needs the store as it was before.
            again = _Play(case, test, subject, None)
            return Failure(i, time, told, wrong, decision, again.explained(i, time))
    return None


def _told(test: model.StepsTest, at: int, time: int, clock: Clock) -> str:
    step, number = test.steps[at], len(test.steps)
    name = f" `{step.name}`" if step.name else ""
    times = f", time {time} of {step.repeat}" if int(step.repeat) > 1 else ""
    now = clock.now.isoformat().replace("+00:00", "Z")
    rest = number - at - 1
    after = "; the step after it was not run" if rest == 1 else ""
    after = f"; the {rest} steps after it were not run" if rest > 1 else after
    return f"step {at + 1} of {number}{name}{times}, at {now}{after}"


@dataclass(slots=True)
class _Play:
    """A test's steps as they happen."""

    case: Case
    test: model.StepsTest
    subject: Subject
    second: SecondOpinion | None
    clock: Clock = field(init=False)
    engine: Engine = field(init=False)
    # What is held for requests, by the names of their steps; under `None` for the latest.
    _held: dict[str | None, Reservation | None] = field(default_factory=dict)
    _refunds: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(moment(self.case.clock))
        self.engine = self.subject.fresh(self.clock)

    def decisions(self) -> Iterator[tuple[int, int, Decision]]:
        """Each decision with its step's position and the repetition, from 1 on.

        A step goes on to what follows its decision when the next one is asked for.
        """
        for i, time in self._times():
            self._before(i)
            step = self.test.steps[i]
            decision = None
            if decides(step):
                decision = self._decided(i)
                yield i, time, decision
            self._after(i, decision)

    def explained(self, at: int, time: int) -> Explanation:
        """Why the decision of a step's repetition is as it is, once all before it has happened."""
        for i, now in self._times():
            self._before(i)
            decision = None
            if decides(self.test.steps[i]):
                if (i, now) == (at, time):
                    break
                decision = self._decided(i)
            self._after(i, decision)
        return explain(
            self.subject.checked, self.engine, self._point(at), self.case.inputs[at],
            facts=self._facts(at), now=self.clock.now,
        )  # fmt: skip

    def _times(self) -> Iterator[tuple[int, int]]:
        """The positions of steps and their repetitions, with the clock moved."""
        for i, step in enumerate(self.test.steps):
            every = length(step.every) if step.every else timedelta()
            for time in range(1, int(step.repeat) + 1):
                self._moved(i, step, every if time > 1 else None)
                yield i, time

    def _moved(self, i: int, step: model.Step, again: timedelta | None) -> None:
        try:
            if again is not None:
                self.clock.now += again
            elif step.now is not None:
                self.clock.now = moment(step.now)
            elif step.after is not None:
                self.clock.now += length(step.after)
        except OverflowError:
            raise StepError(i, "the clock runs beyond the year 9999") from None

    def _point(self, i: int) -> str:
        return self.test.steps[i].point or self.case.point

    def _facts(self, i: int) -> dict[str, Answer]:
        return known_facts({**self.test.facts, **self.test.steps[i].facts})

    def _before(self, i: int) -> None:
        step = self.test.steps[i]
        for seen in _listed(step.observe):
            self.engine.observe(**seen.model_dump())
        for event in _listed(step.record):
            told = Event(self.clock.seconds, **event.model_dump())
            if not self.engine.record(self._point(i), self.case.inputs[i], told):
                raise StepError(i, "no rule of this point asks about what is recorded")

    def _decided(self, i: int) -> Decision:
        point, input, facts = self._point(i), self.case.inputs[i], self._facts(i)
        if self.second is not None:
            self.second.ask(self.engine, point, input, facts=facts, now=self.clock.now)
        step = self.test.steps[i]
        decision = self.engine.decide(point, input, facts=facts, idempotency_key=step.key)
        self._held[None] = self._held[step.name or None] = decision.reservation
        return decision

    def _after(self, i: int, decision: Decision | None) -> None:
        step = self.test.steps[i]
        if step.extend is not None and (held := self._meant(i, step.extend, decision)):
            self._extended(i, step.extend, held)
        if step.settle is not None and (held := self._meant(i, step.settle, decision)):
            usage = _usage(step.settle)
            settled = self.engine.settle(held, usage, model=step.settle.model)
            if settled.why:
                raise StepError(i, f"`settle`: {settled.why}")
        if step.release and (held := self._meant(i, step.release, decision)):
            self.engine.release(held)
        if step.refund is not None and (held := self._meant(i, step.refund, decision)):
            self._refunds += 1
            id = f"refund-{self._refunds}"
            self.engine.refund(held, _usage(step.refund), id, model=step.refund.model)

    def _extended(self, i: int, used: model.Extended, held: Reservation) -> None:
        try:
            more = self.engine.extend(held, _usage(used), model=used.model)
        except StateError as error:
            raise StepError(i, f"`extend`: {error.message}") from None
        if (more is not None) is not used.room:
            there = "a limit has no room for it" if used.room else "all limits have room for it"
            raise StepError(i, f"`extend`: {there}")
        if more is not None:
            # Everyone who means the request means what is held now.
            self._held = {of: more if was is held else was for of, was in self._held.items()}

    def _meant(
        self, i: int, what: model.Of | bool, decision: Decision | None
    ) -> Reservation | None:
        """What is held for the request that is meant; a step's own may have been refused."""
        of = what.of if isinstance(what, model.Of) else None
        if of is None and decision is not None and decision.reservation is None:
            return None
        held = self._held.get(of)
        if held is None:
            whom = f"of `{of}`" if of is not None else "of the latest request"
            raise StepError(i, f"nothing {whom} is held")
        return held


def _usage(used: model.Used) -> Usage:
    return Usage(**used.model_dump(exclude={"of", "model", "room"}))
