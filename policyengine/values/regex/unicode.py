"""Named character sets: Perl and POSIX classes, Unicode properties, and case folding as in RE2."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache

from policyengine.values.regex.charset import ALL, WORD, Ranges, union

PERL: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "s": ((9, 10), (12, 13), (32, 32)),
    "w": WORD,
}

POSIX: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0, 0x7F),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "digit": ((0x30, 0x39),),
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((9, 13), (32, 32)),
    "upper": ((0x41, 0x5A),),
    "word": WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}

# The only ASCII letters with a third form: Kelvin sign and long s.
_ASCII_EXTRAS = {"k": 0x212A, "s": 0x17F}


@lru_cache(maxsize=256)
def named(name: str) -> Ranges | None:
    """The set of a general category (`Lu`), a script (`Greek`) or `Any`; None if there is none.

    >>> named("Zl")
    ((8232, 8232),)
    """
    if name == "Any":
        return ALL
    # Late, since few patterns need the tables.
    from policyengine.values.regex.unicode_tables import PROPERTIES

    packed = PROPERTIES.get(name)
    if packed is None:
        return None
    ranges: list[tuple[int, int]] = []
    at = 0
    for word in packed.split(","):
        gap, length = word.split(" ")
        low = at + int(gap, 16)
        at = low + int(length, 16)
        ranges.append((low, at))
    return tuple(ranges)


@lru_cache(maxsize=512)
def folded(ranges: Ranges) -> Ranges:
    """The set with every character that differs from one of its own in case only.

    >>> [hex(low) for low, _ in folded(((0x6B, 0x6B),))]
    ['0x4b', '0x6b', '0x212a']
    """
    if not ranges or ranges == ALL:
        return ranges
    extra = [pair for low, high in ranges for pair in _ascii_folds(low, min(high, 0x7F))]
    if ranges[-1][1] > 0x7F:
        codes, groups = _cased()
        for low, high in ranges:
            for code in codes[bisect_left(codes, low) : bisect_right(codes, high)]:
                extra += [(other, other) for other in groups[code]]
    return union([*ranges, *extra])


def _ascii_folds(low: int, high: int) -> list[tuple[int, int]]:
    folds = []
    for first, shift in ((0x41, 0x20), (0x61, -0x20)):
        start, end = max(low, first), min(high, first + 25)
        if start <= end:
            folds.append((start + shift, end + shift))
            folds += [
                (extra, extra)
                for letter, extra in _ASCII_EXTRAS.items()
                if start <= first + ord(letter) - 0x61 <= end
            ]
    return folds


@lru_cache(maxsize=1)
def _cased() -> tuple[list[int], dict[int, tuple[int, ...]]]:
    """Every character that has another of its kind in case, in order, and its group."""
    from policyengine.values.regex.unicode_tables import CASE_GROUPS

    groups: dict[int, tuple[int, ...]] = {}
    for words in CASE_GROUPS.split(","):
        group = tuple(int(code, 16) for code in words.split(" "))
        groups.update(dict.fromkeys(group, group))
    return sorted(groups), groups
