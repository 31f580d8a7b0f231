"""Steps of a decision at its store: holding what the rules asked for, and remembering it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from policyengine.charges import Charge, Hold, Reservation, Standing, encoded
from policyengine.engine.accounts import NO_STORE, Account, LimitSource, added, new_id, tried
from policyengine.engine.facts import Request, Source
from policyengine.engine.waiting import started, waited_later
from policyengine.errors import FactError
from policyengine.state.store import Ledger

# Seconds that an event loop waits for a store that blocks.
_PATIENCE: Final = 5.0
# The rules of a decision run again for each counter that has no room. More have none only where a
# limit names other counters each time.
_MOST_ROUNDS: Final = 1_000


class _Step(ABC):
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

    @abstractmethod
    def work(self) -> Any:
        """Asks the store. Raises `FactError`."""


class Holding(_Step):
    """Holds all charges of a decision, or finds those that have no room.

    It gives whether they are held; if not, the account's `final` says more than before.
    """

    __slots__ = ("_charges", "_left", "_looks", "_made", "_model", "_wanted")

    def __init__(
        self, account: Account, wanted: Sequence[tuple[LimitSource, Charge]], model: str
    ) -> None:
        super().__init__(account)
        self._wanted = wanted
        self._model = model
        self._charges, self._looks = _merged(wanted)
        self._made: Reservation | None = None
        self._left = False

    def ask_now(self, request: Request) -> Any:
        """Does it. A `FactError` where the store could not."""
        answer = super().ask_now(request)
        self._account.reservation = self._made
        return answer

    async def ask_later(self, request: Request) -> Any:
        """Does it, in a thread where the store blocks; what nobody waits for is given back."""
        if not self._account.blocks:
            return self.ask_now(request)
        try:
            # A thread costs more than what needs no trip.
            answer = self._held_here()
            if not answer:
                answer = await waited_later(self.work, time.monotonic() + _PATIENCE)
        except BaseException as error:
            # The thread goes on: either it sees that it was left, or it is done by now.
            self._left = True
            if self._made is not None:
                started(partial(self._give_back, self._made))
            if isinstance(error, FactError):
                return error
            raise
        self._account.reservation = self._made
        return answer

    def work(self) -> bool:
        """See the class."""
        account = self._account
        store = account.store
        if store is None:
            raise FactError("no-store", NO_STORE)
        charges = self._charges
        if account.rounds > _MOST_ROUNDS:
            raise FactError("limits-unsettled", "the limits do not agree on what they count")
        account.rounds += 1
        refused: Mapping[int, Standing]
        if account.hold:
            refused = self._reserved(store)
            if not refused:
                return True
        else:
            refused = _all_standings(tried(store, "standing", charges, account.now), charges)
        learned = self._learn({charges[at].key: (charges[at], refused[at]) for at in refused})
        if account.hold and not learned:
            raise FactError("store-failed", "the store refused what it has room for")
        return not learned

    def failed(self, error: FactError) -> None:
        """Lets an error of the store be the answer of all that was asked for."""
        for source, _ in self._wanted:
            self._account.final[source.position] = error
        # Whether the store holds something under the old id all the same, nobody knows.
        self._account.id = new_id()

    def _held_here(self) -> bool:
        """Lets a store hold the charges that can do so without waiting, as one with leases may."""
        account = self._account
        reserve_here = getattr(account.store, "reserve_here", None)
        if reserve_here is None or not account.hold or account.is_key:
            return False
        terms = (account.id, self._charges, account.now, account.expires)
        if tried(account.store, "reserve_here", *terms) is not True:
            return False
        self._made = self._reservation(account.id)
        return True

    def _reserved(self, store: Ledger) -> Mapping[int, Standing]:
        account = self._account
        refused = self._asked(store, account.id)
        if not refused and account.is_key:
            try:
                terms = (self._charges, account.now, account.expires)
                tried(store, "raised", account.id, *terms)
            except FactError as error:
                if error.code != "reservation-over":
                    raise
                # What the key stood for was settled, or given back: this is one more request.
                account.id, account.is_key = new_id(), False
                refused = self._asked(store, account.id)
        return refused

    def _asked(self, store: Ledger, id: str) -> Mapping[int, Standing]:
        """Lets the store hold the charges under an id; those that it refuses."""
        account, charges = self._account, self._charges
        refused = _standings(
            tried(store, "reserve", id, charges, account.now, account.expires), len(charges)
        )
        if not refused:
            self._made = made = self._reservation(id)
            if self._left:
                self._give_back(made)
        return refused

    def _reservation(self, id: str) -> Reservation:
        # An answer under way ends only at a limit beyond which a rule refuses: no other has a say.
        limits: dict[str, int | None] = {}
        for source, charge in self._wanted:
            if source.refuses and not source.looks and charge.limit is not None:
                limits[charge.key] = min(charge.limit, limits.get(charge.key) or charge.limit)
        charges = tuple([c._replace(limit=limits.get(c.key)) for c in self._charges])
        holds = tuple([Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges])
        return Reservation(id, holds, self._account.expires, self._model, charges, self._looks)

    def _give_back(self, made: Reservation) -> None:
        # What cannot be given back now expires.
        with suppress(FactError):
            tried(self._account.store, "release", made.id, made.holds, self._account.now)

    def _learn(self, refused: Mapping[str, tuple[Charge, Standing]]) -> bool:
        """Notes which limits have no room; whether there are such.

        Those that lead to another model come first: what it costs, the others may have room for.
        """
        full = [
            (source, charge, standing)
            for source, charge in self._wanted
            if charge.limit is not None
            for asked, standing in [refused.get(charge.key, _NOT_REFUSED)]
            if asked is not None and standing.used + asked.amount > charge.limit
        ]
        account = self._account
        found: dict[int, list[Any]] = {}
        for source, charge, standing in [one for one in full if one[0].routes] or full:
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
        return bool(full)


_NOT_REFUSED: Final = (None, Standing(0, 0))


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
            tried(store, "append", stream, encoded(event), now, keep, lasts)


class Releasing(_Step):
    """Gives back what a decision held; what cannot be given back now expires."""

    def work(self) -> None:
        """See the class."""
        held, store = self._account.reservation, self._account.store
        if held is not None and store is not None:
            tried(store, "release", held.id, held.holds, self._account.now)


def _merged(
    wanted: Sequence[tuple[LimitSource, Charge]],
) -> tuple[list[Charge], tuple[int, ...]]:
    """Charges of one counter as one: what several limits count alike is spent once.

    And the positions of those that only look at their counter.
    """
    found: dict[str, Charge] = {}
    charged: set[str] = set()
    for source, charge in wanted:
        if not source.looks:
            charged.add(charge.key)
        before = found.get(charge.key)
        if before is not None:
            limits = [limit for limit in (before.limit, charge.limit) if limit is not None]
            charge = before._replace(
                amount=max(before.amount, charge.amount),
                limit=min(limits, default=None),
                lasts=max(before.lasts, charge.lasts),
            )
        found[charge.key] = charge
    looks = tuple(at for at, key in enumerate(found) if key not in charged)
    return list(found.values()), looks


def _standings(found: Any, charges: int) -> Mapping[int, Standing]:
    """What a store says of charges that it refuses. Raises `FactError` for what makes no sense."""
    if type(found) is dict and not found:
        return found
    # INVARIANT: an answer of a store that is none is no room.
    if not isinstance(found, Mapping) or not all(
        type(at) is int and 0 <= at < charges and _is_standing(one) for at, one in found.items()
    ):
        raise FactError("store-failed", "the store gave an answer that makes no sense")
    return found


def _all_standings(found: Any, charges: Sequence[Charge]) -> Mapping[int, Standing]:
    """How all charges stand, as a store says. Raises `FactError` for what makes no sense."""
    rows = found if isinstance(found, Sequence) and len(found) == len(charges) else (None,)
    return _standings(dict(enumerate(rows)), len(charges))


def _is_standing(one: Any) -> bool:
    return isinstance(one, Standing) and type(one.spent) is type(one.reserved) is int
