"""How a counter adds up: its slots, the latest of them, and what of them still counts.

No lock, no file and no clock are in here; the stores `memory` and `sqlite` have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError

# The most of one amount and of one counter: all integers up to here are exact in doubles, so that
# every store can count as far. Nine billion dollars.
MOST: Final = 1 << 53
# Below every slot: nothing has been dropped yet.
_NEVER: Final = -(1 << 62)


class Counter:
    """Amounts by slot, settled and held, with their sums.

    `newest` is the latest slot that was ever used. Slots before `floor` were dropped: they have
    left the window, and slots never go back. INVARIANT: `spent` and `held` are the sums over
    `amounts`, and no amount is below zero. `dies` is when it may be forgotten.

    >>> counter = Counter(newest=100)
    >>> counter.hold(100, 5), counter.settle(90, 3), counter.standing(40)
    (None, None, Standing(spent=3, reserved=5, slots=((90, 3), (100, 5))))
    """

    __slots__ = ("amounts", "dies", "floor", "held", "newest", "spent")

    def __init__(self, newest: int, floor: int = _NEVER, dies: float = 0.0) -> None:
        self.newest = newest
        self.floor = floor
        self.dies = dies
        self.spent = 0
        self.held = 0
        # A slot to what is settled and what is held in it.
        self.amounts: dict[int, list[int]] = {}

    def is_over(self, now: float) -> bool:
        """Whether it can be forgotten: what is held in a counter keeps it."""
        return self.dies <= now and not self.held

    def used(self, since: int) -> int:
        """What is settled and held in the slots from one on."""
        if since <= self.floor:
            return self.spent + self.held
        return sum(sum(two) for slot, two in self.amounts.items() if slot >= since)

    def standing(self, since: int) -> Standing:
        """How it stands, counted from a slot on."""
        there = sorted((slot, two) for slot, two in self.amounts.items() if slot >= since)
        spent, held = sum(two[0] for _, two in there), sum(two[1] for _, two in there)
        return Standing(spent, held, tuple((slot, s + h) for slot, (s, h) in there if s + h))

    def advance(self, slot: int, since: int) -> None:
        """Goes on to a slot, and drops those that have left its window."""
        if slot > self.newest:
            self.newest = slot
        if since > self.floor:
            self.floor = since
            for old in [old for old in self.amounts if old < since]:
                spent, held = self.amounts.pop(old)
                self.spent -= spent
                self.held -= held

    def hold(self, slot: int, amount: int) -> None:
        """Holds an amount, or less where it is below zero."""
        if slot < self.floor:
            return
        two = self.amounts.get(slot)
        if two is None:
            two = self.amounts[slot] = [0, 0]
        # A counter that was forgotten may have lost what is given back now.
        amount = max(amount, -two[1])
        two[1] += amount
        self.held += amount

    def settle(self, slot: int, amount: int) -> None:
        """Counts an amount; from `MOST` on it is all the same, since no limit is above that."""
        if slot < self.floor:
            return
        if slot > self.newest:
            self.newest = slot
        two = self.amounts.get(slot)
        if two is None:
            two = self.amounts[slot] = [0, 0]
        amount = min(amount, MOST - two[0])
        two[0] += amount
        self.spent += amount

    def refund(self, slot: int, amount: int) -> None:
        """Takes an amount off what is settled, never below nothing."""
        two = self.amounts.get(slot)
        if two is not None:
            amount = min(amount, two[0])
            two[0] -= amount
            self.spent -= amount


def ceiling(limit: int | None) -> int:
    """What may be used at most."""
    return MOST if limit is None or limit > MOST else limit


def checked(charges: Sequence[Charge], *times: float) -> None:
    """Raises `StateError` for charges that no caller should make."""
    for _, _, amount, limit, slot, since, _, lasts, _, _, _ in charges:
        if not type(amount) is type(slot) is type(since) is int or not 0 <= amount <= MOST:
            raise StateError("bad-amount", f"an amount is a whole number from 0 to {MOST:,}")
        if not -MOST <= since <= slot <= MOST:
            raise StateError("bad-amount", "a slot is a whole number, not before `since`")
        if not (limit is None or type(limit) is int) or not 0 <= lasts <= MOST:
            raise StateError("bad-amount", "a limit or how long a counter lasts is no number")
    if len(charges) > 1 and len({charge[0] for charge in charges}) < len(charges):
        raise StateError("bad-charges", "two charges are for one counter")
    if sum(times) != sum(times):
        raise StateError("bad-time", "a time is no number")


def checked_amounts(holds: Sequence[Hold], amounts: Sequence[int]) -> None:
    """Raises `StateError` for amounts that do not belong to holds, or are none."""
    if len(holds) != len(amounts):
        raise StateError("bad-amount", "there is not one amount for each hold")
    for amount in amounts:
        if type(amount) is not int or not 0 <= amount <= MOST:
            raise StateError("bad-amount", f"an amount is a whole number from 0 to {MOST:,}")
    for _, _, _, slot, lasts in holds:
        if type(slot) is not int or not -MOST <= slot <= MOST or not 0 <= lasts <= MOST:
            raise StateError("bad-amount", "a hold has no slot, or not how long it lasts")


def too_much() -> StateError:
    """What is raised where a counter without a limit is full."""
    return StateError("bad-amount", f"a counter holds at most {MOST:,}")


def reservation_over() -> StateError:
    """What is raised where something is to be raised that is not held."""
    return StateError("reservation-over", "the reservation is not held any more")
