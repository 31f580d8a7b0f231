"""Robust statistics of counts: what is usual, and how far from it something is.

Counts are compared after `2 * sqrt(count + 3/8)` (Anscombe 1948), by which counts of any mean that
vary by chance alone vary by 1. Their scale is the median absolute deviation times 1.4826 (Hampel
1974), and never below 1, so that a baseline that was ever so quiet is not broken by a second call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, sqrt
from statistics import median
from typing import Final, NamedTuple

# What makes the median absolute deviation of normal values their standard deviation.
MAD: Final = 1.4826
_SHIFT: Final = 3 / 8


class Usual(NamedTuple):
    """The middle of some counts, and their scale, both of the transformed counts."""

    middle: float
    scale: float

    def above(self, count: float) -> float:
        """How many scales a count lies above the middle."""
        return (transformed(count) - self.middle) / self.scale

    def limit(self, scales: float) -> float:
        """The count that lies so many scales above the middle."""
        return count_of(self.middle + scales * self.scale)

    @property
    def typical(self) -> float:
        """The middle, as a count."""
        return count_of(self.middle)


def transformed(count: float) -> float:
    """A count on the scale on which chance varies by 1."""
    return 2 * sqrt(count + _SHIFT)


def count_of(value: float) -> float:
    """The count at a place of that scale."""
    return float(max((value / 2) ** 2 - _SHIFT, 0.0))


def usual(counts: Sequence[float]) -> Usual:
    """What is usual among some counts, of which there is at least one.

    >>> found = usual([10, 11, 9, 10, 400])
    >>> round(found.typical), round(found.limit(4))
    (10, 27)
    """
    # Many buckets have equal counts.
    known = {count: transformed(count) for count in set(counts)}
    return spread([known[count] for count in counts])


def spread(values: Sequence[float]) -> Usual:
    """The middle of transformed counts, and their scale, which is at least 1."""
    middle = median(values)
    return Usual(middle, max(1.0, MAD * median([abs(value - middle) for value in values])))


def habit(values: Iterable[tuple[float, float]], today: float) -> float:
    """The second highest of what earlier days came to, of pairs of day and value.

    What came about on one day only is an outbreak and excuses nothing; on two, it is a habit, such
    as a batch that runs every night. Minus infinity where there are no two days.

    >>> habit([(1, 5.0), (1, 6.0), (2, 90.0), (3, 4.0), (4, 99.0)], today=4)
    6.0
    """
    highest: dict[float, float] = {}
    for day, value in values:
        if day < today and value > highest.get(day, -inf):
            highest[day] = value
    return sorted(highest.values())[-2] if len(highest) > 1 else -inf
