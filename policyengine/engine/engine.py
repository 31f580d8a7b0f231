"""Deciding: run the program, ask for the facts that it needs, put the decision together."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

from policyengine.charges import Asked, Event, Reservation, Usage
from policyengine.decision import Decision, FactUse, Reason, ReasonCode, Routing, decided
from policyengine.engine.accounts import (
    Account,
    LimitSource,
    PastSource,
    Releasing,
    added,
    new_id,
    source_of,
)
from policyengine.engine.books import Books, Settlement
from policyengine.engine.facts import Answer, Known, Request, Source
from policyengine.engine.outcome import Outcome, plain_reason
from policyengine.engine.routes import Routes
from policyengine.engine.stream import Deciding, Stream
from policyengine.engine.transforms import Tokens, Transforms
from policyengine.errors import EvaluationError, FactError, ProgramError
from policyengine.plugins import FactProvider, fact_provider
from policyengine.program import Deny, PointProgram, Program, RuleInfo
from policyengine.request import digest
from policyengine.state.keys import Keys
from policyengine.state.store import Ledger
from policyengine.values.times import Timestamp

Result = tuple[list[int], list[tuple[int, EvaluationError]]]
Asking = Generator[int, Any, Result]
# Yields what is asked now or later, is sent what it gave.
Keeping = Generator[Any, Any, Any]


Refusal = tuple[ReasonCode, str]
"""Why an input is denied without a rule, as a reason's code and message."""

UNKNOWN_POINT: Refusal = ("unknown-point", "this bundle does not know the decision point")

# Outcomes of combinations of rules that are remembered for each point.
REMEMBERED = 1024


@dataclass(slots=True)
class _Point:
    """A point ready to decide: its function, its questions, the reasons of its rules.

    It is `kept` where questions are about what a store keeps. `plain` gives the fields of a
    decision where there are neither findings nor errors. They depend on nothing else, so what it
    gave is remembered.
    """

    program: PointProgram
    function: Callable[[Mapping[str, Any], Timestamp], Any]
    sources: tuple[Source, ...]
    reason: Callable[[int], Reason]
    plain: Callable[[tuple[int, ...]], dict[str, Any]]
    kept: bool


class Engine:
    """Decides requests by a compiled program. Threads and tasks may share it.

    `store` keeps what limits count and what agents have done, such as a
    `policyengine.state.sqlite.SqliteStore`; without one, questions about them are errors, which
    restrict. `guards` maps names of fact providers to modules or objects that stand in for the
    installed ones. `clock` gives the time as an aware `datetime`; without it the system's clock is
    read. `keys` are the host's secret keys by name, the first for what is new (else those in the
    environment's `POLICYENGINE_KEY`), and `vault` gives reversible tokens, such as a
    `policyengine.state.vault.Vault`: redactions need them. Raises `StateError` for keys that are
    none.
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
    ) -> None:
        self.program = program
        self.store = store
        self.routes = Routes.of(program.data)
        self.books = Books(store, program.data, self._seconds)
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
        request may take is held (`Decision.reservation`), once for each `idempotency_key`; without
        `reserve` nothing is held, and nothing of it remembered.

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
            account = Account(self.store, idempotency_key, moment.nanoseconds / 1e9, reserve)
            return self._kept_now(found, input, facts, moment, started, account)[0]
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
        """`decide`, and the answers that it got, by the positions of the point's questions.

        Nothing is held for the request.
        """
        started = time.perf_counter_ns()
        found = self._points.get(point)
        if found is None or not found.sources or input.__class__ is not dict:
            return self.decide(point, input, facts=facts, now=now), {}
        moment = self._moment(now)
        if found.kept:
            account = Account(self.store, None, moment.nanoseconds / 1e9, hold=False)
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
            account = Account(self.store, idempotency_key, moment.nanoseconds / 1e9, reserve)
            return await self._kept_later(found, input, facts, moment, started, account)
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
        # A stream may be decided more than once, and is one request.
        key = new_id()
        deciding = Deciding(
            found,
            Timestamp.of(when),
            self.program.scan,
            self._transforms,
            partial(self.decide, point, now=when, idempotency_key=key),
            partial(self.adecide, point, now=when, idempotency_key=key),
        )
        return Stream(deciding, input, field)

    def settle(
        self, reservation: Reservation, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Settlement:
        """Counts what a request really took in place of what was held for it, once.

        `usage` is a `policyengine.charges.Usage` or its fields; `model` the one that served, where
        it is not the one of the reservation. What the store cannot take now is kept and told again
        (`flush`). Raises `StateError` where there is no store, or too much waits for it.
        """
        return self.books.settle(reservation, _usage(usage), model)

    async def asettle(
        self, reservation: Reservation, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Settlement:
        """`settle`, in a thread where the store blocks."""
        work = partial(self.settle, reservation, usage, model=model)
        return await self._later(work)

    def release(self, reservation: Reservation) -> Settlement:
        """Gives back what is held for a request that was not made. Raises as `settle` does."""
        return self.books.release(reservation)

    async def arelease(self, reservation: Reservation) -> Settlement:
        """`release`, in a thread where the store blocks."""
        return await self._later(partial(self.release, reservation))

    def extend(
        self, reservation: Reservation, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Reservation | None:
        """Holds what a streamed answer has taken so far, where that is more, and for longer.

        Gives the reservation to go on with; None where a limit has no room: end the stream, and
        settle. Raises `StateError` where the store fails, or the reservation is over.
        """
        return self.books.extend(reservation, _usage(usage), model)

    def refund(
        self,
        reservation: Reservation,
        usage: Usage | Mapping[str, Any],
        id: str,
        *,
        model: str = "",
    ) -> Settlement:
        """Takes the money and tokens of a usage off what was settled, once for each `id`.

        Raises as `settle` does.
        """
        return self.books.refund(reservation, _usage(usage), id, model)

    def flush(self) -> int:
        """Tells the store again what it could not take; how many reports still wait."""
        return self.books.flush()

    def record(self, point: str, input: Mapping[str, Any], event: Event) -> int:
        """Adds something that happened to the streams that a point's rules ask about.

        `input` says of which session, agent, or whatever else rules tell apart. Gives to how many
        streams it was added. Raises `StateError` where the store fails or there is none.
        """
        found = self._points.get(point)
        now = self._seconds()
        return self.books.record(added(found.sources if found else (), input, now, {}, event), now)

    def observe(
        self,
        model: str,
        *,
        ok: bool,
        latency_ms: float | None = None,
        status: int | None = None,
        cooldown: float | None = None,
    ) -> None:
        """Reports how a model answered, for routes: health, and latency in milliseconds.

        `cooldown` is for how many seconds the provider asks not to be called (retry-after).
        Without tiers it is of no effect.
        """
        if self.routes is not None:
            self.routes.observed.observe(
                model, ok=ok, latency_ms=latency_ms, status=status, cooldown=cooldown,
                now=self._seconds(),
            )  # fmt: skip

    async def _later(self, work: Callable[[], Settlement]) -> Settlement:
        if not getattr(self.store, "BLOCKING", False):
            return work()
        import asyncio

        # Not left behind at a deadline: what was spent must be told.
        return await asyncio.to_thread(work)

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

        kept = any(isinstance(source, LimitSource | PastSource) for source in sources)
        return _Point(point, self._names[point.function], sources, reason, plain, kept)

    def _provider(self, name: str) -> FactProvider:
        return self.guards.get(name) or fact_provider(name)

    def _moment(self, now: datetime | None) -> Timestamp:
        if now is None and self._clock is None:
            return _stamped(time.time_ns())
        return Timestamp.of(now or self._clock())  # type: ignore[misc]

    def _seconds(self, now: datetime | None = None) -> float:
        """The time in seconds since 1970, for stores."""
        return self._moment(now).nanoseconds / 1e9

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

    def _kept_now(
        self,
        point: _Point,
        input: Mapping[str, Any],
        facts: Known | None,
        moment: Timestamp,
        started: int,
        account: Account,
    ) -> tuple[Decision, Mapping[int, Answer]]:
        request = Request(point.program, input, facts, self.program.scan, account)
        try:
            asking = self._keeping(point, request, moment)
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
    ) -> Decision:
        request = Request(point.program, input, facts, self.program.scan, account)
        try:
            asking = self._keeping(point, request, moment)
            step = next(asking)
            while True:
                step = asking.send(await step.ask_later(request))
        except StopIteration as end:
            return self._with_account(end.value, request, moment, started)

    def _keeping(self, point: _Point, request: Request, moment: Timestamp) -> Keeping:
        """Decides, and holds what the rules asked for; again, until both agree.

        Every time round at least one more limit is known to have no room or to be an error, so it
        ends. Gives the fields of the decision, None for an input that is no plain JSON.
        """
        try:
            input_digest = digest(request.input)
        except (TypeError, ValueError, RecursionError):
            return None
        account: Account = request.account
        while True:
            result = yield from self._asking(point, request, moment)
            matched, errors = result
            fields = self._settled(point.program, point.reason, matched, errors, request)
            self._routed(fields, point, request.input, request, moment)
            fields["facts"] = _uses(point, request, result)
            fields["input_digest"] = input_digest
            if fields["verdict"] != "allow":
                return fields
            if (yield from self._held(point, request, fields)):
                fields["reservation"] = account.reservation
                return fields

    def _asking(self, point: _Point, request: Request, moment: Timestamp) -> Keeping:
        """Runs the rules once more; only limits are asked anew, and they know their answers."""
        known, request.answers = request.answers, {}
        run = point.function(request.input, moment)
        try:
            asked = next(run)
            while True:
                source = point.sources[asked]
                answer = None if isinstance(source, LimitSource) else known.get(asked)
                if answer is None:
                    answer = yield source
                request.answers[asked] = answer
                asked = run.send(answer)
        except StopIteration as end:
            return end.value

    def _held(self, point: _Point, request: Request, fields: dict[str, Any]) -> Keeping:
        """Holds what an allowed request may take; whether all of it is held."""
        account: Account = request.account
        model = _model_of(fields, request.input)
        asked = Asked(request.input, model, account.now, self.books.prices)
        wanted = account.wanted(point.sources, request.answers, asked, request.known)
        if wanted is None:
            return False
        if wanted:
            holding = account.holding(wanted, model)
            held = yield holding
            if isinstance(held, FactError):
                holding.failed(held)
            if held is not True:
                return False
        if account.hold and (adding := account.adding(point.sources, request)):
            failed = yield adding
            if isinstance(failed, FactError):
                yield Releasing(account)
                account.start_again(failed)
                return not any(isinstance(point.sources[i], PastSource) for i in request.answers)
        return True

    def _with_account(
        self, fields: dict[str, Any] | None, request: Request, moment: Timestamp, started: int
    ) -> Decision:
        if fields is None:
            refused: Refusal = ("invalid-input", "the input must be plain JSON")
            return self._deny(request.point, moment, started, refused)
        fields["time_ns"] = moment.nanoseconds
        fields["duration_ns"] = time.perf_counter_ns() - started
        return decided(fields)

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
        found = _found(point, request)
        known = request.known if request is not None else {}
        self.routes.choose(fields, input, found, known, moment.nanoseconds / 1e9, self.books.prices)

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
        if self.routes is not None:
            self._routed(fields, point, input, request, moment)
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


def _usage(usage: Usage | Mapping[str, Any]) -> Usage:
    return usage if isinstance(usage, Usage) else Usage(**usage)


def _model_of(fields: Mapping[str, Any], input: Mapping[str, Any]) -> str:
    """The model that will serve: the one routed to, else the one asked for."""
    routed = next((o.model for o in fields["obligations"] if isinstance(o, Routing)), "")
    if routed:
        return routed
    for part in ("request", "route"):
        asked = input.get(part)
        model = asked.get("model") if isinstance(asked, Mapping) else None
        if isinstance(model, str):
            return model
    return ""


def _found(point: _Point, request: Request | None) -> frozenset[str]:
    """The guards over texts that have found something, or could not look."""
    if request is None:
        return frozenset()
    return frozenset(
        point.sources[position].name
        for position, answer in request.answers.items()
        if point.sources[position].judges_texts and (isinstance(answer, FactError) or answer)
    )


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
