"""Leases: a gateway takes a part of a budget from the store it shares, and decides by itself.

What is leased counts as held in the shared store, so nobody else can spend it, and what is spent
here lies within it. Decisions take no trip to the store while a lease lasts.
"""

from __future__ import annotations

import atexit
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakSet

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state._counting import checked, checked_amounts, reservation_over
from policyengine.state._lease import Account, Terms
from policyengine.state._leasing import Leasing
from policyengine.state.store import Ledger, Row, Store

_NOTHING: Final[Mapping[int, Standing]] = {}
# How often a request is tried with leases while other threads use them up.
_TRIES: Final = 3


# What a store says of what it was asked, not of itself.
_ASKED: Final = ("bad-amount", "bad-charges", "bad-time", "reservation-over")


class Shared(Store, Ledger, Protocol):
    """A store of rows and counters that several gateways use."""


# An amount in an account for each charge that is held here, in their order.
_Parts = list[tuple[Account, int]]
# The id under which the shared store holds the other charges, and their positions.
_Direct = tuple[str, Sequence[int]]
# When a reservation expires, and what it holds. No class: one is made in every decision.
_Held = tuple[float, _Parts, _Direct | None]


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

    The gateway that reserved an id knows it for `remembered` seconds; the shared store knows the
    ids that it decided itself. Another gateway may settle a reservation: that is counted in the
    shared store, once, and what is held here expires. But the same id must not be settled both
    there and here, nor reserved by two gateways.

    A refusal is remembered for `refused` seconds at most, and so is that the store did not answer;
    what is idle here is used all the same, and a remembered refusal names only the counters that
    it was about. Until a lease ends it is used without the store, then decisions are a
    `StateError`. One thread at a time asks the store about leases, and those with room in theirs
    do not wait for it. Streams of events are kept in `events`, which is the shared store unless
    another is given: a `MemoryStore` makes them this gateway's own.

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
        events: Ledger | None = None,
    ) -> None:
        """`name` begins the ids of leases. Raises `ValueError` for numbers that make no sense."""
        if not (0 <= share <= 1 and least >= 1 and 0 <= margin < seconds / 4):
            raise ValueError("a lease is a share of 0 to 1, for longer than four times the margin")
        if refused < 0 or remembered <= 0:
            raise ValueError("what is remembered is remembered for some time")
        self._store = store
        self._events: Ledger = store if events is None else events
        self._terms, self._name = Terms(share, least, seconds, margin), name
        self._refused, self._remembered = refused, remembered
        self._start()
        _OPEN.add(self)

    def _start(self) -> None:
        """Starts without leases, as also after a fork: those are the other process's."""
        self._leasing = Leasing(self._store, self._terms, self._name)
        self._lock = self._leasing.lock
        self._held: dict[str, _Held] = {}
        # Ids that were settled or released (True), or that the shared store knows if anybody does
        # (False), in two generations.
        self._done: dict[str, bool] = {}
        self._done_before: dict[str, bool] = {}
        self._turned = self._dropped = -math.inf
        # No reservation expires earlier.
        self._earliest = math.inf
        self._latest = 0.0
        # When the shared store did not answer.
        self._down = -math.inf

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them; within leases, where there are any."""
        checked(charges, now, expires)
        with self._lock:
            if now >= self._earliest:
                self._expire(now)
            if id in self._held or id in self._done or id in self._done_before:
                return _NOTHING
            accounts = self._leasing.accounts
            parts: _Parts = []
            for charge in charges:
                account = accounts.get(charge.key)
                if account is None:
                    break
                amount, known = charge.amount, account.charge
                if (
                    not account.begins <= now < account.renews
                    or account.idle - amount < account.floor
                    # Nothing has room as well, unless the limit is exceeded.
                    or not amount
                    or charge.slot != known.slot
                    or charge.limit != known.limit
                ):
                    break
                parts.append((account, amount))
            else:
                for account, amount in parts:
                    account.idle -= amount
                    account.held += amount
                    account.seen = now
                self._held[id] = (expires, parts, None)
                if expires < self._earliest:
                    self._earliest = expires
                return _NOTHING
        return self._reserve_slowly(id, charges, now, expires)

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
        leasing = self._leasing
        telling: list[Account] | None = None
        with self._lock:
            entry = self._held.get(id)
            mine = entry is not None and entry[2] is None
            if entry is not None and entry[2] is None:
                if len(entry[1]) != len(amounts):
                    raise StateError("bad-amount", "these are not the holds of the reservation")
                del self._held[id]
                self._done[id] = True
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
            return self._finish_elsewhere(id, holds, amounts, now, settled=settled)
        if telling or tidy:
            self._tell(telling or (), now)
        return True

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones that an id held, and until later."""
        checked(charges, now, expires)
        with self._leasing.trips:
            with self._lock:
                self._expire(now)
                mine = id in self._held
                over = self._done.get(id) or self._done_before.get(id)
            if over:
                raise reservation_over()
            if not mine:
                return self._store.raised(id, charges, now, expires)
            return self._raise(id, charges, now, expires)

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what was settled, never below nothing; whether it was not done before.

        Off what is settled and not yet reported first; the shared store knows the id in any case.
        """
        checked_amounts(holds, amounts)
        with self._leasing.trips:
            with self._lock:
                mine = [self._settled_here(hold) for hold in holds]
                here = [
                    0 if account is None else min(account.spent, amount)
                    for account, amount in zip(mine, amounts, strict=True)
                ]
                for account, amount in zip(mine, here, strict=True):
                    if account is not None:
                        account.spent -= amount
            done = False
            rest = [amount - part for amount, part in zip(amounts, here, strict=True)]
            try:
                done = self._store.refund(id, holds, rest, now)
            finally:
                with self._lock:
                    for account, amount in zip(mine, here, strict=True):
                        if account is not None:
                            account.spent += 0 if done else amount
                            account.idle += amount if done else 0
        return done

    def take(self, id: str, charge: Charge, least: int, now: float, expires: float) -> int:
        """Holds as much of a charge as the shared store has room for, for leases of leases."""
        with self._leasing.trips:
            self._settle_up([charge], now)
            got = self._store.take(id, charge, least, now, expires)
        if got:
            with self._lock:
                self._done[id] = False
        return got

    def standing(self, charges: Sequence[Charge], now: float) -> Sequence[Standing]:
        """How the counters stand, without the charges: a trip to the shared store.

        What others have leased counts as reserved, what is idle here does not count.
        """
        leasing = self._leasing
        with leasing.trips:
            with self._lock:
                self._expire(now)
                over = [c for c in charges if any(a.ends <= now for a in leasing.of(c.key))]
            self._settle_up(over, now)
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
                self._expire(now)
            self._leasing.tidy(now, len(self._leasing.due))
            self._leasing.flush(now)
            self._latest = now

    def sync(self, now: float) -> None:
        """Reports all that was spent, gives back all that is idle, and renews the rest.

        Afterwards the shared store counts what was settled here, and holds what is under way.
        """
        with self._leasing.trips:
            with self._lock:
                self._expire(now)
            self._leasing.all_settled(now)
            self._latest = now

    def close(self) -> None:
        """Reports and gives back everything, and closes the shared store."""
        try:
            self.sync(self._latest)
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

    def _reserve_slowly(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        trips = self._leasing.trips
        with self._lock:
            refused = self._remembered_refusals(charges, now)
            tidy = self._leasing.wants(now)
        if tidy:
            # Where everything is refused nothing is settled, and what is under way is still held.
            self._tell((), now)
        if refused:
            return refused
        if not trips.acquire(blocking=False):
            # Somebody renews leases, perhaps this very one: what is left of it can be used.
            with self._lock:
                if self._holds(id, charges, now, expires):
                    return _NOTHING
            trips.acquire()
        try:
            self._latest = now
            return self._ask(id, charges, now, expires)
        except StateError as error:
            self._fails(error, now)
            with self._lock:
                if not self._holds(id, charges, now, expires):
                    raise
                for charge in charges:
                    account = self._leasing.accounts[charge.key]
                    account.renews = min(max(account.renews, now + self._refused), account.ends)
            return _NOTHING
        finally:
            trips.release()

    def _holds(
        self,
        id: str,
        charges: Sequence[Charge],
        now: float,
        expires: float,
        direct: _Direct | None = None,
    ) -> bool:
        """Holds the charges within leases that have not ended, if there is room."""
        parts: _Parts = []
        for charge in charges:
            account = self._leasing.accounts.get(charge.key)
            if account is None or not account.fits(charge, now):
                return False
            parts.append((account, charge.amount))
        for (account, amount), charge in zip(parts, charges, strict=True):
            if account.hold(amount, charge.limit, now):
                self._leasing.watched(account)
        self._held[id] = (expires, parts, direct)
        self._earliest = min(self._earliest, expires)
        return True

    def _ask(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Decides with the shared store: first what can be leased, then the rest at once."""
        if self._is_down(now):
            raise StateError("store-failed", "the store did not answer a moment ago")
        for _ in range(_TRIES):
            with self._lock:
                self._turn(now)
                self._expire(now)
                if id in self._held or id in self._done or id in self._done_before:
                    return _NOTHING
                accounts = [self._leasing.account(charge) for charge in charges]
                asked = [a.in_slot(c) for a, c in zip(accounts, charges, strict=True)]
            for account, charge in zip(accounts, asked, strict=True):
                self._ready(account, charge, now)
            with self._lock:
                if self._holds(id, asked, now, expires):
                    return _NOTHING
                short = [i for i, charge in enumerate(asked) if not accounts[i].fits(charge, now)]
            refused, direct = self._fill(accounts, asked, short, now)
            if refused:
                for i in refused:
                    # What is too little here may be enough for somebody else.
                    if accounts[i].idle > 0:
                        self._leasing.settle_up(accounts[i], now)
                return refused
            answer = self._hold(id, accounts, asked, direct, now, expires)
            if answer is not None:
                return answer
        # Other threads were faster each time: let the shared store decide on all of it.
        self._settle_up(asked, now)
        everything = self._hold(id, accounts, asked, range(len(asked)), now, expires)
        return _NOTHING if everything is None else everything

    def _ready(self, account: Account, charge: Charge, now: float) -> None:
        """Renews an account that has to be, for a charge with this limit."""
        with self._lock:
            other = charge.limit is not None and charge.limit != account.charge.limit
            owing = account.idle < 0 and not account.fits(charge, now)
            wanted = not account.clean and (other or owing or account.is_due(now))
        if wanted:
            self._leasing.settle_up(account, now)
        if other:
            with self._lock:
                account.limits(charge.limit)

    def _fill(
        self, accounts: Sequence[Account], asked: Sequence[Charge], short: list[int], now: float
    ) -> tuple[Mapping[int, Standing], list[int]]:
        """Takes leases where there is too little; the charges that are refused, or not for one."""
        with self._lock:
            cold = [
                i
                for i in short
                if asked[i].limit is None
                or (accounts[i].idle <= 0 and not accounts[i].is_warm(now))
            ]
            for i in cold:
                accounts[i].seen = now
        if len(cold) == len(short):
            return _NOTHING, cold
        found = self._store.standing([asked[i] for i in short], now)
        refused, direct = {}, cold
        with self._lock:
            for i, standing in zip(short, found, strict=True):
                room = _room(asked[i], standing)
                if asked[i].amount - accounts[i].idle > room:
                    refused[i] = self._refuses(accounts[i], asked[i], standing, now)
        if refused:
            return refused, []
        for i, standing in zip(short, found, strict=True):
            if i in cold:
                continue
            account, amount = accounts[i], asked[i].amount
            with self._lock:
                need = amount - account.idle
                size = account.size(amount, _room(asked[i], standing), now)
            if need <= 0 < account.idle:
                continue
            fits = need > 0 and (need <= size or account.idle > 0)
            took = fits and self._leasing.take(account, asked[i], max(size, need), need, now)
            # The store is asked for all of it, also where somebody else was faster.
            if not took and account.idle <= 0:
                direct.append(i)
        return _NOTHING, sorted(direct)

    def _hold(
        self,
        id: str,
        accounts: Sequence[Account],
        asked: Sequence[Charge],
        direct: Sequence[int],
        now: float,
        expires: float,
    ) -> Mapping[int, Standing] | None:
        """Holds some charges in the shared store, and the others here; None: here is no room."""
        if not direct:
            with self._lock:
                return _NOTHING if self._holds(id, asked, now, expires) else None
        name = id if len(direct) == len(asked) else f"{self._leasing.called}/{id}"
        local = [charge for i, charge in enumerate(asked) if i not in direct]
        with self._lock:
            if not self._holds(id, local, now, expires, (name, tuple(direct))):
                return None
        refused: Mapping[int, Standing] | None = None
        try:
            refused = self._store.reserve(name, [asked[i] for i in direct], now, expires)
        finally:
            with self._lock:
                if refused is None or refused:
                    _, parts, _ = self._held.pop(id)
                    for account, amount in parts:
                        account.give_back(amount, 0)
                places = [(direct[at], standing) for at, standing in (refused or {}).items()]
                answer = {
                    i: self._refuses(accounts[i], asked[i], standing, now) for i, standing in places
                }
        return answer

    def _raise(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        for _ in range(_TRIES):
            with self._lock:
                if id not in self._held:
                    raise reservation_over()
                before = self._held[id]
                _, parts, direct = before
                places = direct[1] if direct else ()
                if len(charges) != len(parts) + len(places):
                    raise StateError("bad-charges", "these are not what the reservation holds")
                mine = [i for i in range(len(charges)) if i not in places]
                short = [
                    (i, account)
                    for i, (account, was) in zip(mine, parts, strict=True)
                    if charges[i].limit is not None and account.idle < charges[i].amount - was
                ]
                if not short:
                    grown: _Parts = []
                    for i, (account, was) in zip(mine, parts, strict=True):
                        more = max(charges[i].amount - was, 0)
                        if account.hold(more, charges[i].limit, now):
                            self._leasing.watched(account)
                        grown.append((account, was + more))
                    self._held[id] = (expires, grown, direct)
                    self._earliest = min(self._earliest, expires)
                    break
                held = dict(zip(mine, parts, strict=True))
            refused = {}
            for i, account in short:
                more = charges[i].amount - held[i][1]
                standing = self._make_room(account, account.in_slot(charges[i]), more, now)
                if standing is not None:
                    refused[i] = standing
            if refused:
                return refused
        else:
            raise StateError("store-busy", "other threads used up every lease")
        if direct is None:
            return _NOTHING
        return self._raise_direct(id, before, direct, charges, now, expires)

    def _raise_direct(
        self,
        id: str,
        before: _Held,
        direct: _Direct,
        charges: Sequence[Charge],
        now: float,
        expires: float,
    ) -> Mapping[int, Standing]:
        """Raises what the shared store holds; as it was before, if that has no room."""
        name, places = direct
        refused: Mapping[int, Standing] | None = None
        try:
            refused = self._store.raised(name, [charges[i] for i in places], now, expires)
        finally:
            if refused is None or refused:
                with self._lock:
                    # It may have been settled meanwhile, with what it held then.
                    if id in self._held:
                        grown, self._held[id] = self._held[id], before
                        for (account, more), (_, was) in zip(grown[1], before[1], strict=True):
                            account.give_back(more - was, 0)
        return {places[at]: standing for at, standing in refused.items()}

    def _make_room(
        self, account: Account, charge: Charge, amount: int, now: float
    ) -> Standing | None:
        """Leases what a reservation grows by; how the counter stands, if there is no room."""
        leasing = self._leasing
        if account.closing and account.leases:
            standing = leasing.grow(account, charge, amount - account.idle, now)
            return standing and leasing.adjusted(charge, standing, now)
        if not account.closing:
            self._ready(account, charge, now)
        [found] = self._store.standing([charge], now)
        with self._lock:
            need, room = amount - account.idle, _room(charge, found)
            if need > room:
                return leasing.adjusted(charge, found, now)
            size = 0 if account.closing else account.size(amount, room, now)
        if need > 0:
            leasing.take(account, charge, max(size, need), need, now)
        return None

    def _finish_elsewhere(
        self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float, *, settled: bool
    ) -> bool:
        """Finishes what the shared store holds all of, or a part of, or knows nothing about."""
        with self._lock:
            entry = self._held.get(id)
            if entry is None and (self._done.get(id) or self._done_before.get(id)):
                return False
        if entry is None or not entry[1]:
            # All of it is there, under its own id: the store knows whether it was done before.
            first = self._tell_store(id, holds, amounts, now, settled=settled)
            with self._lock:
                self._held.pop(id, None)
                self._done[id] = True
            return first
        with self._leasing.trips:
            with self._lock:
                entry = self._held.get(id)
                if entry is None:
                    return False
            _, parts, direct = entry
            name, places = direct or ("", ())
            there = [holds[i] for i in places]
            self._tell_store(name, there, [amounts[i] for i in places], now, settled=settled)
            with self._lock:
                del self._held[id]
                self._done[id] = True
                here = [amount for i, amount in enumerate(amounts) if i not in places]
                for (account, was), amount in zip(parts, here, strict=True):
                    account.give_back(was, amount)
        self._tell([account for account, _ in parts if account.tells], now)
        return True

    def _tell_store(
        self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float, *, settled: bool
    ) -> bool:
        if settled:
            return self._store.settle(id, holds, amounts, now)
        return self._store.release(id, holds, now)

    def _tell(self, accounts: Iterable[Account], now: float) -> None:
        """Tells the shared store what it should know, or later, if it does not answer."""
        with self._leasing.trips:
            self._latest = now
            accounts = list(accounts)
            try:
                if not self._is_down(now):
                    for account in accounts:
                        self._leasing.report(account, now)
                    accounts = []
                    self._leasing.tidy(now)
                    self._leasing.flush(now)
            except StateError as error:
                self._fails(error, now)
                # It is counted here, and lies in `due` or `pending` until the store is there.
            with self._lock:
                self._turn(now)
                self._expire(now)
                self._leasing.due.extend((now + self._refused, each) for each in accounts)

    def _settle_up(self, charges: Iterable[Charge], now: float) -> None:
        for charge in charges:
            with self._lock:
                wanted = [each for each in self._leasing.of(charge.key) if not each.clean]
            for account in wanted:
                self._leasing.settle_up(account, now)

    def _settled_here(self, hold: Hold) -> Account | None:
        for account in self._leasing.of(hold.key):
            if account.charge.slot == hold.slot and account.spent:
                return account
        return None

    def _refuses(
        self, account: Account, charge: Charge, standing: Standing, now: float
    ) -> Standing:
        true = self._leasing.adjusted(charge, standing, now)
        account.refused = (now, charge, true)
        account.hoard(True, now)
        return true

    def _remembered_refusals(self, charges: Sequence[Charge], now: float) -> Mapping[int, Standing]:
        found = {}
        for i, charge in enumerate(charges):
            account = self._leasing.accounts.get(charge.key)
            if account is None or account.refused is None or account.fits(charge, now):
                continue
            at, refused, standing = account.refused
            same = refused.slot == charge.slot and refused.limit == charge.limit
            if same and charge.amount >= refused.amount and 0 <= now - at < self._refused:
                found[i] = standing
        return found

    def _expire(self, now: float) -> None:
        """Gives back what has been held for too long."""
        if now < self._earliest:
            return
        over = [id for id, held in self._held.items() if held[0] <= now]
        for id in over:
            _, parts, _ = self._held.pop(id)
            self._done[id] = False
            for account, amount in parts:
                account.give_back(amount, 0)
                if account.closing:
                    self._leasing.due.appendleft((now, account))
        self._earliest = min((held[0] for held in self._held.values()), default=math.inf)

    def _turn(self, now: float) -> None:
        """Forgets ids and counters that have not been in use for long."""
        if not self._turned <= now < self._turned + self._remembered:
            self._done_before, self._done, self._turned = self._done, {}, now
        if not self._dropped <= now < self._dropped + self._terms.seconds:
            self._leasing.dropped(now)
            self._dropped = now

    def _fails(self, error: StateError, now: float) -> None:
        if error.code not in _ASKED and not self._is_down(now):
            self._down = now

    def _is_down(self, now: float) -> bool:
        return 0 <= now - self._down < self._refused


def _room(charge: Charge, standing: Standing) -> int:
    return 0 if charge.limit is None else charge.limit - standing.used


_OPEN: WeakSet[LeasedStore] = WeakSet()


def _close_all() -> None:
    for store in list(_OPEN):
        # At the end of a process there is nobody to tell; the leases end by themselves.
        with suppress(StateError):
            store.close()


def _start_all() -> None:
    for store in list(_OPEN):
        store._start()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all)
