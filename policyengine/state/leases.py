"""Leases: a gateway takes a part of a budget from the store it shares, and decides by itself.

What is leased counts as held in the shared store, so nobody else can spend it, and what is spent
here lies within it. Decisions take no trip to the store while a lease lasts.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Protocol
from weakref import WeakSet

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state._counting import checked, checked_amounts
from policyengine.state._lease import Account, Terms
from policyengine.state._lease_asking import NOTHING, Asking
from policyengine.state._lease_ids import Ids, Parts
from policyengine.state._lease_raising import Raising
from policyengine.state._lease_settling import Settling, not_its_holds
from policyengine.state._leasing import Leasing
from policyengine.state.memory import MOST_IDS
from policyengine.state.store import Ledger, Row, Store


class Shared(Store, Ledger, Protocol):
    """A store of rows and counters that several gateways use."""


class LeasedStore:
    """A gateway's own view of a store that it shares with others. Threads may share it.

    A counter is leased from when it is charged `least` times in `seconds`; other charges, and
    those larger than a lease, go to the shared store directly. A lease has at most `share` of what
    is left of the limit (or `least` charges, if that is more) and an eighth of what is left. It
    starts with `least` charges, doubles where it is used up before its time and halves where most
    of it is not used. `share=0` leases nothing.

    The calls themselves renew leases and give back unused ones, at three quarters of `seconds`,
    four counters at most in one call. A gateway that may be silent calls `renew`, which does all,
    from a timer or a thread of its own, and `close` at its end; at a normal exit of the process
    that is done for it. A forked process starts without leases.

    **What may be spent beyond a hard limit.** Nothing, while every gateway with a lease lives,
    reaches the store, is called (or its `renew` is) every eighth of `seconds`, and clocks differ by
    less than `margin` seconds. What a gateway that is lost or breaks this had not reported, the
    store gives to the others `seconds` after the lease was taken: so the overspend of a counter is
    at most the sum, over those gateways, of `exposure(key)` at that moment. It is what was settled
    and not yet reported, less than one lease, and what was held for requests under way; both lie
    within the gateway's leases. What a lost gateway had not reported is missing in the sums.

    As in any store, what is settled above its reservation and what is charged without a limit may
    go beyond. The former is reported at once if no lease has room for it, the latter is counted
    here and reported when the counter is renewed, at the latest at three quarters of `seconds`.

    A lease belongs to a slot of a counter. When the slot is over, what was spent is counted there
    and what is idle is given back. What is under way is then counted in its calendar window when
    it is settled; in a rolling window it goes on being held, in the latest slot, so that it counts
    no shorter than it should.

    The gateway that reserved an id knows it for `remembered` seconds, or as long as it is among the
    latest `most_ids` (half as many are sure to be); the shared store knows the ids that it decided
    itself. Another gateway may settle a reservation: that is counted in the
    shared store, once, and what is held here expires. But the same id must not be settled both
    there and here, nor reserved by two gateways.

    A refusal is remembered for `refused` seconds at most, and so is that the store did not answer;
    what is idle here is used all the same, and a remembered refusal names only the counters that
    it was about. Until a lease ends it is used without the store, then decisions are a
    `StateError`; the one that is being given back when the store goes, may end early. One thread at
    a time asks the store about leases, and those with room in theirs do not wait for it. Streams
    of events are kept in `events`, which is the shared store unless another is given: a
    `MemoryStore` makes them this gateway's own.

    >>> from policyengine.state.memory import MemoryStore
    >>> shared = MemoryStore()
    >>> store = LeasedStore(shared)
    >>> charge = Charge("k", "requests", 1, 1000, 0, 0, 0, 60, 0, "all", "for ever")
    >>> for number in range(3):
    ...     refused = store.reserve(f"r{number}", [charge], now=100.0, expires=160.0)
    >>> shared.standing([charge], now=100.0)[0].used, store.standing([charge], now=100.0)[0].used
    (5, 3)
    >>> store.exposure("k")
    2
    """

    def __init__(
        self,
        store: Shared,
        *,
        name: str = "lease",
        share: float = 0.01,
        least: int = 4,
        seconds: float = 30.0,
        margin: float = 1.0,
        refused: float = 0.25,
        remembered: float = 3600.0,
        most_ids: int = MOST_IDS,
        events: Ledger | None = None,
    ) -> None:
        """`name` begins the ids of leases. Raises `ValueError` for numbers that make no sense."""
        if not (0 <= share <= 1 and least >= 1 and 0 <= margin < seconds / 4):
            raise ValueError("a lease is a share of 0 to 1, for longer than four times the margin")
        if refused < 0 or remembered <= 0 or most_ids < 1:
            raise ValueError("what is remembered is remembered for some time")
        self._store = store
        self._events: Ledger = store if events is None else events
        self._terms, self._name = Terms(share, least, seconds, margin), name
        self._refused, self._remembered, self._most_ids = refused, remembered, most_ids
        # As the store: whether an event loop leaves what may take a trip to a thread.
        self.BLOCKING = bool(getattr(store, "BLOCKING", False))
        self._start()
        _OPEN.add(self)

    def _start(self) -> None:
        """Starts without leases, as also after a fork: those are the other process's."""
        self._leasing = Leasing(self._store, self._terms, self._name)
        self._lock = self._leasing.lock
        self._ids = Ids(self._remembered, self._most_ids)
        self._asking = Asking(self._leasing, self._ids, self._refused)
        self._raising = Raising(self._leasing, self._ids, self._asking)
        self._settling = Settling(self._leasing, self._ids, self._asking)

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them; within leases, where there are any."""
        if self.reserve_here(id, charges, now, expires):
            return NOTHING
        return self._asking.reserve(id, charges, now, expires)

    def reserve_here(self, id: str, charges: Sequence[Charge], now: float, expires: float) -> bool:
        """Holds all charges within leases, without waiting; if False, `reserve` has to be called.

        An event loop (`Engine.adecide`) asks it first where the shared store is `BLOCKING`, so that
        only what takes a trip is left to a thread; settling, which nobody waits for, always is.
        """
        checked(charges, now, expires)
        ids = self._ids
        with self._lock:
            if now >= ids.earliest:
                self._asking.expire(now)
            if id in ids.held or id in ids.done or id in ids.before:
                return True
            accounts = self._leasing.accounts
            parts: Parts = []
            for charge in charges:
                account = accounts.get(charge.key)
                if account is None:
                    return False
                amount, known = charge.amount, account.charge
                if (
                    not account.begins <= now < account.renews
                    or account.idle - amount < account.floor
                    # Nothing has room as well, unless the limit is exceeded.
                    or not amount
                    or charge.slot != known.slot
                    or charge.limit != known.limit
                ):
                    return False
                parts.append((account, amount))
            for account, amount in parts:
                account.idle -= amount
                account.held += amount
                account.seen = now
            ids.held[id] = (expires, parts, None)
            if expires < ids.fresh:
                ids.fresh = expires
                if expires < ids.earliest:
                    ids.earliest = expires
        return True

    def settle(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Counts what was really used in place of what was held; whether it was not done before."""
        return self._finish(id, holds, amounts, now, settled=True)

    def release(self, id: str, holds: Sequence[Hold], now: float) -> bool:
        """Gives back all that was held; whether it was not settled or released before."""
        return self._finish(id, holds, [0] * len(holds), now, settled=False)

    def _finish(
        self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float, *, settled: bool
    ) -> bool:
        checked_amounts(holds, amounts)
        leasing, ids = self._leasing, self._ids
        telling: list[Account] | None = None
        with self._lock:
            entry = ids.held.get(id)
            mine = entry is not None and entry[2] is None
            if entry is not None and entry[2] is None:
                if len(entry[1]) != len(amounts):
                    raise not_its_holds()
                del ids.held[id]
                ids.done[id] = True
                for (account, was), amount in zip(entry[1], amounts, strict=True):
                    account.held -= was
                    account.spent += amount
                    account.idle += was - amount
                    if (
                        account.spent >= account.full
                        or account.idle < account.low
                        or account.scarce
                        or account.closing
                    ):
                        telling = telling or []
                        telling.append(account)
            tidy = bool(leasing.pending) or leasing.wants(now)
        if not mine:
            return self._settling.finish(id, holds, amounts, now, settled=settled)
        if telling or tidy:
            self._asking.tell(telling or (), now)
        return True

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones that an id held, and until later."""
        checked(charges, now, expires)
        with self._leasing.trips:
            return self._raising.raised(id, charges, now, expires)

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what was settled, never below nothing; whether it was not done before.

        Off what is settled and not yet reported first; the shared store knows the id in any case.
        """
        checked_amounts(holds, amounts)
        return self._settling.refund(id, holds, amounts, now)

    def take(self, id: str, charge: Charge, least: int, now: float, expires: float) -> int:
        """Holds as much of a charge as the shared store has room for, for leases of leases."""
        with self._leasing.trips:
            self._asking.settle_up([charge], now)
            got = self._store.take(id, charge, least, now, expires)
        if got:
            with self._lock:
                self._ids.done[id] = False
        return got

    def standing(self, charges: Sequence[Charge], now: float) -> Sequence[Standing]:
        """How the counters stand, without the charges: a trip to the shared store.

        What others have leased counts as reserved, what is idle here does not count.
        """
        leasing = self._leasing
        with leasing.trips:
            with self._lock:
                self._asking.expire(now)
                over = [c for c in charges if any(a.ends <= now for a in leasing.of(c.key))]
            self._asking.settle_up(over, now)
            leasing.flush(now)
            found = self._store.standing(charges, now)
            with self._lock:
                pairs = zip(charges, found, strict=True)
                return [leasing.adjusted(charge, standing, now) for charge, standing in pairs]

    def exposure(self, key: str) -> int:
        """What is spent or under way here on a counter and is not yet settled in the shared store.

        So much at most is spent beyond a limit if this gateway is lost now.
        """
        with self._lock:
            return self._leasing.unsettled(key)

    def renew(self, now: float) -> None:
        """Settles what is due: for a timer, so that a gateway that is silent keeps its leases.

        Needed every eighth of `seconds`, where no call may come for so long. It asks the store
        nothing while nothing is due.
        """
        with self._leasing.trips:
            with self._lock:
                self._asking.expire(now)
            self._leasing.tidy(now, len(self._leasing.due))
            self._leasing.flush(now)
            self._asking.latest = now

    def sync(self, now: float) -> None:
        """Reports all that was spent, gives back all that is idle, and renews the rest.

        Afterwards the shared store counts what was settled here, and holds what is under way.
        """
        with self._leasing.trips:
            with self._lock:
                self._asking.expire(now)
            self._leasing.all_settled(now)
            self._asking.latest = now

    def close(self) -> None:
        """Reports and gives back everything, and closes the shared store."""
        try:
            self.sync(self._asking.latest)
        finally:
            self._store.close()

    def append(self, stream: str, event: bytes, now: float, keep: int, lasts: float) -> None:
        """Adds an event to a stream, which keeps the newest `keep` for `lasts` seconds."""
        self._events.append(stream, event, now, keep, lasts)

    def events(self, stream: str, now: float) -> Sequence[bytes]:
        """The events of a stream, oldest first."""
        return self._events.events(stream, now)

    def get(self, space: str, key: str, now: float) -> Row | None:
        """The row, unless there is none or it has expired."""
        return self._store.get(space, key, now)

    def add(self, space: str, key: str, row: Row, now: float) -> Row:
        """Keeps a row where there is none in force; gives the row that is kept then."""
        return self._store.add(space, key, row, now)

    def put(self, space: str, key: str, row: Row) -> None:
        """Keeps a row, in place of any other."""
        self._store.put(space, key, row)

    def extend(self, space: str, key: str, expires: float | None) -> bool:
        """Lets a row that is there expire at another time; whether there is one."""
        return self._store.extend(space, key, expires)

    def delete(self, space: str, key: str) -> bool:
        """Forgets a row; whether there was one."""
        return self._store.delete(space, key)

    def purge(self, now: float) -> int:
        """Forgets all rows that have expired; how many."""
        return self._store.purge(now)

    def __repr__(self) -> str:
        return f"LeasedStore({self._store!r})"


_OPEN: WeakSet[LeasedStore] = WeakSet()


def _close_all() -> None:
    # One that fails does not keep the others from reporting.
    with ExitStack() as closing:
        for store in list(_OPEN):
            closing.callback(_close, store)


def _close(store: LeasedStore) -> None:
    # At the end of a process there is nobody to tell; the leases end by themselves.
    with suppress(StateError):
        store.close()


def _start_all() -> None:
    for store in list(_OPEN):
        store._start()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all)
