"""The classes of CEL's timestamps and durations, as Python's `datetime` and `timedelta`.

Python counts microseconds and CEL nanoseconds. What is left over travels along in `nanos`
(0 to 999), so that a value that goes from one expression to the next is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Self

from policyengine.compat.celpy._numbers import IntType
from policyengine.errors import EvaluationError
from policyengine.values import clock_text, times
from policyengine.values.times import SECOND, Duration, Timestamp

# The range of `google.protobuf.Duration`, in seconds.
_LONGEST = 315_576_000_000
_DAY = 86_400


class TimestampType(datetime):
    """A CEL timestamp. It keeps the offset from UTC that it was written with.

    `TZ_ALIASES` gives further names of time zones, for all timestamps and expressions.

    >>> TimestampType("2020-10-20T12:00:00-05:00").getHours()
    IntType(17)
    """

    TZ_ALIASES: ClassVar[dict[str, str]] = {}
    nanos: int = 0

    def __new__(cls, source: Any, *rest: Any, **named: Any) -> Self:
        """Takes RFC 3339 or ISO 8601 text, a `datetime`, or the arguments of `datetime`.

        Raises `ValueError` for a text that is no time, `TypeError` for another class.
        """
        if isinstance(source, str):
            return cls._read(source)
        if isinstance(source, datetime):
            made = cls._of(source, source.tzinfo or UTC)
            made.nanos = getattr(source, "nanos", 0)
            return made
        if isinstance(source, bytes) or (isinstance(source, int) and (rest or named)):
            plain = datetime(source, *rest, **named)  # type: ignore[arg-type]
            return cls._of(plain, plain.tzinfo or UTC)
        raise TypeError(f"a {type(source).__name__} is no time")

    @classmethod
    def _of(cls, moment: datetime, zone: tzinfo) -> Self:
        return super().__new__(
            cls, moment.year, moment.month, moment.day, moment.hour, moment.minute,
            moment.second, moment.microsecond, zone, fold=moment.fold,
        )  # fmt: skip

    @classmethod
    def _read(cls, text: str) -> Self:
        try:
            exact = clock_text.parse_timestamp(text)
        except EvaluationError:
            loose = datetime.fromisoformat(text)
            return cls._of(loose, loose.tzinfo or UTC)
        zone = None if text[-1] in "Zz" else datetime.strptime(text[-6:], "%z").tzinfo
        return cls.at(exact, zone or UTC)

    @classmethod
    def at(cls, moment: Timestamp, zone: tzinfo = UTC) -> Self:
        """The timestamp of one of the engine's."""
        micros, nanos = divmod(moment.nanoseconds, 1_000)
        try:
            made = cls._of(_EPOCH.astimezone(zone) + timedelta(microseconds=micros), zone)
        except OverflowError:
            made = cls._of(_EPOCH + timedelta(microseconds=micros), UTC)
        made.nanos = nanos
        return made

    def timestamp_value(self) -> Timestamp:
        """As the engine has it; raises `EvaluationError` outside of its range."""
        since = datetime.__sub__(self, _EPOCH)
        return Timestamp(_nanoseconds(since) + self.nanos)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        fraction = f"{self.microsecond:06d}{self.nanos:03d}".rstrip("0")
        text = datetime.isoformat(self.replace(microsecond=0))
        at = text[:19] + (f".{fraction}" if fraction else "")
        return at + ("Z" if text[19:] == "+00:00" else text[19:])

    def __add__(self, other: Any) -> TimestampType:
        if not isinstance(other, timedelta):
            return NotImplemented
        return self._moved(_nanoseconds(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, datetime):
            return DurationType.of(
                _exact(self).nanoseconds - _exact(TimestampType(other)).nanoseconds
            )
        if isinstance(other, timedelta):
            return self._moved(-_nanoseconds(other))
        return NotImplemented

    def _moved(self, nanoseconds: int) -> TimestampType:
        try:
            return TimestampType.at(
                Timestamp(_exact(self).nanoseconds + nanoseconds), self.tzinfo or UTC
            )
        except EvaluationError as error:
            raise ValueError(error.message) from None

    def _part(self, read: Callable[..., int], zone: str | None) -> IntType:
        known = str(zone or "UTC")
        try:
            return IntType(read(_exact(self), self.TZ_ALIASES.get(known, known)))
        except EvaluationError as error:
            raise ValueError(error.message) from None

    def getFullYear(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The year; like the other parts in UTC, or in the zone that is named."""
        return self._part(times.get_full_year, tz_name)

    def getMonth(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The month, from 0."""
        return self._part(times.get_month, tz_name)

    def getDate(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The day of the month, from 1."""
        return self._part(times.get_date, tz_name)

    def getDayOfMonth(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The day of the month, from 0."""
        return self._part(times.get_day_of_month, tz_name)

    def getDayOfWeek(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The day of the week, from 0 for Sunday."""
        return self._part(times.get_day_of_week, tz_name)

    def getDayOfYear(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The day of the year, from 0."""
        return self._part(times.get_day_of_year, tz_name)

    def getHours(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The hour."""
        return self._part(times.get_hours, tz_name)

    def getMinutes(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The minute."""
        return self._part(times.get_minutes, tz_name)

    def getSeconds(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The second."""
        return self._part(times.get_seconds, tz_name)

    def getMilliseconds(self, tz_name: str | None = None) -> IntType:  # noqa: N802
        """The milliseconds within the second."""
        return self._part(times.get_milliseconds, tz_name)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _exact(moment: TimestampType) -> Timestamp:
    try:
        return moment.timestamp_value()
    except EvaluationError as error:
        raise ValueError(error.message) from None


def _nanoseconds(span: timedelta) -> int:
    whole = (span.days * _DAY + span.seconds) * SECOND + span.microseconds * 1_000
    return whole + getattr(span, "nanos", 0)


class DurationType(timedelta):
    """A CEL duration, within the range of `google.protobuf.Duration`.

    >>> DurationType("1h30m"), DurationType("8454s").getMinutes()
    (DurationType('5400s'), IntType(140))
    """

    nanos: int = 0

    def __new__(cls, seconds: Any, nanos: int = 0, **_: Any) -> Self:
        """Takes a text like `1h30m` (and `d` for days), a `timedelta`, or seconds and nanoseconds.

        Raises `ValueError` for what is no duration or out of range, `TypeError` for other classes.
        """
        if isinstance(seconds, timedelta):
            return cls.of(_nanoseconds(seconds))
        if isinstance(seconds, int | float):
            return cls.of(int(seconds * SECOND) + nanos)
        if isinstance(seconds, str):
            return cls.of(_read_duration(seconds))
        raise TypeError(f"a {type(seconds).__name__} is no duration")

    @classmethod
    def of(cls, nanoseconds: int) -> Self:
        """The duration of so many nanoseconds; raises `ValueError`."""
        if abs(nanoseconds) > _LONGEST * SECOND:
            raise ValueError("the duration is out of range")
        micros, nanos = divmod(nanoseconds, 1_000)
        seconds, micros = divmod(micros, 1_000_000)
        made = super().__new__(cls, seconds=seconds, microseconds=micros)
        made.nanos = nanos
        return made

    def duration_value(self) -> Duration:
        """As the engine has it; raises `EvaluationError` outside of its range."""
        return Duration(_nanoseconds(self))

    def __reduce__(self) -> Any:
        return (type(self), (0, _nanoseconds(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        whole, rest = divmod(abs(_nanoseconds(self)), SECOND)
        sign = "-" if _nanoseconds(self) < 0 else ""
        fraction = f".{rest:09d}".rstrip("0") if rest else ""
        return f"{sign}{whole}{fraction}s"

    def __add__(self, other: Any) -> Any:
        if isinstance(other, datetime):
            return TimestampType(other) + self
        if isinstance(other, timedelta):
            return DurationType.of(_nanoseconds(self) + _nanoseconds(other))
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, timedelta):
            return DurationType.of(_nanoseconds(self) - _nanoseconds(other))
        return NotImplemented

    def __neg__(self) -> DurationType:
        return DurationType.of(-_nanoseconds(self))

    def _whole(self, unit: int) -> IntType:
        return IntType(IntType(_nanoseconds(self)) / IntType(unit))

    def getHours(self) -> IntType:  # noqa: N802
        """The whole duration in hours, rounded towards zero like the other three."""
        return self._whole(3_600 * SECOND)

    def getMinutes(self) -> IntType:  # noqa: N802
        """The whole duration in minutes."""
        return self._whole(60 * SECOND)

    def getSeconds(self) -> IntType:  # noqa: N802
        """The whole duration in seconds."""
        return self._whole(SECOND)

    def getMilliseconds(self) -> IntType:  # noqa: N802
        """The whole duration in milliseconds."""
        return self._whole(1_000_000)


def _read_duration(text: str) -> int:
    """Nanoseconds of CEL's text of a duration, or of a number of days."""
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    days, found, rest = digits.partition("d")
    if not found:
        days, rest = "", digits
    try:
        nanoseconds = int(float(days or "0") * _DAY) * SECOND
        if rest or not found:
            nanoseconds += clock_text.parse_duration(rest).nanoseconds
    except (EvaluationError, OverflowError) as error:
        raise ValueError(f"this is no duration: {error}") from None
    return sign * nanoseconds
