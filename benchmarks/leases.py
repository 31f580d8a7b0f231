"""What a request's money costs where a gateway decides within leases.

    python benchmarks/run.py --only leases

The shared store is in memory too, so that nothing but code is measured. The bare one is beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.charges import Charge, Hold
from policyengine.state.leases import LeasedStore
from policyengine.state.memory import MemoryStore

SECTION = "ledger"
ONE = "reserve and settle within a lease, 1 counter"
MANY = "reserve and settle within leases, 3 counters"
TARGET = Target(10_000, "ns")
# Far more than all rounds spend: a lease is renewed about once in ten thousand requests.
LIMIT = 10**15


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for what a request costs: two calls, renewals of leases included."""
    if wanted and not any(word in f"{SECTION} leases" for word in wanted):
        return
    progress("leases")
    ways = {
        ONE: Way(_spending(LeasedStore(MemoryStore()), 1)),
        MANY: Way(_spending(LeasedStore(MemoryStore()), 3)),
        "the same in memory, 1 counter": Way(_spending(MemoryStore(), 1)),
        "the same in memory, 3 counters": Way(_spending(MemoryStore(), 3)),
    }
    yield Race(
        SECTION,
        "leases: a request's money",
        "Over a store in memory; what is leased is decided without it.",
        race(ways, [None], effort),
        target=TARGET,
        judged=MANY,
    )


def _spending(store: Any, counters: int) -> Callable[[None], bool]:
    charges = [
        Charge(f"k{number}", "micro_usd", 900, LIMIT, 0, 0, 0, 60, 0, "all", "for ever")
        for number in range(counters)
    ]
    holds = [Hold(each.key, each.unit, each.amount, each.slot, each.lasts) for each in charges]
    amounts = [700] * counters
    numbers = itertools.count()

    def spend(_: None) -> bool:
        id = f"request{next(numbers)}"
        refused = store.reserve(id, charges, 100.0, 160.0)
        return not refused and store.settle(id, holds, amounts, 100.0) is True

    return spend
