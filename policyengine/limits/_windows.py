"""Windows of time: calendar windows in a time zone, windows that roll, and those without an end.

`minute`, `hour`, `day`, `week` and `month` are those of a clock and a calendar on the wall; a week
begins on Monday, a day on which clocks change has 23 or 25 hours. `90s`, `15m`, `24h` and `7d`
roll. `total` never ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

CALENDAR: Final = ("minute", "hour", "day", "week", "month")
TOTAL: Final = "total"
NAMES: Final = (*CALENDAR, TOTAL)
DURATION: Final = r"[1-9][0-9]{0,6}[smhd]"

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 366 * 86400
_LONGEST_IDLE: Final = 3650 * 86400
# A rolling window is cut into so many slots: at most this share of it is counted too long.
_SLOTS: Final = 60
_DURATION: Final = re.compile(DURATION)

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Slot(NamedTuple):
    """Where a charge belongs in a window; the fields are those of `policyengine.charges.Charge`."""

    slot: int
    since: int
    width: int
    resets: int


class Window(Protocol):
    """A window that charges fall into."""

    @property
    def lasts(self) -> int:
        """For how many seconds after its last charge a counter matters."""

    def slot(self, now: float) -> Slot:
        """The slot of a time in seconds since 1970."""


def length(window: str) -> int:
    """The seconds of a window that rolls, 0 for one that has a name.

    Raises `ValueError` for what is neither.

    >>> length("24h"), length("day")
    (86400, 0)
    """
    return 0 if window in NAMES else _seconds(window, _LONGEST, "a year")


def idle(duration: str) -> int:
    """The seconds of a time after which a total is forgotten.

    Raises `ValueError` for what is none.

    >>> idle("3650d") // 86400
    3650
    """
    return _seconds(duration, _LONGEST_IDLE, "ten years")


def _seconds(duration: str, most: int, told: str) -> int:
    if not _DURATION.fullmatch(duration):
        raise ValueError(f"`{duration[:32]}` is no window")
    seconds = int(duration[:-1]) * _UNITS[duration[-1]]
    if seconds > most:
        raise ValueError(f"`{duration}` is longer than {told}")
    return seconds


def window(name: str, zone: str = "UTC", idle: int = 0) -> Window:
    """The window of a name or a duration; `idle` is how long a total counts after its last charge.

    Raises `ValueError` for what is no window, or a time zone that is not known here.

    >>> window("90s").slot(1000)
    Slot(slot=1000, since=910, width=2, resets=0)
    >>> window("day").slot(100_000)
    Slot(slot=86400, since=86400, width=86400, resets=172800)
    """
    if name in CALENDAR:
        return _calendar(name, zone)
    seconds = length(name)
    return _Rolling.of(seconds) if seconds else _Endless(idle)


def spans_of(name: str) -> tuple[int, int]:
    """The fewest and the most seconds that a window can have.

    >>> spans_of("day"), spans_of("24h")
    ((82800, 90000), (86400, 86400))
    """
    fixed = length(name)
    return _SPANS[name] if not fixed else (fixed, fixed)


_SPANS: Final = {
    "minute": (_MINUTE, _MINUTE),
    "hour": (_HOUR, _HOUR),
    "day": (_DAY - _HOUR, _DAY + _HOUR),
    "week": (7 * _DAY - _HOUR, 7 * _DAY + _HOUR),
    "month": (28 * _DAY - _HOUR, 31 * _DAY + _HOUR),
    TOTAL: (1 << 62, 1 << 62),
}


@dataclass(frozen=True, slots=True)
class _Endless:
    lasts: int

    def slot(self, now: float) -> Slot:
        """There is one slot for all time."""
        return Slot(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Rolling:
    """A slot counts until the last second of it has left the window."""

    width: int
    reach: int
    lasts: int

    @staticmethod
    def of(seconds: int) -> _Rolling:
        width = -(-seconds // _SLOTS)
        reach = -(-seconds // width) * width
        return _Rolling(width, reach, reach + width)

    def slot(self, now: float) -> Slot:
        """The slot in which a time lies."""
        slot = int(now // self.width) * self.width
        return Slot(slot, slot - self.reach, self.width, 0)


class _Calendar:
    """Windows of the calendar; the one that was found last is kept."""

    __slots__ = ("_bounds", "_lasts", "_now")

    def __init__(self, bounds: Callable[[float], tuple[int, int]], lasts: int) -> None:
        self._lasts = lasts
        self._bounds = bounds
        self._now = Slot(0, 0, 0, 0)

    @property
    def lasts(self) -> int:
        """For how many seconds after its last charge a counter matters."""
        return self._lasts

    def slot(self, now: float) -> Slot:
        """The window in which a time lies."""
        # Read once: another thread may put another one in its place.
        known = self._now
        if known.slot <= now < known.resets:
            return known
        start, end = self._bounds(now)
        self._now = found = Slot(start, start, end - start, end)
        return found


@lru_cache(maxsize=1024)
def _calendar(name: str, zone: str) -> Window:
    place = time_zone(zone)
    lasts = spans_of(name)[1]
    if name in _CLOCK:
        seconds = _CLOCK[name]
        return _Calendar(lambda now: _of_clock(now, seconds, place), lasts)
    first = _FIRST[name]
    return _Calendar(lambda now: _of_days(now, first, place), lasts)


def time_zone(name: str) -> tzinfo:
    """The time zone of an IANA name; raises `ValueError` where none is known here.

    >>> time_zone("Europe/Berlin").utcoffset(datetime(2026, 7, 1))
    datetime.timedelta(seconds=7200)
    """
    # Machines without time zone data still know this one.
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    # What is a folder, or outside of the data, is refused in several ways.
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"`{name[:64]}` is no time zone that is known here") from error


_CLOCK: Final = {"minute": _MINUTE, "hour": _HOUR}


def _of_clock(now: float, seconds: int, zone: tzinfo) -> tuple[int, int]:
    """Start and end of the minute or hour of the clock on the wall.

    Where clocks change by less than that, the window is cut in two.
    """
    at = int(now // 1)
    offset = _offset(at, zone)
    start = at - (at + offset) % seconds
    end = start + seconds
    if _offset(start, zone) != offset:
        start = _change(start, at, zone)
    if _offset(end - 1, zone) != offset:
        end = _change(at, end, zone)
    return start, end


def _of_days(now: float, first: Callable[[date, int], date], zone: tzinfo) -> tuple[int, int]:
    """Start and end of the day, week or month.

    A window begins when the calendar on the wall first shows its first day or a later one: there
    may be no midnight, or two, or no such day at all.
    """
    today = datetime.fromtimestamp(now, zone).date()
    begin, following = first(today, 0), first(today, 1)
    start, end = _beginning(begin, zone), _beginning(following, zone)
    # Clocks that go back over midnight show the day before again.
    while end <= now:
        following = first(following, 1)
        start, end = end, _beginning(following, zone)
    return start, end


def _month(day: date, later: int) -> date:
    return day.replace(day=1) if not later else (day.replace(day=28) + timedelta(4)).replace(day=1)


_FIRST: Final[Mapping[str, Callable[[date, int], date]]] = {
    "day": lambda day, later: day + timedelta(later),
    "week": lambda day, later: day + timedelta(7 * later - day.weekday()),
    "month": _month,
}


def _beginning(day: date, zone: tzinfo) -> int:
    """The first second at which the calendar shows this day, or a later one."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    early = int(midnight.replace(fold=1).timestamp())
    late = int(midnight.timestamp())
    # Of two midnights the first one (fold 0) is the earlier; where there is none, fold 0 is the
    # later, and clocks went forward somewhere in between.
    return _change(early, late, zone) if early < late else late


def _change(early: int, late: int, zone: tzinfo) -> int:
    """The first second with another offset than at `early`; there is one until `late`."""
    before = _offset(early, zone)
    while late - early > 1:
        middle = (early + late) // 2
        if _offset(middle, zone) == before:
            early = middle
        else:
            late = middle
    return late


def _offset(at: int, zone: tzinfo) -> int:
    found = datetime.fromtimestamp(at, zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())
