"""What it costs to choose a model in a tier of five, by strategy.

    python benchmarks/run.py --only routing

Each choice is made for a request that asks for tools and a region, with prices known and all
models observed. By hand is what a gateway would write for `priority`: the first of the list that
fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.prices import PriceBook
from policyengine.prices import normal as normal_prices
from policyengine.routing.choice import choose
from policyengine.routing.needs import Needs, needs_of
from policyengine.routing.observed import Observed
from policyengine.routing.tiers import STRATEGIES, Tiers, normal

SECTION = "routing"
BY_HAND = "by hand"
NOW = 1_800_000_000.0
# The target for each choice, in nanoseconds.
MOST = 10_000
MODELS = [f"model-{number}" for number in range(5)]
NEEDS = [
    Needs(
        input_tokens=tokens,
        output_tokens=500,
        capabilities=frozenset({"tools"}),
        region="eu",
        kinds=frozenset({"pii"}),
        keys={"subject.id": f"user-{tokens}"},
        draw=0.4,
    )
    for tokens in (500, 2_000, 60_000)
]


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for a choice."""
    if wanted and not any(word in SECTION for word in wanted):
        return
    progress(SECTION)
    ways = {BY_HAND: Way(_by_hand(), read=len)}
    ways |= {strategy: Way(_choosing(strategy), read=_count) for strategy in STRATEGIES}
    medians = race(ways, NEEDS, effort)
    for strategy in STRATEGIES:
        yield Race(
            SECTION,
            f"choose: {strategy}",
            "A tier of five models; which may serve the request, in which order, and why.",
            {BY_HAND: medians[BY_HAND], strategy: medians[strategy]},
            target=Target(MOST, "ns"),
            judged=strategy,
        )
    yield Race(
        SECTION,
        "a report and a snapshot",
        "A model's answer is reported, and all five are looked at: once a request.",
        race({"observe and snapshot": Way(_reporting(), read=len)}, [0], effort),
        target=Target(MOST, "ns"),
        judged="observe and snapshot",
    )
    progress("needs")
    yield Race(
        SECTION,
        "what a request needs",
        "Read from an input of six messages of 400 characters and two tools.",
        race({"needs_of": Way(_reading(), read=str)}, [1, 2], effort),
        target=Target(MOST, "ns"),
        judged="needs_of",
    )


def _about(number: int) -> dict[str, Any]:
    return {
        "context_tokens": 40_000 if number < 2 else 200_000,
        "max_output_tokens": 8_000,
        "capabilities": ["tools", "json"],
        "regions": ["eu", "us"],
        "data": {"secrets": "deny"},
        "latency_ms": 300 + number,
    }


def _tiers(strategy: str) -> Tiers:
    members = [{"model": name, "weight": number + 1} for number, name in enumerate(MODELS)]
    tier = {"strategy": strategy, "models": members}
    if strategy == "sticky":
        tier["sticky_by"] = "subject.id"
    models = {name: _about(number) for number, name in enumerate(MODELS)}
    return Tiers.of(normal({"models": models, "tiers": {"all": tier}}))


def _choosing(strategy: str) -> Callable[[Needs], Any]:
    tiers, observed = _tiers(strategy), Observed()
    for number, name in enumerate(MODELS):
        observed.observe(name, True, 200.0 + number, now=NOW)
    prices = PriceBook.of(
        normal_prices(
            {
                "currency": "USD",
                "valid_from": "2026-01-01",
                "models": {
                    name: {
                        "input_cost_per_token": 1e-6 * (6 - number),
                        "output_cost_per_token": 4e-6,
                    }
                    for number, name in enumerate(MODELS)
                },
            }
        )
    )
    snapshot = observed.snapshot(NOW)
    return lambda needs: choose(tiers, "all", needs, snapshot, prices, NOW)


def _count(choice: Any) -> int:
    return 1 + len(choice.fallbacks)


def _by_hand() -> Callable[[Needs], list[str]]:
    rows = [
        (name, about["context_tokens"], set(about["capabilities"]), about["regions"], {"secrets"})
        for number, name in enumerate(MODELS)
        if (about := _about(number))
    ]

    def by_hand(needs: Needs) -> list[str]:
        found = []
        for name, room, able, regions, denied in rows:
            if needs.input_tokens + (needs.output_tokens or 0) > room:
                continue
            if not needs.capabilities <= able or needs.region not in regions:
                continue
            if denied & needs.kinds:
                continue
            found.append(name)
        return found

    return by_hand


def _reporting() -> Callable[[int], Any]:
    observed = Observed()
    times = count()

    def report(_: int) -> Any:
        number = next(times)
        # A thousand requests a second.
        now = NOW + number / 1000
        observed.observe(MODELS[number % 5], True, 200.0 + number % 50, now=now)
        return observed.snapshot(now)

    for _ in range(500):
        report(0)
    return report


def _reading() -> Callable[[int], Needs]:
    tiers = _tiers("sticky")
    messages = [{"role": "user", "content": "word " * 80} for _ in range(6)]
    tools = [{"name": "search", "description": "Looks things up."}, {"name": "run"}]
    inputs = [
        {
            "request": {
                "model": "m",
                "messages": messages,
                "tools": tools,
                "max_tokens": number,
            },
            "subject": {"id": "sam"},
        }
        for number in range(3)
    ]
    kinds = frozenset({"pii"})
    return lambda number: needs_of(tiers, "all", inputs[number], kinds, 0.5)
