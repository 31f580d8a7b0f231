"""Every ledger does what a simple, slow model of the contract does, whatever happens to it.

Counters last longer than clocks go back here: what is forgotten is the concern of other tests.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from policyengine.charges import Charge, Hold
from policyengine.errors import StateError

LASTS = 1_000_000
# So many of so many steps each, besides those that are searched for: about a second for a store.
HISTORIES = 60
STEPS = 40
# A counter to the width of its slots, how many of them its window has, and its limit.
COUNTERS = {"ever": (0, 0, 12), "day": (100, 0, 10), "rolling": (10, 3, 10), "soft": (0, 0, None)}


@dataclass
class Held:
    """What an id holds: key, slot and amount of each charge."""

    expires: float
    holds: list[tuple[str, int, int]]


@dataclass
class Model:
    """Lists of everything, added up anew each time."""

    settled: list[tuple[str, int, int]] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    # In which slots an id held, which are those that it is settled in: also once it has expired.
    slots: dict[str, list[int]] = field(default_factory=dict)

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

    def hold(self, id: str, charges: list[Charge], expires: float) -> None:
        slots = self.slots[id] = [self.placed(charge)[0] for charge in charges]
        self.newest.update((c.key, slot) for c, slot in zip(charges, slots, strict=True))
        holds = [(c.key, slot, c.amount) for c, slot in zip(charges, slots, strict=True)]
        self.held[id] = Held(expires, holds)


NAMES = sorted(COUNTERS)
KEYS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
AMOUNTS = st.integers(0, 6)
IDS = st.sampled_from([f"r{number}" for number in range(6)])
SECONDS = [1, 5, 10, 40, 100, 250, -1, -10, -60, -150]
LASTING = [5, 30, 1_000]


class Machine(RuleBasedStateMachine):
    """A ledger beside the model, at a time that goes on, jumps, and goes back."""

    opens: Callable[[str], Any]
    number = 0
    # Whether each id has one counter that is its own, as a namespace that is spread needs.
    is_spread = False

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

    def first(self, id: str) -> list[Charge]:
        """What an id asks for of which nothing was ever held."""
        return [self.charge(own(id) if self.is_spread else "ever", 1)]

    @rule(seconds=st.sampled_from(SECONDS))
    def time_goes(self, seconds: int) -> None:
        self.now += seconds
        self.model.expire(self.now)

    @rule(id=IDS, keys=KEYS, amount=AMOUNTS, lasts=st.sampled_from(LASTING))
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
            self.model.hold(id, charges, self.now + lasts)
            self.asked[id] = charges

    @rule(id=IDS, key=st.sampled_from(NAMES), amount=AMOUNTS, least=st.integers(1, 3))
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
            self.model.hold(id, [one], self.now + 30)
            self.asked[id] = [one]

    @rule(id=IDS, more=st.integers(0, 4))
    def raised(self, id: str, more: int) -> None:
        held = self.model.held.get(id)
        amounts = [n for _, _, n in held.holds] if held else []
        asked = self.asked.get(id) or self.first(id)
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
        asked = self.asked.get(id) or self.first(id)
        amounts = amounts[: len(asked)]
        first = self.ledger.settle(id, self.holds(asked), amounts, self.now)
        assert first == (id not in self.done)
        if not first:
            return
        self.done.add(id)
        self.model.held.pop(id, None)
        slots = self.model.slots.get(id) or [one.slot for one in asked]
        for one, slot, amount in zip(asked, slots, amounts, strict=True):
            self.model.settled.append((one.key, slot, amount))
            self.model.newest[one.key] = max(self.model.newest.get(one.key, slot), slot)

    @rule(id=IDS)
    def release(self, id: str) -> None:
        asked = self.asked.get(id) or self.first(id)
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


def own(id: str) -> str:
    return NAMES[int(id[1:]) % len(NAMES)]


def history(chance: random.Random, is_spread: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Steps of a machine with their arguments, in about the shares of real use."""
    names = ["time_goes", "reserve", "take", "raised", "settle", "release", "refund"]
    for name in chance.choices(names, [25, 25, 10, 10, 15, 7, 8], k=STEPS):
        id = f"r{chance.randrange(6)}"
        key = own(id) if is_spread else chance.choice(NAMES)
        amount = chance.randint(0, 6)
        match name:
            case "time_goes":
                yield name, {"seconds": chance.choice(SECONDS)}
            case "reserve":
                others = [] if is_spread else chance.sample(NAMES, chance.randint(0, 2))
                keys = [key, *(other for other in others if other != key)]
                lasts = chance.choice(LASTING)
                yield name, {"id": id, "keys": keys, "amount": amount, "lasts": lasts}
            case "take":
                yield name, {"id": id, "key": key, "amount": amount, "least": chance.randint(1, 3)}
            case "raised":
                yield name, {"id": id, "more": chance.randint(0, 4)}
            case "settle":
                yield name, {"id": id, "amounts": [chance.randint(0, 6) for _ in range(3)]}
            case "release":
                yield name, {"id": id}
            case "refund" if key in ("ever", "soft"):
                yield name, {"id": id, "amount": amount, "key": key}


# A gateway with leases asks its store less often: `test_leases.py` has a model of its own.
@pytest.mark.parametrize("opens", ["memory", "sqlite", "redis", "redis-spread"], indirect=True)
def test_a_ledger_does_what_the_model_does_in_long_histories(
    opens: Callable[[str], Any], request: pytest.FixtureRequest
) -> None:
    """Long ones: a search spends most of its examples on the few steps that it varies.

    `POLICYENGINE_SEED` gives other ones.
    """

    class Opened(Machine):
        is_spread = "spread" in request.node.callspec.id

    Machine.opens = staticmethod(opens)
    seeds = random.Random(int(os.environ.get("POLICYENGINE_SEED", "2026")))
    for seed in [seeds.randrange(1 << 32) for _ in range(HISTORIES)]:
        machine = Opened()
        done: list[tuple[str, dict[str, Any]]] = []
        try:
            for step in history(random.Random(seed), Opened.is_spread):
                done.append(step)
                getattr(machine, step[0])(**step[1])
                machine.stands_as_the_model_does()
        except Exception as error:
            error.add_note(f"history {seed}: {done}")
            raise
        finally:
            machine.teardown()


# A spread namespace does part by part what concerns several counters.
@pytest.mark.parametrize("opens", ["memory", "sqlite", "redis"], indirect=True)
def test_a_ledger_does_what_the_model_does(opens: Callable[[str], Any]) -> None:
    class Opened(Machine):
        pass

    Machine.opens = staticmethod(opens)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Opened,
        settings=settings(
            max_examples=40,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
