"""What it costs to ask what was done before, over a stream of a thousand events.

    python benchmarks/run.py --only sessions

The events are those of one agent in a week, decoded already. Decoding is measured by itself: the
first time that an event is seen, and then, when it is remembered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from harness import OURS, Effort, Race, Target, Way, progress, race

from policyengine.charges import Event, Watch, decoded, encoded
from policyengine.plugins import Finding, fact_provider

SECTION = "sessions"
SIZE = 1_000
NOW = 1_800_000_000.0
# The target for each question, in nanoseconds.
MOST = 1_000_000
INPUT: Mapping[str, Any] = {
    "tool": {"name": "Read", "arguments": {"path": "src/app.py"}, "paths": ["src/app.py"]},
    "session": {"id": "s-1"},
    "agent": {"id": "a-1"},
    "subject": {"team": "web"},
}
COMMENT: Mapping[str, Any] = {"comment": {"category": "style"}, "agent": {"id": "a-1"}}
QUESTIONS: Mapping[str, tuple[str, Any]] = {
    "history: a name within ten minutes": ("history", {"name": "Read", "within": "10m"}),
    "history: all": ("history", {}),
    "loops": ("loops", {"within": "7d"}),
    "velocity: volume": ("velocity", "volume"),
    "velocity: scope": ("velocity", "scope"),
    "velocity: agents": ("velocity", {"of": "agents", "per": ["subject.team"]}),
    "velocity: hours": ("velocity", "hours"),
    "velocity: trend": ("velocity", "trend"),
    "rating": ("rating", {"below": 6}),
}


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for a question, and for a thousand events."""
    if wanted and not any(word in SECTION for word in wanted):
        return
    for title, (name, value) in QUESTIONS.items():
        progress(title)
        watch = asked(name, value)
        way = Way(_asking(watch, COMMENT if name == "rating" else INPUT), read=len)
        yield Race(
            SECTION,
            title,
            f"A stream of {SIZE:,} events of one week.",
            race({OURS: way}, [events_for(name, watch)], effort.longer()),
            target=Target(MOST, "ns"),
        )
    progress("decoding")
    rows = [encoded(event) for event in events_for("history", asked("history", {}))]
    fresh = {"remembered": Way(_decoded, read=len), "first seen": Way(_decoded_first, read=len)}
    yield Race(
        SECTION,
        "decode a stream",
        f"{SIZE:,} events of about {sum(map(len, rows)) // len(rows)} bytes.",
        race(fresh, [rows], effort.longer()),
    )


def asked(name: str, value: Any) -> Watch:
    """A question as the engine builds it."""
    provider: Any = fact_provider(name)
    watch: Watch = provider.build(provider.normal(value))
    return watch


def events_for(name: str, watch: Any, size: int = SIZE) -> list[Event]:
    """A stream of events such as a question is asked about, the same each time."""
    rng = random.Random(7)
    times = sorted(NOW - rng.random() ** 2 * 7 * 86_400 for _ in range(size))
    if name == "rating":
        return [Event(at, "review.rating", "style", amount=rng.randint(0, 10)) for at in times]
    if name == "velocity":
        return [
            watch.judge.event("s", {**INPUT, "tool": _tool(rng), "agent": _agent(rng)}, at)
            for at in times
        ]
    return [watch.event({**INPUT, "tool": _tool(rng)}, at) for at in times]


def _tool(rng: random.Random) -> dict[str, Any]:
    path = f"src/{rng.randrange(300)}.py"
    return {"name": rng.choice(["Read", "Edit"]), "arguments": {"path": path}, "paths": [path]}


def _agent(rng: random.Random) -> dict[str, Any]:
    return {"id": f"a-{rng.randrange(20)}"}


def _asking(watch: Watch, input: Mapping[str, Any]) -> Callable[[Any], Sequence[Finding]]:
    return lambda events: watch.found(events, input, NOW)


def _decoded(rows: Sequence[bytes]) -> list[Event | None]:
    return [decoded(row) for row in rows]


def _decoded_first(rows: Sequence[bytes]) -> list[Event | None]:
    return [decoded.__wrapped__(row) for row in rows]
