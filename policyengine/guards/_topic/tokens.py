"""Texts cut into pieces, and pieces into rows of the table of word vectors.

A word of the vocabulary is one row. Any other word is spread over the rows of its groups of four
letters, so that misspelt and unseen forms still lie near their kin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

from policyengine.guards._text.normal import normalised

# Longer texts are read in windows: two pieces each, every piece in two of them.
WHOLE = 240
PIECE = 120

_MAX_WORD = 32
_GRAM = 4
_WORD = re.compile(rf"[^\W\d_]{{1,{_MAX_WORD}}}")
_COPIES = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}
_COPY = re.compile(r"(?<=[a-z])[013457@$](?=[a-z])")
# Whether `_ALONE` may find anything: it begins with what is rarer than a letter, so it is fast.
_MAYBE_ALONE = re.compile(r"[ .*_-][a-z][ .*_-][a-z](?![a-z])")
_ALONE = re.compile(r"(?<![a-z])(?:[a-z][ .*_-]){2,30}[a-z](?![a-z])")
_SENTENCE_END = re.compile(r"[.!?\n][\s\"')\]]")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The row of each word; the rows from `first_bucket` on belong to groups of letters.

    Words that stand for nothing (articles and the like) have the row -1.
    """

    rows: Mapping[str, int]
    first_bucket: int
    buckets: int

    def of(self, words: list[str]) -> tuple[list[int], list[float]]:
        """Rows and their weights for the words of a piece, in order."""
        known = self.rows
        rows: list[int] = []
        weights: list[float] = []
        for word in words:
            row = known.get(word)
            if row is None:
                found = self._spread(word)
                rows += found
                weights += [1 / len(found)] * len(found) if found else ()
            elif row >= 0:
                rows.append(row)
                weights.append(1.0)
        return rows, weights

    def _spread(self, word: str) -> list[int]:
        # Scripts that the table was not made for would be noise.
        if len(word) < 3 or not word.isascii():
            return []
        letters = f"<{word}>".encode("ascii")
        return [
            self.first_bucket + crc32(letters[i : i + _GRAM]) % self.buckets
            for i in range(len(letters) - _GRAM + 1)
        ]


def words(text: str) -> list[str]:
    """The words of a text in plain lower-case letters, each at most 32 letters long.

    Digits and signs between letters count as the letters that they copy, and letters that stand
    alone, three or more in a row, are one word.

    >>> words("Crème brûlée, 2 eggs; p0rn and b o m b")
    ['creme', 'brulee', 'eggs', 'porn', 'and', 'bomb']
    """
    plain = (text if text.isascii() else normalised(text).text).lower()
    if _COPY.search(plain):
        plain = _COPY.sub(lambda match: _COPIES[match[0]], plain)
    if _MAYBE_ALONE.search(plain):
        plain = _ALONE.sub(lambda match: "".join(_WORD.findall(match[0])), plain)
    return _WORD.findall(plain)


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of at most 120 characters that cover a text, cut after sentences or between words.

    >>> list(pieces("Short."))
    [(0, 6)]
    """
    start, length = 0, len(text)
    while length - start > PIECE:
        end = _cut(text, start)
        yield start, end
        start = end
    if start < length:
        yield start, length


def _cut(text: str, start: int) -> int:
    latest = start + PIECE
    earliest = start + PIECE // 2
    ends = [match.end() for match in _SENTENCE_END.finditer(text, earliest, latest)]
    if ends:
        return ends[-1]
    blank = max(text.rfind(" ", earliest, latest), text.rfind("\n", earliest, latest))
    return latest if blank < 0 else blank + 1
