"""Wall clocks that show the year 0 or 10000, at either end of what a timestamp can hold."""

from __future__ import annotations

import pytest

from policyengine.values import times
from policyengine.values.conversions import to_timestamp

FIRST = to_timestamp("0001-01-01T00:00:00Z")
LAST = to_timestamp("9999-12-31T23:59:59.5Z")


@pytest.mark.parametrize(
    ("moment", "zone", "shown"),
    [
        (FIRST, "-01:00", (0, 11, 31, 0, 365, 23, 0, 0, 0)),
        (FIRST, "America/New_York", (0, 11, 31, 0, 365, 19, 3, 58, 0)),
        (FIRST, "+01:00", (1, 0, 1, 1, 0, 1, 0, 0, 0)),
        (LAST, "+01:00", (10_000, 0, 1, 6, 0, 0, 59, 59, 500)),
        (LAST, "Asia/Kolkata", (10_000, 0, 1, 6, 0, 5, 29, 59, 500)),
        (LAST, "-01:00", (9_999, 11, 31, 5, 364, 22, 59, 59, 500)),
    ],
)
def test_parts(moment: times.Timestamp, zone: str, shown: tuple[int, ...]) -> None:
    parts = (
        times.get_full_year, times.get_month, times.get_date, times.get_day_of_week,
        times.get_day_of_year, times.get_hours, times.get_minutes, times.get_seconds,
        times.get_milliseconds,
    )  # fmt: skip
    assert tuple(part(moment, zone) for part in parts) == shown
