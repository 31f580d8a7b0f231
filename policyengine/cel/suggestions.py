"""Names that a misspelt name may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

# Comparing names takes time that grows with their lengths and number; both are the author's, so
# both are bounded.
_LONGEST_NAME = 80
_MOST_NAMES = 500


def closest(name: str, names: Iterable[str]) -> str | None:
    """The declared name that is most like this one, if any is.

    >>> closest("modle", ["model", "messages"])
    'model'
    >>> closest("Model", ["model", "messages"])
    'model'
    >>> closest("user", ["model", "messages"])
    """
    if len(name) > _LONGEST_NAME:
        return None
    by_lower = {n.lower(): n for n in islice(names, _MOST_NAMES) if len(n) <= _LONGEST_NAME}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.65)
    return by_lower[found[0]] if found else None


def listed(names: Iterable[str], most: int = 8) -> str:
    """Some names in backticks, in order, and how many more there are.

    >>> listed(["b", "a", "c"], most=2)
    '`a`, `b` and 1 more'
    """
    every = sorted(names)
    shown = ", ".join(f"`{name}`" for name in every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown
