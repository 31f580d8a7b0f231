"""What decisions ask about budgets and about the past, and what one decision knows of its store.

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
    Meter,
    Reservation,
    Standing,
    Watch,
    decoded,
)
from policyengine.engine.facts import Answer, Request, Source, crashed
from policyengine.engine.waiting import waited_later
from policyengine.errors import FactError, StateError
from policyengine.plugins import FactProvider
from policyengine.program import RESTRICTING, FactInfo, Route, RuleInfo
from policyengine.state.store import Ledger

NO_STORE = "there is no store: give the engine one, such as `SqliteStore(path)`"


class LimitSource(Source):
    """A question about a budget or a rate. It finds something where a charge has no room."""

    __slots__ = ("_meter", "looks", "refuses", "routes")

    def __init__(self, fact: FactInfo, provider: FactProvider, position: int) -> None:
        super().__init__(fact, provider, position)
        self._meter: Meter | FactError = self._built
        # It charges nothing: it asks how much is left of what others are charged to.
        self.looks = bool(getattr(provider, "LOOKS", False))
        # Beyond it a rule refuses; or one routes, so that another model may serve the request.
        self.refuses = True
        self.routes = False

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
        self.watch: Watch | FactError = self._built

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


def mark_effects(sources: Sequence[Source], rules: Sequence[RuleInfo]) -> None:
    """Notes which limits refuse where they have no room, and which only lead to other models."""
    limits = [source for source in sources if isinstance(source, LimitSource)]
    routing: set[int] = set()
    refusing: set[int] = set()
    # What rules say is read when it first matters, and most points have no limits.
    for rule in rules if limits else ():
        if rule.mode == "enforce":
            routes = any(isinstance(effect, Route) for effect in rule.obligations)
            refusing.update(rule.facts if isinstance(rule.verdict, RESTRICTING) else ())
            routing.update(rule.facts if routes else ())
    for source in limits:
        source.refuses = source.position in refusing
        source.routes = source.position in routing and not source.refuses


class Account:
    """The store's side of one decision: what it found out, and what it holds."""

    __slots__ = (
        "_streams", "asked", "blocks", "expires", "failed", "final", "hold", "id", "is_key", "memo",
        "now", "over", "reservation", "rounds", "store",
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
        # Whether the id is a host's, which it may have used before.
        self.is_key = False
        self.now = now
        self.expires = now if expires is None else expires
        self.hold = hold
        # Answers of limits that are certain, by position, and the counters that have no room.
        self.final: dict[int, Answer] = {}
        self.over: set[tuple[int, str]] = set()
        # The limits that rules have asked for, in whichever round: a rule that has enough with one
        # that is exceeded still counts the others.
        self.asked: dict[int, LimitSource] = {}
        self.rounds = 0
        self.reservation: Reservation | None = None
        # The error of a store that could not remember the request.
        self.failed: FactError | None = None
        # What limits find out about the request once for all of them.
        self.memo: dict[str, Any] = {}
        self._streams: dict[str, Sequence[Event]] = {}

    def finding_of(self, source: LimitSource) -> Answer:
        """What is known of a limit so far."""
        if self.store is None:
            return FactError("no-store", NO_STORE)
        return self.final.get(source.position, [])

    def events(self, stream: str) -> Sequence[Event]:
        """The events of a stream, read once. Raises `FactError`."""
        if self.failed is not None:
            raise self.failed
        known = self._streams.get(stream)
        if known is None:
            if self.store is None:
                raise FactError("no-store", NO_STORE)
            rows = tried(self.store, "events", stream, self.now)
            found = (decoded(row) for row in rows)
            known = self._streams[stream] = [event for event in found if event is not None]
        return known

    def use_key(self, key: str, input_digest: str) -> None:
        """Lets what is held have an id by which the same request is known when it is asked again.

        Another request under the same key has an id of its own: it is not free.
        """
        self.id = f"{key}/{input_digest.rpartition(':')[2][:32]}"
        self.is_key = True

    def wanted(
        self, sources: Sequence[Source], answers: Mapping[int, Answer], asked: Asked, known: Any
    ) -> list[tuple[LimitSource, Charge]] | None:
        """The charges of all limits that rules asked for; None where one of them is an error.

        The error then is the limit's answer.
        """
        for position in answers:
            source = sources[position]
            if isinstance(source, LimitSource) and source.name not in known:
                self.asked[position] = source
        found: list[tuple[LimitSource, Charge]] = []
        right = True
        for position, source in self.asked.items():
            if isinstance(self.final.get(position), FactError) or self.store is None:
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
        self.id = new_id()
        self.failed = failed


def new_id() -> str:
    """An id for a reservation. It begins with the time, as stores keep ids sorted."""
    return f"{time.time_ns():016x}{os.urandom(8).hex()}"


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


def tried(store: Any, method: str, *arguments: Any) -> Any:
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


__all__ = ["Account", "Costs", "LimitSource", "PastSource", "added", "source_of"]
