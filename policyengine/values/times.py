"""Timestamps and durations, in whole nanoseconds, and their parts in a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from policyengine.values import failures
from policyengine.values.kinds import INT_MAX, INT_MIN

SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# 0001-01-01T00:00:00Z up to, but not including, 10000-01-01T00:00:00Z.
_FIRST: Final = -62_135_596_800 * SECOND
_END: Final = 253_402_300_800 * SECOND
# The calendar, days of the week included, repeats itself after 400 years.
_CYCLE: Final = 146_097 * 86_400 * SECOND


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A point in time: nanoseconds since 1970-01-01T00:00:00Z, in the years 0001 to 9999.

    Raises `EvaluationError` (`overflow`) outside of those years.
    """

    nanoseconds: int
    CEL_TYPE = "google.protobuf.Timestamp"

    def __post_init__(self) -> None:
        if not _FIRST <= self.nanoseconds < _END:
            raise failures.overflow("timestamp")

    @classmethod
    def of(cls, moment: datetime) -> Timestamp:
        """The timestamp of a `datetime`; one without a time zone is read as UTC.

        >>> Timestamp.of(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
        Timestamp(nanoseconds=1000000000)
        """
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return cls(_nanoseconds(aware - _EPOCH))


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds, within 64 bits (about 292 years either way).

    Raises `EvaluationError` (`overflow`) outside of them.
    """

    nanoseconds: int
    CEL_TYPE = "google.protobuf.Duration"

    def __post_init__(self) -> None:
        if not INT_MIN <= self.nanoseconds <= INT_MAX:
            raise failures.overflow("duration")

    @classmethod
    def of(cls, span: timedelta) -> Duration:
        """The duration of a `timedelta`."""
        return cls(_nanoseconds(span))


def _nanoseconds(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds * 1_000


def add_durations(left: Duration, right: Duration) -> Duration:
    """The sum; raises `overflow`."""
    return Duration(left.nanoseconds + right.nanoseconds)


def subtract_durations(left: Duration, right: Duration) -> Duration:
    """The difference; raises `overflow`."""
    return Duration(left.nanoseconds - right.nanoseconds)


def later(timestamp: Timestamp, duration: Duration) -> Timestamp:
    """The timestamp moved on by the duration; raises `overflow`."""
    return Timestamp(timestamp.nanoseconds + duration.nanoseconds)


def earlier(timestamp: Timestamp, duration: Duration) -> Timestamp:
    """The timestamp moved back by the duration; raises `overflow`."""
    return Timestamp(timestamp.nanoseconds - duration.nanoseconds)


def between(left: Timestamp, right: Timestamp) -> Duration:
    """The duration from `right` to `left`; raises `overflow`."""
    return Duration(left.nanoseconds - right.nanoseconds)


_OFFSET: Final = re.compile(r"([+-]?)([01][0-9]|2[0-3]):([0-5][0-9])")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    if name in ("", "UTC"):
        return UTC
    if offset := _OFFSET.fullmatch(name):
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    if len(name) > 64 or not _NAME.fullmatch(name):
        raise failures.bad_time_zone()
    try:
        return ZoneInfo(name)
    # A folder of the zone database, such as `Europe`, is an OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise failures.bad_time_zone() from None


def _local(timestamp: Timestamp, zone: str) -> datetime:
    """The wall clock, to the second, that shows this timestamp in a zone.

    Raises `OverflowError` on the days at both ends where that is in the year 0 or 10000.
    """
    utc = _EPOCH + timedelta(seconds=timestamp.nanoseconds // SECOND)
    return utc if zone == "UTC" else utc.astimezone(_zone(zone))


def _check_moment(function: str, timestamp: Any, zone: Any) -> None:
    if timestamp.__class__ is not Timestamp or zone.__class__ is not str:
        raise failures.no_such_overload(function, timestamp, zone)


def _wall_clock(function: str, timestamp: Any, zone: Any) -> datetime:
    """What the wall clock shows, apart from the year."""
    _check_moment(function, timestamp, zone)
    try:
        return _local(timestamp, zone)
    except OverflowError:
        return _local(_inwards(timestamp), zone)


def _inwards(timestamp: Timestamp) -> Timestamp:
    """The same day and time 400 years later or earlier."""
    return Timestamp(timestamp.nanoseconds + (_CYCLE if timestamp.nanoseconds < 0 else -_CYCLE))


def get_full_year(timestamp: Any, zone: Any = "UTC") -> int:
    """`getFullYear()`: the year.

    >>> get_full_year(Timestamp(-1)), get_full_year(Timestamp(-1), "+01:00")
    (1969, 1970)
    """
    _check_moment("getFullYear", timestamp, zone)
    try:
        return _local(timestamp, zone).year
    except OverflowError:
        return 0 if timestamp.nanoseconds < 0 else 10_000


def get_month(timestamp: Any, zone: Any = "UTC") -> int:
    """`getMonth()`: the month, from 0."""
    return _wall_clock("getMonth", timestamp, zone).month - 1


def get_date(timestamp: Any, zone: Any = "UTC") -> int:
    """`getDate()`: the day of the month, from 1."""
    return _wall_clock("getDate", timestamp, zone).day


def get_day_of_month(timestamp: Any, zone: Any = "UTC") -> int:
    """`getDayOfMonth()`: the day of the month, from 0."""
    return _wall_clock("getDayOfMonth", timestamp, zone).day - 1


def get_day_of_week(timestamp: Any, zone: Any = "UTC") -> int:
    """`getDayOfWeek()`: the day of the week, 0 for Sunday."""
    return _wall_clock("getDayOfWeek", timestamp, zone).isoweekday() % 7


def get_day_of_year(timestamp: Any, zone: Any = "UTC") -> int:
    """`getDayOfYear()`: the day of the year, from 0."""
    return _wall_clock("getDayOfYear", timestamp, zone).timetuple().tm_yday - 1


def get_hours(value: Any, zone: Any = None) -> int:
    """`getHours()`: the hour of a timestamp, or a duration in whole hours.

    >>> get_hours(Timestamp(0), "-02:00"), get_hours(Duration(5400 * SECOND))
    (22, 1)
    """
    if value.__class__ is Duration and zone is None:
        return _whole(value, 3_600 * SECOND)
    return _wall_clock("getHours", value, "UTC" if zone is None else zone).hour


def get_minutes(value: Any, zone: Any = None) -> int:
    """`getMinutes()`: the minute of a timestamp, or a duration in whole minutes."""
    if value.__class__ is Duration and zone is None:
        return _whole(value, 60 * SECOND)
    return _wall_clock("getMinutes", value, "UTC" if zone is None else zone).minute


def get_seconds(value: Any, zone: Any = None) -> int:
    """`getSeconds()`: the second of a timestamp, or a duration in whole seconds."""
    if value.__class__ is Duration and zone is None:
        return _whole(value, SECOND)
    return _wall_clock("getSeconds", value, "UTC" if zone is None else zone).second


def get_milliseconds(value: Any, zone: Any = None) -> int:
    """`getMilliseconds()`: the milliseconds within the second of a timestamp or duration."""
    if value.__class__ is Duration and zone is None:
        part = abs(value.nanoseconds) % SECOND // 1_000_000
        return -part if value.nanoseconds < 0 else part
    _wall_clock("getMilliseconds", value, "UTC" if zone is None else zone)
    return int(value.nanoseconds % SECOND // 1_000_000)


def _whole(duration: Duration, unit: int) -> int:
    count = abs(duration.nanoseconds) // unit
    return -count if duration.nanoseconds < 0 else count
