"""What decisions ask of a store: how budgets stand, charges held in one step, what was done before.

Rules decide as if all their charges had room; what they asked for is then held all at once, or none
of it, and they decide again with what was found. So nothing is checked first and spent later.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from policyengine.charges import (
    Asked,
    Charge,
    Costs,
    Event,
    Hold,
    Meter,
    Reservation,
    Standing,
    Watch,
    decoded,
    encoded,
)
from policyengine.engine.facts import Answer, Request, Source, crashed
from policyengine.engine.waiting import waited_later
from policyengine.errors import FactError, StateError
from policyengine.plugins import FactProvider
from policyengine.program import FactInfo
from policyengine.state.store import Ledger

# Seconds that an event loop waits for a store that blocks.
_PATIENCE: Final = 5.0

_NO_STORE = "there is no store: give the engine one, such as `SqliteStore(path)`"


class LimitSource(Source):
    """A question about a budget or a rate. It finds something where a charge has no room."""

    __slots__ = ("_meter",)

    def __init__(self, fact: FactInfo, provider: FactProvider, position: int) -> None:
        super().__init__(fact, provider, position)
        self._meter: Meter | FactError = _built(provider, fact.config)

    def ask_now(self, request: Request) -> Answer:
        """What is known to have no room; nothing, until the store has said otherwise."""
        recorded = request.known.get(self.name)
        if recorded is not None:
            return self._checked(recorded, recorded=True)
        if request.account is None:
            return _not_in_stream(self.name)
        account: Account = request.account
        return account.finding_of(self)

    async def ask_later(self, request: Request) -> Answer:
        """See `ask_now`: asking takes no time."""
        return self.ask_now(request)

    def charges(self, asked: Asked) -> Sequence[Charge]:
        """What the request adds to counters. Raises `FactError`."""
        if isinstance(self._meter, FactError):
            raise self._meter
        try:
            return self._meter.charges(asked)
        except FactError:
            raise
        # INVARIANT: a limit that crashes is an error for the rule to decide on, never free.
        except Exception as error:
            raise crashed(self.name, error) from error

    def found(self, charge: Charge, standing: Standing, now: float) -> Answer:
        """What is found where a charge has no room."""
        if isinstance(self._meter, FactError):
            return self._meter
        try:
            return self._checked([self._meter.finding(charge, standing, now)], recorded=False)
        except Exception as error:
            return crashed(self.name, error)


class PastSource(Source):
    """A question about what an agent or a session has done, answered from a stream of events."""

    __slots__ = ("watch",)

    def __init__(self, fact: FactInfo, provider: FactProvider, position: int) -> None:
        super().__init__(fact, provider, position)
        self.watch: Watch | FactError = _built(provider, fact.config)

    def ask_now(self, request: Request) -> Answer:
        """What is found in the stream, read now."""
        try:
            asked = self._asked(request)
            return (
                asked if asked is not None else self._found_in(request, self._read_events(request))
            )
        except FactError as error:
            return error
        except Exception as error:
            return crashed(self.name, error)

    async def ask_later(self, request: Request) -> Answer:
        """What is found in the stream, read in a thread where the store blocks."""
        try:
            asked = self._asked(request)
            if asked is not None:
                return asked
            read = partial(self._read_events, request)
            blocks = request.account.blocks
            events = await waited_later(read, request.deadline) if blocks else read()
            return self._found_in(request, events)
        except FactError as error:
            return error
        except Exception as error:
            return crashed(self.name, error)

    def stream(self, input: Mapping[str, Any]) -> str:
        """The stream that it asks about. Raises `FactError`."""
        if isinstance(self.watch, FactError):
            raise self.watch
        return self.watch.stream(input)

    def _asked(self, request: Request) -> Answer | None:
        """The answer that needs no store, if there is one."""
        recorded = request.known.get(self.name)
        if recorded is not None:
            return self._checked(recorded, recorded=True)
        return _not_in_stream(self.name) if request.account is None else None

    def _read_events(self, request: Request) -> Sequence[Event]:
        stream = self.stream(request.input)
        found: Sequence[Event] = request.account.events(stream) if stream else ()
        return found

    def _found_in(self, request: Request, events: Any) -> Answer:
        watch = self.watch
        if isinstance(watch, FactError):
            return watch
        found = watch.found(events, request.input, request.account.now)
        return self._checked(found, recorded=False)


_KINDS: Final[Mapping[str, type[Source]]] = {"charges": LimitSource, "events": PastSource}


def source_of(fact: FactInfo, provider: FactProvider, position: int) -> Source:
    """A question of a program, ready to be asked."""
    return _KINDS.get(provider.READS, Source)(fact, provider, position)


class Account:
    """The store's side of one decision: what it found out, and what it holds."""

    __slots__ = (
        "_streams", "blocks", "expires", "failed", "final", "hold", "id", "memo", "now", "over",
        "reservation", "store",
    )  # fmt: skip

    def __init__(
        self,
        store: Ledger | None,
        id: str | None,
        now: float,
        hold: bool,
        expires: float | None = None,
    ) -> None:
        self.store = store
        self.blocks = bool(getattr(store, "BLOCKING", False))
        self.id = id or new_id()
        self.now = now
        self.expires = now if expires is None else expires
        self.hold = hold
        # Answers of limits that are certain, by position, and the counters that have no room.
        self.final: dict[int, Answer] = {}
        self.over: set[tuple[int, str]] = set()
        self.reservation: Reservation | None = None
        # The error of a store that could not remember the request.
        self.failed: FactError | None = None
        # What limits find out about the request once for all of them.
        self.memo: dict[str, Any] = {}
        self._streams: dict[str, Sequence[Event]] = {}

    def finding_of(self, source: LimitSource) -> Answer:
        """What is known of a limit so far."""
        if self.store is None:
            return FactError("no-store", _NO_STORE)
        return self.final.get(source.position, [])

    def events(self, stream: str) -> Sequence[Event]:
        """The events of a stream, read once. Raises `FactError`."""
        if self.failed is not None:
            raise self.failed
        known = self._streams.get(stream)
        if known is None:
            if self.store is None:
                raise FactError("no-store", _NO_STORE)
            rows = _tried(self.store, "events", stream, self.now)
            found = (decoded(row) for row in rows)
            known = self._streams[stream] = [event for event in found if event is not None]
        return known

    def wanted(
        self, sources: Sequence[Source], answers: Mapping[int, Answer], asked: Asked, known: Any
    ) -> list[tuple[LimitSource, Charge]] | None:
        """The charges of all limits that rules asked for; None where one of them is an error.

        The error then is the limit's answer.
        """
        found: list[tuple[LimitSource, Charge]] = []
        right = True
        for position, answer in answers.items():
            source = sources[position]
            if not isinstance(source, LimitSource) or source.name in known:
                continue
            if isinstance(answer, FactError):
                continue
            try:
                for charge in source.charges(asked):
                    if (position, charge.key) in self.over:
                        charge = charge._replace(limit=None)
                    found.append((source, charge))
            except FactError as error:
                self.final[position] = error
                right = False
        return found if right else None

    def start_again(self, failed: FactError) -> None:
        """Decides anew after the store could not remember the request."""
        self.reservation = None
        self.id = f"{self.id}/again"
        self.failed = failed

    def holding(self, wanted: Sequence[tuple[LimitSource, Charge]], model: str) -> Holding:
        """What asks the store to hold charges."""
        return Holding(self, wanted, model)

    def adding(self, sources: Sequence[Source], request: Request) -> Adding:
        """What asks the store to remember the request itself."""
        return Adding(self, sources, request)


def new_id() -> str:
    """An id for a reservation. It begins with the time, as stores keep ids sorted."""
    return f"{time.time_ns():016x}{os.urandom(8).hex()}"


class _Step:
    """Something that a decision asks of the store; asked like a source of facts."""

    __slots__ = ("_account",)

    def __init__(self, account: Account) -> None:
        self._account = account

    def ask_now(self, request: Request) -> Any:
        """Does it. A `FactError` where the store could not."""
        try:
            return self.work()
        except FactError as error:
            return error

    async def ask_later(self, request: Request) -> Any:
        """Does it, in a thread where the store blocks."""
        if not self._account.blocks:
            return self.ask_now(request)
        try:
            return await waited_later(self.work, time.monotonic() + _PATIENCE)
        except FactError as error:
            return error

    def work(self) -> Any:
        """Asks the store. Raises `FactError`."""
        raise NotImplementedError


class Holding(_Step):
    """Holds all charges of a decision, or finds those that have no room.

    It gives whether they are held; if not, the account's `final` says more than before.
    """

    __slots__ = ("_charges", "_model", "_wanted")

    def __init__(
        self, account: Account, wanted: Sequence[tuple[LimitSource, Charge]], model: str
    ) -> None:
        super().__init__(account)
        self._wanted = wanted
        self._model = model
        self._charges = _merged(charge for _, charge in wanted)

    def work(self) -> bool:
        """See the class."""
        account = self._account
        store = account.store
        if store is None:
            raise FactError("no-store", _NO_STORE)
        refused: Mapping[int, Standing]
        if account.hold:
            refused = _tried(
                store, "reserve", account.id, self._charges, account.now, account.expires
            )
            if not refused:
                self._held()
                return True
        else:
            standings = _tried(store, "standing", self._charges, account.now)
            refused = dict(enumerate(standings))
        charges = self._charges
        learned = self._learn({charges[at].key: (charges[at], refused[at]) for at in refused})
        if account.hold and not learned:
            raise FactError("store-failed", "the store refused what it has room for")
        return not learned

    def failed(self, error: FactError) -> None:
        """Lets an error of the store be the answer of all that was asked for."""
        for source, _ in self._wanted:
            self._account.final[source.position] = error

    def _held(self) -> None:
        holds = tuple(Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in self._charges)
        self._account.reservation = Reservation(
            self._account.id, holds, self._account.expires, self._model, tuple(self._charges)
        )

    def _learn(self, refused: Mapping[str, tuple[Charge, Standing]]) -> bool:
        """Notes which limits have no room; whether there are such."""
        account = self._account
        found: dict[int, list[Any]] = {}
        learned = False
        for source, charge in self._wanted:
            asked, standing = refused.get(charge.key, (charge, None))
            if standing is None or charge.limit is None:
                continue
            if standing.used + asked.amount <= charge.limit:
                continue
            learned = True
            account.over.add((source.position, charge.key))
            answer = source.found(charge, standing, account.now)
            if isinstance(answer, FactError):
                account.final[source.position] = answer
            else:
                found.setdefault(source.position, []).extend(answer)
        for position, findings in found.items():
            before = account.final.get(position, [])
            if not isinstance(before, FactError):
                account.final[position] = [*before, *findings]
        return learned


class Adding(_Step):
    """Adds the request itself to the streams that the point's rules ask about."""

    __slots__ = ("_events",)

    def __init__(self, account: Account, sources: Sequence[Source], request: Request) -> None:
        super().__init__(account)
        self._events = added(sources, request.input, account.now, request.known)

    def __bool__(self) -> bool:
        return bool(self._events) and self._account.store is not None

    def work(self) -> None:
        """See the class."""
        store, now = self._account.store, self._account.now
        for stream, (event, keep, lasts) in self._events.items():
            _tried(store, "append", stream, encoded(event), now, keep, lasts)


class Releasing(_Step):
    """Gives back what a decision held; what cannot be given back now expires."""

    def work(self) -> None:
        """See the class."""
        held, store = self._account.reservation, self._account.store
        if held is not None and store is not None:
            _tried(store, "release", held.id, held.holds, self._account.now)


def added(
    sources: Sequence[Source],
    input: Mapping[str, Any],
    now: float,
    known: Mapping[str, Any],
    event: Event | None = None,
) -> dict[str, tuple[Event, int, float]]:
    """What is added to which stream, how many events it keeps and for how long.

    Without an event it is the request's own.
    """
    found: dict[str, tuple[Event, int, float]] = {}
    for source in sources:
        if not isinstance(source, PastSource) or source.name in known:
            continue
        watch = source.watch
        if isinstance(watch, FactError):
            continue
        # A stream that is about ratings has no use for calls.
        if event is not None and not getattr(watch, "wants", _all_events)(event):
            continue
        try:
            stream = watch.stream(input)
            # Making an event reads all arguments of a call: once is enough for a stream.
            shared = found.get(stream)
            new = event or (watch.event(input, now) if shared is None else shared[0])
        except FactError:
            # A request that is of no stream cannot be asked about later either.
            continue
        if stream and new is not None:
            _, keep, lasts = found.get(stream, (new, 0, 0))
            found[stream] = new, max(keep, watch.keep), max(lasts, watch.lasts)
    return found


def _all_events(event: Event) -> bool:
    return True


def _built(provider: FactProvider, config: Any) -> Any:
    try:
        return provider.build(config)
    except FactError as error:
        return error


def _merged(charges: Any) -> list[Charge]:
    """Charges of one counter as one: what several limits count alike is spent once."""
    found: dict[str, Charge] = {}
    for charge in charges:
        before = found.get(charge.key)
        if before is not None:
            limits = [limit for limit in (before.limit, charge.limit) if limit is not None]
            charge = before._replace(
                amount=max(before.amount, charge.amount), limit=min(limits, default=None)
            )
        found[charge.key] = charge
    return list(found.values())


def _tried(store: Any, method: str, *arguments: Any) -> Any:
    """What a method of the store gives. Raises `FactError` where it fails in any way."""
    try:
        return getattr(store, method)(*arguments)
    except StateError as error:
        raise FactError(error.code, error.message) from error
    # A store of a third party may fail in ways of its own, and its message may hold a password.
    except Exception as error:
        raise FactError("store-failed", f"the store failed ({type(error).__name__})") from error


def _not_in_stream(name: str) -> FactError:
    return FactError("fact-in-stream", f"`{name}` cannot be asked while an answer is streamed")


__all__ = ["Account", "Costs", "Holding", "LimitSource", "PastSource", "added", "source_of"]
