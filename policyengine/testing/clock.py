"""The times at which tests decide: fixed, or moved from step to step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from policyengine.errors import EvaluationError
from policyengine.values.clock_text import parse_duration, parse_timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """The time of an RFC 3339 text, to the microsecond.

    Raises `ValueError` for any other text.

    >>> moment("2026-01-15T12:00:00+01:00").isoformat()
    '2026-01-15T11:00:00+00:00'
    """
    try:
        nanoseconds = parse_timestamp(text).nanoseconds
    except EvaluationError:
        raise ValueError(
            f"`{text[:80]}` is not a time as in RFC 3339, such as `2026-01-15T12:00:00Z`"
        ) from None
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


_DAYS = re.compile(r"(\d{1,7})d(.*)", re.DOTALL)
_LONGEST = timedelta(days=36_525)


def length(text: str) -> timedelta:
    """A length of time such as `1h30m`, `1.5s` or `2d`, to the microsecond; at most a century.

    Raises `ValueError` for any other text.

    >>> length("1d12h")
    datetime.timedelta(days=1, seconds=43200)
    """
    days = _DAYS.fullmatch(text)
    whole, rest = (int(days[1]), days[2] or "0") if days else (0, text)
    try:
        found = timedelta(days=whole, microseconds=parse_duration(rest).nanoseconds // 1_000)
    except (EvaluationError, OverflowError):
        found = -_LONGEST
    if not timedelta() <= found <= _LONGEST:
        raise ValueError(f"`{text[:80]}` is not a length of time such as `30s`, `1h30m` or `2d`")
    return found


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved; an engine reads it by calling it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    @property
    def seconds(self) -> float:
        """Its time in seconds since 1970."""
        return self.now.timestamp()
