"""The fact `loops`: the same calls again and again, up to this one.

    loops: {per: [session.id], same: 3, within: 10m}

holds where this call and those right before it are alike: three times A, or three times A B, and
so on up to `cycle` calls that take turns. Calls are alike where name and arguments are equal; of
the arguments only a digest is kept. Calls that are alike but not in a row are a matter for
`history: {same: true, more_than: 10}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from policyengine.charges import Event
from policyengine.plugins import Finding
from policyengine.sessions import _events as past

READS: Literal["events"] = "events"
COST: Final = 60
MOST_TIMES: Final = 50
MOST_CYCLE: Final = 8

SCHEMA: Mapping[str, Any] = {
    "description": "The same calls again and again, up to this one.",
    "oneOf": [
        {
            "type": "integer",
            "minimum": 2,
            "maximum": MOST_TIMES,
            "description": "How many times, in this session.",
        },
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "per": {**past.PER, "default": list(past.DEFAULT_PER)},
                "same": {
                    "type": "integer",
                    "minimum": 2,
                    "maximum": MOST_TIMES,
                    "default": 3,
                    "description": "How many times, this call included.",
                },
                "within": {**past.SPAN, "default": "10m", "description": "How far back."},
                "cycle": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_CYCLE,
                    "default": 4,
                    "description": "How many calls may take turns; 1: only the same call.",
                },
                "from": past.FROM,
            },
        },
    ],
}
FINDING: Mapping[str, str] = {
    "type": "string",
    "name": "string",
    "times": "int",
    "period": "int",
    "since": "string",
    "why": "string",
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal(5)["same"], normal({})["within"]
    (5, 600)
    """
    if isinstance(value, int):
        value = {"same": value}
    return {
        "per": past.listed(value.get("per", past.DEFAULT_PER)),
        "same": value.get("same", 3),
        "within": past.seconds(value.get("within", "10m")),
        "cycle": value.get("cycle", 4),
        "from": value.get("from", "store"),
    }


fields = past.scope_fields


def build(config: Any) -> _Loops:
    """The question, ready."""
    given = config["from"] == "input"
    per = tuple(config["per"])
    return _Loops(per, config["within"], given, config["same"], config["cycle"])


@dataclass(frozen=True, slots=True)
class _Loops(past.Calls):
    times: int
    cycle: int

    def found(
        self, events: Sequence[Event], input: Mapping[str, Any], now: float
    ) -> Sequence[Finding]:
        """The shortest cycle that this call ends, if it came round often enough."""
        this = self.this(input, now)
        if this is None or not this.same:
            return []
        before = self.known(events, input, now)
        calls = [one for one in before if one.kind == this.kind and one.same]
        newest = [this.same, *(one.same for one in reversed(calls))]
        for period in range(1, self.cycle + 1):
            times = turns(newest, period)
            if times >= self.times:
                return [self._finding(this, calls[-(times * period - 1)], times, period)]
        return []

    def _finding(self, this: Event, first: Event, times: int, period: int) -> Finding:
        what = "the same call" if period == 1 else f"the same {period} calls in turn"
        return {
            "type": "LOOP",
            "name": this.name,
            "times": times,
            "period": period,
            "since": past.stamp(first.at),
            "why": f"{what}, {times} times now",
        }


def turns(newest: Sequence[str], period: int) -> int:
    """How many times the first `period` entries come one after the other, from the first on.

    >>> turns("ababc", 2), turns("aab", 1), turns("ab", 4)
    (2, 2, 0)
    """
    if len(newest) < period:
        return 0
    alike = 0
    while alike + period < len(newest) and newest[alike] == newest[alike + period]:
        alike += 1
    return alike // period + 1
