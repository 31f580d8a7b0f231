"""One plain form of a text, whatever letters it is written in, with the way back to the original.

Compatibility forms (full-width, mathematical, circled) become their letters, accents and piled
marks go, what nobody sees goes, tag characters become the ASCII that they copy, and letters of
other scripts that pass for Latin ones become those, where the words around show what is meant.
Capitals stay; `lower()` of the plain form keeps its length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from unicodedata import normalize

from policyengine.guards._text.lookalikes import ACCENTS, INVISIBLE, SCRIPTS, SHAPES, TAGS

# More than a request in one language uses; beyond it pieces are worked out anew.
_MAX_REMEMBERED = 20_000
# What grows most in Unicode is one character into 18.
_MAX_GROWTH = 18

# Japanese voice marks and Korean vowels and finals.
_COMPOSING = re.compile("[\u3099\u309a\u1161-\u11ff]")
_PIECE = re.compile("(?s:.)[\u3099\u309a\u1161-\u11ff]{0,3}")
_FOREIGN = "".join(SCRIPTS)
_FOREIGN_WORD = re.compile(f"[A-Za-z{_FOREIGN}]*[{_FOREIGN}][A-Za-z{_FOREIGN}]*")
_MIXED = re.compile(f"[A-Za-z][{_FOREIGN}]|[{_FOREIGN}][A-Za-z]")
_SCRIPT_RUN = re.compile("[\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13ff]+")
_LATIN_RUN = re.compile("[A-Za-z]+")
_TO_LATIN = str.maketrans(dict(SCRIPTS))


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in its plain form; `offsets` is None where both forms have the same places.

    `offsets[i]` is the place in the original of the plain form's character `i`, and one more at
    the end is the original's length.
    """

    text: str
    offsets: Sequence[int] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original that a range of the plain form stands for.

        >>> normalised("a\\u200bb \\ufb01n").place(3, 5)
        (4, 5)
        """
        if self.offsets is None or end <= start:
            return (start, end) if self.offsets is None else (self.offsets[start],) * 2
        last = self.offsets[end - 1]
        after = bisect_right(self.offsets, last, end - 1)
        return self.offsets[start], self.offsets[min(after, len(self.offsets) - 1)]


def normalised(text: str) -> Normalised:
    """The plain form of a text; linear in its length, and the text itself where it is ASCII.

    >>> normalised("ｉｇｎｏｒｅ the ru\\u200bles").text
    'ignore the rules'
    >>> normalised("раураl").text
    'paypal'
    """
    if text.isascii():
        return Normalised(text)
    if _COMPOSING.search(text):
        # A mark composes with what stands before it, so both are one piece.
        pieces: list[str] = _PIECE.findall(text)
        lengths: Iterable[int] = map(len, pieces)
    else:
        pieces, lengths = list(text), repeat(1)
    plain = list(map(_REMEMBERED.__getitem__, pieces))
    sizes = set(map(len, plain))
    joined = "".join(plain)
    if sizes == {1} and len(joined) == len(text):
        return Normalised(_latin(joined))
    offsets: list[int] = []
    start = 0
    for letters, length in zip(plain, lengths, strict=False):
        if len(letters) == 1:
            offsets.append(start)
        elif letters:
            offsets.extend([start] * len(letters))
        start += length
    offsets.append(len(text))
    return Normalised(_latin(joined), offsets)


class _Remembered(dict[str, str]):
    """Plain forms of pieces, each worked out once."""

    def __missing__(self, piece: str) -> str:
        plain = piece if piece < "\x80" else _plain(piece)
        if len(self) < _MAX_REMEMBERED:
            self[piece] = plain
        return plain


_REMEMBERED = _Remembered()


def _plain(piece: str) -> str:
    if piece in INVISIBLE or piece in ACCENTS:
        return ""
    if ord(piece[0]) in TAGS:
        return chr(ord(piece[0]) - 0xE0000)
    if piece in SHAPES:
        return SHAPES[piece]
    letters = (c for c in normalize("NFKD", piece) if c not in ACCENTS and c not in INVISIBLE)
    return normalize("NFC", "".join(SHAPES.get(c, c) for c in letters))[:_MAX_GROWTH]


def _latin(text: str) -> str:
    """The text with look-alikes of Latin letters as those.

    In a word with a Latin letter they can be nothing else. A word of look-alikes only (`оса` is
    a Russian wasp) is one where the text is mostly Latin.
    """
    if text.isascii():
        return text
    runs = "".join(_SCRIPT_RUN.findall(text))
    # Counting each letter of an alphabet is many times faster than looking at each place.
    foreign = sum(map(runs.count, set(runs) - SCRIPTS.keys()))
    mostly_latin = foreign == 0 or foreign * 4 < sum(map(len, _LATIN_RUN.findall(text)))

    if not (mostly_latin or _MIXED.search(text)):
        return text

    def fold(match: re.Match[str]) -> str:
        word = match[0]
        return word.translate(_TO_LATIN) if mostly_latin or _LATIN_RUN.search(word) else word

    return _FOREIGN_WORD.sub(fold, text)
