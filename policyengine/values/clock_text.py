"""Timestamps and durations as text: RFC 3339, and durations as Go writes them (`1h30m`)."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from policyengine.values import failures
from policyengine.values.times import SECOND, Duration, Timestamp

_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
}
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
# Far longer than any text of a value in range; it bounds the size of the numbers read.
_MAX_TEXT: Final = 128
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def parse_timestamp(text: str) -> Timestamp:
    """The timestamp of an RFC 3339 text. Digits past nanoseconds are cut off.

    Raises `EvaluationError` (`bad-conversion`, `overflow`).

    >>> parse_timestamp("1970-01-01T01:00:00.5+01:00")
    Timestamp(nanoseconds=500000000)
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise failures.bad_conversion("timestamp", text, "not an RFC 3339 date and time")
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    if year == 0:
        raise failures.overflow("timestamp")
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        raise failures.bad_conversion("timestamp", text, "there is no such day") from None
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    if found[8]:
        offset = int(found[9]) * 3_600 + int(found[10]) * 60
        seconds += offset if found[8] == "-" else -offset
    return Timestamp(seconds * SECOND + int((found[7] or "")[:9].ljust(9, "0")))


def format_timestamp(timestamp: Timestamp) -> str:
    """The RFC 3339 text in UTC, with as many digits of a second as are needed.

    >>> format_timestamp(Timestamp(-500_000_000))
    '1969-12-31T23:59:59.5Z'
    """
    seconds, nanoseconds = divmod(timestamp.nanoseconds, SECOND)
    days, rest = divmod(seconds, 86_400)
    day = date.fromordinal(days + _EPOCH_DAY).isoformat()
    clock = f"{rest // 3_600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{day}T{clock}{_fraction(nanoseconds)}Z"


def parse_duration(text: str) -> Duration:
    """The duration of a text such as `1h30m`, `1.5s`, `-1ns` or `0`.

    Raises `EvaluationError` (`bad-conversion`, `overflow`).

    >>> parse_duration("1h30m").nanoseconds == 5400 * SECOND
    True
    """
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return Duration(0)
    total = position = 0
    while position < len(body) <= _MAX_TEXT:
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            break
        total += _part_nanoseconds(part[1], part[2] or "", _UNITS[part[3]])
        position = part.end()
    if not body or position < len(body):
        raise failures.bad_conversion("duration", text, "not of the form `1h30m` or `1.5s`")
    return Duration(-total if text[0] == "-" else total)


def _part_nanoseconds(whole: str, fraction: str, unit: int) -> int:
    return int(whole or "0") * unit + int(fraction or "0") * unit // int(10 ** len(fraction))


def format_duration(duration: Duration) -> str:
    """The duration in seconds, exactly.

    >>> format_duration(Duration(-1_500_000_000)), format_duration(Duration(5400 * SECOND))
    ('-1.5s', '5400s')
    """
    seconds, nanoseconds = divmod(abs(duration.nanoseconds), SECOND)
    sign = "-" if duration.nanoseconds < 0 else ""
    return f"{sign}{seconds}{_fraction(nanoseconds)}s"


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
