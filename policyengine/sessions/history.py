"""The fact `history`: what was done before this request, counted.

    history: {per: [session.id], kind: tool.call, name: shell, within: 10m, more_than: 20}

holds where more than 20 such events are known; the request itself is not one of them. In CEL,
`history({...})` gives one finding with all sums, or none where too few events are known, and
`history.count({...})`, `history.sum({...})` and so on give one of them, and 0 where nothing was
done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from policyengine.charges import Event
from policyengine.plugins import Finding
from policyengine.sessions import _events as past

READS: Literal["events"] = "events"
COST: Final = 50

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 200}
_NAMES: Final = {
    "oneOf": [_NAME, {"type": "array", "minItems": 1, "maxItems": 100, "items": _NAME}],
}
_LEAST: Final = {"type": "integer", "minimum": 1, "maximum": past.KEEP}

SCHEMA: Mapping[str, Any] = {
    "description": "What was done before this request.",
    "oneOf": [
        {**_NAME, "description": "The kind of event, in this session."},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "per": {**past.PER, "default": list(past.DEFAULT_PER)},
                "kind": {
                    **_NAMES,
                    "description": "Kinds of events: a decision point, or what the host records.",
                },
                "name": {
                    **_NAMES,
                    "description": "Names of tools, models or categories; a last `*` is any end.",
                },
                "within": {**past.SPAN, "description": "How far back, such as `10m`."},
                "ok": {
                    "type": "boolean",
                    "description": "Only events that succeeded, or only those that failed.",
                },
                "same": {
                    "const": True,
                    "description": "Only calls that are equal to this one, arguments and all.",
                },
                "at_least": {**_LEAST, "description": "Holds from so many events on; 1."},
                "more_than": {
                    **_LEAST,
                    "minimum": 0,
                    "maximum": past.KEEP - 1,
                    "description": "Holds where there are more events than this.",
                },
                "from": past.FROM,
            },
        },
    ],
}
FINDING: Mapping[str, str] = {
    "type": "string",
    "count": "int",
    "sum": "double",
    "cost_usd": "double",
    "failed": "int",
    "distinct": "int",
    "first": "string",
    "last": "string",
    "why": "string",
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal("tool.call")["kind"], normal({"more_than": 20})["at_least"]
    (['tool.call'], 21)
    """
    if isinstance(value, str):
        value = {"kind": value}
    least = value["more_than"] + 1 if "more_than" in value else value.get("at_least", 1)
    return {
        "per": past.listed(value.get("per", past.DEFAULT_PER)),
        "kind": past.listed(value.get("kind")),
        "name": past.listed(value.get("name")),
        "within": past.seconds(value["within"]) if "within" in value else 0,
        "ok": value.get("ok"),
        "same": value.get("same", False),
        "at_least": max(least, value.get("at_least", 1)),
        "from": value.get("from", "store"),
    }


fields = past.scope_fields


def build(config: Any) -> _History:
    """The question, ready; raises `ValueError` where it makes no sense."""
    return _History(
        tuple(config["per"]),
        config["within"],
        config["from"] == "input",
        frozenset(config["kind"]),
        tuple(config["name"]),
        config["ok"],
        config["same"],
        config["at_least"],
    )


@dataclass(frozen=True, slots=True)
class _History(past.Calls):
    kinds: frozenset[str]
    names: tuple[str, ...]
    ok: bool | None
    same: bool
    least: int

    def found(
        self, events: Sequence[Event], input: Mapping[str, Any], now: float
    ) -> Sequence[Finding]:
        """One finding with all sums, or none where there are fewer events than asked for."""
        matching = [one for one in self.known(events, input, now) if self._counts(one)]
        if self.same:
            this = self.this(input, now)
            matching = [one for one in matching if this and one.same and one.same == this.same]
        if len(matching) < self.least:
            return []
        return [self._finding(matching)]

    def _counts(self, event: Event) -> bool:
        return (
            (not self.kinds or event.kind in self.kinds)
            and (not self.names or past.names_match(self.names, event.name))
            and (self.ok is None or event.ok is self.ok)
        )

    def _finding(self, events: Sequence[Event]) -> Finding:
        count = len(events)
        failed = sum(not event.ok for event in events)
        times = [event.at for event in events]
        span = f" in {self.within} seconds" if self.within else ""
        return {
            "type": "HISTORY",
            "count": count,
            "sum": float(sum(event.amount for event in events)),
            "cost_usd": sum(event.cost for event in events) / past.MICRO,
            "failed": failed,
            "distinct": len({(event.kind, event.name, event.same) for event in events}),
            "first": past.stamp(min(times)),
            "last": past.stamp(max(times)),
            "why": f"{count} such events{span}, {failed} of which failed",
        }
