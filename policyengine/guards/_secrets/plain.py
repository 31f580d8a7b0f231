"""A text without disguises that cost its writer nothing: full-width letters, unseen characters."""

from __future__ import annotations

from typing import Final, NamedTuple

from policyengine.guards._text.lookalikes import INVISIBLE

# Tag characters say something of their own, which others look at.
_HIDDEN: Final = frozenset(INVISIBLE) | frozenset(map(chr, range(0xE0000, 0xE0080)))
# Each full-width form stands as far from its ASCII character.
_NARROW: Final[dict[int, int]] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_WIDE: Final = frozenset(map(chr, _NARROW))


class Plain(NamedTuple):
    """A text made plain; `places` are those of its characters in the original, None if the same."""

    text: str
    places: list[int] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original that a range, which is not empty, stands for."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def plain(text: str) -> Plain:
    """The plain form of a text, the text itself where it is ASCII.

    >>> found = plain("ＡＫ\\u200bIA")
    >>> found.text, found.place(1, 3)
    ('AKIA', (1, 4))
    """
    if text.isascii():
        return Plain(text)
    used = set(text)
    narrow = text if used.isdisjoint(_WIDE) else text.translate(_NARROW)
    if used.isdisjoint(_HIDDEN):
        return Plain(narrow)
    places = [at for at, character in enumerate(narrow) if character not in _HIDDEN]
    return Plain("".join([narrow[at] for at in places]), places)
