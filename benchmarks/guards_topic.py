"""What the guard `topic` costs: short and long texts, all shipped topics and an own one.

    python benchmarks/run.py --only topic

The whole guard is timed: words, vectors, all thirteen shipped topics and one own topic. One race
builds an own topic from ten examples, which is done once, when a bundle is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.guards import topic
from policyengine.guards._topic.shipped import TOPICS
from policyengine.plugins import Texts

SECTION = "guards"
_PROSE = (
    "Please explain how the new billing system works out the total of an invoice when a customer "
    "changes the plan in the middle of a month, and which fields of the report show the parts. "
    "The committee asked for a table by region, and for a short note on what will change in May. "
)
TEXTS: Mapping[str, str] = {
    "200 characters": _PROSE[:200],
    "4,000 characters": (_PROSE * 15)[:4000],
    "40,000 characters": (_PROSE * 150)[:40_000],
}
TARGETS = {"200 characters": Target(100e3, "ns")}
OWN: Mapping[str, Any] = {
    "name": "competitors",
    "description": "Questions about the products and prices of other vendors.",
    "examples": [
        "is Acme Cloud cheaper than your service",
        "how do you compare with other cloud vendors",
        "why should I not switch to a competitor",
        "which features does the rival product have that you lack",
        "does Nimbus Hosting offer better uptime than you",
        "compare your plans with those of your competitors",
        "what do competing vendors charge for storage",
        "list alternatives to your product",
        "migrate from your platform to another provider",
        "is your rival faster in benchmarks",
    ],
}
ALL, ONE, BUILT = "thirteen topics and an own one", "one topic", "building an own topic"


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for one text, by length, and for building an own topic."""
    every = topic.build(topic.prepare(topic.normal({"any": list(TOPICS), "custom": OWN})))
    one = topic.build(topic.normal(["medical_advice"]))
    for title, text in TEXTS.items():
        name = f"{SECTION} topic: {title}"
        if wanted and not any(word in name for word in wanted):
            continue
        progress(name)
        ways = {
            ALL: Way(lambda t: bool(every(Texts([("text", t)])))),
            ONE: Way(lambda t: bool(one(Texts([("text", t)])))),
        }
        yield Race(
            SECTION,
            f"topic: {title}",
            "The whole guard on one text.",
            race(ways, [text], effort.longer()),
            target=TARGETS.get(title),
            judged=ALL,
        )
    name = f"{SECTION} topic: own topic"
    if not wanted or any(word in name for word in wanted):
        progress(name)
        ways = {BUILT: Way(lambda config: bool(topic.prepare(config)))}
        normal = topic.normal({"custom": OWN})
        yield Race(
            SECTION,
            "topic: own topic",
            "Ten examples.",
            race(ways, [normal], effort.longer()),
            judged=BUILT,
        )
