"""At which hours of the day an agent works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from policyengine.charges import Event
from policyengine.sessions._speed import DAY, HOUR, Judged, Question, bucket_of

_HOURS: Final = "velocity.hours"


class Hours:
    """The hours of a day at which an agent works, by days of the week and weekends, in UTC.

    An hour counts as worked in if the one before or after it was, so that clocks may change. The
    share of days is Laplace's: (worked + 1) / (days + 2).
    """

    kind = _HOURS
    keep = 2_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        return Event(now, _HOURS)

    this = event

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        hours = {bucket_of(one.at, HOUR) for one in events}
        hour, today = bucket_of(now, HOUR), bucket_of(now, DAY)
        first = min(hours) // 24
        days = [day for day in range(first, today) if _is_weekend(day) == _is_weekend(today)]
        at = hour % 24
        worked = sum(not hours.isdisjoint(range(d * 24 + at - 1, d * 24 + at + 2)) for d in days)
        share, limit = (worked + 1) / (len(days) + 2), 1 / (2 * asked.sensitivity)
        if share >= limit:
            return None
        kind = "weekend days" if _is_weekend(today) else "working days"
        why = f"at {at:02}:00 UTC, where it worked on {worked} of {len(days)} {kind}"
        return Judged(1.0, round(worked / len(days), 3), round(limit, 3), len(days), why)


def _is_weekend(day: int) -> bool:
    # The first day of 1970 was a Thursday.
    return (day + 3) % 7 >= 5
