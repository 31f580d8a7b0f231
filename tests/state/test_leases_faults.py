"""Leases where stores fail in the middle, threads meet, clocks differ, or a host does wrong."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any

import pytest

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state import leases
from policyengine.state.leases import LeasedStore
from policyengine.state.memory import MemoryStore

SECONDS = 40.0


class Meddled(MemoryStore):
    """A shared store in which something happens before it answers: another thread, or a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, Callable[..., None]] = {}

    def once(self, method: str, act: Callable[..., None]) -> None:
        self.before[method] = act

    def _happens(self, method: str) -> None:
        act = self.before.pop(method, None)
        if act is not None:
            act()

    def reserve(self, *args: Any, **kwargs: Any) -> Any:
        self._happens("reserve")
        return super().reserve(*args, **kwargs)

    def settle(self, *args: Any, **kwargs: Any) -> Any:
        self._happens("settle")
        return super().settle(*args, **kwargs)

    def standing(self, *args: Any, **kwargs: Any) -> Any:
        self._happens("standing")
        return super().standing(*args, **kwargs)


def charge(amount: int = 1, limit: int | None = 1000, key: str = "k") -> Charge:
    return Charge(key, "requests", amount, limit, 0, 0, 0, 100_000, 0, "all", "w")


def hold(asked: Charge) -> Hold:
    return Hold(asked.key, asked.unit, asked.amount, asked.slot, asked.lasts)


def reserve(store: Any, id: str, *asked: Charge, now: float = 0.0, lasts: float = 600.0) -> Any:
    return store.reserve(id, asked, now, now + lasts)


def settle(store: Any, id: str, *asked: Charge, now: float = 0.0) -> bool:
    return bool(store.settle(id, [hold(c) for c in asked], [c.amount for c in asked], now))


def warm(store: Any, *asked: Charge, now: float = 0.0) -> None:
    """Leases what the charges ask for: twice, because once is not often enough."""
    for number in range(2):
        id = f"warm {now} {number} {asked[0].key}"
        assert not reserve(store, id, *asked, now=now)
        assert settle(store, id, *asked, now=now)


def fails() -> None:
    raise StateError("store-failed", "out of reach")


@pytest.fixture
def shared() -> Meddled:
    return Meddled()


@pytest.fixture
def store(shared: Meddled) -> LeasedStore:
    return LeasedStore(shared, seconds=SECONDS, share=0.1)


SMALL, LARGE = charge(key="small"), charge(300, 2000, key="large")


@pytest.mark.parametrize("id", ["1", "2", "3", "r/1", "/1"])
def test_no_id_of_a_request_is_that_of_a_lease(
    store: LeasedStore, shared: Meddled, id: str
) -> None:
    warm(store, SMALL)
    assert not reserve(store, id, SMALL, LARGE)
    assert shared.standing([LARGE], 0)[0].reserved == 300
    assert settle(store, id, SMALL, LARGE)
    store.sync(0)
    assert [each.spent for each in shared.standing([SMALL, LARGE], 0)] == [3, 300]
    assert [each.reserved for each in shared.standing([SMALL, LARGE], 0)] == [0, 0]


@pytest.mark.parametrize("asked", [[], [SMALL], [SMALL, LARGE, charge(key="other")]])
def test_the_holds_of_another_reservation_settle_nothing(
    store: LeasedStore, shared: Meddled, asked: list[Charge]
) -> None:
    warm(store, SMALL)
    assert not reserve(store, "r", SMALL, LARGE)
    with pytest.raises(StateError) as raised:
        settle(store, "r", *asked)
    assert raised.value.code == "bad-amount"
    assert settle(store, "r", SMALL, LARGE)
    store.sync(0)
    assert [each.used for each in shared.standing([SMALL, LARGE], 0)] == [3, 300]


def test_a_reservation_that_expires_while_it_is_settled_counts_once(
    store: LeasedStore, shared: Meddled
) -> None:
    warm(store, SMALL)
    assert not reserve(store, "r", SMALL, LARGE, lasts=5.0)
    # Another thread, whose clock is ahead, decides.
    shared.once("settle", lambda: reserve(store, "other", SMALL, now=5.5))
    assert settle(store, "r", SMALL, LARGE, now=4.9)
    assert not settle(store, "r", SMALL, LARGE, now=4.9)
    assert store.release("other", [hold(SMALL)], 6.0)
    store.sync(6.0)
    assert [each.used for each in shared.standing([SMALL, LARGE], 6.0)] == [3, 300]


class Waited:
    """A lock for which somebody has to wait, while something happens."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._lock, self._act = Lock(), act

    def acquire(self, blocking: bool = True) -> bool:
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        act, self._act = self._act, lambda: None
        act()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_a_reservation_that_expires_before_it_can_be_settled_counts(
    store: LeasedStore, shared: Meddled
) -> None:
    warm(store, SMALL)
    assert not reserve(store, "r", SMALL, LARGE, lasts=5.0)
    store._leasing.trips = Waited(lambda: reserve(store, "o", SMALL, now=5.5))  # type: ignore[assignment]
    assert settle(store, "r", SMALL, LARGE, now=4.9)
    assert not settle(store, "r", SMALL, LARGE, now=4.9)
    assert store.release("o", [hold(SMALL)], 6.0)
    store.sync(6.0)
    assert [each.used for each in shared.standing([SMALL, LARGE], 6.0)] == [3, 300]


def test_what_fails_to_be_settled_in_both_places_is_settled_later(
    store: LeasedStore, shared: Meddled
) -> None:
    warm(store, SMALL)
    assert not reserve(store, "r", SMALL, LARGE)
    shared.once("settle", fails)
    with pytest.raises(StateError):
        settle(store, "r", SMALL, LARGE)
    assert [each.used for each in store.standing([SMALL, LARGE], 0)] == [3, 300]
    assert settle(store, "r", SMALL, LARGE)
    assert not settle(store, "r", SMALL, LARGE)
    store.sync(0)
    assert [each.spent for each in shared.standing([SMALL, LARGE], 0)] == [3, 300]


def test_two_threads_reserve_one_id_once(store: LeasedStore, shared: Meddled) -> None:
    asked = [charge(key="a"), charge(key="b")]
    warm(store, *asked)
    for number in range(3):
        assert not reserve(store, f"b{number}", asked[1])
        assert settle(store, f"b{number}", asked[1])

    def meanwhile() -> None:
        # A lease of `b` is being taken; the same request came again, and asks for `a` only.
        assert not reserve(store, "r", asked[0])

    shared.once("standing", meanwhile)
    assert not reserve(store, "r", *asked)
    assert settle(store, "r", asked[0])
    store.sync(0)
    assert [each.reserved for each in shared.standing(asked, 0)] == [0, 0]


def test_what_expires_while_the_store_refuses_the_rest_is_given_back_once(
    store: LeasedStore, shared: Meddled
) -> None:
    warm(store, SMALL)
    one = charge(300, 300, key="large")
    shared.once("reserve", lambda: _ahead(store, shared, one))
    assert set(reserve(store, "r", SMALL, one, lasts=5.0)) == {1}
    assert store.release("other", [hold(SMALL)], 6.0)
    store.sync(6.0)
    assert shared.standing([SMALL], 6.0)[0] == Standing(2, 0, ((0, 2),))


def _ahead(store: LeasedStore, shared: Meddled, one: Charge) -> None:
    MemoryStore.settle(shared, "theirs", [hold(one)], [300], 0.0)
    assert not reserve(store, "other", SMALL, now=5.5)


def test_threads_whose_clocks_differ_forget_no_ids(shared: Meddled) -> None:
    store = LeasedStore(shared, seconds=SECONDS, remembered=100.0)
    soft = charge(limit=None)
    assert not reserve(store, "r", soft, now=1000.0)
    assert settle(store, "r", soft, now=1000.0)
    for number, now in enumerate([1099.9, 1100.0, 1099.99, 1100.01, 1099.98]):
        reserve(store, f"o{number}", charge(key=f"o{number}"), now=now)
    assert not settle(store, "r", soft, now=1100.0)


def test_only_so_many_ids_are_remembered(shared: Meddled) -> None:
    store = LeasedStore(shared, seconds=SECONDS, most_ids=100)
    soft = charge(limit=None)
    for number in range(1000):
        assert not reserve(store, f"r{number}", soft, now=number / 10)
        assert settle(store, f"r{number}", soft, now=number / 10)
    known = [n for n in range(1000) if not settle(store, f"r{n}", soft, now=100.0)]
    assert 50 <= len(known) < 500
    assert known[-1] == 999


def test_what_is_to_be_told_never_changes_while_another_thread_reads_it(
    store: LeasedStore,
) -> None:
    class Watched(deque[Any]):
        def popleft(self) -> Any:
            assert store._lock.locked(), "`exposure` may go through it"
            return super().popleft()

    store._leasing.pending = Watched()
    warm(store, charge())
    store.sync(0)
    assert store.exposure("k") == 0
    assert not store._leasing.pending


def test_what_is_leased_outlasts_a_store_that_goes_while_nothing_is_under_way(
    store: LeasedStore, shared: Meddled
) -> None:
    many = [charge(key=f"k{number}") for number in range(6)]
    for one in many:
        warm(store, one)
    shared.settle = shared.reserve = shared.standing = shared.take = _gone  # type: ignore[method-assign]
    allowed = 0
    for round in range(8):
        for one in many:
            with suppress(StateError):
                allowed += not reserve(store, f"{round}{one.key}", one, now=31.0 + round)
    # Three are left in each lease; one was already being given back.
    assert allowed >= 15


def _gone(*args: Any, **kwargs: Any) -> Any:
    raise StateError("store-failed", "out of reach")


def test_what_could_not_be_told_is_told_first_when_the_store_is_back(
    store: LeasedStore, shared: Meddled
) -> None:
    first, other = charge(), charge(key="other")
    warm(store, first, other)
    assert not reserve(store, "r", first)
    shared.once("settle", fails)
    shared.once("reserve", fails)
    assert store.settle("r", [hold(first)], [900], 1.0)
    assert not reserve(store, "o", other, now=2.0)
    assert settle(store, "o", other, now=2.0)
    assert shared.standing([first], 2.0)[0].spent == 902


def test_raising_never_shortens(store: LeasedStore, shared: Meddled) -> None:
    one = charge()
    warm(store, one)
    assert not reserve(store, "r", one, lasts=100.0)
    assert store.raised("r", [charge(2)], 0.0, 10.0) == {}
    assert store.standing([one], 50.0)[0].reserved == 2


def test_closing_twice_reports_once(store: LeasedStore, shared: Meddled) -> None:
    one = charge()
    warm(store, one)
    assert not reserve(store, "r", one)
    assert settle(store, "r", one)
    store.close()
    store.close()
    assert shared.standing([one], 0)[0] == Standing(3, 0, ((0, 3),))


def test_at_the_exit_every_store_is_closed_whatever_another_does(
    shared: Meddled, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(LeasedStore):
        def close(self) -> None:
            raise RuntimeError("no threads at the exit")

    one = charge()
    good = [LeasedStore(shared, seconds=SECONDS) for _ in range(3)]
    broken = [Broken(MemoryStore()) for _ in range(3)]
    for number, store in enumerate(good):
        warm(store, one, now=float(number))
    for store in broken:
        leases._OPEN.discard(store)
    monkeypatch.setattr(leases, "_OPEN", {*good, *broken})
    with pytest.raises(RuntimeError):
        leases._close_all()
    assert shared.standing([one], 3.0)[0] == Standing(6, 0, ((0, 6),))


def test_many_that_expire_do_not_make_each_decision_look_at_all(shared: Meddled) -> None:
    store = LeasedStore(shared, seconds=SECONDS)
    soft = charge(limit=None)
    for number in range(2000):
        assert not reserve(store, f"r{number}", soft, now=number / 100, lasts=10.0)
    assert store.standing([soft], 20.0)[0].reserved == 999


class Flaky(MemoryStore):
    """A shared store that fails now and then, before or after it has done what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = random.Random(5)
        self.often = 0.02

    def _may_fail(self) -> None:
        if self.drawn.random() < self.often:
            fails()

    def reserve(self, *args: Any) -> Any:
        self._may_fail()
        found = super().reserve(*args)
        self._may_fail()
        return found

    def settle(self, *args: Any) -> Any:
        self._may_fail()
        found = super().settle(*args)
        self._may_fail()
        return found

    def take(self, *args: Any) -> Any:
        self._may_fail()
        found = super().take(*args)
        self._may_fail()
        return found


KEYS = ("a", "b", "soft")


def _spend(store: LeasedStore, worker: int) -> Counter[str]:
    drawn = random.Random(worker)
    spent: Counter[str] = Counter()
    for number in range(200):
        # Clocks of threads differ a little, and what is short expires while it is settled.
        id, now = f"{worker}-{number}", number / 20 + drawn.uniform(0, 0.1)
        asked = [
            charge(drawn.choice([1, 2, 300]), None if key == "soft" else 10**7, key)
            for key in drawn.sample(KEYS, drawn.randint(1, 3))
        ]
        try:
            store.reserve(id, asked, now, now + drawn.choice([0.1, 60.0]))
        except StateError:
            continue
        amounts = [drawn.randint(0, each.amount) for each in asked]
        for _ in range(100):
            with suppress(StateError):
                store.settle(id, [hold(each) for each in asked], amounts, now)
                break
        else:
            pytest.fail("it never settles")
        spent.update(dict(zip([each.key for each in asked], amounts, strict=True)))
    return spent


def test_threads_over_a_store_that_fails_lose_nothing_and_count_nothing_twice() -> None:
    shared = Flaky()
    stores = [LeasedStore(shared, seconds=4.0, margin=0.2, refused=0.01) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        done = pool.map(lambda worker: _spend(stores[worker % 2], worker), range(4))
        spent = sum(done, Counter[str]())
    assert min(spent[key] for key in KEYS) > 1_000
    shared.often = 0
    for store in stores:
        store.sync(20.0)
        assert all(each.clean for key in KEYS for each in store._leasing.of(key))
    asked = [charge(key=key) for key in KEYS]
    assert [each.spent for each in shared.standing(asked, 100.0)] == [spent[key] for key in KEYS]
    assert not any(each.reserved for each in shared.standing(asked, 100.0))
