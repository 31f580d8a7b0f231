"""Decides with the shared store what cannot be decided within leases, and takes new ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from policyengine.charges import Charge, Standing
from policyengine.errors import StateError
from policyengine.state._lease import Account
from policyengine.state._lease_ids import Direct, Ids, Parts
from policyengine.state._leasing import ASKED, Leasing

NOTHING: Final[Mapping[int, Standing]] = {}
# How often a request is tried with leases while other threads use them up.
TRIES: Final = 3


class Asking:
    """What a gateway asks the shared store, and what it remembers of the answers.

    Public methods are called without `Leasing.lock`; `reserve` and `tell` also without
    `Leasing.trips`, the others with it. `latest` is when it asked last.
    """

    def __init__(self, leasing: Leasing, ids: Ids, refused: float) -> None:
        self._leasing, self._ids, self._refused = leasing, ids, refused
        self._store, self._lock = leasing.store, leasing.lock
        self.latest = 0.0
        # When the shared store did not answer.
        self._down = self._dropped = -math.inf

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them, where leases alone have no room."""
        trips = self._leasing.trips
        with self._lock:
            refused = self._remembered_refusals(charges, now)
            tidy = self._leasing.wants(now)
        if tidy:
            # Where everything is refused nothing is settled, and what is under way is still held.
            self.tell((), now)
        if refused:
            return refused
        if not trips.acquire(blocking=False):
            # Somebody renews leases, perhaps this very one: what is left of it can be used.
            with self._lock:
                if self._holds(id, charges, now, expires):
                    return NOTHING
            trips.acquire()
        try:
            self.latest = now
            return self._ask(id, charges, now, expires)
        except StateError as error:
            self._fails(error, now)
            with self._lock:
                if not self._holds(id, charges, now, expires):
                    raise
                for charge in charges:
                    account = self._leasing.accounts.get(charge.key)
                    if account is not None:
                        until = max(account.renews, now + self._refused)
                        account.renews = min(until, account.ends)
            return NOTHING
        finally:
            trips.release()

    def tell(self, accounts: Sequence[Account], now: float) -> None:
        """Tells the shared store what it should know, or later, if it does not answer.

        What is merely due is left to whoever is asking the store already.
        """
        if not self._leasing.trips.acquire(blocking=bool(accounts)):
            return
        try:
            self.latest = now
            try:
                if not self._is_down(now):
                    for account in accounts:
                        self._leasing.report(account, now)
                    accounts = ()
                    self._leasing.tidy(now)
                    self._leasing.flush(now)
            except StateError as error:
                self._fails(error, now)
                # It is counted here, and lies in `due` or `pending` until the store is there.
            with self._lock:
                self._forget(now)
                self._leasing.due.extendleft((now + self._refused, each) for each in accounts)
        finally:
            self._leasing.trips.release()

    def settle_up(self, charges: Iterable[Charge], now: float) -> None:
        """Settles all accounts of these charges' counters."""
        for charge in charges:
            with self._lock:
                wanted = [each for each in self._leasing.of(charge.key) if not each.clean]
            for account in wanted:
                self._leasing.settle_up(account, now)

    def ready(self, account: Account, charge: Charge, now: float) -> None:
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

    def expire(self, now: float) -> None:
        """Gives back what has been held for too long. Called with `Leasing.lock`, too."""
        for _, parts, _ in self._ids.expired(now):
            for account, amount in parts:
                account.give_back(amount, 0)
                if account.closing:
                    self._leasing.due.appendleft((now, account))

    def _forget(self, now: float) -> None:
        """Forgets ids and counters that have not been in use for long."""
        self.expire(now)
        self._ids.turn(now)
        seconds = self._leasing.terms.seconds
        if not self._dropped - seconds <= now < self._dropped + seconds:
            self._leasing.dropped(now)
            self._dropped = now

    def _holds(
        self,
        id: str,
        charges: Sequence[Charge],
        now: float,
        expires: float,
        direct: Direct | None = None,
    ) -> bool:
        """Holds the charges within leases that have not ended, if there is room."""
        # A thread that needs no trip may have been asked the same meanwhile.
        if self._ids.knows(id):
            return True
        parts: Parts = []
        for charge in charges:
            account = self._leasing.accounts.get(charge.key)
            if account is None or not account.fits(charge, now):
                return False
            parts.append((account, charge.amount))
        for (account, amount), charge in zip(parts, charges, strict=True):
            if account.hold(amount, charge.limit, now):
                self._leasing.watched(account)
        self._ids.hold(id, (expires, parts, direct))
        return True

    def _ask(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Decides with the shared store: first what can be leased, then the rest at once."""
        if self._is_down(now):
            raise StateError("store-failed", "the store did not answer a moment ago")
        for _ in range(TRIES):
            with self._lock:
                self._forget(now)
                if self._ids.knows(id):
                    return NOTHING
                accounts = [self._leasing.account(charge) for charge in charges]
                asked = [a.in_slot(c) for a, c in zip(accounts, charges, strict=True)]
            for account, charge in zip(accounts, asked, strict=True):
                self.ready(account, charge, now)
            with self._lock:
                if self._holds(id, asked, now, expires):
                    return NOTHING
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
        self.settle_up(asked, now)
        everything = self._hold(id, accounts, asked, range(len(asked)), now, expires)
        return NOTHING if everything is None else everything

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
            return NOTHING, cold
        found = self._store.standing([asked[i] for i in short], now)
        refused = {}
        with self._lock:
            for i, standing in zip(short, found, strict=True):
                if asked[i].amount - accounts[i].idle > room(asked[i], standing):
                    refused[i] = self._refuses(accounts[i], asked[i], standing, now)
        if refused:
            return refused, []
        leased = [i for i in short if i not in cold]
        rooms = dict(zip(short, (room(asked[i], s) for i, s in zip(short, found, strict=True)),
                         strict=True))  # fmt: skip
        empty = [i for i in leased if not self._lease(accounts[i], asked[i], rooms[i], now)]
        return NOTHING, sorted(cold + empty)

    def _lease(self, account: Account, charge: Charge, left: int, now: float) -> bool:
        """Takes a lease where so much is left; whether the charge is to be decided here."""
        with self._lock:
            need = charge.amount - account.idle
            size = account.size(charge.amount, left, now)
        if need <= 0 < account.idle:
            return True
        fits = need > 0 and (need <= size or account.idle > 0)
        took = fits and self._leasing.take(account, charge, max(size, need), need, now)
        # The store is asked for all of it, also where somebody else was faster.
        return took or account.idle > 0

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
                return NOTHING if self._holds(id, asked, now, expires) else None
        name = id if len(direct) == len(asked) else self._leasing.named(id)
        local = [charge for i, charge in enumerate(asked) if i not in direct]
        with self._lock:
            if self._ids.knows(id):
                return NOTHING
            if not self._holds(id, local, now, expires, (name, tuple(direct))):
                return None
        refused: Mapping[int, Standing] | None = None
        try:
            refused = self._store.reserve(name, [asked[i] for i in direct], now, expires)
        finally:
            with self._lock:
                if refused is None or refused:
                    # Gone, where a thread whose clock is ahead has seen it expire.
                    _, parts, _ = self._ids.held.pop(id, (0.0, [], None))
                    for account, amount in parts:
                        account.give_back(amount, 0)
                places = [(direct[at], standing) for at, standing in (refused or {}).items()]
                answer = {
                    i: self._refuses(accounts[i], asked[i], standing, now) for i, standing in places
                }
        return answer

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

    def _fails(self, error: StateError, now: float) -> None:
        if error.code not in ASKED and not self._is_down(now):
            self._down = now

    def _is_down(self, now: float) -> bool:
        return 0 <= now - self._down < self._refused


def room(charge: Charge, standing: Standing) -> int:
    """What is left of a charge's limit."""
    return 0 if charge.limit is None else charge.limit - standing.used
