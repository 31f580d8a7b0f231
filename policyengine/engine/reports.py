"""After the decision: what a request took, what agents did and how models answered, as told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from policyengine.charges import Costs, Event, Hold, Reservation, Usage, encoded, settled
from policyengine.engine.accounts import added
from policyengine.engine.facts import Source
from policyengine.errors import FactError, StateError
from policyengine.state.store import Ledger

if TYPE_CHECKING:
    from policyengine.engine.routes import Routes

# How long a request may take before what is held for it is given back, in seconds.
HELD_FOR: Final = 600.0
# Settlements that wait for a store that could not be reached. More are refused with an error.
MOST_WAITING: Final = 10_000


Told = TypeVar("Told")


class Settlement(NamedTuple):
    """What became of a reservation.

    `counted` is false where it was settled or released before, and where it waits (`waiting`) for
    a store that could not be reached. `amounts` are in the order of the reservation's holds. Where
    the cost could not be known, what was held is counted, and `why` says so.
    """

    counted: bool
    amounts: tuple[int, ...]
    waiting: bool = False
    why: str = ""


# What becomes of a request that held nothing.
NOTHING: Final = Settlement(False, ())


class Reports(ABC):
    """What the host tells an engine: what requests took, what agents did, how models answered.

    A report that the store could not take is kept in this process and made again with the next
    one, or by `flush`: every report has an id and counts once.
    """

    def __init__(self, store: Ledger | None, data: Mapping[str, Any], held_for: float) -> None:
        if not 0 < held_for < inf:
            raise ValueError("`held_for` must be a number of seconds above 0")
        self.store = store
        self.held_for = held_for
        self.prices = _prices(data)
        self.routes = _routes(data)
        self._waiting: deque[Callable[[], object]] = deque()
        self._lock = Lock()

    @abstractmethod
    def sources(self, point: str) -> Sequence[Source]:
        """The questions of a decision point."""

    @abstractmethod
    def _seconds(self) -> float:
        """The time in seconds since 1970."""

    def settle(
        self, reservation: Reservation | None, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Settlement:
        """Counts what a request really took in place of what was held for it, once.

        `usage` is a `policyengine.charges.Usage` or its fields; `model` the one that served, where
        it is not the one of the reservation. What the usage says nothing about is not free: what
        was held is counted, and what took nothing is for `release`. What the store cannot take now
        is kept and told again. Raises `StateError` where there is no store, where too much waits
        for it, and for what it will never take. Where nothing is held there is nothing to do.
        """
        if reservation is None:
            return NOTHING
        now = self._seconds()
        usage, model = _usage(usage), model or reservation.model
        amounts, why = self._final(reservation, usage, model, now)
        work = partial(self._kept.settle, reservation.id, reservation.holds, amounts, now)
        return self._reported(work, amounts, why)

    async def asettle(
        self, reservation: Reservation | None, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Settlement:
        """`settle`, in a thread where the store blocks."""
        return await self._later(partial(self.settle, reservation, usage, model=model))

    def release(self, reservation: Reservation | None) -> Settlement:
        """Gives back what is held for a request that was not made. Raises as `settle` does."""
        if reservation is None:
            return NOTHING
        work = partial(self._kept.release, reservation.id, reservation.holds, self._seconds())
        return self._reported(work, [0] * len(reservation.holds), "")

    async def arelease(self, reservation: Reservation | None) -> Settlement:
        """`release`, in a thread where the store blocks."""
        return await self._later(partial(self.release, reservation))

    def refund(
        self,
        reservation: Reservation,
        usage: Usage | Mapping[str, Any],
        id: str,
        *,
        model: str = "",
    ) -> Settlement:
        """Takes money and tokens off what was settled, which the provider does not charge for.

        `id` names the refund, which counts once. Requests and steps stay counted. Raises as
        `settle` does, and `StateError` where nobody knows what that is worth.
        """
        now = self._seconds()
        model = model or reservation.model
        # Nothing is taken off for what the usage says nothing about.
        holds = tuple(hold._replace(amount=0) for hold in reservation.holds)
        amounts = self._amounts(reservation, holds, usage, model, now)
        work = partial(self._kept.refund, id, reservation.holds, amounts, now)
        return self._reported(work, amounts, "")

    def extend(
        self, reservation: Reservation, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Reservation | None:
        """Holds what a streamed answer has taken so far, where that is more, and for longer.

        Gives the reservation to go on with; None where a limit has no room: end the stream, and
        settle. It is also asked before a dearer `model` is tried in place of one that failed.
        Raises `StateError` where the store fails, the reservation is over, or nobody knows what the
        usage costs.
        """
        now = self._seconds()
        model = model or reservation.model
        amounts = self._amounts(reservation, reservation.holds, usage, model, now)
        charges = tuple(
            charge._replace(amount=max(charge.amount, amount))
            for charge, amount in zip(reservation.charges, amounts, strict=True)
        )
        expires = now + self.held_for
        if _told(partial(self._kept.raised, reservation.id, charges, now, expires)):
            return None
        holds = tuple(Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges)
        return Reservation(reservation.id, holds, expires, model, charges, reservation.looks)

    async def aextend(
        self, reservation: Reservation, usage: Usage | Mapping[str, Any], *, model: str = ""
    ) -> Reservation | None:
        """`extend`, in a thread where the store blocks."""
        return await self._later(partial(self.extend, reservation, usage, model=model))

    async def arefund(
        self,
        reservation: Reservation,
        usage: Usage | Mapping[str, Any],
        id: str,
        *,
        model: str = "",
    ) -> Settlement:
        """`refund`, in a thread where the store blocks."""
        return await self._later(partial(self.refund, reservation, usage, id, model=model))

    async def arecord(self, point: str, input: Mapping[str, Any], event: Event) -> int:
        """`record`, in a thread where the store blocks."""
        return await self._later(partial(self.record, point, input, event))

    def record(self, point: str, input: Mapping[str, Any], event: Event) -> int:
        """Adds something that happened to the streams that a point's rules ask about.

        `input` says of which session, agent, or whatever else rules tell apart. Gives to how many
        streams it was added. Raises `StateError` where the store fails or there is none.
        """
        now = self._seconds()
        events = added(self.sources(point), input, now, {}, event)
        for stream, (one, keep, lasts) in events.items():
            _told(partial(self._kept.append, stream, encoded(one), now, keep, lasts))
        return len(events)

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

    def flush(self) -> int:
        """Tells the store again what it could not take; how many reports still wait."""
        with self._lock:
            waiting = list(self._waiting)
        for work in waiting:
            try:
                _told(work)
            except StateError as error:
                if error.code not in _NEVER:
                    break
            with self._lock:
                if self._waiting and self._waiting[0] is work:
                    self._waiting.popleft()
        return len(self._waiting)

    @property
    def _kept(self) -> Ledger:
        if self.store is None:
            raise StateError("no-store", "the engine has no store")
        return self.store

    async def _later(self, work: Callable[[], Told]) -> Told:
        if not getattr(self.store, "BLOCKING", False):
            return work()
        import asyncio

        # Not left behind at a deadline: what was spent must be told.
        return await asyncio.to_thread(work)

    def _amounts(
        self,
        reservation: Reservation,
        holds: Sequence[Hold],
        usage: Usage | Mapping[str, Any],
        model: str,
        now: float,
    ) -> list[int]:
        """What each hold comes to. Raises `StateError` where nobody knows."""
        try:
            amounts = settled(holds, _usage(usage), model, self.prices, now)
        except FactError as error:
            raise StateError(error.code, error.message) from error
        for position in reservation.looks:
            amounts[position] = 0
        return amounts

    def _final(
        self, reservation: Reservation, usage: Usage, model: str, now: float
    ) -> tuple[list[int], str]:
        """What each hold settles to; what was held where nobody knows, and why."""
        holds = reservation.holds
        try:
            return self._amounts(reservation, holds, usage, model, now), ""
        except StateError as error:
            why = f"what was held is counted: {error.message}"
        try:
            known = replace(usage, cost_micro_usd=0)
            amounts = self._amounts(reservation, holds, known, model, now)
        except StateError:
            return self._amounts(reservation, holds, Usage(), model, now), why
        # What cannot be priced is not free.
        told = zip(holds, amounts, strict=True)
        return [hold.amount if hold.unit == "micro_usd" else n for hold, n in told], why

    def _reported(self, work: Callable[[], bool], amounts: Sequence[int], why: str) -> Settlement:
        if self._waiting:
            self.flush()
        try:
            return Settlement(_told(work), tuple(amounts), why=why)
        except StateError as error:
            if error.code in _NEVER:
                raise
            with self._lock:
                if len(self._waiting) >= MOST_WAITING:
                    raise
                self._waiting.append(work)
        return Settlement(False, tuple(amounts), waiting=True, why=why)


# What a store will never take, however often it is told.
_NEVER: Final = frozenset({"bad-amount", "bad-charges", "bad-time", "reservation-over"})


def _told(work: Callable[[], Any]) -> Any:
    """What the store gives. Raises `StateError` where it fails in any way."""
    try:
        return work()
    except StateError:
        raise
    # A store of a third party may fail in ways of its own, and its message may hold a password.
    except Exception as error:
        raise StateError("store-failed", f"the store failed ({type(error).__name__})") from None


_FIELDS: Final = tuple(field.name for field in fields(Usage))


def _usage(usage: Usage | Mapping[str, Any]) -> Usage:
    if isinstance(usage, Usage):
        return usage
    for name in usage:
        if name not in _FIELDS:
            known = ", ".join(f"`{one}`" for one in _FIELDS)
            message = f"`{str(name)[:80]}` is no part of a usage: there are {known}"
            raise StateError("bad-usage", message)
    return Usage(**usage)


def _routes(data: Mapping[str, Any]) -> Routes | None:
    plain = data.get("tiers")
    if plain is None:
        return None
    # Most programs have no tiers, and import nothing of them.
    from policyengine.engine.routes import Routes

    return Routes(plain)


def _prices(data: Mapping[str, Any]) -> Costs | None:
    plain = data.get("prices")
    if plain is None:
        return None
    # Most programs have no prices, and import nothing of them.
    from policyengine.prices import PriceBook

    book: Costs = PriceBook.of(plain)
    return book
