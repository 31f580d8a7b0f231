"""A limit that is exceeded, as a finding and as a sentence for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from policyengine.charges import Charge, Standing, frees_at
from policyengine.limits import _windows
from policyengine.plugins import Finding

FINDING: Final[Mapping[str, str]] = {
    "type": "string",
    "meter": "string",
    "scope": "string",
    "window": "string",
    "unit": "string",
    "asked": "int",
    "limit": "int",
    "spent": "int",
    "reserved": "int",
    "resets": "string",
    "retry_after": "int",
    "why": "string",
}
"""The CEL types of what a limit finds, by field: amounts in `unit`, `resets` in RFC 3339 (UTC),
`retry_after` in seconds. Where no time helps they are the empty text and -1."""

# Of what is under way nobody knows when it ends: try again soon.
_SOON: Final = 1


def told(type: str, meter: str, charge: Charge, standing: Standing, now: float) -> Finding:
    """The finding for a charge that goes beyond its limit, `now` in seconds since 1970.

    >>> charge = Charge("k", "requests", 1, 9, 0, 0, 60, 60, 60, "subject.id=sam", "minute in UTC")
    >>> found = told("RATE", "per-user", charge, Standing(8, 1), 48.5)
    >>> found["why"]
    '9 requests a minute for subject.id=sam: 8 used, 1 reserved, 1 asked; resets \
1970-01-01T00:01:00Z'
    >>> found["resets"], found["retry_after"]
    ('1970-01-01T00:01:00Z', 12)
    """
    limit = charge.limit or 0
    at = frees_at(charge._replace(limit=limit), standing)
    soon = charge.unit == "parallel" and charge.amount <= limit
    wait = _SOON if soon else -1 if at is None else max(0, at - int(now // 1))
    return {
        "type": type,
        "meter": meter,
        "scope": charge.scope,
        "window": charge.window,
        "unit": charge.unit,
        "asked": charge.amount,
        "limit": limit,
        "spent": standing.spent,
        "reserved": standing.reserved,
        "resets": "" if at is None else _utc(at),
        "retry_after": wait,
        "why": sentence(charge, standing, at),
    }


def sentence(charge: Charge, standing: Standing, at: int | None) -> str:
    """The limit, whose it is, what has become of it, and when there is room again (`at`)."""
    limit = charge.limit or 0
    text = _AMOUNTS[charge.unit]
    whom = f" for {charge.scope}" if charge.scope != "all" else ""
    if charge.unit == "parallel":
        return f"{text(limit)} at once{whom}: {standing.used} under way"
    number = _NUMBERS[charge.unit]
    used = f"{number(standing.spent)} {'spent' if charge.unit == 'micro_usd' else 'used'}"
    held = f", {number(standing.reserved)} reserved" if standing.reserved else ""
    asked = f", {number(charge.amount)} asked" if charge.amount else ""
    return f"{text(limit)} {_in(charge)}{whom}: {used}{held}{asked}{_until(charge, at)}"


def _in(charge: Charge) -> str:
    name, _, zone = charge.window.partition(" in ")
    if name == _windows.TOTAL:
        return "in total"
    if name in _windows.CALENDAR:
        article = "an" if name == "hour" else "a"
        return f"{article} {name} in {zone}" if zone and zone != "UTC" else f"{article} {name}"
    return f"in any {name}"


def _until(charge: Charge, at: int | None) -> str:
    if at is None:
        return ""
    if not charge.resets:
        return f"; room again at {_utc(at)}"
    zone = charge.window.partition(" in ")[2]
    local = datetime.fromtimestamp(at, _windows.time_zone(zone or "UTC"))
    return f"; resets {local.isoformat().replace('+00:00', 'Z')}"


def _utc(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def dollars(micro_usd: int) -> str:
    """Micro-dollars as dollars, with as many digits as they have, and at least two.

    >>> dollars(5_000_000), dollars(120_001), dollars(1)
    ('5.00', '0.120001', '0.000001')
    """
    whole, rest = divmod(micro_usd, 1_000_000)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{whole:,}.{digits}"


def _counted(noun: str) -> Callable[[int], str]:
    return lambda amount: f"{amount:,} {noun}{'' if amount == 1 else 's'}"


_NUMBERS: Final[Mapping[str, Callable[[int], str]]] = {
    "micro_usd": dollars,
    "tokens": "{:,}".format,
    "requests": "{:,}".format,
    "steps": "{:,}".format,
}
_AMOUNTS: Final[Mapping[str, Callable[[int], str]]] = {
    "micro_usd": lambda amount: f"{dollars(amount)} USD",
    "tokens": _counted("token"),
    "requests": _counted("request"),
    "steps": _counted("step"),
    "parallel": _counted("request"),
}
