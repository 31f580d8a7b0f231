"""The fixed times at which tests decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from policyengine.errors import EvaluationError
from policyengine.values.clock_text import parse_timestamp

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
