"""After the decision: what was held is settled, released, raised or refunded; events are told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any, Final, NamedTuple

from policyengine.charges import Costs, Event, Hold, Reservation, Usage, encoded, settled
from policyengine.engine.accounts import HELD_FOR
from policyengine.errors import FactError, StateError
from policyengine.state.store import Ledger

# Settlements that wait for a store that could not be reached. More are refused with an error.
MOST_WAITING: Final = 10_000


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


class Books:
    """What the host reports after a decision, in a store.

    A report that the store could not take is kept in this process and made again with the next
    one, or by `flush`: every report has an id and counts once.
    """

    def __init__(
        self, store: Ledger | None, data: Mapping[str, Any], seconds: Callable[..., float]
    ) -> None:
        self._store = store
        self.prices = _prices(data)
        self._seconds = seconds
        self._waiting: deque[Callable[[], object]] = deque()
        self._lock = Lock()

    def settle(self, reservation: Reservation, usage: Usage, model: str = "") -> Settlement:
        """Counts what a request really took in place of what was held for it.

        `model` is the one that served it, where that is not the one it was routed to. Raises
        `StateError` where there is no store, or where too much waits for it.
        """
        now = self._seconds()
        amounts, why = self._amounts(reservation, usage, model, now)
        work = partial(self._kept.settle, reservation.id, reservation.holds, amounts, now)
        return self._reported(work, amounts, why)

    def release(self, reservation: Reservation) -> Settlement:
        """Gives back all that is held: the request was never made. Raises as `settle` does."""
        work = partial(self._kept.release, reservation.id, reservation.holds, self._seconds())
        return self._reported(work, [0] * len(reservation.holds), "")

    def refund(
        self, reservation: Reservation, usage: Usage, id: str, model: str = ""
    ) -> Settlement:
        """Takes off what was settled for a request that the provider does not charge for.

        `id` names the refund, which counts once. Requests and steps stay counted. Raises as
        `settle` does.
        """
        now = self._seconds()
        amounts, why = self._amounts(reservation, usage, model, now)
        money = [
            amount if hold.unit in ("micro_usd", "tokens") else 0
            for hold, amount in zip(reservation.holds, amounts, strict=True)
        ]
        work = partial(self._kept.refund, id, reservation.holds, money, now)
        return self._reported(work, money, why)

    def extend(self, reservation: Reservation, usage: Usage, model: str = "") -> Reservation | None:
        """Holds what a stream has taken so far, where that is more, and longer than before.

        None where a limit has no room for it: end the stream, and settle. Raises `StateError`,
        also for a reservation that is over.
        """
        now = self._seconds()
        amounts, _ = self._amounts(reservation, usage, model, now)
        charges = tuple(
            charge._replace(amount=max(charge.amount, amount))
            for charge, amount in zip(reservation.charges, amounts, strict=True)
        )
        expires = now + HELD_FOR
        if self._kept.raised(reservation.id, charges, now, expires):
            return None
        holds = tuple(Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges)
        return Reservation(reservation.id, holds, expires, reservation.model, charges)

    def record(self, events: Mapping[str, tuple[Event, int, float]], now: float) -> int:
        """Adds events to streams; to how many. Raises `StateError`."""
        for stream, (event, keep, lasts) in events.items():
            self._kept.append(stream, encoded(event), now, keep, lasts)
        return len(events)

    def flush(self) -> int:
        """Makes the reports that wait for the store; how many still do."""
        with self._lock:
            waiting = list(self._waiting)
        for work in waiting:
            try:
                work()
            except StateError:
                break
            with self._lock:
                if self._waiting and self._waiting[0] is work:
                    self._waiting.popleft()
        return len(self._waiting)

    @property
    def _kept(self) -> Ledger:
        if self._store is None:
            raise StateError("no-store", "the engine has no store")
        return self._store

    def _amounts(
        self, reservation: Reservation, usage: Usage, model: str, now: float
    ) -> tuple[list[int], str]:
        model = model or reservation.model
        try:
            return settled(reservation.holds, usage, model, self.prices, now), ""
        except FactError as error:
            held = [hold.amount for hold in reservation.holds]
            # What cannot be priced is not free.
            return held, f"what was held is counted: {error.message}"

    def _reported(self, work: Callable[[], bool], amounts: Sequence[int], why: str) -> Settlement:
        if self._waiting:
            self.flush()
        try:
            return Settlement(work(), tuple(amounts), why=why)
        except StateError:
            with self._lock:
                if len(self._waiting) >= MOST_WAITING:
                    raise
                self._waiting.append(work)
        return Settlement(False, tuple(amounts), waiting=True, why=why)


def _prices(data: Mapping[str, Any]) -> Costs | None:
    plain = data.get("prices")
    if plain is None:
        return None
    # Most programs have no prices, and import nothing of them.
    from policyengine.prices import PriceBook

    book: Costs = PriceBook.of(plain)
    return book
