"""Settles what the shared store holds a part of, or all; and takes refunds off in both places."""

from __future__ import annotations

from collections.abc import Sequence

from policyengine.charges import Hold
from policyengine.errors import StateError
from policyengine.state._lease import Account
from policyengine.state._lease_asking import Asking
from policyengine.state._lease_ids import Held, Ids
from policyengine.state._leasing import Leasing


class Settling:
    """How reservations end. Called without `Leasing.trips` and `Leasing.lock`."""

    def __init__(self, leasing: Leasing, ids: Ids, asking: Asking) -> None:
        self._leasing, self._ids, self._asking = leasing, ids, asking
        self._store, self._lock = leasing.store, leasing.lock

    def finish(
        self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float, *, settled: bool
    ) -> bool:
        """Settles or releases what is not held within leases alone."""
        with self._lock:
            entry = self._ids.held.get(id)
            if entry is None and self._ids.is_over(id):
                return False
        if entry is not None and entry[1]:
            done = self._finish_both(id, holds, amounts, now, settled=settled)
            if done is not None:
                return done
        # All of it is there, under its own id: the store knows whether it was done before.
        first = self._tell(id, holds, amounts, now, settled=settled)
        with self._lock:
            self._ids.finish(id)
        return first

    def _finish_both(
        self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float, *, settled: bool
    ) -> bool | None:
        """What is held in both places; None: it has expired meanwhile."""
        with self._leasing.trips:
            with self._lock:
                entry = self._ids.held.get(id)
                if entry is None:
                    return False if self._ids.is_over(id) else None
                _, parts, direct = entry
                places = direct[1] if direct else ()
                if len(parts) + len(places) != len(amounts):
                    raise not_its_holds()
                # At once: other threads, whose clocks may be ahead, must not see it expire.
                self._ids.finish(id)
            self._finish_there(id, entry, holds, amounts, now, settled=settled)
            here = [amount for i, amount in enumerate(amounts) if i not in places]
            with self._lock:
                for (account, was), amount in zip(parts, here, strict=True):
                    account.give_back(was, amount)
                telling = [account for account, _ in parts if account.tells]
        self._asking.tell(telling, now)
        return True

    def _finish_there(
        self,
        id: str,
        entry: Held,
        holds: Sequence[Hold],
        amounts: Sequence[int],
        now: float,
        *,
        settled: bool,
    ) -> None:
        name, places = entry[2] or ("", ())
        there = [holds[i] for i in places]
        done = False
        try:
            self._tell(name, there, [amounts[i] for i in places], now, settled=settled)
            done = True
        finally:
            if not done:
                with self._lock:
                    self._ids.resume(id, entry)

    def _tell(
        self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float, *, settled: bool
    ) -> bool:
        if settled:
            return self._store.settle(id, holds, amounts, now)
        return self._store.release(id, holds, now)

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what is settled and not yet reported, and the rest off in the store."""
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

    def _settled_here(self, hold: Hold) -> Account | None:
        for account in self._leasing.of(hold.key):
            if account.charge.slot == hold.slot and account.spent:
                return account
        return None


def not_its_holds() -> StateError:
    """What is raised where a reservation is settled with the holds of another one."""
    return StateError("bad-amount", "these are not the holds of the reservation")
