"""What it costs to reserve and settle in Redis, beside two bare round trips of the same client.

    python benchmarks/run.py --only redis

A server of its own is started on a free port, and keeps nothing on a disk. Where there is no
redis-server or no redis-py, that is said and nothing is measured.
"""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.charges import Charge, Hold
from policyengine.state.redis import RedisStore

SECTION = "ledger"
BARE = "two bare round trips (GET, INCRBY)"
THIN = "the same, on the store's own connections"
ONE = "reserve and settle, 1 counter"
MANY = "reserve and settle, 3 counters"
ROLLING = "reserve and settle, 1 counter of 60 slots"


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for what a request costs: two calls."""
    if wanted and not any(word in f"{SECTION} redis" for word in wanted):
        return
    if shutil.which("redis-server") is None or importlib.util.find_spec("redis") is None:
        print("without redis: redis-server or redis-py is not installed", file=sys.stderr)
        return
    import redis

    progress("redis")
    with _serving() as address:
        store = RedisStore(address)
        ways = {
            BARE: Way(_bare(redis.Redis.from_url(address, protocol=2))),
            THIN: Way(_thin(store)),
            ONE: Way(_ours(store, [_charge("a")])),
            MANY: Way(_ours(store, [_charge(key) for key in "bcd"])),
            ROLLING: Way(_ours(store, [_charge("r", slots=60)])),
        }
        medians = race(ways, [None], effort.longer())
        store.close()
    note = (
        "Over TCP on one machine. The store uses redis-py's connections without its client, whose "
        "own work is much of a bare round trip; the second row is that without it."
    )
    yield Race(
        SECTION, "redis: a request's money", note, medians, target=Target(1.5, "times"), judged=ONE
    )


@contextmanager
def _serving() -> Iterator[str]:
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            ["redis-server", *words, "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            _await(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            server.wait()


def _await(port: int) -> None:
    for _ in range(500):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("redis-server does not answer")


def _bare(client: Any) -> Callable[[None], bool]:
    client.set("bare", 0)

    def ask(_: None) -> bool:
        return client.get("bare") is not None and client.incrby("bare", 3) > 0

    return ask


def _thin(store: RedisStore) -> Callable[[None], bool]:
    ask = store._server.ask

    def both(_: None) -> bool:
        return ask(b"GET", b"bare") is not None and ask(b"INCRBY", b"bare", b"3") > 0

    return both


def _charge(name: str, slots: int = 1) -> Charge:
    now = int(time.time())
    key = f"spend/budgets/daily|micro_usd|day in Europe/Berlin|subject.id={name}"
    since = now - 60 * (slots - 1)
    return Charge(key, "micro_usd", 500, 10**15, now, since, 60, 86_400, 0, name, "day")


def _ours(store: RedisStore, charges: Sequence[Charge]) -> Callable[[None], bool]:
    holds = [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]
    ids = itertools.count()
    used = [400] * len(charges)
    first = charges[0]
    for slot in range(first.since, first.slot, 60):
        # A rolling window that has been in use for all of its slots.
        older = [Hold(first.key, first.unit, 500, slot, first.lasts)]
        store.settle(f"older {first.key} {slot}", older, [500], slot)

    def ask(_: None) -> bool:
        now = time.time()
        id = f"{first.key[-1]}{len(charges)}-6f1f2c5e9b0a4d7c8e3f{next(ids):012}"
        return not store.reserve(id, charges, now, now + 60) and store.settle(id, holds, used, now)

    return ask
