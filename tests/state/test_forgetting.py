"""What is over is forgotten, a little with each call, so that stores do not grow for ever."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from policyengine.charges import Charge, Hold
from policyengine.state.memory import MemoryStore
from policyengine.state.sqlite import SqliteStore


def charge(key: str, lasts: int = 10) -> Charge:
    return Charge(key, "requests", 1, 5, 0, 0, 0, lasts, 0, "all", "ever")


def hold(key: str, lasts: int = 10) -> Hold:
    return Hold(key, "requests", 1, 0, lasts)


def spend(store: MemoryStore | SqliteStore, number: int, now: float) -> None:
    assert store.reserve(f"r{number}", [charge(f"k{number}")], now, now + 5) == {}
    assert store.settle(f"r{number}", [hold(f"k{number}")], [1], now)
    store.append(f"s{number}", b"event", now, 5, 10.0)


def test_memory_does_not_grow_with_keys_that_nobody_uses(tmp_path: Path) -> None:
    store = MemoryStore(remembered=20.0)
    for number in range(5_000):
        spend(store, number, number / 10)
    # A hundred counters are in use at a time, and two hundred ids remembered.
    assert len(store._counters) == len(store._counter_ring) < 200
    assert len(store._streams) == len(store._stream_ring) < 200
    assert len(store._done) == len(store._forgetting) < 250
    assert len(store._due) < 200
    store.purge(1e6)
    assert [*store._counters, *store._streams, *store._done, *store._due] == []


def test_memory_remembers_so_many_ids_at_most() -> None:
    store = MemoryStore(most_ids=100)
    for number in range(1_000):
        store.settle(f"r{number}", [hold("k")], [1], 0.0)
    assert len(store._done) == 100
    assert not store.settle("r999", [hold("k")], [1], 0.0)
    assert store.standing([charge("k")], 0.0)[0].spent == 1_000


def test_a_counter_that_holds_something_is_not_forgotten() -> None:
    store = MemoryStore()
    store.reserve("a", [charge("k")], 0.0, 1_000.0)
    store.purge(500.0)
    assert store.standing([charge("k")], 500.0)[0].reserved == 1
    store.purge(1_000.0)
    assert not store._counters


def test_a_counter_is_forgotten_when_it_was_not_used_for_long(tmp_path: Path) -> None:
    for store in [MemoryStore(), SqliteStore(tmp_path / "state.db")]:
        store.settle("a", [hold("k")], [4], 0.0)
        store.settle("b", [hold("k")], [1], 9.0)
        assert store.standing([charge("k")], 18.9)[0].spent == 5
        assert store.standing([charge("k")], 19.0)[0].spent == 0
        assert store.reserve("c", [charge("k")], 19.0, 30.0) == {}
        assert store.standing([charge("k")], 19.0)[0].used == 1
        store.close()


@pytest.mark.parametrize("purged", [False, True])
def test_files_do_not_grow_with_keys_that_nobody_uses(tmp_path: Path, purged: bool) -> None:
    store = SqliteStore(tmp_path / "state.db", remembered=20.0)
    for number in range(3_000):
        spend(store, number, number / 10)
    if purged:
        store.purge(1e6)
    with closing(sqlite3.connect(store.path)) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ["counters", "recent", "done", "events"]
        ]
    assert counts == [0] * 4 if purged else max(counts) < 1_000
    store.close()


def test_what_became_of_an_id_is_forgotten_in_the_end(tmp_path: Path) -> None:
    for store in [MemoryStore(remembered=20.0), SqliteStore(tmp_path / "s.db", remembered=20.0)]:
        assert store.settle("a", [hold("k", 100)], [1], 0.0)
        store.purge(19.0)
        assert not store.settle("a", [hold("k", 100)], [1], 19.0)
        store.purge(20.0)
        assert store.settle("a", [hold("k", 100)], [1], 21.0)
        store.close()
