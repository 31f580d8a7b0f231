"""What is wrong with a limit clause beyond what its schema says, each at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from itertools import combinations, permutations
from typing import Any, Final
from zoneinfo import available_timezones

from policyengine.limits import _clause, _windows
from policyengine.limits._clause import Path, Problem

# Calendar windows of one time zone of which each lies within one of the other.
_NESTED: Final = frozenset(
    [
        *combinations(("minute", "hour", "day", "week"), 2),
        *((w, "month") for w in _windows.CALENDAR),
    ]
) - {("week", "month")}


def problems(kind: _clause.Kind, value: Mapping[str, Any]) -> list[Problem]:
    """What is wrong: paths in the clause's value, and texts."""
    checks = (_of_parts, _of_scopes, _of_amounts, _of_windows, _of_zones)
    found = [problem for check in checks for problem in check(kind, value)]
    # Limits are only compared where each makes sense by itself.
    return found or list(_of_overlaps(kind, value))


def _items(value: Mapping[str, Any]) -> list[tuple[Path, Mapping[str, Any]]]:
    """The limits of a clause and where they stand."""
    if "limits" not in value:
        return [((), value)]
    return [(("limits", i), item) for i, item in enumerate(value["limits"])]


def _of_parts(kind: _clause.Kind, value: Mapping[str, Any]) -> Iterator[Problem]:
    if "limits" in value:
        for key in ("window", *kind.units):
            if key in value:
                yield (key,), f"`{key}` stands beside `limits`: it belongs into one of them"
    for path, item in _items(value):
        if kind.units.keys().isdisjoint(item):
            yield path, f"there is no limit: say {_clause.one_of(kind)}"
        if kind.timed and not kind.window and "window" not in item:
            yield path, "there is no `window`"


def _of_scopes(kind: _clause.Kind, value: Mapping[str, Any]) -> Iterator[Problem]:
    fields = value.get("per", [])
    for i, field in enumerate(fields):
        if field in fields[:i]:
            yield ("per", i), f"`{field}` is there twice"


def _of_amounts(kind: _clause.Kind, value: Mapping[str, Any]) -> Iterator[Problem]:
    for path, item in _items(value):
        for key in kind.units:
            amount = item.get(key)
            if amount == 0:
                yield (
                    (*path, key),
                    "a limit of 0 lets nothing through: the rule does so without this clause",
                )
            elif key == "limit_usd" and amount is not None and _is_too_fine(amount):
                yield (*path, key), "money is counted in millionths of a dollar, not finer"


def _is_too_fine(dollars: float) -> bool:
    return Decimal(str(dollars)) * 1_000_000 != _clause.micro(dollars)


def _of_windows(kind: _clause.Kind, value: Mapping[str, Any]) -> Iterator[Problem]:
    for path, item in _items(value):
        if "window" in item and (text := _too_long(item["window"], _windows.length)):
            yield (*path, "window"), text
    if "forget_after" in value:
        windows = {item.get("window", kind.window) for _, item in _items(value)}
        if _windows.TOTAL not in windows:
            yield ("forget_after",), "`forget_after` is for `window: total`"
        elif text := _too_long(value["forget_after"], _windows.idle):
            yield ("forget_after",), text


def _too_long(duration: str, read: Callable[[str], int]) -> str:
    try:
        read(duration)
    except ValueError as error:
        return str(error)
    return ""


def _of_zones(kind: _clause.Kind, value: Mapping[str, Any]) -> Iterator[Problem]:
    placed = [(path, item) for path, item in _items(value) if "zone" in item]
    for path, item in placed:
        window = item.get("window", kind.window)
        if window not in _windows.CALENDAR:
            yield (*path, "zone"), _pointless_zone(window)
        elif text := _unknown_zone(item["zone"]):
            yield (*path, "zone"), text
    if "limits" in value and "zone" in value:
        windows = [item.get("window", kind.window) for _, item in _items(value)]
        if not any(window in _windows.CALENDAR for window in windows):
            yield ("zone",), _pointless_zone(windows[0])
        elif text := _unknown_zone(value["zone"]):
            yield ("zone",), text


def _pointless_zone(window: str | None) -> str:
    why = "never ends" if window == _windows.TOTAL else "rolls"
    return f"`zone` has no say here: the window `{window}` {why}"


def _unknown_zone(name: str) -> str:
    try:
        _windows.time_zone(name)
    except ValueError:
        known = {zone.lower(): zone for zone in available_timezones()}
        # Cities are what people remember: `Berlin` means `Europe/Berlin`.
        cities = {zone.rpartition("/")[2]: zone for zone in known}
        lower = name.lower().replace(" ", "_")
        close = [cities[lower]] if lower in cities else get_close_matches(lower, known, 1)
        hint = f": did you mean `{known[close[0]]}`?" if close else ""
        return f"`{name}` is no time zone{hint}"
    return ""


@dataclass(frozen=True, slots=True)
class _Limit:
    """One limit, to be compared with others."""

    path: Path
    key: str
    amount: float
    window: str
    zone: str

    @property
    def shown(self) -> str:
        return f"`{self.window}`" + (f" in {self.zone}" if self.zone not in ("", "UTC") else "")


def _of_overlaps(kind: _clause.Kind, value: Mapping[str, Any]) -> Iterator[Problem]:
    for key in kind.units:
        limits = [
            _limit(kind, value, key, path, item) for path, item in _items(value) if key in item
        ]
        for i, limit in enumerate(limits):
            yield from _against(limit, limits[:i])
        for pair in permutations(limits, 2):
            if not _is_same(*pair) and (problem := _pointless(*pair)):
                yield problem


def _limit(
    kind: _clause.Kind, value: Mapping[str, Any], key: str, path: Path, item: Mapping[str, Any]
) -> _Limit:
    window = item.get("window", kind.window) or ""
    zone = item.get("zone", value.get("zone", "UTC")) if window in _windows.CALENDAR else ""
    return _Limit((*path, "window"), key, item[key], window, zone)


def _is_same(one: _Limit, other: _Limit) -> bool:
    return (one.zone, _span(one)) == (other.zone, _span(other)) and (
        one.window == other.window or not one.zone
    )


def _span(limit: _Limit) -> tuple[int, int]:
    return _windows.spans_of(limit.window) if limit.window else (0, 0)


def _against(limit: _Limit, earlier: Sequence[_Limit]) -> Iterator[Problem]:
    if any(_is_same(limit, other) for other in earlier):
        yield limit.path, f"the window {limit.shown} has a limit of `{limit.key}` already"


def _pointless(short: _Limit, long: _Limit) -> Problem | None:
    """Whether the limit of a shorter window can never be reached, as a longer one's comes first.

    A window that lies within one longer window sees no more than that one; one that begins in a
    window and ends in the next sees at most what both let through.
    """
    if _span(short)[1] > _span(long)[0] and not _lies_within(short, long):
        return None
    most = long.amount * (1 if _lies_within(short, long) else 2)
    if most > short.amount:
        return None
    text = (
        f"{short.amount:g} in {short.shown} is never reached: {long.shown} ends at {long.amount:g}"
    )
    return short.path, text


def _lies_within(short: _Limit, long: _Limit) -> bool:
    if long.window == _windows.TOTAL:
        return True
    if long.zone:
        return short.zone == long.zone and (short.window, long.window) in _NESTED
    # One that rolls covers each stretch that is no longer than itself.
    return short.window != _windows.TOTAL and _span(short)[1] <= _span(long)[0]
