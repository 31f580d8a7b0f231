"""Every ledger does what a simple, slow model of the contract does, whatever happens to it.

Counters last longer than clocks go back here: what is forgotten is the concern of other tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from policyengine.charges import Charge, Hold
from policyengine.errors import StateError

LASTS = 1_000_000
# A counter to the width of its slots, how many of them its window has, and its limit.
COUNTERS = {"ever": (0, 0, 12), "day": (100, 0, 10), "rolling": (10, 3, 10), "soft": (0, 0, None)}


@dataclass
class Held:
    """What an id holds: key, slot and amount of each charge."""

    expires: float
    holds: list[tuple[str, int, int]]
    asked: list[Charge]


@dataclass
class Model:
    """Lists of everything, added up anew each time."""

    settled: list[tuple[str, int, int]] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)

    def expire(self, now: float) -> None:
        self.held = {id: held for id, held in self.held.items() if held.expires > now}

    def placed(self, charge: Charge) -> tuple[int, int]:
        late = max(self.newest.get(charge.key, charge.slot) - charge.slot, 0)
        return charge.slot + late, charge.since + late

    def standing(self, charge: Charge) -> tuple[int, int]:
        _, since = self.placed(charge)
        spent = sum(n for key, at, n in self.settled if key == charge.key and at >= since)
        holds = [hold for held in self.held.values() for hold in held.holds]
        return spent, sum(n for key, at, n in holds if key == charge.key and at >= since)

    def has_room(self, charge: Charge, more: int) -> bool:
        return charge.limit is None or sum(self.standing(charge)) + more <= charge.limit

    def hold(self, charge: Charge) -> tuple[str, int, int]:
        slot, _ = self.placed(charge)
        self.newest[charge.key] = slot
        return charge.key, slot, charge.amount


KEYS = st.lists(st.sampled_from(sorted(COUNTERS)), min_size=1, max_size=3, unique=True)
AMOUNTS = st.integers(0, 6)
IDS = st.sampled_from([f"r{number}" for number in range(6)])


class Machine(RuleBasedStateMachine):
    """A ledger beside the model, at a time that goes on, jumps, and goes back."""

    opens: Callable[[str], Any]
    number = 0

    def __init__(self) -> None:
        super().__init__()
        Machine.number += 1
        self.ledger = Machine.opens(f"model-{Machine.number}")
        self.model = Model()
        self.now = 10_000.0
        self.done: set[str] = set()
        self.refunded: set[str] = set()
        # Charges of ids that were ever held, with which they are settled.
        self.asked: dict[str, list[Charge]] = {}

    def charge(self, key: str, amount: int) -> Charge:
        width, count, limit = COUNTERS[key]
        slot = int(self.now) // width * width if width else 0
        since = slot - count * width
        return Charge(key, "tokens", amount, limit, slot, since, width, LASTS, 0, "all", key)

    @rule(seconds=st.sampled_from([1, 5, 10, 40, 100, 250, -1, -10, -60, -150]))
    def time_goes(self, seconds: int) -> None:
        self.now += seconds
        self.model.expire(self.now)

    @rule(id=IDS, keys=KEYS, amount=AMOUNTS, lasts=st.sampled_from([5, 30, 1_000]))
    def reserve(self, id: str, keys: list[str], amount: int, lasts: int) -> None:
        # An id that has expired may be held anew or not: nobody may count on either.
        if id in self.asked and id not in self.model.held and id not in self.done:
            return
        charges = [self.charge(key, amount + place) for place, key in enumerate(keys)]
        refused = self.ledger.reserve(id, charges, self.now, self.now + lasts)
        if id in self.model.held or id in self.done:
            assert not refused
            return
        full = [n for n, c in enumerate(charges) if not self.model.has_room(c, c.amount)]
        assert sorted(refused) == full
        for position, standing in refused.items():
            assert (standing.spent, standing.reserved) == self.model.standing(charges[position])
        if not refused:
            holds = [self.model.hold(one) for one in charges]
            self.model.held[id] = Held(self.now + lasts, holds, charges)
            self.asked[id] = charges

    @rule(id=IDS, key=st.sampled_from(sorted(COUNTERS)), amount=AMOUNTS, least=st.integers(1, 3))
    def take(self, id: str, key: str, amount: int, least: int) -> None:
        if id in self.asked or id in self.done:
            return
        one = self.charge(key, amount)
        took = self.ledger.take(id, one, least, self.now, self.now + 30)
        limit = one.limit if one.limit is not None else 10**9
        room = min(amount, limit - sum(self.model.standing(one)))
        assert took == (room if room >= least else 0)
        if took:
            one = one._replace(amount=took)
            self.model.held[id] = Held(self.now + 30, [self.model.hold(one)], [one])
            self.asked[id] = [one]

    @rule(id=IDS, more=st.integers(0, 4))
    def raised(self, id: str, more: int) -> None:
        held = self.model.held.get(id)
        amounts = [n for _, _, n in held.holds] if held else []
        asked = self.asked.get(id, [self.charge("ever", 1)])
        charges = [c._replace(amount=c.amount + more) for c in asked]
        if held is None:
            with pytest.raises(StateError, match="not held"):
                self.ledger.raised(id, charges, self.now, self.now + 50)
            return
        charges = [c._replace(amount=n + more) for c, n in zip(charges, amounts, strict=True)]
        refused = self.ledger.raised(id, charges, self.now, held.expires + 50)
        assert sorted(refused) == [
            n for n, c in enumerate(charges) if not self.model.has_room(c, more)
        ]
        if not refused:
            held.holds = [(key, slot, n + more) for key, slot, n in held.holds]
            held.expires += 50

    @rule(id=IDS, amounts=st.lists(AMOUNTS, min_size=3, max_size=3))
    def settle(self, id: str, amounts: list[int]) -> None:
        asked = self.asked.get(id) or [self.charge("ever", 1)]
        amounts = amounts[: len(asked)]
        first = self.ledger.settle(id, self.holds(asked), amounts, self.now)
        assert first == (id not in self.done)
        if not first:
            return
        self.done.add(id)
        held = self.model.held.pop(id, None)
        for place, (one, amount) in enumerate(zip(asked, amounts, strict=True)):
            slot = held.holds[place][1] if held else one.slot
            self.model.settled.append((one.key, slot, amount))
            self.model.newest[one.key] = max(self.model.newest.get(one.key, slot), slot)

    @rule(id=IDS)
    def release(self, id: str) -> None:
        asked = self.asked.get(id) or [self.charge("ever", 1)]
        assert self.ledger.release(id, self.holds(asked), self.now) == (id not in self.done)
        self.done.add(id)
        self.model.held.pop(id, None)

    @rule(id=IDS, amount=AMOUNTS, key=st.sampled_from(["ever", "soft"]))
    def refund(self, id: str, amount: int, key: str) -> None:
        # A refund has its own id, though it may be that of a reservation.
        holds = self.holds([self.charge(key, 1)])
        assert self.ledger.refund(id, holds, [amount], self.now) == (id not in self.refunded)
        if id not in self.refunded:
            self.refunded.add(id)
            there = self.model.standing(self.charge(key, 0))[0]
            self.model.settled.append((key, 0, -min(amount, there)))

    def holds(self, charges: list[Charge]) -> list[Hold]:
        return [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]

    @invariant()
    def stands_as_the_model_does(self) -> None:
        charges = [self.charge(key, 0) for key in COUNTERS]
        for one, standing in zip(charges, self.ledger.standing(charges, self.now), strict=True):
            assert (standing.spent, standing.reserved) == self.model.standing(one), one.key
            assert sum(amount for _, amount in standing.slots) == standing.used

    def teardown(self) -> None:
        self.ledger.close()


def test_a_ledger_does_what_the_model_does(
    opens: Callable[[str], Any], request: pytest.FixtureRequest
) -> None:
    if "spread" in request.node.callspec.id:
        pytest.skip("a spread namespace does part by part what concerns several counters")
    if "leased" in request.node.callspec.id:
        pytest.skip("a gateway with leases asks its store less often; its own tests say what for")

    class Opened(Machine):
        pass

    Machine.opens = staticmethod(opens)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Opened,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
