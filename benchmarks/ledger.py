"""What it costs to reserve and settle in memory, and in SQLite beside two bare transactions.

    python benchmarks/run.py --only ledger

A bare transaction is BEGIN IMMEDIATE, an UPDATE of one row that adds a number, and COMMIT, through
the same module, in a file of its own that is opened as the store opens its file. What ids became is
remembered as in use: thousands were settled before, and ids begin with the time, as the engine's.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.charges import Charge, Hold
from policyengine.state.memory import MemoryStore
from policyengine.state.sqlite import SqliteStore

SECTION = "ledger"
BARE = "two bare transactions"
ONE = "reserve and settle, 1 counter"
MANY = "reserve and settle, 3 counters"
ROLLING = "reserve and settle, 1 counter of 60 slots"
SETTLED_BEFORE = 4_000


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for what a request costs: two calls."""
    if not wanted or any(word in f"{SECTION} memory" for word in wanted):
        progress("ledger in memory")
        medians = race(_ways(MemoryStore()), [None], effort)
        note = "In one process."
        target = Target(10e3, "ns")
        yield Race(SECTION, "memory: a request's money", note, medians, target=target, judged=ONE)
    if not wanted or any(word in f"{SECTION} sqlite" for word in wanted):
        progress("ledger in SQLite")
        with tempfile.TemporaryDirectory() as folder:
            bare = SqliteStore(Path(folder) / "bare.db")
            store = SqliteStore(Path(folder) / "state.db")
            medians = race({BARE: Way(_bare(bare)), **_ways(store)}, [None], effort.longer())
            bare.close()
            store.close()
        note = (
            "In write-ahead mode, on the disk for temporary files. A bare transaction changes one "
            "page of its file; what the store does changes the counter's and the id's."
        )
        yield Race(
            SECTION,
            "sqlite: a request's money",
            note,
            medians,
            target=Target(1.5, "times"),
            judged=ONE,
        )


def _bare(store: SqliteStore) -> Callable[[None], bool]:
    with store._used() as connection:
        execute = connection.execute
    execute("CREATE TABLE bare (key TEXT PRIMARY KEY, spent INTEGER NOT NULL) WITHOUT ROWID")
    execute("INSERT INTO bare VALUES (?, 0)", (_charge("a").key,))
    words = (3, _charge("a").key)

    def ask(_: None) -> bool:
        for _ in (0, 1):
            execute("BEGIN IMMEDIATE")
            execute("UPDATE bare SET spent = spent + ? WHERE key = ?", words)
            execute("COMMIT")
        return True

    return ask


def _ways(store: Any) -> dict[str, Way]:
    for number in range(SETTLED_BEFORE):
        store.settle(_id(random.Random(number)), [], [], time.time())
    return {
        ONE: Way(_ours(store, [_charge("a")])),
        MANY: Way(_ours(store, [_charge(key) for key in "bcd"])),
        ROLLING: Way(_ours(store, [_charge("r", slots=60)])),
    }


def _id(chance: random.Random) -> str:
    return f"{time.time_ns():016x}{chance.getrandbits(64):016x}"


def _charge(name: str, slots: int = 1) -> Charge:
    now = int(time.time())
    key = f"spend/budgets/daily|micro_usd|day in Europe/Berlin|subject.id={name}"
    since = now - 60 * (slots - 1)
    return Charge(key, "micro_usd", 500, 10**15, now, since, 60, 86_400, 0, name, "day")


def _ours(store: Any, charges: Sequence[Charge]) -> Callable[[None], bool]:
    holds = [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]
    ids = random.Random(f"{charges[0].key} {len(charges)}")
    used = [400] * len(charges)
    first = charges[0]
    for slot in range(first.since, first.slot, 60):
        # A rolling window that has been in use for all of its slots.
        older = [Hold(first.key, first.unit, 500, slot, first.lasts)]
        store.settle(f"older {first.key} {slot}", older, [500], slot)

    def ask(_: None) -> bool:
        now = time.time()
        id = _id(ids)
        return not store.reserve(id, charges, now, now + 600) and store.settle(id, holds, used, now)

    return ask
