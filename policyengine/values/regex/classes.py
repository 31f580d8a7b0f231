"""Escapes and bracket classes of RE2's syntax."""

from __future__ import annotations

from policyengine.values.regex.charset import LAST, Ranges, complement, union
from policyengine.values.regex.failure import RegexError
from policyengine.values.regex.unicode import PERL, POSIX, folded, named

_OCTAL = frozenset("01234567")
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "f": "\f", "v": "\v"}


class Cursor:
    """A place in a pattern."""

    __slots__ = ("offset", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0

    @property
    def done(self) -> bool:
        return self.offset >= len(self.text)

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.offset : self.offset + 1]

    def take(self) -> str:
        """The next character, gone past; only where there is one."""
        self.offset += 1
        return self.text[self.offset - 1]

    def take_if_any(self) -> str | None:
        """The next character, gone past; None at the end."""
        return None if self.done else self.take()

    def ahead(self, *words: str) -> bool:
        """Whether one of these words comes next."""
        return self.text.startswith(words, self.offset)

    def accept(self, word: str) -> bool:
        """Goes past the word if it comes next."""
        found = self.text.startswith(word, self.offset)
        if found:
            self.offset += len(word)
        return found

    def until(self, stop: str) -> str | None:
        """The text up to the next `stop`, gone past with it; None if there is no `stop`."""
        end = self.text.find(stop, self.offset)
        if end < 0:
            return None
        found = self.text[self.offset : end]
        self.offset = end + len(stop)
        return found

    def span(self, characters: frozenset[str], most: int = 1 << 30) -> str:
        """The longest run of these characters that comes next, gone past."""
        start = self.offset
        while self.offset - start < most and self.peek() in characters and not self.done:
            self.offset += 1
        return self.text[start : self.offset]

    def counts(self) -> tuple[int, int | None] | None:
        """The counts of `{n}`, `{n,}` or `{n,m}` after its `{`; None if the `{` is a literal."""
        start = self.offset
        low = self._number()
        high = low
        if low is not None and self.accept(","):
            high = None if self.peek() == "}" else self._number()
            if high is None and self.peek() != "}":
                low = None
        if low is None or not self.accept("}"):
            self.offset = start
            return None
        return low, high

    def _number(self) -> int | None:
        # As in RE2, a leading zero or a number of ten digits makes the brace a literal.
        digits = self.span(_DIGITS)
        if not digits or (len(digits) > 1 and digits[0] == "0") or len(digits.lstrip("0")) > 9:
            return None
        return int(digits)


def escape(at: Cursor, start: int) -> str:
    """The one character that an escape stands for, after its backslash at `start`."""
    if at.done:
        raise RegexError("a backslash ends the pattern", start)
    character = at.take()
    if character in _CONTROLS:
        return _CONTROLS[character]
    if character in _OCTAL:
        digits = character + at.span(_OCTAL, 2)
        if character != "0" and len(digits) == 1:
            raise RegexError("back-references are not supported", start)
        return chr(int(digits, 8))
    if character == "x":
        return _hexadecimal(at, start)
    if character.isascii() and not character.isalnum():
        return character
    raise RegexError("no such escape", start)


def _hexadecimal(at: Cursor, start: int) -> str:
    if at.accept("{"):
        digits = at.span(_HEX).lstrip("0") or "0"
        whole = at.offset > start + 3 and at.accept("}")
    else:
        digits = at.span(_HEX, 2)
        whole = len(digits) == 2
    if not whole or len(digits) > 6 or int(digits, 16) > LAST:
        raise RegexError("bad hexadecimal escape", start)
    return chr(int(digits, 16))


def perl_class(at: Cursor, fold: bool) -> Ranges | None:
    """The set of `d`, `s`, `w` or a capital of them, after the backslash; else None."""
    letter = at.peek()
    ranges = PERL.get(letter.lower()) if letter else None
    if ranges is None or letter.lower() not in "dsw":
        return None
    at.take()
    return _signed(ranges, letter.isupper(), fold)


def property_class(at: Cursor, start: int, fold: bool) -> Ranges:
    """The set of `pN`, `p{Greek}`, `P{^Greek}`, after the backslash at `start`."""
    negative = at.take() == "P"
    name = at.until("}") if at.accept("{") else at.take_if_any()
    if name is not None and name.startswith("^"):
        negative = not negative
        name = name[1:]
    ranges = None if name is None else named(name)
    if ranges is None:
        raise RegexError("no such Unicode category or script", start)
    return _signed(ranges, negative, fold)


def _signed(ranges: Ranges, negative: bool, fold: bool) -> Ranges:
    ranges = folded(ranges) if fold else ranges
    return complement(ranges) if negative else ranges


def char_class(at: Cursor, start: int, fold: bool) -> Ranges:
    """The set of a bracket class, after its `[` at `start`."""
    negative = at.accept("^")
    pairs: list[tuple[int, int]] = []
    singles: list[tuple[int, int]] = []
    first = True
    while first or at.peek() != "]":
        if at.done:
            raise RegexError("missing closing `]` of the class", start)
        first = False
        ranges = _class_item(at, fold)
        if ranges is None:
            singles.append(_range(at, start))
        else:
            pairs += ranges
    at.take()
    own = union(singles)
    whole = union([*pairs, *(folded(own) if fold else own)])
    return complement(whole) if negative else whole


def _class_item(at: Cursor, fold: bool) -> Ranges | None:
    """A named class inside a bracket class; None if a character or a range comes next."""
    start = at.offset
    if at.ahead("[:") and (end := at.text.find(":]", start + 2)) >= 0:
        name = at.text[start + 2 : end]
        negative = name.startswith("^")
        ranges = POSIX.get(name[1:] if negative else name)
        if ranges is None:
            raise RegexError("no such class", start)
        at.offset = end + 2
        return _signed(ranges, negative, fold)
    if not at.accept("\\"):
        return None
    if at.ahead("p", "P"):
        return property_class(at, start, fold)
    found = perl_class(at, fold)
    if found is None:
        at.offset = start
    return found


def _range(at: Cursor, start: int) -> tuple[int, int]:
    first = at.offset
    low = high = _class_character(at, start)
    if at.ahead("-") and not at.ahead("-]") and at.offset + 1 < len(at.text):
        at.take()
        high = _class_character(at, start)
        if high < low:
            raise RegexError("the range ends before it begins", first)
    return low, high


def _class_character(at: Cursor, start: int) -> int:
    if at.done:
        raise RegexError("missing closing `]` of the class", start)
    offset = at.offset
    return ord(escape(at, offset) if at.take() == "\\" else at.text[offset])
