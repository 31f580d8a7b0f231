"""A day's end of budgets: many gateways and users over leases, by the size of a lease.

    python benchmarks/scale/simulate.py             # minutes; renews docs/scale.md and its plot
    python benchmarks/scale/simulate.py --quick     # seconds; prints the table

Time, users, requests, what they cost and which gateways are lost are simulated, by one seed. The
stores are not: every gateway is a `LeasedStore`, and all share one `MemoryStore`. Equal arguments
give equal figures.
"""

from __future__ import annotations

import argparse
import bisect
import gc
import heapq
import json
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from policyengine.charges import Charge, Hold, Standing
from policyengine.state.leases import LeasedStore
from policyengine.state.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
# Shares of what is left that a lease has at most; 0: the store decides on every request.
SHARES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
DAY = 86_400
NOON = 1_700_000_000 // DAY * DAY + DAY // 2


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated; times in seconds, money in micro-dollars.

    Users are drawn by rank with the density rank ** -`zipf`, and each time make a session of
    `session` requests on average, with pauses of mean `pause` between them. Each tenant has
    gateways in
    proportion to its size; a user has one of them, where `at_home` of his requests arrive, and the
    others anywhere. A request reserves an estimate, a log-normal number of median `cost` and sigma
    `spread`; `above` of them take up to half as much again, the others any part of it, for an
    exponential time of mean `lasts`. `lost` of the gateways are killed, each at some moment, and
    start anew. The run is a `day`-th of what teams and organisations ask for in a day, the last:
    most is spent when it begins, and what is left is `left` times 0.6 to 1.5 times what the run
    asks for. A user may spend `personal`, and has spent nothing; 0: users have no budgets.
    """

    seed: int = 1
    gateways: int = 1_000
    users: int = 1_000_000
    tenants: int = 20
    teams: int = 10
    requests: int = 200_000
    rate: float = 2_500.0
    zipf: float = 0.6
    at_home: float = 0.95
    cost: int = 4_000
    spread: float = 1.2
    above: float = 0.05
    lasts: float = 4.0
    session: float = 30.0
    pause: float = 2.0
    lost: float = 0.05
    personal: int = 2_000_000
    day: int = 20
    left: float = 1.0
    seconds: float = 30.0
    least: int = 4


QUICK = World(gateways=20, users=20_000, tenants=3, teams=4, requests=6_000, rate=80.0)


class Request(NamedTuple):
    """A request, before anybody has decided on it."""

    at: float
    gateway: int
    keys: tuple[str, ...]
    estimate: int
    used: int
    lasts: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a run with leases of one size. Shares are of 1.

    `overspend` is by kind of budget, of those that were used up: the most and the mean, as a share
    of the limit; `lost` what the sums miss of all that was spent. `operations` are calls of the
    store for 1,000 requests, by name, `trips` those of a decision: median, 99 % and most.
    """

    share: float
    requests: int
    refused: float
    in_error: float
    stranded: float
    local: float
    trips: tuple[int, int, int]
    operations: dict[str, float]
    overspend: dict[str, tuple[float, float]]
    used_up: dict[str, int]
    lost: float

    @property
    def traffic(self) -> float:
        """All calls of the store for 1,000 requests."""
        return sum(self.operations.values())


class Told(MemoryStore):
    """The shared store, which counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(remembered=3600)
        self.calls: Counter[str] = Counter()
        self.trips = 0

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        self.trips += 1

    def reserve(self, *asked: Any) -> Any:
        self._called("reserve")
        return super().reserve(*asked)

    def settle(self, *asked: Any) -> Any:
        self._called("settle")
        return super().settle(*asked)

    def take(self, *asked: Any) -> Any:
        self._called("take")
        return super().take(*asked)

    def standing(self, *asked: Any) -> Any:
        self._called("standing")
        return super().standing(*asked)


class Load(NamedTuple):
    """The requests in order of time, the limits of budgets, and what is spent when they begin."""

    requests: list[Request]
    limits: dict[str, int]
    before: dict[str, int]


@lru_cache(maxsize=1)
def _load(world: World) -> Load:
    return load(world)


def load(world: World) -> Load:
    """What a world's users ask for."""
    drawn = random.Random(world.seed)
    sizes = [1 / (1 + number) for number in range(world.tenants)]
    bounds = [0.0]
    for size in sizes:
        bounds.append(bounds[-1] + size / sum(sizes))
    made: list[Request] = []
    begins, ends = float(NOON), NOON + world.requests / world.rate
    # Sessions that began before the run are in it, so that it begins as it goes on.
    at = begins - 3 * world.session * world.pause
    while at < ends:
        at += drawn.expovariate(world.rate / world.session)
        user = int(world.users * drawn.random() ** (1 / (1 - world.zipf)))
        # What a user is follows from his number, and is the same in every run.
        fixed = random.Random(user)
        place = fixed.random()
        tenant = min(bisect.bisect_right(bounds, place) - 1, world.tenants - 1)
        team = fixed.randrange(world.teams)
        first, last = (int(world.gateways * bounds[tenant + i]) for i in (0, 1))
        home = first + fixed.randrange(max(last - first, 1))
        keys: tuple[str, ...] = (f"team{tenant}.{team}", f"organisation{tenant}")
        if world.personal:
            keys = (f"user{user}", *keys)
        then = at
        while True:
            away = drawn.random() >= world.at_home
            gateway = drawn.randrange(world.gateways) if away else home
            made.append(_request(world, drawn, then, gateway, keys))
            if drawn.random() < 1 / world.session:
                break
            then += drawn.expovariate(1 / world.pause)
    made = sorted(request for request in made if begins <= request.at < ends)
    wanted = Counter[str]()
    for request in made:
        for key in request.keys[-2:]:
            wanted[key] += request.used
    left = {
        key: int(amount * drawn.uniform(0.6, 1.5) * world.left)
        for key, amount in sorted(wanted.items())
    }
    before = {key: wanted[key] * (world.day - 1) for key in left}
    return Load(made, {key: before[key] + amount for key, amount in left.items()}, before)


def _request(
    world: World, drawn: random.Random, at: float, gateway: int, keys: tuple[str, ...]
) -> Request:
    estimate = min(int(drawn.lognormvariate(math.log(world.cost), world.spread)), 2_000_000) + 1
    factor = drawn.random()
    factor = 1 + factor / 2 if drawn.random() < world.above else factor
    lasts = min(drawn.expovariate(1 / world.lasts), 60.0)
    return Request(at, gateway, keys, estimate, int(estimate * factor), lasts)


class Run:
    """One run: the gateways, what is under way, and what is true."""

    def __init__(self, world: World, share: float, load: Load) -> None:
        self.world, self.share, self.limits = world, share, load.limits
        self.before = load.before
        self.store = Told()
        for key, amount in load.before.items():
            begins = NOON - NOON % DAY
            hold = Hold(key, "micro_usd", amount, begins, 2 * DAY)
            self.store.settle(f"before {key}", [hold], [amount], NOON)
        self.store.calls.clear()
        self.gateways = [self.gateway() for _ in range(world.gateways)]
        self.under_way: list[dict[str, Request]] = [{} for _ in range(world.gateways)]
        self.spent, self.held = Counter(load.before), Counter[str]()
        # What may be beyond a limit, as `LeasedStore` states it; and what nobody knows of.
        self.beyond, self.unknown = Counter[str](), Counter[str]()
        self.refused = self.in_error = self.local = 0
        self.stranded = 0.0
        self.full: Counter[str] = Counter()
        self.trips: Counter[int] = Counter()

    def gateway(self) -> LeasedStore:
        """A gateway that has just started."""
        world = self.world
        return LeasedStore(self.store, share=self.share, least=world.least, seconds=world.seconds)

    def limit(self, key: str) -> int:
        """The limit of a budget."""
        return self.limits.get(key, self.world.personal)

    def charges(self, request: Request) -> list[Charge]:
        """What a request asks for."""
        begins = NOON - NOON % DAY
        return [
            Charge(key, "micro_usd", request.estimate, self.limit(key), begins, begins, 0, 2 * DAY,
                   begins + DAY, key, "day")
            for key in request.keys
        ]  # fmt: skip

    def decide(self, id: str, request: Request) -> bool:
        """Reserves; whether that is allowed."""
        before = self.store.trips
        asked = self.charges(request)
        gateway = self.gateways[request.gateway]
        refused = gateway.reserve(id, asked, request.at, request.at + 120)
        trips = self.store.trips - before
        self.trips[trips] += 1
        self.local += not trips
        if refused:
            self.refused += 1
            self.full.update(request.keys[i] for i in refused)
            if self.had_room(request, refused):
                self.in_error += 1
                self.stranded += max(self.room(request.keys[i]) for i in refused)
            return False
        for key in request.keys:
            self.held[key] += request.estimate
        self.under_way[request.gateway][id] = request
        return True

    def room(self, key: str) -> float:
        """What is truly left of a budget, as a share of it."""
        return 1 - (self.spent[key] + self.held[key]) / self.limit(key)

    def had_room(self, request: Request, refused: Any) -> bool:
        """Whether the budgets that had no room had some, if all that is true were known."""
        return all(
            self.spent[key] + self.held[key] + request.estimate <= self.limit(key)
            for key in (request.keys[i] for i in refused)
        )

    def finish(self, id: str, gateway: int, now: float) -> None:
        """Settles, unless the gateway was lost."""
        request = self.under_way[gateway].pop(id, None)
        if request is None:
            return
        asked = self.charges(request)
        holds = [Hold(each.key, each.unit, each.amount, each.slot, each.lasts) for each in asked]
        self.gateways[gateway].settle(id, holds, [request.used] * len(holds), now)
        for key in request.keys:
            self.held[key] -= request.estimate
            self.spent[key] += request.used
            self.beyond[key] += max(request.used - request.estimate, 0)

    def lose(self, number: int) -> None:
        """Kills a gateway; what was under way is spent as estimated, and nobody knows."""
        gateway, gone = self.gateways[number], self.under_way[number]
        keys = {key for request in gone.values() for key in request.keys}
        there = Counter[str]()
        for request in gone.values():
            for key in request.keys:
                there[key] += request.estimate
                self.held[key] -= request.estimate
                self.spent[key] += request.estimate
        for key in keys | set(self.limits):
            known = sum(account.held for account in gateway._leasing.of(key))
            lost = gateway.exposure(key) - known + there[key]
            self.beyond[key] += lost
            self.unknown[key] += lost
        self.gateways[number], self.under_way[number] = self.gateway(), {}

    def figures(self, world: World) -> Figures:
        """What came of it. Raises `AssertionError` where more was spent than is stated."""
        used_up, beyond = Counter[str](), dict[str, list[float]]()
        for key, spent in sorted(self.spent.items()):
            limit = self.limit(key)
            assert spent <= limit + self.beyond[key], f"{key}: {spent} of {limit}"
            kind = key.rstrip("0123456789.")
            if self.full[key] and kind != "user":
                used_up[kind] += 1
                beyond.setdefault(kind, []).append(max(spent - limit, 0) / limit)
        total = sum(self.trips.values())
        return Figures(
            self.share,
            total,
            self.refused / total,
            self.in_error / total,
            self.stranded / max(self.in_error, 1),
            self.local / total,
            _quantiles(self.trips, total),
            {name: 1000 * n / total for name, n in sorted(self.store.calls.items())},
            {kind: (max(each), sum(each) / len(each)) for kind, each in sorted(beyond.items())},
            dict(sorted(used_up.items())),
            sum(self.unknown[key] for key in self.limits)
            / sum(self.spent[key] - self.before[key] for key in self.limits),
        )


def simulated(world: World, share: float) -> Figures:
    """One run over all requests; checks sums and bounds on the way."""
    # Who asks does not depend on how leases are cut.
    made = _load(replace(world, seconds=0, least=0))
    asked, run = made.requests, Run(world, share, made)
    drawn = random.Random(world.seed + 1)
    times = [drawn.uniform(NOON, asked[-1].at) for _ in range(int(world.lost * world.gateways))]
    losses = sorted((at, drawn.randrange(world.gateways)) for at in times)
    ends: list[tuple[float, str, int]] = []
    tick = float(NOON)
    for number, request in enumerate(asked):
        while tick <= request.at:
            for gateway in run.gateways:
                gateway.renew(tick)
            tick += world.seconds / 8
        while losses and losses[0][0] <= request.at:
            run.lose(losses.pop(0)[1])
        while ends and ends[0][0] <= request.at:
            at, id, place = heapq.heappop(ends)
            run.finish(id, place, at)
        if run.decide(f"r{number}", request):
            end = (request.at + request.lasts, f"r{number}", request.gateway)
            heapq.heappush(ends, end)
    while ends:
        at, id, place = heapq.heappop(ends)
        run.finish(id, place, at)
    figures = run.figures(world)
    _sums_agree(run, asked[-1].at + 200)
    return figures


def _sums_agree(run: Run, now: float) -> None:
    for gateway in run.gateways:
        gateway.sync(now)
    for key, limit in run.limits.items():
        asked = Charge(key, "micro_usd", 0, limit, NOON, 0, 0, 2 * DAY, 0, key, "day")
        [known] = run.store.standing([asked], now)
        spent = run.spent[key] - run.unknown[key]
        assert known == Standing(spent, 0, known.slots), f"{key}: {known}, not {spent}"


def _quantiles(trips: Counter[int], total: int) -> tuple[int, int, int]:
    ordered, seen, found = sorted(trips), 0, []
    for wanted in (0.5, 0.99):
        seen = 0
        for number in ordered:
            seen += trips[number]
            if seen >= wanted * total:
                found.append(number)
                break
    return found[0], found[1], ordered[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all sizes, print a table, and write the page unless the run is quick."""
    import page

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small world; writes nothing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args(arguments)
    world = replace(QUICK if asked.quick else World(), seed=asked.seed)
    # A run keeps a million counters and ids, none of them in a cycle: looking for cycles among them
    # takes up to a third of its time.
    gc.disable()
    results = []
    for share in SHARES:
        began = time.perf_counter()
        results.append(simulated(world, share))
        print(page.line(results[-1], time.perf_counter() - began), flush=True)
    others = {}
    for name, change in page.OTHER_WORLDS.items():
        began = time.perf_counter()
        others[name] = simulated(replace(world, **change), 0.01)
        print(f"{name}: {page.line(others[name], time.perf_counter() - began)}", flush=True)
    if asked.json:
        figures = [asdict(each) for each in (*results, *others.values())]
        asked.json.write_text(json.dumps({"world": asdict(world), "figures": figures}, indent=2))
    if not asked.quick:
        page.write(world, results, others, ROOT / "docs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
