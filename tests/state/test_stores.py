"""The contract of stores: every store of the room passes every test here."""

from __future__ import annotations

import multiprocessing
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from policyengine.errors import StateError
from policyengine.state.sqlite import SqliteStore
from policyengine.state.store import Row, Store


@pytest.fixture
def store(ledger: Any) -> Store:
    """An empty store of each kind: those that are ledgers keep rows too."""
    kept: Store = ledger
    return kept


def test_a_row_is_found_in_its_space_under_its_key(store: Store) -> None:
    store.put("a", "k", Row(b"\0one\xff"))
    assert store.get("a", "k", 0) == Row(b"\0one\xff")
    assert store.get("b", "k", 0) is None
    assert store.get("a", "K", 0) is None


def test_put_takes_the_place_of_a_row_and_add_does_not(store: Store) -> None:
    assert store.add("a", "k", Row(b"1"), 0) == Row(b"1")
    assert store.add("a", "k", Row(b"2"), 0) == Row(b"1")
    store.put("a", "k", Row(b"3", 5.0))
    assert store.get("a", "k", 0) == Row(b"3", 5.0)


def test_what_has_expired_is_not_there(store: Store) -> None:
    store.put("a", "k", Row(b"1", 10.0))
    assert store.get("a", "k", 9.9) is not None
    assert store.get("a", "k", 10.0) is None
    assert store.add("a", "k", Row(b"2", 30.0), 10.0) == Row(b"2", 30.0)


def test_a_row_can_live_longer_but_not_again(store: Store) -> None:
    store.put("a", "k", Row(b"1", 10.0))
    assert store.extend("a", "k", 20.0)
    assert store.get("a", "k", 15.0) == Row(b"1", 20.0)
    assert store.delete("a", "k")
    assert not store.extend("a", "k", 30.0)
    assert store.get("a", "k", 0) is None
    assert not store.delete("a", "k")


def test_purging_forgets_only_what_is_over(store: Store) -> None:
    for key, expires in [("a", 1.0), ("b", 2.0), ("c", None)]:
        store.put("s", key, Row(b"v", expires))
    assert store.purge(1.0) == 1
    assert [store.get("s", key, 0) is None for key in "abc"] == [True, False, False]


def test_of_many_who_add_one_wins(store: Store) -> None:
    def add(number: int) -> bytes:
        return store.add("a", "k", Row(b"%d" % number), 0).value

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(add, range(40)))) == 1


def test_a_closed_store_opens_again(store: Store) -> None:
    store.put("a", "k", Row(b"1"))
    store.close()
    assert store.get("a", "k", 0) == Row(b"1")


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.put("a", "k", Row(b"1"))
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 3  # the file, its log and the index of that
    store.close()
    assert modes == {0o600}


def _add(path: Path, number: int, answers: multiprocessing.Queue[bytes]) -> None:
    store = SqliteStore(path)
    answers.put(store.add("a", "k", Row(b"%d" % number), 0).value)
    store.close()


def test_processes_share_a_file(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    answers = spawning.Queue()
    started = [
        spawning.Process(target=_add, args=(tmp_path / "state.db", n, answers)) for n in range(3)
    ]
    for process in started:
        process.start()
    found = {answers.get(timeout=60) for _ in started}
    for process in started:
        process.join(timeout=60)
    assert len(found) == 1


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read" * 50, None])
def test_what_is_no_store_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.db"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(StateError) as raised:
        SqliteStore(path)
    assert raised.value.code == "store-failed"
