"""Characters in classes that a program cannot tell apart, and what holds between two characters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from policyengine.values.regex.charset import NEWLINE, WORD, Ranges, contains
from policyengine.values.regex.syntax import At

# The place before the first and after the last character of a text.
EDGE = -1
_MAX_KNOWN = 4096

_WORD_CODES = frozenset(code for low, high in WORD for code in range(low, high + 1))


def holding(before: int, after: int) -> int:
    """A bit for each `At` that holds between two code points (`EDGE` for none).

    >>> bool(holding(EDGE, ord("a")) >> At.WORD_EDGE & 1)
    True
    """
    bits = 0
    if before == EDGE:
        bits |= 1 << At.TEXT_START | 1 << At.LINE_START
    elif before == 10:
        bits |= 1 << At.LINE_START
    if after == EDGE:
        bits |= 1 << At.TEXT_END | 1 << At.LINE_END
    elif after == 10:
        bits |= 1 << At.LINE_END
    edge = (before in _WORD_CODES) != (after in _WORD_CODES)
    return bits | 1 << (At.WORD_EDGE if edge else At.NOT_WORD_EDGE)


def place(code: int) -> int:
    """A code point that stands for all that `holding` cannot tell from this one.

    >>> chr(place(ord("z")))
    'a'
    """
    if code in (EDGE, 10):
        return code
    return 0x61 if code in _WORD_CODES else 0


class Alphabet(dict[str, int]):
    """Maps a character to the code point that stands for its class; fills as texts are read.

    Shared by threads: an entry is the same whoever adds it.
    """

    __slots__ = ("bounds", "hits", "sets")

    def __init__(self, sets: Iterable[Ranges], *, asserts: bool) -> None:
        super().__init__()
        self.sets = tuple(sets)
        told_apart = (*self.sets, NEWLINE, WORD) if asserts else self.sets
        bounds = {0}
        for ranges in told_apart:
            for low, high in ranges:
                bounds.update((low, high + 1))
        self.bounds = sorted(bounds)
        self.hits: dict[int, frozenset[int]] = {EDGE: frozenset()}

    def __missing__(self, character: str) -> int:
        code = self.bounds[bisect_right(self.bounds, ord(character)) - 1]
        if len(self) >= _MAX_KNOWN:
            self.clear()
        self[character] = code
        return code

    def sets_with(self, code: int) -> frozenset[int]:
        """The numbers of the sets that hold the class of this code."""
        found = self.hits.get(code)
        if found is None:
            found = frozenset(i for i, ranges in enumerate(self.sets) if contains(ranges, code))
            self.hits[code] = found
        return found
