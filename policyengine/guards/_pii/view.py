"""A text as the scanners see it: plain characters, their shape, and the words near a place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, NamedTuple
from unicodedata import decimal

_LETTERS = "abcdefghijklmnopqrstuvwxyz|"
_KEPT = " -./:+()@"


def _shape(byte: int) -> int:
    character = chr(byte)
    if character.isdigit():
        return ord("9")
    if byte < 128 and character.isalpha():
        return ord("A" if character.isupper() else "a")
    return byte if character in _KEPT else ord(",")


_SHAPES: Final = bytes(_shape(byte) if byte < 128 else ord(",") for byte in range(256))
_WIDE: Final = bytes(ord("w") if chr(byte).isalnum() else 32 for byte in range(128)) + b" " * 128
# What is not seen, and could split a number without anyone noticing.
_UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2212\u2043\ufe58\ufe63"
# Between words there is what is no letter; a bar keeps what stands on its two sides apart.
_GAPS: Final = bytes(byte if byte > 127 or chr(byte) in _LETTERS else 32 for byte in range(256))
# How far context words may stand from what they explain, in characters.
_BEFORE, _AFTER = 60, 40
_FEW: Final = 3
_ASCII: Final = bytes(range(128))


class Words(NamedTuple):
    """Words that explain a number, and rows of them (`social security`), as UTF-8."""

    single: frozenset[bytes]
    rows: tuple[bytes, ...]
    """Each between two spaces."""
    any: frozenset[bytes]
    """The words of which a text must have one."""

    @classmethod
    def of(cls, listed: Iterable[str]) -> Words:
        """Some words and rows of words, in any case."""
        plain = [each.lower().split() for each in listed]
        single = frozenset(each[0].encode() for each in plain if len(each) == 1)
        rows = tuple(f" {' '.join(each)} ".encode() for each in plain if len(each) > 1)
        return cls(single, rows, single.union(row.split()[0] for row in rows))

    @classmethod
    def union(cls, several: Iterable[Words]) -> Words:
        """All of them."""
        all_ = tuple(several)
        return cls(
            frozenset[bytes]().union(*(words.single for words in all_)),
            tuple({row: None for words in all_ for row in words.rows}),
            frozenset[bytes]().union(*(words.any for words in all_)),
        )


def words(text: str) -> Words:
    """The words between bars.

    >>> words("ssn|social security").rows
    (b' social security ',)
    """
    return Words.of(text.split("|"))


def _no_check() -> None:
    """There is time."""


class View:
    """A text, made plain, with what several scanners need of it.

    `text` has ordinary digits, spaces and dashes for the unusual ones, and no invisible
    characters; `place` leads back to the text as it was given. `shape` is as long as `text` and
    two more: `9` for digits, `A` and `a` for ASCII letters, and `,` for all but `" -./:+()@"`.

    >>> view = View("field", "Pay DE\\u200b12 by \\uff11/5")
    >>> view.text, view.shape, view.place(4, 8)
    ('Pay DE12 by 1/5', 'Aaa AA99 aa 9/9,,', (4, 9))
    """

    __slots__ = (
        "_bytes",
        "_lower",
        "_name",
        "_near",
        "_removed",
        "_vocabulary",
        "check",
        "field",
        "found",
        "notes",
        "shape",
        "text",
    )

    def __init__(self, field: str, text: str, check: Callable[[], None] | None = None) -> None:
        self.field = field
        # Raises where no time is left; long work within one text asks now and then.
        self.check = check or _no_check
        # A field's own name counts as said: `arguments.ssn`.
        self._name = field[-40:].rpartition(".")[2].lower()
        self._removed: list[int] = []
        if not text.isascii() and _is_unusual(text):
            text, self._removed = _plain(text)
        self.text = text
        # A character that ASCII lacks becomes one `?`, so all places stay what they are.
        self._bytes = text.encode("ascii", "replace")
        self.shape = self._bytes.translate(_SHAPES).decode("ascii") + ",,"
        self._lower: str | None = None
        self._vocabulary: frozenset[bytes] | None = None
        # What each source has found, for all questions of a decision.
        self.found: dict[Any, tuple[Any, ...]] = {}
        # What a family has found at a place, for others of its entities.
        self.notes: dict[tuple[str, int], Any] = {}
        self._near: dict[tuple[int, int], tuple[bytes, ...]] = {}

    @property
    def lower(self) -> str:
        """The text with ASCII capitals made small and `?` for what ASCII lacks, for searching."""
        if self._lower is None:
            self._lower = self._bytes.lower().decode("ascii")
        return self._lower

    @property
    def vocabulary(self) -> frozenset[bytes]:
        """All words of the text and of the field's name, in small letters."""
        if self._vocabulary is None:
            text = f"{self._name} {self.text}".lower()
            self._vocabulary = frozenset(text.encode(errors="replace").translate(_GAPS).split())
        return self._vocabulary

    def words(self) -> bytes:
        """The text with `w` for each ASCII letter and digit, and spaces between."""
        return self._bytes.translate(_WIDE)

    def says(self, words: Words, start: int, end: int) -> bool:
        """Whether one of some words, or rows of words, stands near a place."""
        known = self._vocabulary
        # The words of a whole text take as long as those near a few places.
        if known is None and len(self._near) >= _FEW:
            known = self.vocabulary
        if known is not None and words.any.isdisjoint(known):
            return False
        near = self._near.get((start, end))
        if near is None:
            near = self._near[start, end] = self._read(start, end)
        if words.single.isdisjoint(near):
            if not words.rows:
                return False
            row = b" %b " % b" ".join(near)
            if not any(each in row for each in words.rows):
                return False
        # Half a word at the edge of what is near is none.
        return known is not None or not words.any.isdisjoint(self.vocabulary)

    def _read(self, start: int, end: int) -> tuple[bytes, ...]:
        """The words near a place, with a bar for the place itself."""
        before = self.text[max(0, start - _BEFORE) : start]
        text = f"{self._name} {before} | {self.text[end : end + _AFTER]}".lower()
        return tuple(text.encode(errors="replace").translate(_GAPS).split())

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The range of the text as it was given that a range of `text` stands for."""
        if not self._removed:
            return start, end
        removed = self._removed
        return start + bisect_right(removed, start), end + bisect_right(removed, end - 1)


@cache
def _digits() -> dict[str, str]:
    """The decimal digits of all scripts, and what they are worth."""
    found = (chr(point) for point in range(128, 0x20000))
    return {digit: str(value) for digit in found if (value := decimal(digit, -1)) >= 0}


@cache
def _unusual() -> re.Pattern[str]:
    """One character that stands for a plain one, or for none."""
    return re.compile(f"[{_UNSEEN}{_SPACES}{_DASHES}\uff01-\uff5e{''.join(_digits())}]")


@cache
def _unusual_low() -> re.Pattern[str]:
    """The same below U+10000: such a set is a table, where others are searched."""
    low = "".join(digit for digit in _digits() if digit < "\U00010000")
    return re.compile(f"[{_UNSEEN}{_SPACES}{_DASHES}\uff01-\uff5e{low}]")


def _is_unusual(text: str) -> bool:
    """Whether a text that is not ASCII has characters that stand for plain ones, or for none."""
    # Deleting ASCII from UTF-8 leaves the few others, which are faster to look at.
    rest = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    others = rest.decode("utf-8", "surrogatepass")
    return _unusual_low().search(others) is not None or any(map(_is_high_digit, others))


def _has_high(text: str) -> bool:
    """Whether a text has characters above U+FFFF, which take two units in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) > 2 * len(text)


def _is_high_digit(character: str) -> bool:
    return character > "\uffff" and character in _digits()


@cache
def _class(name: str) -> re.Pattern[str]:
    return re.compile(f"[{name}]")


def _instead(found: re.Match[str]) -> str:
    character = found.group()
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    digit = _digits().get(character)
    if digit is not None:
        return digit
    return " " if _class(_SPACES).match(character) else "-"


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in plain characters, and where in it others were left out."""
    unseen = [found.start() for found in _class(_UNSEEN).finditer(text)]
    if unseen:
        text = _class(_UNSEEN).sub("", text)
    # The place in the new text is the old one without those that stood before it.
    table = _unusual() if _has_high(text) else _unusual_low()
    return table.sub(_instead, text), [place - n for n, place in enumerate(unseen)]
