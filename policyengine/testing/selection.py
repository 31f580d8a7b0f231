"""Choosing tests by name."""

from __future__ import annotations

from fnmatch import translate
from re import IGNORECASE, Pattern
from re import compile as compiled


class Selection:
    """Words that all must fit the suite's or the test's name.

    A word fits where it occurs; with `*` or `?` it must fit the whole `suite/test`; with `!` in
    front it must not fit. Case does not matter.

    >>> chosen = Selection("gateway !premium")
    >>> chosen.takes("gateway", "free tier"), chosen.takes("gateway", "premium tier")
    (True, False)
    """

    def __init__(self, expression: str = "") -> None:
        self._words = [_word(word) for word in expression.split()]

    def takes(self, suite: str, name: str) -> bool:
        """Whether a test is chosen."""
        full = f"{suite}/{name}"
        return all(bool(pattern.match(full)) is wanted for pattern, wanted in self._words)


def _word(word: str) -> tuple[Pattern[str], bool]:
    wanted = not word.startswith("!")
    text = word if wanted else word[1:]
    # Combinations are shown in brackets, so brackets in a filter mean themselves.
    text = text.replace("[", "[[]")
    glob = text if {"*", "?"} & set(text) else f"*{text}*"
    return compiled(translate(glob), IGNORECASE), wanted
