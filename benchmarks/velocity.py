"""How well `velocity` tells runaway agents from busy ones, on simulated agents.

    python benchmarks/velocity.py                 the table of docs/agents.md
    python benchmarks/velocity.py --agents 10     quicker
    python benchmarks/velocity.py --seed 1 --sensitivity 3

A normal agent works in sessions between 8 and 18 o'clock on working days, with bursts, pauses,
quiet and busy days and a lunch break; some work on a weekend now and then. Three weeks are its
past, the fourth is judged, at the last call of each bucket. An anomaly is put into the fourth week.
All of it is drawn from a seed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from policyengine.charges import Event
from policyengine.sessions import velocity

HOUR: Final = 3_600
DAY: Final = 86_400
# A Monday, 5 January 1970.
MONDAY: Final = 4 * DAY
PAST: Final = 21
DAYS: Final = 28
KINDS: Final = ("volume", "scope", "hours", "trend", "agents")


class Call(NamedTuple):
    """A call of a tool on a file, by an agent."""

    at: float
    agent: str
    tool: str
    file: str

    @property
    def input(self) -> dict[str, Any]:
        """The input of `tool.call`."""
        return {
            "tool": {"name": self.tool, "arguments": {}, "paths": [self.file]},
            "agent": {"id": self.agent},
            "subject": {"team": "t"},
        }


@dataclass
class Habits:
    """How one agent works: calls in a minute, sessions in a day, files in a session."""

    rng: random.Random
    name: str = "a"
    pace: float = field(init=False)
    sessions: float = field(init=False)
    files: int = field(init=False)
    weekends: float = field(init=False)

    def __post_init__(self) -> None:
        self.pace = self.rng.lognormvariate(0.0, 0.5)
        self.sessions = self.rng.uniform(2, 6)
        self.files = self.rng.randint(4, 15)
        self.weekends = self.rng.choice([0.0, 0.0, 0.1, 0.3])

    def day(self, day: int, more: float = 1.0) -> Iterator[Call]:
        """The calls of one day; `more` is for as many sessions and as fast a pace."""
        rng = self.rng
        if day % 7 >= 5 and rng.random() >= self.weekends:
            return
        if rng.random() < 0.05:
            return
        mood = rng.lognormvariate(0.0, 0.3)
        for _ in range(max(1, round(self.sessions * mood * more))):
            start = rng.triangular(8, 17.5, 10)
            if 12 <= start < 13 and rng.random() < 0.7:
                continue
            length = rng.expovariate(1 / 25) * 60
            begin = MONDAY + day * DAY + start * HOUR
            yield from self.session(begin, min(length, 2 * HOUR), mood * more)

    def session(self, begin: float, length: float, pace: float) -> Iterator[Call]:
        """Calls in bursts, on a small set of files."""
        rng = self.rng
        files = [f"src/{rng.randrange(400)}.py" for _ in range(self.files)]
        at = begin
        while at < begin + length:
            burst = rng.lognormvariate(0.0, 0.6)
            for _ in range(1 + int(rng.expovariate(0.2))):
                at += rng.expovariate(self.pace * pace * burst / 60)
                if at >= begin + length:
                    return
                tool = rng.choice(["Read", "Edit", "Grep", "Bash", "Write"])
                yield Call(at, self.name, tool, rng.choice(files))
            at += rng.expovariate(1 / 60)


def life(rng: random.Random, kind: str = "") -> tuple[list[Call], float]:
    """Four weeks of one agent, and when its anomaly begins, if one is put in."""
    habits = Habits(rng)
    calls = []
    for day in range(DAYS):
        # Slow escalation: within eight days to twice the sessions, at twice the pace.
        risen = min(1.0, max(0, day - PAST + 4) / 8) if kind == "trend" else 0.0
        calls += habits.day(day, 2.0**risen)
    day = rng.randrange(PAST + 1, PAST + 5)
    begin = MONDAY + day * DAY + rng.uniform(9, 16) * HOUR
    if kind == "volume":
        calls += habits.session(begin, 30 * 60, 10.0)
    elif kind == "scope":
        found = [f"other/{i}.py" for i in range(120)]
        step = 15 * 60 / len(found)
        calls += [Call(begin + i * step, "a", "Read", name) for i, name in enumerate(found)]
    elif kind == "hours":
        begin = MONDAY + day * DAY + rng.uniform(1, 4) * HOUR
        calls += habits.session(begin, HOUR, 1.0)
    elif kind == "trend":
        begin = MONDAY + PAST * DAY
    return sorted(calls), begin


def team(rng: random.Random, kind: str = "") -> tuple[list[Call], float]:
    """Four weeks of five agents; the anomaly is twenty more within one hour."""
    calls = []
    for number in range(5):
        habits = Habits(rng, f"agent-{number}")
        for day in range(DAYS):
            calls += habits.day(day)
    begin = MONDAY + rng.randrange(PAST + 1, PAST + 5) * DAY + rng.randrange(9, 16) * HOUR
    if kind:
        for number in range(20):
            new = Habits(rng, f"new-{number}")
            calls += new.session(begin + rng.uniform(0, HOUR / 2), HOUR / 2, 1.0)
    return sorted(calls), begin


def alarms(calls: list[Call], of: str, sensitivity: float) -> list[float]:
    """When something was found in the fourth week: once for each bucket."""
    per = ["subject.team"] if of == "agents" else ["agent.id"]
    config = velocity.normal({"of": of, "per": per, "sensitivity": sensitivity})
    watch = velocity.build(config)
    bucket = config["bucket"]
    stream: list[Event] = []
    known: set[tuple[int, str]] = set()
    found: list[float] = []
    for number, call in enumerate(calls):
        at = int(call.at // bucket)
        is_last = number + 1 == len(calls) or int(calls[number + 1].at // bucket) > at
        # What a reader of the store sees: the newest events of the time that counts.
        if is_last and call.at >= MONDAY + PAST * DAY:
            stream = [one for one in stream[-watch.keep :] if call.at - one.at <= watch.lasts]
            if watch.found(stream, call.input, call.at):
                found.append(call.at)
        event = watch.event(call.input, call.at)
        if event is None:
            continue
        # Asking for each call would keep these from being repeated.
        items = {(at, item) for item in str(event.attributes.get("items", "")).split() or [""]}
        if of in ("volume", "trend") or not items <= known:
            stream.append(event)
            known |= items
    return found


class Row(NamedTuple):
    """How well one kind of anomaly is told: shares, and alarms of normal agents in a day."""

    of: str
    found: int
    of_all: int
    minutes: float
    false: int
    days: int


def measured(of: str, agents: int, seed: int, sensitivity: float = 4.0) -> Row:
    """What one question finds of its anomaly, and in normal agents."""
    make = team if of == "agents" else life
    found, false, waits = 0, 0, []
    for number in range(agents):
        calls, begin = make(random.Random(f"{seed} {of} {number} bad"), of)
        after = [at for at in alarms(calls, of, sensitivity) if at >= begin]
        if after:
            found += 1
            waits.append((after[0] - begin) / 60)
        calls, _ = make(random.Random(f"{seed} {of} {number} good"))
        false += len(alarms(calls, of, sensitivity))
    waits.sort()
    return Row(of, found, agents, waits[len(waits) // 2] if waits else 0.0, false, agents * 7)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--sensitivity", type=float, default=4.0)
    parser.add_argument("--of", choices=KINDS, action="append")
    asked = parser.parse_args()
    print("| `of` | anomalies found | by when (median) | false alarms per agent and day |")
    print("|---|---|---|---|")
    for of in asked.of or KINDS:
        row = measured(of, asked.agents, asked.seed, asked.sensitivity)
        wait = f"{row.minutes:.0f} min" if row.minutes < 600 else f"{row.minutes / 1440:.1f} days"
        rate = f"{row.false / row.days:.3f} ({row.false} in {row.days:,} days)"
        print(f"| `{row.of}` | {row.found} of {row.of_all} | {wait} | {rate} |", flush=True)


if __name__ == "__main__":
    main()
