"""The end of a text that comes in pieces: its characters, and where its letters begin."""

from __future__ import annotations

import re
from typing import Final

# INVARIANT: a run of what is neither letter nor digit is one unit, so that any amount of white
# space, punctuation or unseen characters between two words does not bring them apart.
_UNIT: Final = re.compile(r"[^\W_]|[\W_]+")


class Tail:
    """The end of a text, joined only when it is read."""

    __slots__ = ("_parts", "at")

    def __init__(self) -> None:
        self.at = 0
        self._parts: list[str] = []

    def add(self, text: str) -> None:
        self._parts.append(text)

    def text(self) -> str:
        """What is kept, from `at` on."""
        whole = "".join(self._parts)
        self._parts = [whole]
        return whole

    def keep(self, start: int) -> None:
        """Lets go of what lies before a place."""
        if start > self.at:
            self._parts = [self.text()[start - self.at :]]
            self.at = start


class Units:
    """Where the units of a text begin: letters and digits, and runs of anything else."""

    __slots__ = ("_length", "_run", "_starts", "count")

    def __init__(self) -> None:
        self.count = 0
        self._length = 0
        self._run = False
        self._starts: list[int] = []

    def add(self, text: str) -> None:
        """Goes on with more text."""
        starts = [match.start() + self._length for match in _UNIT.finditer(text)]
        if self._run and not _is_letter(text[0]):
            del starts[0]
        self._starts += starts
        self.count += len(starts)
        self._length += len(text)
        self._run = not _is_letter(text[-1])

    def settled(self, holdback: int) -> tuple[int, int]:
        """Where `holdback` units before the end begin, and as many before these."""
        starts = self._starts
        if len(starts) > 8 * holdback:
            del starts[: -4 * holdback]
        boundary = starts[-holdback] if len(starts) >= holdback else 0
        left = starts[-2 * holdback] if len(starts) >= 2 * holdback else 0
        return boundary, left


def _is_letter(character: str) -> bool:
    return character.isalnum()
