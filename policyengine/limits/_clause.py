"""What all limit clauses share: their long form, their schema, and the meter they become.

    {per: [subject.id], window: day, requests: 100}
    {per: [subject.id], limits: [{window: minute, requests: 10}, {window: day, requests: 100}]}

The long form has `limits` only: rows of a unit, a limit, a window and its time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from policyengine.charges import Asked, Charge, Standing, Unit
from policyengine.limits import _scopes, _windows
from policyengine.limits._telling import told
from policyengine.plugins import Finding

MOST: Final = 10**15
_MOST_FIELDS: Final = 8
_MOST_LIMITS: Final = 16
# How long a total is kept after its last charge where nothing else is said: ten years.
IDLE: Final = "3650d"

Path = tuple[str | int, ...]
Problem = tuple[Path, str]
"""A place in a clause's value, and what is wrong there."""

Amounts = Callable[[Asked, Any], Mapping[str, int]]
"""How much of each unit a request asks for, by the clause's own settings."""


class Kind(NamedTuple):
    """What differs between limit clauses.

    `units` are the units by the key that limits them, such as `{"limit_usd": "micro_usd"}`;
    `window` is the one that is meant where none is said (None: one must be said), `timed` whether
    there are windows at all. `settings` are keys of the clause's own with their defaults, `own`
    their schemas.
    """

    name: str
    about: str
    units: Mapping[str, Unit]
    amounts: Amounts
    window: str | None = None
    timed: bool = True
    idle: str = IDLE
    settings: Mapping[str, Any] = {}
    own: Mapping[str, Any] = {}


class Row(NamedTuple):
    """One limit of a clause, ready: the beginning of its counter's key, and its window."""

    prefix: str
    unit: Unit
    limit: int
    window: _windows.Window
    shown: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The meter of a limit clause."""

    kind: Kind
    meter: str
    scope: _scopes.Scope
    rows: tuple[Row, ...]
    config: Mapping[str, Any]

    def charges(self, asked: Asked) -> Sequence[Charge]:
        """A charge for each row. Raises `FactError` for a scope or an amount nobody knows."""
        values = self.scope.values(asked)
        key = "|".join(map(_scopes.key, values))
        shown = self.scope.shown(values)
        amounts = self.kind.amounts(asked, self.config)
        made = []
        for row in self.rows:
            slot, since, width, resets = row.window.slot(asked.now)
            made.append(
                Charge(
                    row.prefix + key, row.unit, amounts[row.unit], row.limit, slot, since, width,
                    row.window.lasts, resets, shown, row.shown,
                )
            )  # fmt: skip
        return made

    def finding(self, charge: Charge, standing: Standing, now: float) -> Finding:
        """What is found where a charge goes beyond its limit."""
        return told(self.kind.name.upper(), self.meter, charge, standing, now)


def schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a clause's value."""
    amounts = {key: _amount(key) for key in kind.units}
    timed = {"window": _WINDOW, "zone": _ZONE} if kind.timed else {}
    several = {"limits": _several({**amounts, **timed}, kind)} if kind.timed else {}
    return {
        "description": kind.about,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "meter": _METER,
            "per": _PER,
            **amounts,
            **timed,
            **({"forget_after": _FORGET} if kind.timed else {}),
            **several,
            **kind.own,
        },
    }


_METER: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "description": "Name of the counters; limits with one name count together. The policy's and "
    "the rule's, as `policy/rule`, where not said.",
}
_PER: Final = {
    "type": "array",
    "maxItems": _MOST_FIELDS,
    "description": "Fields of the input whose values have a counter each, such as `subject.id`; "
    "one counter for all where not said. `request.model` is the model that will serve.",
    "items": {
        "type": "string",
        "maxLength": 200,
        "pattern": r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)+$",
        "x-wanted": "must be a field of the input such as `subject.id`",
    },
}
_WINDOW: Final = {
    "type": "string",
    "description": "A window of the calendar (`minute`, `hour`, `day`, `week`, `month`), one that "
    "rolls (`90s`, `15m`, `24h`, `7d`), or `total`.",
    "examples": [*_windows.NAMES, "24h", "7d"],
    "anyOf": [
        {
            "enum": list(_windows.NAMES),
            "x-wanted": "must be `minute`, `hour`, `day`, `week`, `month`, `total`, or a time "
            "such as `90s`, `15m`, `24h` or `7d`",
        },
        {"pattern": f"^{_windows.DURATION}$"},
    ],
}
_ZONE: Final = {
    "type": "string",
    "maxLength": 64,
    "description": "Time zone of calendar windows, such as `Europe/Berlin`; UTC where not said.",
}
_FORGET: Final = {
    "type": "string",
    "pattern": f"^{_windows.DURATION}$",
    "x-wanted": "must be a time such as `12h` or `30d`",
    "description": "With `window: total`: a counter is forgotten when nothing was charged to it "
    "for so long.",
}


def _amount(key: str) -> dict[str, Any]:
    kind = "number" if key == "limit_usd" else "integer"
    most = MOST // 1_000_000 if key == "limit_usd" else MOST
    return {"type": kind, "minimum": 0, "maximum": most, "description": _AMOUNTS[key]}


_AMOUNTS: Final = {
    "limit_usd": "Most US dollars that may be spent in a window.",
    "requests": "Most requests in a window.",
    "tokens": "Most tokens in a window, of prompts and answers together.",
    "steps": "Most steps in a window.",
    "parallel": "Most requests under way at one time.",
}


def _several(properties: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": _MOST_LIMITS,
        "description": "Several limits at once, each with a window.",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": [] if kind.window else ["window"],
            "properties": dict(properties),
        },
    }


def normal(kind: Kind, value: Any) -> dict[str, Any]:
    """A clause's value in its long form."""
    items = value.get("limits", [value])
    return {
        "meter": value.get("meter", ""),
        "per": list(value.get("per", [])),
        "limits": [row for item in items for row in _rows(kind, item, value)],
        **{key: value.get(key, default) for key, default in kind.settings.items()},
    }


def _rows(kind: Kind, item: Mapping[str, Any], value: Mapping[str, Any]) -> Iterable[Any]:
    for key, unit in kind.units.items():
        if key not in item:
            continue
        row: dict[str, Any] = {
            "unit": unit,
            "limit": micro(item[key]) if key == "limit_usd" else int(item[key]),
        }
        if kind.timed:
            row["window"] = item.get("window", kind.window or "")
            if row["window"] in _windows.CALENDAR:
                row["zone"] = item.get("zone", value.get("zone", "UTC"))
            elif row["window"] == _windows.TOTAL:
                row["idle"] = value.get("forget_after", kind.idle)
        yield row


def micro(dollars: float) -> int:
    """Dollars as micro-dollars; what is finer is cut off.

    >>> micro(0.1), micro(5)
    (100000, 5000000)
    """
    # By way of its digits: 0.1 is meant, not the fraction of two that comes nearest to it.
    return int(Decimal(str(dollars)) * 1_000_000)


def build(kind: Kind, config: Mapping[str, Any]) -> Limits:
    """The meter of a normal configuration; raises `ValueError` where it has no sense."""
    if not config["limits"]:
        raise ValueError(f"there is no limit: say {one_of(kind)}")
    scope = _scopes.Scope.of(config["per"])
    rows = tuple(_row(config, row) for row in config["limits"])
    return Limits(kind, config["meter"], scope, rows, config)


def one_of(kind: Kind) -> str:
    """The keys that give a limit, for people."""
    return " or ".join(f"`{key}`" for key in kind.units)


def _row(config: Mapping[str, Any], row: Mapping[str, Any]) -> Row:
    name, zone = row.get("window", ""), row.get("zone", "")
    if not name:
        at_once = _windows.window(_windows.TOTAL, idle=_AT_ONCE)
        return Row(_prefix(config, row["unit"], ""), row["unit"], row["limit"], at_once, "at once")
    idle = _windows.idle(row["idle"]) if "idle" in row else 0
    window = _windows.window(name, zone or "UTC", idle)
    shown = f"{name} in {zone}" if zone else name
    where = f"{name}@{zone}" if zone else name
    return Row(_prefix(config, row["unit"], where), row["unit"], row["limit"], window, shown)


# What is under way may be so for long; a counter of it is kept for a week after it was last used.
_AT_ONCE: Final = 7 * 86400


def _prefix(config: Mapping[str, Any], unit: str, window: str) -> str:
    meter = _scopes.key(config["meter"]) if config["meter"] else ""
    return "|".join((meter, unit, window, ",".join(config["per"]), ""))


def counters(config: Mapping[str, Any]) -> list[str]:
    """The counters of a question: what the keys of its charges begin with.

    >>> row = {"unit": "requests", "limit": 5, "window": "day", "zone": "UTC"}
    >>> counters({"meter": "m", "per": ["subject.id"], "limits": [row]})
    ['m|requests|day@UTC|subject.id|']
    """
    return [_row(config, row).prefix for row in config["limits"]]


def fields(config: Mapping[str, Any]) -> dict[Path, str]:
    """The input's fields that a question names, by their places in the clause's value.

    >>> fields({"per": ["subject.id", "request.model"]})
    {('per', 0): 'subject.id', ('per', 1): 'request.model'}
    """
    return {("per", i): field for i, field in enumerate(config["per"])}
