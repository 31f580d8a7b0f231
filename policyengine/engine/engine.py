"""Deciding: run the program, ask for the facts that it needs, put the decision together."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

from policyengine.decision import Decision, Reason, ReasonCode, decided
from policyengine.engine.accounts import (
    Account,
    LimitSource,
    PastSource,
    mark_effects,
    new_id,
    source_of,
)
from policyengine.engine.facts import Answer, Known, Request, Source
from policyengine.engine.keeping import deciding
from policyengine.engine.outcome import Outcome, plain_reason
from policyengine.engine.reports import HELD_FOR, Reports
from policyengine.engine.stream import Deciding, Stream
from policyengine.engine.transforms import Tokens, Transforms
from policyengine.engine.uses import Result, detected, uses
from policyengine.errors import EvaluationError, FactError, ProgramError
from policyengine.plugins import FactProvider, fact_provider
from policyengine.program import PointProgram, Program
from policyengine.request import digest
from policyengine.state.keys import Keys
from policyengine.state.store import Ledger
from policyengine.values.times import Timestamp

Asking = Generator[int, Any, Result]


Refusal = tuple[ReasonCode, str]
"""Why an input is denied without a rule, as a reason's code and message."""

UNKNOWN_POINT: Refusal = ("unknown-point", "this bundle does not know the decision point")

# Outcomes of combinations of rules that are remembered for each point.
REMEMBERED = 1024


@dataclass(slots=True)
class _Point:
    """A point ready to decide: its function, its questions, the reasons of its rules.

    It is `kept` where questions are about what a store keeps. `plain` gives the fields of a
    decision by the rules that matched, where no question was asked and there are no errors;
    `quiet` by the questions too, where they found nothing. They depend on nothing else, so what
    they gave is remembered.
    """

    program: PointProgram
    function: Callable[[Mapping[str, Any], Timestamp], Any]
    sources: tuple[Source, ...]
    reason: Callable[[int], Reason]
    plain: Callable[[tuple[int, ...]], dict[str, Any]]
    quiet: Callable[[tuple[int, ...], tuple[int, ...]], dict[str, Any]]
    kept: bool


class Engine(Reports):
    """Decides requests by a compiled program. Threads and tasks may share it.

    `store` keeps what limits count and what agents have done, such as a
    `policyengine.state.sqlite.SqliteStore`; without one, questions about them are errors, which
    restrict. `guards` maps names of fact providers to modules or objects that stand in for the
    installed ones. `clock` gives the time as an aware `datetime`; without it the system's clock is
    read. `keys` are the host's secret keys by name, the first for what is new (else those in the
    environment's `POLICYENGINE_KEY`), and `vault` gives reversible tokens, such as a
    `policyengine.state.vault.Vault`: redactions need them. What is held for an allowed request is
    given back after `held_for` seconds without news of it. Raises `StateError` for keys that are
    none, and `ValueError` for a `held_for` that is no time.
    """

    def __init__(
        self,
        program: Program,
        store: Ledger | None = None,
        guards: Mapping[str, FactProvider] | None = None,
        clock: Callable[[], datetime] | None = None,
        *,
        keys: Mapping[str, bytes] | None = None,
        vault: Tokens | None = None,
        held_for: float = HELD_FOR,
    ) -> None:
        super().__init__(store, program.data, held_for)
        self.program = program
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
        idempotency_key: str | None = None,
        reserve: bool = True,
    ) -> Decision:
        """The decision for an input (a JSON object) at a decision point.

        Never raises for what a request contains: an input that cannot be judged is denied, and
        the reason says why. `facts` are recorded findings by provider, used instead of asking;
        `now` stands in for the clock. Where limits apply and the verdict is to allow, what the
        request may take is held (`Decision.reservation`). With an `idempotency_key` the same input,
        asked again while it is held, is held once; another input, or one that was settled or
        released, is one more request. Without `reserve` nothing is held, and nothing of it
        remembered.

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
        if found.kept:
            account = self._account(moment, None, reserve)
            return self._kept_now(found, input, facts, moment, started, account, idempotency_key)[0]
        result: Result = (run := found.function(input, moment))
        request = None
        if found.sources or facts:
            request = Request(found.program, input, facts, self.program.scan)
        if found.sources and request:
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
        """`decide`, and the answers that it got, by the positions of the point's questions.

        Nothing is held for the request.
        """
        started = time.perf_counter_ns()
        found = self._points.get(point)
        if found is None or not found.sources or input.__class__ is not dict:
            return self.decide(point, input, facts=facts, now=now), {}
        moment = self._moment(now)
        if found.kept:
            account = self._account(moment, None, hold=False)
            return self._kept_now(found, input, facts, moment, started, account)
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
        idempotency_key: str | None = None,
        reserve: bool = True,
    ) -> Decision:
        """`decide`, awaiting the guards that must be awaited, and a store that blocks."""
        started = time.perf_counter_ns()
        moment = self._moment(now)
        found = self._points.get(point)
        if found is None or input.__class__ is not dict:
            return self._deny(point, moment, started, self._refused(found))
        if found.kept:
            account = self._account(moment, None, reserve)
            key = idempotency_key
            return await self._kept_later(found, input, facts, moment, started, account, key)
        result: Result = (run := found.function(input, moment))
        request = None
        if found.sources or facts:
            request = Request(found.program, input, facts, self.program.scan)
        if found.sources and request:
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
        # A stream may be decided more than once, and is one request.
        id = new_id()
        deciding = Deciding(
            found,
            Timestamp.of(when),
            self.program.scan,
            self._transforms,
            partial(self._again, point, when, id),
            partial(self._again_later, point, when, id),
        )
        return Stream(deciding, input, field)

    def _again(self, point: str, now: datetime, id: str, input: Mapping[str, Any]) -> Decision:
        """`decide` for what comes in pieces: however often it is decided, it is held once."""
        started = time.perf_counter_ns()
        found = self._points.get(point)
        if found is None or not found.kept or input.__class__ is not dict:
            return self.decide(point, input, now=now)
        moment = Timestamp.of(now)
        account = self._account(moment, id, hold=True)
        return self._kept_now(found, input, None, moment, started, account)[0]

    async def _again_later(
        self, point: str, now: datetime, id: str, input: Mapping[str, Any]
    ) -> Decision:
        """`_again`, awaiting guards and the store."""
        started = time.perf_counter_ns()
        found = self._points.get(point)
        if found is None or not found.kept or input.__class__ is not dict:
            return await self.adecide(point, input, now=now)
        moment = Timestamp.of(now)
        account = self._account(moment, id, hold=True)
        return await self._kept_later(found, input, None, moment, started, account)

    def _ready(self, point: PointProgram) -> _Point:
        sources = tuple(
            source_of(fact, self._provider(fact.provider), position)
            for position, fact in enumerate(point.facts)
        )

        @lru_cache(REMEMBERED)
        def reason(position: int) -> Reason:
            return plain_reason(point.rules[position])

        @lru_cache(REMEMBERED)
        def plain(matched: tuple[int, ...]) -> dict[str, Any]:
            return self._settled(point, reason, matched, (), None)

        @lru_cache(REMEMBERED)
        def quiet(matched: tuple[int, ...], asked: tuple[int, ...]) -> dict[str, Any]:
            fields = self._settled(point, reason, matched, (), None)
            answers: dict[int, Answer] = dict.fromkeys(asked, ())
            fields["facts"] = uses(point, sources, answers, (matched, ()))
            return fields

        mark_effects(sources, point.rules)
        kept = any(isinstance(source, LimitSource | PastSource) for source in sources)
        return _Point(point, self._names[point.function], sources, reason, plain, quiet, kept)

    def _provider(self, name: str) -> FactProvider:
        return self.guards.get(name) or fact_provider(name)

    def _moment(self, now: datetime | None) -> Timestamp:
        if now is None and self._clock is None:
            return _stamped(time.time_ns())
        return Timestamp.of(now or self._clock())  # type: ignore[misc]

    def _seconds(self) -> float:
        """The time in seconds since 1970, for stores."""
        return self._moment(None).nanoseconds / 1e9

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

    def _account(self, moment: Timestamp, id: str | None, hold: bool) -> Account:
        now = moment.nanoseconds / 1e9
        return Account(self.store, id, now, hold, now + self.held_for)

    def _kept_now(
        self,
        point: _Point,
        input: Mapping[str, Any],
        facts: Known | None,
        moment: Timestamp,
        started: int,
        account: Account,
        key: str | None = None,
    ) -> tuple[Decision, Mapping[int, Answer]]:
        request = Request(point.program, input, facts, self.program.scan, account)
        try:
            asking = deciding(point, request, moment, self.prices, self._fields, key)
            step = next(asking)
            while True:
                step = asking.send(step.ask_now(request))
        except StopIteration as end:
            return self._with_account(end.value, request, moment, started), request.answers

    async def _kept_later(
        self,
        point: _Point,
        input: Mapping[str, Any],
        facts: Known | None,
        moment: Timestamp,
        started: int,
        account: Account,
        key: str | None = None,
    ) -> Decision:
        request = Request(point.program, input, facts, self.program.scan, account)
        try:
            asking = deciding(point, request, moment, self.prices, self._fields, key)
            step = next(asking)
            while True:
                step = asking.send(await step.ask_later(request))
        except StopIteration as end:
            return self._with_account(end.value, request, moment, started)

    def _with_account(
        self, fields: dict[str, Any] | None, request: Request, moment: Timestamp, started: int
    ) -> Decision:
        if fields is None:
            refused: Refusal = ("invalid-input", "the input must be plain JSON")
            return self._deny(request.point, moment, started, refused)
        fields["time_ns"] = moment.nanoseconds
        fields["duration_ns"] = time.perf_counter_ns() - started
        return decided(fields)

    def _fields(
        self,
        point: _Point,
        request: Request,
        result: Result,
        moment: Timestamp,
        input_digest: str,
    ) -> dict[str, Any]:
        """The fields of a decision with facts; its model chosen."""
        fields = self._told(point, request, result)
        fields["input_digest"] = input_digest
        self._routed(fields, point, request.input, request, moment)
        return fields

    def _routed(
        self,
        fields: dict[str, Any],
        point: _Point,
        input: Mapping[str, Any],
        request: Request | None,
        moment: Timestamp,
    ) -> None:
        """Chooses the model in the tier that rules chose; denies where none may serve."""
        if self.routes is None or fields["verdict"] == "deny":
            return
        found = detected(point, request) if request is not None else ()
        known = request.known if request is not None else {}
        self.routes.choose(fields, input, found, known, moment.nanoseconds / 1e9, self.prices)

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
        fields = self._told(point, request, result)
        fields["input_digest"] = input_digest
        if self.routes is not None:
            self._routed(fields, point, input, request, moment)
        fields["time_ns"] = moment.nanoseconds
        fields["duration_ns"] = time.perf_counter_ns() - started
        return decided(fields)

    def _told(self, point: _Point, request: Request | None, result: Result) -> dict[str, Any]:
        """The fields of a decision that its rules and questions settle."""
        matched, errors = result
        answers = request.answers if request is not None else None
        if not answers and not errors and not point.sources:
            return point.plain(tuple(matched)).copy()
        # An error is no quiet answer: like a finding, it is true.
        if not errors and not any((answers or {}).values()):
            return point.quiet(tuple(matched), tuple(answers or ())).copy()
        fields = self._settled(point.program, point.reason, matched, errors, request)
        fields["facts"] = uses(point.program, point.sources, answers or {}, result)
        return fields

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
            "reservation": None,
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
