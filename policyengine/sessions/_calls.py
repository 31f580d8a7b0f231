"""How many calls an agent makes: in outbreaks, in long pushes, and more from day to day."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from statistics import median
from typing import Any, Final

from policyengine.charges import Event
from policyengine.sessions import _events as past
from policyengine.sessions._robust import Usual, count_of, habit, spread, transformed, usual
from policyengine.sessions._speed import DAY, ONE_IN, TREND, Judged, Question, told

# Buckets of the past that it takes to know what is usual.
FEWEST: Final = 8
FEWEST_OF_TREND: Final = 6
# These were chosen on simulated agents of other seeds and of a second kind: see docs/agents.md.
# How much further counts alone must lie out, as several are judged and each may err.
ALONE: Final = 1.25
# How far counts must lie out where the pace does as well.
TOGETHER: Final = 0.5
# How much faster (as a logarithm) calls come after each other, for each step of `sensitivity`.
PACE: Final = 0.425
# The buckets of a long push, the gaps between calls of which a pace is the median, and how far
# beyond a habit counts (transformed) and paces lie that are none.
PUSH: Final = 3
GAPS: Final = 20
BEYOND_COUNT: Final = 1.0
BEYOND_PACE: Final = 0.2
# Gaps below this many seconds are calls at one time.
_SHORTEST: Final = 0.5
# By what part of itself a day's work varies ordinarily, after the transformation; and how many of
# that two days in a row must lie out, for each step of `sensitivity`.
ORDINARY: Final = 0.4
STAYS: Final = 0.35


class Volume:
    """Calls in the present bucket, counted in the stream that all questions share.

    Counts and the gaps between calls are two views of one series of events (Cox and Lewis 1966).
    It finds a bucket, or three together, with far more calls than usual; or a bucket with more
    calls than usual that also come much faster after each other, by the median of 20 gaps, which
    pauses between outbreaks do not hide. What was as high on two earlier days is a habit.
    """

    kind = ""
    keep = 2_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        return past.event(stream, input, now)

    def this(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        # That it was one more says all: its arguments need not be read.
        return Event(now, past.kind_of(input)) if past.kind_of(input) else None

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        times = [*_times(events, now, asked, self.keep), now]
        counts = Counter([at // asked.bucket for at in times])
        present = now // asked.bucket
        push = sum(counts.get(present - back, 0) for back in range(PUSH))
        far = _at_most(counts, push) / asked.sensitivity
        found = _outbreak(times, counts, present, asked) if far > TOGETHER else None
        if found is None and far > ALONE:
            return _alone(_pushes(counts, present), present, asked, PUSH)
        return found


def _at_most(counts: Mapping[float, int], push: int) -> float:
    """How many scales the newest buckets lie out at most, together or the present one alone.

    A bound, for nearly all calls are nothing special: scales are at least 1, and the middle of
    counts is at least the lower one of two, for pushes as well, which are no smaller.
    """
    lower = sorted(counts.values())[max(0, len(counts) - PUSH - 1) // 2]
    return transformed(push) - transformed(lower)


def _outbreak(
    times: Sequence[float], counts: Mapping[float, int], present: float, asked: Question
) -> Judged | None:
    """Whether the present bucket is above what is usual, alone or together with the pace."""
    known = _usual(counts, present)
    if known is None or known.above(counts[present]) <= TOGETHER * asked.sensitivity:
        return None
    found = _alone(counts, present, asked, 1)
    paces = None if found else _paces(times, asked)
    if paces is None:
        return found
    observed, (least, most) = counts[present], paces
    limit = known.limit(TOGETHER * asked.sensitivity)
    why = (
        f"{observed:g} calls in {told(asked.bucket)}, one each {least:.1f} s where one each "
        f"{most:.1f} s is usual"
    )
    return Judged(float(observed), round(known.typical, 1), round(limit, 1), len(counts) - 1, why)


def _usual(counts: Mapping[float, int], present: float, width: int = 1) -> Usual | None:
    others = [count for at, count in counts.items() if at <= present - width]
    return usual(others) if len(others) >= FEWEST else None


def _alone(
    counts: Mapping[float, int], present: float, asked: Question, width: int
) -> Judged | None:
    """Whether a count is above what the other buckets vary by, and no habit."""
    known, observed = _usual(counts, present, width), counts[present]
    if known is None or known.above(observed) <= ALONE * asked.sensitivity:
        return None
    highest = known.middle + ALONE * asked.sensitivity * known.scale
    # Only what comes near the limit can be a habit that matters.
    near, size = count_of(highest - BEYOND_COUNT), asked.bucket
    by_day = [
        (at * size // DAY, count)
        for at, count in counts.items()
        if count > near and at <= present - width
    ]
    before = transformed(max(0.0, habit(by_day, present * size // DAY)))
    highest = max(highest, before + BEYOND_COUNT)
    if transformed(observed) <= highest:
        return None
    limit = count_of(highest)
    why = (
        f"{observed:g} calls in {told(width * asked.bucket)}, usual are {known.typical:.0f} and "
        f"no more than {limit:.0f}"
    )
    return Judged(float(observed), round(known.typical, 1), round(limit, 1), len(counts) - 1, why)


def _pushes(counts: Mapping[float, int], present: float) -> dict[float, int]:
    """The calls of each bucket and those right before it."""
    get = counts.get
    return {at: count + get(at - 1, 0) + get(at - 2, 0) for at, count in counts.items()}


def _paces(times: Sequence[float], asked: Question) -> tuple[float, float] | None:
    """The present gap between calls and the usual one, in seconds, where it is much shorter."""
    last = len(times) - 1
    ends = range(last - GAPS, GAPS - 1, -GAPS // 2)
    if len(ends) < FEWEST:
        return None
    present = _gap(times, last)
    gaps = [(times[end] // DAY, _gap(times, end)) for end in ends]
    known = median(gap for _, gap in gaps)
    if log(known / present) <= PACE * asked.sensitivity:
        return None
    shortest = -habit(((day, -log(gap)) for day, gap in gaps), times[-1] // DAY)
    return (present, known) if shortest - log(present) > BEYOND_PACE else None


def _gap(times: Sequence[float], end: int) -> float:
    """The median gap of the calls that lead to one of them."""
    run = times[end - GAPS : end + 1]
    gaps = sorted([later - at for at, later in pairwise(run)])
    return max(_SHORTEST, (gaps[GAPS // 2 - 1] + gaps[GAPS // 2]) / 2)


def _times(events: Sequence[Event], now: float, asked: Question, keep: int) -> list[float]:
    """When events were, in order; what a clock set back left in the future counts as now.

    Of a stream that is full the oldest bucket may be in part, and is left out.
    """
    times = sorted([one.at for one in events])
    first_later = bisect_right(times, now)
    times[first_later:] = [now] * (len(times) - first_later)
    if len(events) < keep:
        return times
    return times[bisect_left(times, (times[0] // asked.bucket + 1) * asked.bucket) :]


class Trend:
    """Slow escalation: on two days in a row far more calls than on the days before.

    Two in a row is a run rule of control charts (Western Electric 1956): the newest must lie out by
    0.35 of the `sensitivity`, the one before by one scale less. A single outbreak never does.
    """

    kind = TREND
    keep = 2_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        return Event(now, TREND) if past.kind_of(input) else None

    this = event

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        counts = Counter([at // asked.bucket for at in _times(events, now, asked, self.keep)])
        days = sorted(counts)
        if len(days) < FEWEST_OF_TREND + 2 or days[-1] != now // asked.bucket:
            return None
        *older, before, newest = [transformed(counts[day]) for day in days]
        known = spread(older)
        known = known._replace(scale=max(known.scale, ORDINARY * known.middle))
        highest = known.middle + STAYS * asked.sensitivity * known.scale
        if newest <= highest or before <= highest - known.scale:
            return None
        typical, observed, limit = (
            round(ONE_IN * count, 1)
            for count in (known.typical, counts[days[-1]], count_of(highest))
        )
        span = told(asked.bucket)
        why = f"calls in {span} have risen from {typical:.0f} to {observed:.0f}, and did so before"
        return Judged(observed, typical, limit, len(days), why)
