"""Deciding: run the program, ask for the facts that it needs, put the decision together."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

from policyengine.decision import Decision, FactUse, Reason, ReasonCode, decided
from policyengine.engine.facts import Answer, Known, Request, Source
from policyengine.engine.outcome import Outcome, plain_reason
from policyengine.engine.stream import Deciding, Stream
from policyengine.engine.transforms import Tokens, Transforms
from policyengine.errors import EvaluationError, FactError, ProgramError
from policyengine.plugins import FactProvider
from policyengine.program import Deny, PointProgram, Program, RuleInfo
from policyengine.request import digest
from policyengine.state.keys import Keys
from policyengine.values.times import Timestamp

Result = tuple[list[int], list[tuple[int, EvaluationError]]]
Asking = Generator[int, Any, Result]


Refusal = tuple[ReasonCode, str]
"""Why an input is denied without a rule, as a reason's code and message."""

UNKNOWN_POINT: Refusal = ("unknown-point", "this bundle does not know the decision point")

# Outcomes of combinations of rules that are remembered for each point.
REMEMBERED = 1024


@dataclass(slots=True)
class _Point:
    """A point ready to decide: its function, its questions, the reasons of its rules.

    `plain` gives the fields of a decision where there are neither findings nor errors. They
    depend on nothing else, so what it gave is remembered.
    """

    program: PointProgram
    function: Callable[[Mapping[str, Any], Timestamp], Any]
    sources: tuple[Source, ...]
    reason: Callable[[int], Reason]
    plain: Callable[[tuple[int, ...]], dict[str, Any]]


class Engine:
    """Decides requests by a compiled program. Threads and tasks may share it.

    `store` is kept for rules over state, of which this version has none. `guards` maps names of
    fact providers to modules or objects that stand in for the installed ones. `clock` gives the
    time as an aware `datetime`; without it the system's clock is read. `keys` are the host's secret
    keys by name, the first for what is new (else those in the environment's `POLICYENGINE_KEY`),
    and `vault` gives reversible tokens, such as a `policyengine.state.vault.Vault`: redactions need
    them. Raises `StateError` for keys that are none.
    """

    def __init__(
        self,
        program: Program,
        store: object | None = None,
        guards: Mapping[str, FactProvider] | None = None,
        clock: Callable[[], datetime] | None = None,
        *,
        keys: Mapping[str, bytes] | None = None,
        vault: Tokens | None = None,
    ) -> None:
        self.program = program
        self.store = store
        known = Keys.from_environment() if keys is None else Keys(keys)
        self._transforms = Transforms(known, vault)
        self._clock = clock
        self.guards: Mapping[str, FactProvider] = dict(guards or {})
        try:
            self._names = program.functions()
        except ImportError as error:
            raise ProgramError("the program needs another version of policyengine") from error
        # An empty bundle has no point that could decide anything.
        points = {} if self._is_empty else program.points
        self._points = {name: self._ready(point) for name, point in points.items()}

    def decide(
        self,
        point: str,
        input: Mapping[str, Any],
        *,
        facts: Known | None = None,
        now: datetime | None = None,
    ) -> Decision:
        """The decision for an input (a JSON object) at a decision point.

        Never raises for what a request contains: an input that cannot be judged is denied, and
        the reason says why. `facts` are recorded findings by provider, used instead of asking;
        `now` stands in for the clock.

        >>> from policyengine.program import Program
        >>> empty = Program("none", "0.0.0", "", {}, compile("", "none", "exec"), "")
        >>> Engine(empty).decide("llm.request", {}).reasons[0].code
        'no-bundle'
        """
        started = time.perf_counter_ns()
        moment = self._moment(now)
        found = self._points.get(point)
        if found is None or input.__class__ is not dict:
            return self._deny(point, moment, started, self._refused(found))
        result: Result = (run := found.function(input, moment))
        request = None
        if found.sources:
            request = Request(found.program, input, facts, self.program.scan)
            result = self._driven(found, run, request)
        return self._decision(found, input, request, result, moment, started)

    def answered(
        self,
        point: str,
        input: Mapping[str, Any],
        *,
        facts: Known | None = None,
        now: datetime | None = None,
    ) -> tuple[Decision, Mapping[int, Answer]]:
        """`decide`, and the answers that it got, by the positions of the point's questions."""
        started = time.perf_counter_ns()
        found = self._points.get(point)
        if found is None or not found.sources or input.__class__ is not dict:
            return self.decide(point, input, facts=facts, now=now), {}
        moment = self._moment(now)
        request = Request(found.program, input, facts, self.program.scan)
        result = self._driven(found, found.function(input, moment), request)
        return self._decision(found, input, request, result, moment, started), request.answers

    def sources(self, point: str) -> Sequence[Source]:
        """The questions of a point, ready to be asked; none of one that decides nothing."""
        found = self._points.get(point)
        return found.sources if found else ()

    async def adecide(
        self,
        point: str,
        input: Mapping[str, Any],
        *,
        facts: Known | None = None,
        now: datetime | None = None,
    ) -> Decision:
        """`decide`, awaiting the guards that must be awaited."""
        started = time.perf_counter_ns()
        moment = self._moment(now)
        found = self._points.get(point)
        if found is None or input.__class__ is not dict:
            return self._deny(point, moment, started, self._refused(found))
        result: Result = (run := found.function(input, moment))
        request = None
        if found.sources:
            request = Request(found.program, input, facts, self.program.scan)
            result = await self._driven_later(found, run, request)
        return self._decision(found, input, request, result, moment, started)

    def stream(
        self,
        point: str,
        input: Mapping[str, Any],
        *,
        field: str,
        now: datetime | None = None,
    ) -> Stream:
        """A stream for a text of an input that comes in pieces.

        `field` names it (`response.choices[0].content`); what stands there in the input does not
        count. Raises `ValueError` for a field that is no text of the point, or has no place.

        >>> from policyengine.program import Program
        >>> empty = Program("none", "0.0.0", "", {}, compile("", "none", "exec"), "")
        >>> stream = Engine(empty).stream("llm.response", {}, field="response.choices[0].content")
        >>> stream.feed("Hello"), stream.decision.reasons[0].code
        ('', 'no-bundle')
        """
        when = now or (self._clock() if self._clock else datetime.now(UTC))
        found = self._points.get(point)
        deciding = Deciding(
            found,
            Timestamp.of(when),
            self.program.scan,
            self._transforms,
            partial(self.decide, point, now=when),
            partial(self.adecide, point, now=when),
        )
        return Stream(deciding, input, field)

    def _ready(self, point: PointProgram) -> _Point:
        sources = tuple(Source(fact, self.guards) for fact in point.facts)

        @lru_cache(REMEMBERED)
        def reason(position: int) -> Reason:
            return plain_reason(point.rules[position])

        @lru_cache(REMEMBERED)
        def plain(matched: tuple[int, ...]) -> dict[str, Any]:
            return self._settled(point, reason, matched, (), None)

        return _Point(point, self._names[point.function], sources, reason, plain)

    def _moment(self, now: datetime | None) -> Timestamp:
        if now is None and self._clock is None:
            return _stamped(time.time_ns())
        return Timestamp.of(now or self._clock())  # type: ignore[misc]

    def _refused(self, point: _Point | None) -> Refusal:
        """Why an input is denied before any rule is asked."""
        if self._is_empty:
            return "no-bundle", "the bundle has no rules, so everything is denied"
        if point is None:
            return UNKNOWN_POINT
        return "invalid-input", "the input must be a JSON object"

    @cached_property
    def _is_empty(self) -> bool:
        points = self.program.points.values()
        return not any(point.rules or point.default != "deny" for point in points)

    def _driven(self, point: _Point, run: Asking, request: Request) -> Result:
        try:
            asked = next(run)
            while True:
                answer = request.answers[asked] = point.sources[asked].ask_now(request)
                asked = run.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result

    async def _driven_later(self, point: _Point, run: Asking, request: Request) -> Result:
        try:
            asked = next(run)
            while True:
                answer = await point.sources[asked].ask_later(request)
                request.answers[asked] = answer
                asked = run.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result

    def _decision(
        self,
        point: _Point,
        input: Mapping[str, Any],
        request: Request | None,
        result: Result,
        moment: Timestamp,
        started: int,
    ) -> Decision:
        try:
            input_digest = digest(input)
        except (TypeError, ValueError, RecursionError):
            refused: Refusal = ("invalid-input", "the input must be plain JSON")
            return self._deny(point.program.name, moment, started, refused)
        matched, errors = result
        if errors or (request is not None and request.answers):
            fields = self._settled(point.program, point.reason, matched, errors, request)
        else:
            fields = point.plain(tuple(matched)).copy()
        if request is not None:
            fields["facts"] = _uses(point, request, result)
        fields["input_digest"] = input_digest
        fields["time_ns"] = moment.nanoseconds
        fields["duration_ns"] = time.perf_counter_ns() - started
        return decided(fields)

    def _settled(
        self,
        point: PointProgram,
        reason: Callable[[int], Reason],
        matched: Sequence[int],
        errors: Sequence[tuple[int, EvaluationError]],
        request: Request | None,
    ) -> dict[str, Any]:
        """The fields of a decision that its rules settle; the others are empty."""
        outcome = Outcome(point, request.answers if request else {})
        for position in matched:
            outcome.match(position, reason(position))
        for position, error in errors:
            outcome.fail(position, error)
        if request and outcome.redacts:
            outcome.redact(_texts(request), self._transforms)
        verdict = outcome.settle()
        return {
            "point": point.name,
            "verdict": verdict,
            "reasons": tuple(outcome.reasons),
            "obligations": outcome.obligations(),
            "errors": tuple(outcome.errors),
            "facts": (),
            "shadow": tuple(outcome.shadow),
            "bundle": self.program.bundle,
            "version": self.program.version,
            "digest": self.program.digest,
            "input_digest": "",
            "time_ns": 0,
            "duration_ns": 0,
            "content": outcome.content,
        }

    def _deny(self, point: str, moment: Timestamp, started: int, why: Refusal) -> Decision:
        return Decision(
            point=point,
            verdict="deny",
            reasons=(Reason(code=why[0], effect="deny", message=why[1]),),
            obligations=(),
            errors=(),
            facts=(),
            shadow=(),
            bundle=self.program.bundle,
            version=self.program.version,
            digest=self.program.digest,
            input_digest="",
            time_ns=moment.nanoseconds,
            duration_ns=time.perf_counter_ns() - started,
        )


_new = object.__new__
_set_nanoseconds = Timestamp.nanoseconds.__set__  # type: ignore[attr-defined,misc]


def _stamped(nanoseconds: int) -> Timestamp:
    """A timestamp without a look at its range, which no clock leaves."""
    made = _new(Timestamp)
    _set_nanoseconds(made, nanoseconds)
    return made


def _texts(request: Request) -> dict[str, str]:
    """The texts by field; none where one cannot be read, so that nothing counts as redacted."""
    try:
        return dict(request.texts())
    except FactError:
        return {}


def _uses(point: _Point, request: Request, result: Result) -> tuple[FactUse, ...]:
    settled = _denied(point.program.rules, result)
    uses: list[FactUse] = []
    for position, source in enumerate(point.sources):
        asking = point.program.asked_by[position]
        answer = request.answers.get(position)
        if answer is None:
            why = "the verdict was deny already" if settled else "no rule needed it"
            uses.append(FactUse(source.name, "skipped", why, rules=asking))
        elif isinstance(answer, FactError):
            uses.append(FactUse(source.name, "failed", answer.message, rules=asking))
        else:
            uses.append(FactUse(source.name, "used", findings=len(answer), rules=asking))
    return tuple(uses)


def _denied(rules: Sequence[RuleInfo], result: Result) -> bool:
    """Whether a rule denied, after which no fact is asked for."""
    matched, errors = result
    failed = (position for position, _ in errors if rules[position].on_error == "match")
    return any(
        isinstance(rules[position].verdict, Deny) and rules[position].mode == "enforce"
        for position in (*matched, *failed)
    )
