"""Which of many texts a text contains, found together rather than one by one.

What a search costs grows with the text, and is at most a small multiple of asking for each text
with `in`, whatever the text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

# Bytes of a block.
BLOCK: Final = 4

Family = tuple[str, tuple[tuple[int, int], ...], tuple[str, ...]]
"""Texts with a part in common: the part, where it begins in them with their lengths, the texts."""


class Mentions:
    """Finds texts in a text.

    The members of a family are looked up around each place of their common part. Of texts found
    `by_blocks`, every occurrence has a block of the text's UTF-8 bytes in it, cut at multiples of
    `BLOCK`; so none occurs that has none of its blocks there. `others` are asked for one by one.

    >>> found = Mentions((("word ", ((0, 6),), ("word 1", "word 2")),), (), ("cat", "dog"))
    >>> found("a word 2 on concatenation")
    ['word 2', 'cat']
    """

    __slots__ = ("_blocks", "_families", "_known", "_others")

    def __init__(
        self, families: Sequence[Family], by_blocks: Sequence[str], others: Sequence[str]
    ) -> None:
        self._families = [(part, at, frozenset(texts)) for part, at, texts in families]
        self._others = others
        self._blocks = _blocks(by_blocks)
        self._known = frozenset(self._blocks)

    def __call__(self, text: str) -> list[str]:
        """The texts that are in the text, each once, in no order that means anything."""
        found: list[str] = []
        for part, places, texts in self._families:
            if part in text:
                found += _members(text, part, places, texts)
        if self._blocks:
            found += self._in_blocks(text)
        for other in self._others:
            if other in text:
                found.append(other)
        return found

    def _in_blocks(self, text: str) -> Iterable[str]:
        raw = text.encode("utf-8", "surrogatepass")
        cut = memoryview(raw)[: len(raw) // BLOCK * BLOCK].cast("I")
        hits = self._known.intersection(cut)
        candidates = {each for hit in hits for each in self._blocks[hit]}
        return [each for each in candidates if each in text]


def _members(
    text: str, part: str, places: tuple[tuple[int, int], ...], texts: frozenset[str]
) -> Iterable[str]:
    """The texts of a family that are in a text."""
    found: set[str] = set()
    # A look costs about a quarter of asking for a text with `in`.
    left = 2 * len(texts) // len(places) + 1
    at = text.find(part)
    while at >= 0:
        for offset, length in places:
            start = at - offset
            around = text[start : start + length] if start >= 0 else ""
            if around in texts:
                found.add(around)
        left -= 1
        if not left:
            return [each for each in texts if each in text]
        at = text.find(part, at + 1)
    return found


def _blocks(texts: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """For each text and each way in which blocks can lie on it, the rarest block."""
    raw = {text: text.encode("utf-8", "surrogatepass") for text in texts}
    common: dict[bytes, int] = {}
    for each in raw.values():
        for at in range(len(each) - BLOCK + 1):
            common[each[at : at + BLOCK]] = common.get(each[at : at + BLOCK], 0) + 1
    made: dict[int, set[str]] = {}
    for text, each in raw.items():
        for way in range(BLOCK):
            blocks = (each[at : at + BLOCK] for at in range(way, len(each) - BLOCK + 1, BLOCK))
            rarest = min(blocks, key=lambda block: (common[block], block))
            made.setdefault(int.from_bytes(rarest, sys.byteorder), set()).add(text)
    return {block: tuple(found) for block, found in made.items()}
