"""What a gateway and the shared store say to each other about leases."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable
from itertools import chain
from threading import Lock
from typing import Final, NamedTuple

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state._counting import MOST
from policyengine.state._lease import Account, Lease, Terms
from policyengine.state.store import Ledger

# How many counters that nobody asks for a call settles, so that no call settles hundreds.
_TIDIED = 4
# What a store says of what it was asked, not of itself.
ASKED: Final = ("bad-amount", "bad-charges", "bad-time", "reservation-over")


class _Settlement(NamedTuple):
    """What the shared store is still to be told of a lease that is over."""

    id: str
    hold: Hold
    amount: int


class Leasing:
    """The accounts of a gateway, and the trips for them.

    `lock` is held while something is counted, and never while the store is asked; `trips` while the
    store is asked about leases. INVARIANT: whoever takes both takes `trips` first. Methods that
    make trips are called with `trips` and without `lock`, the others with `lock`.
    """

    def __init__(self, store: Ledger, terms: Terms, name: str) -> None:
        self.store, self.terms = store, terms
        # Nobody can guess it: a request whose host lets it choose its id must not hit a lease.
        self.called = f"{name}-{secrets.token_hex(8)}"
        self.lock, self.trips = Lock(), Lock()
        self.accounts: dict[str, Account] = {}
        # Slots that are over and not yet settled, by counter: many are, whenever slots change.
        self.closing: dict[str, list[Account]] = {}
        self.due: deque[tuple[float, Account]] = deque()
        self.pending: deque[_Settlement] = deque()
        self._count = 0

    def account(self, charge: Charge) -> Account:
        """The account of a charge's counter, in the latest slot that is known."""
        there = self.accounts.get(charge.key)
        if there is not None and (
            there.charge.slot == charge.slot or (there.charge.slot > charge.slot and there.used)
        ):
            return there
        made = Account(charge, self.terms)
        if there is not None:
            made.seen, made.want, made.usual = there.seen, there.want, there.usual
            if 2 * there.idle > there.want:
                made.want //= 2
            if not there.clean:
                there.closing = True
                there.block()
                self.closing.setdefault(charge.key, []).append(there)
                self.due.appendleft((float("-inf"), there))
        self.accounts[charge.key] = made
        return made

    def of(self, key: str) -> Iterable[Account]:
        """All accounts of a counter, of slots that are over too."""
        if key in self.accounts:
            yield self.accounts[key]
        yield from self.closing.get(key, ())

    def unsettled(self, key: str) -> int:
        """What the shared store does not know to be spent or under way here."""
        known = sum(account.held + account.spent for account in self.of(key))
        return known + sum(each.amount for each in self.pending if each.hold.key == key)

    def adjusted(self, charge: Charge, standing: Standing, now: float) -> Standing:
        """How a counter stands, if the shared store says that it stands so."""
        for account in self.of(charge.key):
            standing = account.seen_with(standing, charge, now)
        return standing

    def watched(self, account: Account) -> None:
        """Sees to it that its newest lease is settled in time, whether or not it is asked for.

        Each lease is watched: the oldest is settled earlier if it is used up.
        """
        self.due.append((account.watch, account))

    def wants(self, now: float) -> bool:
        """Whether something is due: also what is left from before a clock was set far back."""
        return bool(self.due) and not now < self.due[0][0] <= now + self.terms.seconds

    def take(self, account: Account, charge: Charge, amount: int, need: int, now: float) -> bool:
        """Takes a lease of an amount, or at least of what is needed; whether there was room."""
        id = self._next()
        wanted = charge._replace(amount=amount)
        got = self.store.take(id, wanted, need, now, now + self.terms.seconds)
        if got <= 0:
            return False
        with self.lock:
            account.add(Lease(id, got, now))
            self.watched(account)
        return True

    def grow(self, account: Account, charge: Charge, need: int, now: float) -> Standing | None:
        """Raises a lease in a slot that is over; how the counter stands, where there is no room."""
        lease = account.leases[-1]
        wanted = charge._replace(amount=lease.size + need)
        refused = self.store.raised(lease.id, [wanted], now, now + self.terms.seconds)
        if refused:
            return refused[0]
        with self.lock:
            account.leases.pop()
            account.idle -= lease.size
            account.add(Lease(lease.id, lease.size + need, now))
        return None

    def report(self, account: Account, now: float) -> None:
        """Settles the leases that are used up, and what is owed because of a settlement."""
        with self.lock:
            while not account.closing and (lease := account.used_up()):
                self.pending.append(_Settlement(lease.id, account.part(lease.size), lease.size))
            wanted = account.tells
        if wanted:
            self.settle_up(account, now)
        self.flush(now)

    def settle_up(self, account: Account, now: float) -> None:
        """Tells all that is spent, gives back all that is idle, holds what is under way.

        What is under way is held before the leases are given back, without a limit: it is part of
        them. In a calendar window that is over nothing can be spent any more, so it is not held:
        the store would hold it in the next one.
        """
        # A store that does not answer must not be given back what can be used without it.
        self.flush(now)
        with self.lock:
            held = min(account.held, MOST)
            if account.closing and account.charge.resets:
                held = 0
            account.block()
        if held:
            id = self._next()
            cover = account.charge._replace(amount=held, limit=None)
            try:
                self.store.reserve(id, [cover], now, now + self.terms.seconds)
            except BaseException:
                with self.lock:
                    account.timed()
                raise
            with self.lock:
                account.leases.append(Lease(id, held, now))
        with self.lock:
            old, spent = account.emptied(1 if held else 0)
            ids = [lease.id for lease in old] or ([self._next()] if spent else [])
            for number, id in enumerate(ids):
                amount = 0 if number else min(spent, MOST)
                self.pending.append(_Settlement(id, account.part(amount), amount))
            if account.leases:
                self.watched(account)
            elif account.closing:
                self._keep_closing([account.charge.key])
        self.flush(now)

    def flush(self, now: float) -> None:
        """Tells the shared store what it is still to be told."""
        while self.pending:
            id, hold, amount = self.pending[0]
            self.store.settle(id, [hold], [amount], now)
            with self.lock:
                self.pending.popleft()

    def tidy(self, now: float, most: int = _TIDIED) -> None:
        """Settles accounts whose time has come, a few of them unless more are wanted."""
        for _ in range(most):
            with self.lock:
                if not self.wants(now):
                    return
                _, account = self.due.popleft()
                wanted = account.closing or account.is_due(now)
            if wanted:
                try:
                    self.settle_up(account, now)
                except BaseException as error:
                    # What the store will not take must not keep the others waiting.
                    asked = isinstance(error, StateError) and error.code in ASKED
                    with self.lock:
                        again = self.due.append if asked else self.due.appendleft
                        again((now, account))
                    raise

    def all_settled(self, now: float) -> None:
        """Settles every account."""
        with self.lock:
            everyone = [*self.accounts.values(), *chain.from_iterable(self.closing.values())]
        for account in everyone:
            if account.spent or account.idle or account.is_due(now):
                self.settle_up(account, now)
        self.flush(now)

    def dropped(self, now: float) -> None:
        """Forgets the accounts of counters that nobody has asked for."""
        since = now - self.terms.seconds
        kept = self.accounts.items()
        self.accounts = {key: each for key, each in kept if each.seen > since or not each.clean}
        self._keep_closing(list(self.closing))

    def _keep_closing(self, keys: Iterable[str]) -> None:
        for key in keys:
            kept = [account for account in self.closing.pop(key, ()) if not account.clean]
            if kept:
                self.closing[key] = kept

    def named(self, id: str) -> str:
        """What the shared store knows a part of a reservation by: never as a lease, which has a
        number."""
        return f"{self.called}/r/{id}"

    def _next(self) -> str:
        self._count += 1
        return f"{self.called}/{self._count}"
