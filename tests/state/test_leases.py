"""Leases: many gateways over one store spend no more than its limits, or what is stated beyond."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from policyengine.charges import Charge, Hold, Reservation, Standing
from policyengine.errors import StateError
from policyengine.state.leases import LeasedStore
from policyengine.state.memory import MemoryStore

SECONDS = 40.0
# Leased at the second charge, and renewed at 30 seconds.
TERMS: Mapping[str, Any] = {"seconds": SECONDS, "share": 0.1, "least": 4, "margin": 1.0}


class Counted(MemoryStore):
    """A shared store that counts trips, and can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.trips: Counter[str] = Counter()
        self.down = False

    def _trip(self, name: str) -> None:
        self.trips[name] += 1
        if self.down:
            raise StateError("store-failed", "out of reach")

    def reserve(self, *args: Any, **kwargs: Any) -> Any:
        self._trip("reserve")
        return super().reserve(*args, **kwargs)

    def raised(self, *args: Any, **kwargs: Any) -> Any:
        self._trip("raised")
        return super().raised(*args, **kwargs)

    def settle(self, *args: Any, **kwargs: Any) -> Any:
        self._trip("settle")
        return super().settle(*args, **kwargs)

    def take(self, *args: Any, **kwargs: Any) -> Any:
        self._trip("take")
        return super().take(*args, **kwargs)

    def standing(self, *args: Any, **kwargs: Any) -> Any:
        self._trip("standing")
        return super().standing(*args, **kwargs)

    @contextmanager
    def out_of_reach(self) -> Iterator[None]:
        self.down = True
        yield
        self.down = False

    def used(self, asked: Charge, now: float) -> int:
        return super().standing([asked], now)[0].used


def charge(
    amount: int = 1,
    limit: int | None = 1000,
    key: str = "k",
    slot: int = 0,
    window: int = 0,
    width: int = 0,
    resets: int = 0,
) -> Charge:
    return Charge(
        key, "requests", amount, limit, slot, slot - window, width, 100_000, resets, "all", "w"
    )


def hold(asked: Charge) -> Hold:
    return Hold(asked.key, asked.unit, asked.amount, asked.slot, asked.lasts)


def reserve(store: Any, id: str, *asked: Charge, now: float = 0.0, lasts: float = 600.0) -> Any:
    return store.reserve(id, asked, now, now + lasts)


def settle(store: Any, id: str, *asked: Charge, now: float = 0.0, amounts: Any = None) -> bool:
    used = [each.amount for each in asked] if amounts is None else amounts
    return bool(store.settle(id, [hold(each) for each in asked], used, now))


def warm(store: Any, *asked: Charge, now: float = 0.0) -> None:
    """Leases what the charges ask for: twice, because once is not often enough."""
    for number in range(2):
        assert not reserve(store, f"warm{now}{number}", *asked, now=now)
        assert settle(store, f"warm{now}{number}", *asked, now=now)


@pytest.fixture
def shared() -> Counted:
    return Counted()


@pytest.fixture
def store(shared: Counted) -> LeasedStore:
    return LeasedStore(shared, **TERMS)


def test_within_a_lease_nobody_asks_the_store(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    before = shared.trips.total()
    for number in range(3):
        assert not reserve(store, f"r{number}", one)
        assert settle(store, f"r{number}", one)
    # The fourth of the lease: it is used up, and reported.
    assert shared.trips.total() == before + 1
    assert shared.standing([one], 0)[0] == Standing(5, 0, ((0, 5),))
    assert not reserve(store, "x", one)
    assert shared.trips["take"] == 2


def test_what_is_charged_once_goes_to_the_store(store: LeasedStore, shared: Counted) -> None:
    for number in range(3):
        assert not reserve(store, f"r{number}", charge(), now=20.0 * number)
        assert settle(store, f"r{number}", charge(), now=20.0 * number)
    assert shared.trips == {"reserve": 3, "settle": 3}
    assert store.exposure("k") == 0


def test_leases_grow_with_the_rate_and_shrink_with_what_is_left() -> None:
    shared = Counted()
    store = LeasedStore(shared, **TERMS)
    one = charge(limit=10_000)
    taken = []
    before = 0
    for number in range(10_000):
        assert not reserve(store, f"r{number}", one, now=number / 1000)
        assert settle(store, f"r{number}", one, now=number / 1000)
        used = shared.used(one, number / 1000)
        if used > before:
            taken.append(used - before)
            before = used
    assert taken[:8] == [1, 4, 8, 16, 32, 64, 128, 256]
    assert max(taken) > 800
    assert taken[-1] == 1
    assert reserve(store, "more", one, now=11.0) == {0: Standing(10_000, 0, ((0, 10_000),))}
    # A tenth of them would be a decision at the store every time.
    assert shared.trips["take"] + shared.trips["reserve"] < 120


def test_a_lease_leaves_room_for_others(shared: Counted) -> None:
    one = charge(limit=100)
    gateways = [LeasedStore(shared, **TERMS) for _ in range(50)]
    allowed = sum(
        not reserve(gateway, f"r{number}-{i}", one, now=number / 10)
        for number in range(4)
        for i, gateway in enumerate(gateways)
    )
    assert 85 <= allowed <= 100
    for gateway in gateways:
        gateway.sync(1.0)
    allowed += sum(not reserve(gateways[0], f"last{n}", one, now=2.0) for n in range(100))
    assert allowed == 100


def test_what_is_larger_than_a_lease_goes_to_the_store(store: LeasedStore, shared: Counted) -> None:
    small, large = charge(key="a"), charge(150, key="b")
    warm(store, small, large)
    before = shared.trips.copy()
    assert not reserve(store, "r", small, large)
    assert shared.trips["take"] == before["take"]
    assert shared.standing([large], 0)[0] == Standing(300, 150, ((0, 450),))
    assert settle(store, "r", small, large, amounts=[1, 120])
    assert not settle(store, "r", small, large, amounts=[1, 120])
    store.sync(0)
    assert shared.standing([large, small], 0) == [
        Standing(420, 0, ((0, 420),)),
        Standing(3, 0, ((0, 3),)),
    ]


def test_all_charges_or_none(store: LeasedStore, shared: Counted) -> None:
    wide, narrow = charge(key="wide"), charge(key="narrow", limit=3)
    warm(store, wide, narrow)
    before = store.standing([wide], 0)
    assert reserve(store, "r1", wide, narrow) == {}
    assert reserve(store, "r2", wide, narrow) == {1: Standing(2, 1, ((0, 3),))}
    assert store.release("r1", [hold(wide), hold(narrow)], 0)
    assert store.standing([wide], 0) == before
    assert reserve(store, "r3", charge(2, key="narrow", limit=3), wide) != {}
    assert store.standing([wide], 0) == before


def test_a_refusal_is_remembered_briefly_and_room_is_found_again(
    store: LeasedStore, shared: Counted
) -> None:
    large = charge(600)
    assert not reserve(store, "a", large)
    assert reserve(store, "b", large, now=1.0) == {0: Standing(0, 600, ((0, 600),))}
    before = shared.trips.total()
    for number in range(100):
        assert reserve(store, f"b{number}", large, now=1.0 + number / 401)
    assert shared.trips.total() == before
    assert not reserve(store, "small", charge(1), now=1.2)
    assert shared.release("a", [hold(large)], 1.0)
    assert not reserve(store, "c", large, now=1.26)


def test_a_refusal_says_how_the_shared_store_stands(shared: Counted) -> None:
    one = charge(limit=20)
    first, second = LeasedStore(shared, **TERMS), LeasedStore(shared, **TERMS)
    reserve(shared, "other", charge(7, limit=20))
    warm(first, one)
    assert not reserve(first, "x", one)
    six = charge(16, limit=20)
    mine, theirs = reserve(first, "y", six)[0], reserve(second, "z", six)[0]
    assert mine.used == 10
    assert theirs == shared.standing([one], 0)[0]
    assert theirs.used >= 10


@pytest.mark.parametrize("at", [29.9, 30.0, 35.0, 39.1, 40.0, 500.0])
def test_unused_leases_are_given_back(store: LeasedStore, shared: Counted, at: float) -> None:
    one, other = charge(), charge(key="other")
    warm(store, one, other)
    assert shared.used(one, 0) == 5
    for number in range(2):  # Calls about something else.
        reserve(store, f"o{number}", other, now=at)
        settle(store, f"o{number}", other, now=at)
    assert shared.used(one, at) == (5 if at < 30 else 2)
    assert shared.standing([one], at)[0].spent == (1 if at < 30 else 2)


def test_a_later_lease_is_given_back_when_the_first_is_used_up(
    store: LeasedStore, shared: Counted
) -> None:
    one, other = charge(), charge(key="other", limit=None)
    warm(store, one)
    for number in range(4):
        assert not reserve(store, f"r{number}", one, now=5.0)
        assert settle(store, f"r{number}", one, now=5.0)
    assert shared.used(one, 5.0) > 6
    for now in (22.0, 31.0, 36.0):
        reserve(store, f"o{now}", other, now=now)
        settle(store, f"o{now}", other, now=now)
    assert shared.standing([one], 36.0)[0] == Standing(6, 0, ((0, 6),))


def test_a_clock_that_went_back_leaves_no_lease_behind(store: LeasedStore, shared: Counted) -> None:
    one, other = charge(), charge(key="other", limit=None)
    warm(store, one, now=9000.0)
    reserve(store, "o", other, now=10.0)
    settle(store, "o", other, now=10.0)
    assert shared.standing([one], 10.0)[0] == Standing(2, 0, ((0, 2),))


def test_a_timer_renews_what_is_due(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    assert not reserve(store, "r", one)
    for now in range(0, 300, 5):
        before = shared.trips.total()
        store.renew(float(now))
        assert shared.trips.total() - before in ((0, 2) if now % 30 == 0 else (0,))
        assert shared.standing([one], now)[0].used == (5 if now < 30 else 3)


def test_a_lost_gateways_lease_returns(shared: Counted) -> None:
    one = charge(limit=100)
    lost = LeasedStore(shared, **TERMS)
    warm(lost, one)
    assert not reserve(lost, "r", one)
    bound = lost.exposure("k")
    assert bound == 2
    assert shared.used(one, 39.9) == 5
    assert shared.used(one, 40.0) == 1
    other = LeasedStore(shared, **TERMS)
    allowed = sum(not reserve(other, f"o{n}", one, now=50.0) for n in range(200))
    assert 2 + 1 + allowed == 100 + bound


def test_what_is_under_way_is_held_beyond_a_lease(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    assert not reserve(store, "long", one)
    for number in range(1, 20):
        store.sync(20.0 * number)
        assert shared.standing([one], 20.0 * number)[0] == Standing(2, 1, ((0, 3),))
    assert settle(store, "long", one, now=400.0, amounts=[5])
    store.sync(400.0)
    assert shared.standing([one], 400.0)[0] == Standing(7, 0, ((0, 7),))


def test_a_forgotten_reservation_is_given_back(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    assert not reserve(store, "r", one, lasts=5.0)
    assert store.standing([one], 4.9)[0] == Standing(2, 1, ((0, 3),))
    assert store.standing([one], 5.0)[0] == Standing(2, 0, ((0, 2),))
    assert not reserve(store, "r", one, now=5.0), "an id that is known is held already"
    assert store.standing([one], 5.0)[0] == Standing(2, 0, ((0, 2),))
    assert settle(store, "r", one, now=6.0), "what was spent counts, late as it is"
    assert not settle(store, "r", one, now=6.0)
    assert store.standing([one], 6.0)[0] == Standing(3, 0, ((0, 3),))


@pytest.mark.parametrize("synced", [False, True])
def test_an_id_counts_once(store: LeasedStore, shared: Counted, synced: bool) -> None:
    one = charge()
    warm(store, one)
    for _ in range(3):
        assert not reserve(store, "r", one)
    assert settle(store, "r", one)
    if synced:
        store.sync(1.0)
    assert not settle(store, "r", one)
    assert not store.release("r", [hold(one)], 1.0)
    assert not reserve(store, "r", one)
    assert store.refund("f", [hold(one)], [1], 1.0)
    assert not store.refund("f", [hold(one)], [1], 1.0)
    store.sync(2.0)
    assert shared.standing([one], 2.0)[0] == Standing(2, 0, ((0, 2),))


def test_a_refund_takes_off_here_and_there_and_never_below_nothing(
    store: LeasedStore, shared: Counted
) -> None:
    one = charge()
    warm(store, one)
    assert shared.standing([one], 0)[0].spent == 1
    assert store.refund("f", [hold(one)], [9], 0)
    assert store.standing([one], 0)[0] == Standing(0, 0)
    assert store.exposure("k") == 0


def test_another_gateway_settles_once(shared: Counted) -> None:
    one = charge()
    first, second = LeasedStore(shared, **TERMS), LeasedStore(shared, **TERMS)
    warm(first, one)
    assert not reserve(first, "r", one, lasts=10.0)
    travelled = json.dumps(Reservation("r", (hold(one),), 10.0).to_dict())
    there = Reservation.from_dict(json.loads(travelled))
    assert second.settle(there.id, there.holds, [3], 1.0)
    assert not second.settle(there.id, there.holds, [3], 1.0)
    for gateway in (first, second):
        gateway.sync(10.0)
    assert shared.standing([one], 10.0)[0] == Standing(5, 0, ((0, 5),))


def test_soft_charges_are_counted_here_and_reported(store: LeasedStore, shared: Counted) -> None:
    soft = charge(5, limit=None)
    for number in range(4):
        assert not reserve(store, f"r{number}", soft)
    for number in range(3):
        assert settle(store, f"r{number}", soft)
    assert shared.trips.total() == 0
    assert store.standing([soft], 1.0)[0] == Standing(15, 5, ((0, 20),))
    store.sync(1.0)
    assert shared.standing([soft], 1.0)[0] == Standing(15, 5, ((0, 20),))
    assert settle(store, "r3", soft, now=2.0)
    store.sync(2.0)
    assert shared.standing([soft], 2.0)[0] == Standing(20, 0, ((0, 20),))


def test_soft_charges_are_reported_without_being_asked(shared: Counted) -> None:
    store = LeasedStore(shared, **TERMS)
    soft, other = charge(5, limit=None), charge(key="o", limit=None)
    for now in (0.0, 29.0, 30.0):
        reserve(store, f"r{now}", soft if now == 0 else other, now=now)
        settle(store, f"r{now}", soft if now == 0 else other, now=now)
    assert shared.standing([soft], 30.0)[0] == Standing(5, 0, ((0, 5),))


def test_soft_charges_count_against_a_limit_of_the_same_counter(
    store: LeasedStore, shared: Counted
) -> None:
    one, soft = charge(limit=50), charge(47, limit=None)
    warm(store, one)
    assert not reserve(store, "soft", soft)
    assert not reserve(store, "r", one)
    assert reserve(store, "s", one) == {0: Standing(2, 48, ((0, 50),))}
    assert not reserve(store, "t", charge(limit=None))
    assert store.standing([one], 0)[0].used == 51


def test_a_limit_that_differs_is_the_one_that_counts(store: LeasedStore) -> None:
    wide, narrow = charge(limit=1000), charge(limit=4)
    for number in range(6):
        assert not reserve(store, f"r{number}", wide)
    assert reserve(store, "n", narrow) == {0: Standing(0, 6, ((0, 6),))}
    assert not reserve(store, "w", wide)
    settle(store, "w", wide, amounts=[0])
    for number in range(3):
        store.release(f"r{number}", [hold(wide)], 0)
    assert not reserve(store, "n2", narrow, now=1.0)
    assert reserve(store, "n3", narrow, now=1.0)


def test_settling_above_is_known_to_all_at_once(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    assert not reserve(store, "r", one)
    assert settle(store, "r", one, amounts=[900])
    assert shared.standing([one], 0)[0].spent == 902


def test_a_reservation_grows_in_its_lease_or_with_another(
    store: LeasedStore, shared: Counted
) -> None:
    a, b = charge(key="a"), charge(key="b", limit=30)
    warm(store, a, b)
    assert not reserve(store, "r", a, b)
    more = [charge(9, key="a"), charge(9, key="b", limit=30)]
    assert store.raised("r", more, 1.0, 600.0) == {}
    assert [each.used for each in store.standing([a, b], 1.0)] == [11, 11]
    refused = store.raised("r", [more[0], charge(29, key="b", limit=30)], 1.0, 600.0)
    assert refused == {1: Standing(2, 9, ((0, 11),))}
    assert settle(store, "r", *more, now=2.0, amounts=[8, 7])
    store.sync(2.0)
    assert [each.spent for each in shared.standing([a, b], 2.0)] == [10, 9]
    for id in ("r", "nobody's"):
        with pytest.raises(StateError) as raised:
            store.raised(id, more, 2.0, 600.0)
        assert raised.value.code == "reservation-over"


def test_a_reservation_of_both_kinds_grows_in_both(store: LeasedStore, shared: Counted) -> None:
    a, b = charge(key="a"), charge(300, key="b")
    warm(store, a)
    assert not reserve(store, "r", a, b)
    wanted = [charge(3, key="a"), charge(900, key="b")]
    assert store.raised("r", wanted, 0, 600.0) == {}
    assert [each.reserved for each in store.standing([a, b], 0)] == [3, 900]
    assert set(store.raised("r", [wanted[0], charge(1001, key="b")], 0, 600.0)) == {1}
    assert [each.reserved for each in store.standing([a, b], 0)] == [3, 900]


@pytest.mark.parametrize("resets", [0, 60])
def test_a_slot_that_is_over_is_settled(store: LeasedStore, shared: Counted, resets: int) -> None:
    def at(slot: int) -> Charge:
        end = slot + 60 if resets else 0
        window = 0 if resets else 60
        return charge(slot=slot, width=0 if resets else 60, window=window, resets=end, limit=100)

    warm(store, at(0))
    assert not reserve(store, "r", at(0), now=1.0)
    assert not reserve(store, "next", at(60), now=61.0)
    assert settle(store, "r", at(0), now=62.0)
    assert settle(store, "next", at(60), now=62.0)
    store.sync(62.0)
    assert store.standing([at(60)], 62.0) == shared.standing([at(60)], 62.0)
    assert shared.standing([at(60)], 62.0)[0].spent == (1 if resets else 4)
    assert shared.standing([at(60)], 62.0)[0].reserved == 0
    # A clock that was set back charges the slot that is known.
    assert not reserve(store, "back", at(0), now=62.0)
    store.sync(62.0)
    assert store.standing([at(60)], 62.0)[0].used == (2 if resets else 5)


def test_a_store_out_of_reach(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    with shared.out_of_reach():
        assert not reserve(store, "within", one, now=20.0)
        assert not reserve(store, "late", one, now=38.9)
        before = shared.trips.total()
        assert settle(store, "within", one, now=38.9)
        with pytest.raises(StateError):
            reserve(store, "over", one, now=39.0)
        with pytest.raises(StateError):
            reserve(store, "other", charge(key="other"), now=39.1)
        assert shared.trips.total() <= before + 1, "not asked again at once"
        with pytest.raises(StateError):
            store.sync(39.2)
    assert not reserve(store, "again", one, now=39.3)
    assert settle(store, "late", one, now=39.4)
    assert settle(store, "again", one, now=39.4)
    store.sync(39.5)
    assert shared.standing([one], 39.5)[0] == Standing(5, 0, ((0, 5),))


def test_reports_that_failed_are_made_later(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one)
    for number in range(3):
        assert not reserve(store, f"r{number}", one)
    with shared.out_of_reach():
        for number in range(3):
            assert settle(store, f"r{number}", one)
    assert shared.standing([one], 0)[0].spent == 1
    assert store.exposure("k") == 4
    assert not reserve(store, "x", one, now=1.0)
    assert settle(store, "x", one, now=1.0)
    assert store.exposure("k") <= 1
    assert shared.standing([one], 1.0)[0].spent >= 5


def test_a_clock_set_back_ends_leases(store: LeasedStore, shared: Counted) -> None:
    one = charge()
    warm(store, one, now=1000.0)
    assert shared.standing([one], 1000.0)[0].spent == 1
    assert not reserve(store, "r", one, now=10.0)
    assert shared.standing([one], 10.0)[0].spent == 2


def test_threads_share_it(shared: Counted) -> None:
    store = LeasedStore(shared, **TERMS)
    wide, narrow = charge(key="wide", limit=None), charge(key="narrow", limit=500)

    def spend(worker: int) -> int:
        rolled = random.Random(worker)
        allowed = 0
        for number in range(200):
            id = f"{worker}-{number}"
            amount = rolled.randint(1, 3)
            asked = [wide, narrow._replace(amount=amount)]
            if not reserve(store, id, *asked, now=number / 20):
                used = rolled.randint(0, amount)
                assert settle(store, id, *asked, now=number / 20, amounts=[1, used])
                allowed += used
        return allowed

    with ThreadPoolExecutor(8) as pool:
        spent = sum(pool.map(spend, range(8)))
    store.sync(11.0)
    assert shared.standing([narrow], 11.0)[0] == Standing(spent, 0, ((0, spent),))
    assert 400 < spent <= 500


def test_counters_that_nobody_asks_for_are_forgotten(shared: Counted) -> None:
    store = LeasedStore(shared, **TERMS)
    for number in range(500):
        one = charge(key=f"user{number}")
        now = number / 1.0
        for turn in range(2):
            reserve(store, f"r{number}-{turn}", one, now=now)
            settle(store, f"r{number}-{turn}", one, now=now)
    assert len(store._leasing.accounts) < 200


def test_events_and_rows_are_the_shared_stores_or_its_own(shared: Counted) -> None:
    first, second = LeasedStore(shared), LeasedStore(shared)
    own = LeasedStore(shared, events=MemoryStore())
    first.append("s", b"1", 0.0, 5, 60.0)
    own.append("s", b"2", 0.0, 5, 60.0)
    assert [list(each.events("s", 1.0)) for each in (second, own)] == [[b"1"], [b"2"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": -0.1},
        {"share": 1.1},
        {"least": 0},
        {"margin": 10},
        {"seconds": 0},
        {"refused": -1},
    ],
)
def test_terms_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="re"):
        LeasedStore(MemoryStore(), **wrong)


def test_share_0_leases_nothing(shared: Counted) -> None:
    store = LeasedStore(shared, share=0)
    for number in range(20):
        reserve(store, f"r{number}", charge())
        settle(store, f"r{number}", charge())
    assert shared.trips == {"reserve": 20, "settle": 20}


WINDOW = 60
WIDTH = 20
LIMITS = {"budget": 60, "other": 25, "rolling": 40, "day": 30}


class Gateways(RuleBasedStateMachine):
    """Gateways spend, are lost and start; nothing is spent beyond the limits but what is stated."""

    @initialize(share=st.sampled_from([0.02, 0.3, 1.0]), least=st.sampled_from([1, 4]))
    def start(self, share: float, least: int) -> None:
        self.terms = {**TERMS, "share": share, "least": least}
        self.shared = MemoryStore()
        self.now = 1000.0
        self.count = 0
        self.gateways = [LeasedStore(self.shared, **self.terms) for _ in range(3)]
        # By gateway: what is under way.
        self.under_way: list[dict[str, tuple[list[Charge], float]]] = [{}, {}, {}]
        # What was really spent, and how much of it nobody knows of any more.
        self.spent: Counter[tuple[str, int]] = Counter()
        self.lost: Counter[str] = Counter()
        # What may be beyond a limit.
        self.beyond: Counter[str] = Counter()

    def asked(self, key: str, amount: int) -> Charge:
        slot = int(self.now) // WIDTH * WIDTH
        made = charge(amount, LIMITS[key], key)
        if key == "rolling":
            return made._replace(slot=slot, since=slot - WINDOW, width=WIDTH)
        if key == "day":
            begins = int(self.now) // 100 * 100
            return made._replace(slot=begins, since=begins, resets=begins + 100)
        return made

    @rule(
        at=st.integers(0, 2),
        amounts=st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(1, 4), min_size=1),
        times=st.integers(1, 6),
        lasts=st.sampled_from([15.0, 100.0]),
    )
    def request(self, at: int, amounts: dict[str, int], times: int, lasts: float) -> None:
        for _ in range(times):
            self.count += 1
            id = f"r{self.count}"
            asked = [self.asked(key, amount) for key, amount in amounts.items()]
            refused = self.gateways[at].reserve(id, asked, self.now, self.now + lasts)
            if not refused:
                self.under_way[at][id] = (asked, self.now + lasts)
            for i, standing in refused.items():
                assert standing.used + asked[i].amount > (asked[i].limit or 0)

    @rule(at=st.integers(0, 2), parts=st.lists(st.integers(0, 5), max_size=8), here=st.booleans())
    def finish(self, at: int, parts: list[int], here: bool) -> None:
        for id, part in zip(list(self.under_way[at]), parts, strict=False):
            asked, expires = self.under_way[at].pop(id)
            used = [each.amount * part // 4 for each in asked]
            for each, amount in zip(asked, used, strict=True):
                self.spent[each.key, each.slot] += amount
                # Above the reservation, or after it was given back.
                reserved = each.amount if self.now < expires else 0
                self.beyond[each.key] += max(amount - reserved, 0)
            gateway = self.gateways[at if here else at - 1]
            assert settle(gateway, id, *asked, now=self.now, amounts=used)
            assert not settle(gateway, id, *asked, now=self.now, amounts=used)

    @rule(seconds=st.integers(1, 9), synced=st.lists(st.booleans(), min_size=3, max_size=3))
    def later(self, seconds: int, synced: list[bool]) -> None:
        self.now += seconds
        for gateway, thoroughly in zip(self.gateways, synced, strict=True):
            if thoroughly:
                gateway.sync(self.now)
            for _ in range(3):
                self.count += 1
                idle = charge(0, None, "idle")
                gateway.reserve(f"i{self.count}", [idle], self.now, self.now + 1)
                gateway.settle(f"i{self.count}", [hold(idle)], [0], self.now)

    @rule(at=st.integers(0, 2))
    def lose(self, at: int) -> None:
        gateway = self.gateways[at]
        gone: Counter[str] = Counter()
        for key in LIMITS:
            held = sum(account.held for account in gateway._leasing.of(key))
            gone[key] += gateway.exposure(key) - held
        # At worst, all that was under way was spent: what is held for it expires.
        for asked, _ in self.under_way[at].values():
            for each in asked:
                self.spent[each.key, each.slot] += each.amount
                gone[each.key] += each.amount
        self.lost += gone
        self.beyond += gone
        self.gateways[at] = LeasedStore(self.shared, **self.terms)
        self.under_way[at] = {}

    @invariant()
    def no_limit_is_exceeded_by_more_than_is_stated(self) -> None:
        if not hasattr(self, "spent"):
            return
        sums = Counter(self.spent)
        for under_way in self.under_way:
            for asked, expires in under_way.values():
                for each in asked if self.now < expires else ():
                    sums[each.key, each.slot] += each.amount
        for key, limit in LIMITS.items():
            window = WINDOW if key == "rolling" else 0
            for last in {slot for name, slot in sums if name == key}:
                used = sum(
                    amount
                    for (name, slot), amount in sums.items()
                    if name == key and last - window <= slot <= last
                )
                assert used <= limit + self.beyond[key], (key, last)

    def teardown(self) -> None:
        if not hasattr(self, "spent"):
            return
        for gateway in self.gateways:
            gateway.sync(self.now)
        self.now += 1000
        for gateway in self.gateways:
            gateway.sync(self.now)
        for key in LIMITS:
            known = self.shared.standing([self.asked(key, 1)._replace(slot=0, since=0)], self.now)
            spent = sum(amount for (name, _), amount in self.spent.items() if name == key)
            if key in ("budget", "other"):
                assert known == [Standing(spent - self.lost[key], 0, known[0].slots)]


Gateways.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestGateways = Gateways.TestCase
