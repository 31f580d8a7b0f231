"""Lets reservations grow that are held within leases, or there and in the shared store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policyengine.charges import Charge, Standing
from policyengine.errors import StateError
from policyengine.state._counting import reservation_over
from policyengine.state._lease import Account
from policyengine.state._lease_asking import NOTHING, TRIES, Asking, room
from policyengine.state._lease_ids import Direct, Held, Ids, Parts
from policyengine.state._leasing import Leasing


class Raising:
    """How reservations grow. Called with `Leasing.trips` and without `Leasing.lock`."""

    def __init__(self, leasing: Leasing, ids: Ids, asking: Asking) -> None:
        self._leasing, self._ids, self._asking = leasing, ids, asking
        self._store, self._lock = leasing.store, leasing.lock

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones, wherever those are held."""
        with self._lock:
            self._asking.expire(now)
            mine, over = id in self._ids.held, self._ids.is_over(id)
        if over:
            raise reservation_over()
        if not mine:
            return self._store.raised(id, charges, now, expires)
        return self._raise(id, charges, now, expires)

    def _raise(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        for _ in range(TRIES):
            with self._lock:
                before = self._ids.held.get(id)
                if before is None:
                    raise reservation_over()
                _, parts, direct = before
                places = direct[1] if direct else ()
                if len(charges) != len(parts) + len(places):
                    raise StateError("bad-charges", "these are not what the reservation holds")
                mine = [charge for i, charge in enumerate(charges) if i not in places]
                short = _short(mine, parts)
                if not short:
                    self._grow(id, mine, before, now, expires)
                    break
                at = [i for i in range(len(charges)) if i not in places]
            refused = {}
            for i in short:
                account, was = parts[i]
                more = mine[i].amount - was
                standing = self._make_room(account, account.in_slot(mine[i]), more, now)
                if standing is not None:
                    refused[at[i]] = standing
            if refused:
                return refused
        else:
            raise StateError("store-busy", "other threads used up every lease")
        if direct is None:
            return NOTHING
        return self._raise_direct(id, before, direct, charges, now, expires)

    def _grow(
        self, id: str, charges: Sequence[Charge], before: Held, now: float, expires: float
    ) -> None:
        until, parts, direct = before
        grown: Parts = []
        for charge, (account, was) in zip(charges, parts, strict=True):
            more = max(charge.amount - was, 0)
            if account.hold(more, charge.limit, now):
                self._leasing.watched(account)
            grown.append((account, was + more))
        self._ids.hold(id, (max(until, expires), grown, direct))

    def _raise_direct(
        self,
        id: str,
        before: Held,
        direct: Direct,
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
                    grown = self._ids.held.get(id)
                    if grown is not None:
                        self._ids.hold(id, before)
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
            self._asking.ready(account, charge, now)
        [found] = self._store.standing([charge], now)
        with self._lock:
            need, left = amount - account.idle, room(charge, found)
            if need > left:
                return leasing.adjusted(charge, found, now)
            size = 0 if account.closing else account.size(amount, left, now)
        if need > 0:
            leasing.take(account, charge, max(size, need), need, now)
        return None


def _short(charges: Sequence[Charge], parts: Parts) -> list[int]:
    """The charges that have too little room in their leases."""
    return [
        i
        for i, (charge, (account, was)) in enumerate(zip(charges, parts, strict=True))
        if charge.limit is not None and account.idle < charge.amount - was
    ]
