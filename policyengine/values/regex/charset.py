"""Sets of characters as sorted, disjoint, inclusive ranges of code points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
ALL: Ranges = ((0, LAST),)
NONE: Ranges = ()
NEWLINE: Ranges = ((10, 10),)
NOT_NEWLINE: Ranges = ((0, 9), (11, LAST))
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))


@lru_cache(maxsize=512)
def single(code: int) -> Ranges:
    """The set of one character. Cached, so that long literals share their sets."""
    return ((code, code),)


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted and disjoint, adjacent ranges joined.

    >>> union([(5, 9), (1, 2), (3, 6)])
    ((1, 9),)
    """
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            if high > joined[-1][1]:
                joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """Every character that is not in the set.

    >>> complement(((0, 9), (11, 0x10FFFF)))
    ((10, 10),)
    """
    gaps: list[tuple[int, int]] = []
    at = 0
    for low, high in ranges:
        if at < low:
            gaps.append((at, low - 1))
        at = high + 1
    if at <= LAST:
        gaps.append((at, LAST))
    return tuple(gaps)


def contains(ranges: Ranges, code: int) -> bool:
    """Whether the set has this code point."""
    at = bisect_right(ranges, (code, LAST)) - 1
    return at >= 0 and ranges[at][0] <= code <= ranges[at][1]


def overlap(first: Ranges, second: Ranges) -> bool:
    """Whether the two sets share a character."""
    i = j = 0
    while i < len(first) and j < len(second):
        if first[i][1] < second[j][0]:
            i += 1
        elif second[j][1] < first[i][0]:
            j += 1
        else:
            return True
    return False


def only(ranges: Ranges) -> int | None:
    """The code point of a set of exactly one character."""
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return ranges[0][0]
    return None
