"""YAML 1.2 scalars: what they mean, and where each of their characters stands in the file.

The scanner says what text a scalar has; this module finds that text again in the file, so that
an offset in a folded, quoted or indented value leads to its line and column.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from policyengine.source import Anchor, Source, Span, Text

Plain = None | bool | int | float | str

_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_MAX_DIGITS = 64

_NEWLINE = re.compile("\n")
_BREAK = r"(?:\r\n|\r|\n)"
# A fold: white space, the end of a line, and everything up to the next character of text. Other
# blanks are taken as a whole, so that a long run is not tried from each of its characters.
_FOLD = rf"(?P<fold>[ \t]*{_BREAK}[ \t\r\n]*)|(?P<blank>[ \t]+)"
_PIECES = {
    "'": re.compile(rf"{_FOLD}|(?P<pair>'')"),
    '"': re.compile(
        rf"{_FOLD}|(?P<join>\\{_BREAK}[ \t\r\n]*)"
        r"|(?P<escape>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.))"
    ),
    "": re.compile(_FOLD),
}
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
# A node's properties before its text: an anchor, then white space and comments.
_PROPERTIES = re.compile(r"(?:&[^ \t\r\n,\[\]{}]+(?:[ \t\r\n]+(?:#[^\r\n]*)?)*)?")


class BadScalarError(ValueError):
    """A plain scalar that has no value here; carries a slug and a message."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message


def resolve(text: str) -> Plain:
    """The value of a plain scalar by YAML 1.2's core schema, where `no` and `on` are strings.

    Raises `BadScalarError` for numbers that CEL cannot hold.

    >>> [resolve(text) for text in ("no", "on", "true", "0x10", "1e3", "~")]
    ['no', 'on', True, 16, 1000.0, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return _int(text, 10)
    if _HEX.match(text):
        return _int(text[2:], 16)
    if _OCTAL.match(text):
        return _int(text[2:], 8)
    if _FLOAT.match(text):
        number = float(text)
        if isfinite(number):
            return number
    elif not _NOT_FINITE.match(text):
        return text
    raise BadScalarError("not-finite", "a number must be finite")


def _int(digits: str, base: int) -> int:
    number = int(digits, base) if len(digits) <= _MAX_DIGITS else 1 << 64
    if not -(1 << 63) <= number < 1 << 63:
        raise BadScalarError("int-range", "an integer must fit in 64 bits")
    return number


@dataclass(frozen=True, slots=True)
class Places:
    """Lines and columns of a file by character offset; `starts` are where its lines begin."""

    source: Source
    starts: tuple[int, ...]

    @classmethod
    def of(cls, source: Source) -> Places:
        """The places of a file; lines end at `\\n`, as for `Source.line`."""
        return cls(source, (0, *(match.end() for match in _NEWLINE.finditer(source.text))))

    def at(self, index: int) -> tuple[int, int]:
        """Line and column of a character."""
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from `start` up to `end`."""
        line, column = self.at(start)
        # Nearly all that has a span begins and ends on one line.
        if line == len(self.starts) or end < self.starts[line]:
            return Span(self.source.path, line, column, line, column + end - start)
        end_line, end_column = self.at(end)
        if end > start and end_column == 1:
            end_line, end_column = self.at(end - 1)
            end_column += 1
        return Span(self.source.path, line, column, end_line, end_column)


@dataclass(frozen=True, slots=True)
class Located:
    """A scalar's text with its anchors, and the characters of the file that it takes up."""

    text: Text
    start: int
    end: int


def locate(places: Places, start: int, end: int, style: str, value: str) -> Located:
    """Find a scalar's characters in the file.

    `start` and `end` bound the node in the file, its properties included; `style` is `|`, `>`,
    `'`, `"` or empty. What cannot be found again is placed at the scalar's start, so a position
    may be coarse but never wrong by a file.
    """
    source = places.source.text
    properties = _PROPERTIES.match(source, start, end)
    if properties is not None:
        start = properties.end()
    if style and style in "|>":
        end = start + len(source[start:end].rstrip(" \t\r\n"))
        pairs = _block(source, start, end, value)
    else:
        pairs = _flow(source, start, end, style, value)
    anchors = [Anchor(offset, *places.at(index)) for offset, index in pairs]
    return Located(Text(value, places.source.path, tuple(anchors)), start, end)


def _flow(source: str, start: int, end: int, style: str, value: str) -> list[tuple[int, int]]:
    """Pairs of (offset in the value, index in the file) for a plain or quoted scalar."""
    inner, stop = (start + 1, end - 1) if style else (start, end)
    if source.startswith(value, inner) and len(value) == stop - inner:
        return [(0, inner)]
    pairs, size, at = [(0, inner)], 0, inner
    built: list[str] = []
    for match in _PIECES[style].finditer(source, inner, stop):
        if match.lastgroup == "blank":
            continue
        built.append(source[at : match.start()])
        size += match.start() - at
        at = match.end()
        replacement = _replacement(match)
        built.append(replacement)
        if replacement:
            pairs.append((size, match.start()))
        size += len(replacement)
        pairs.append((size, at))
    built.append(source[at:stop])
    if "".join(built) != value:
        return [(0, inner)]
    return _increasing(pairs)


def _replacement(match: re.Match[str]) -> str:
    piece = match.group()
    match match.lastgroup:
        case "pair":
            return "'"
        case "escape":
            code = piece[1]
            if code in "xuU":
                return chr(min(int(piece[2:], 16), 0x10FFFF))
            return _ESCAPES.get(code, "")
        case "join":
            return "\n" * (_breaks(piece) - 1)
        case _:
            breaks = _breaks(piece)
            return " " if breaks == 1 else "\n" * (breaks - 1)


def _breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _block(source: str, start: int, end: int, value: str) -> list[tuple[int, int]]:
    """Pairs of (offset in the value, index in the file), one for each line of a block scalar."""
    lines = list(_block_lines(source, start, end))
    if not lines:
        return [(0, start)]
    indent = max(0, _lead(text for text, _ in lines) - _lead(value.split("\n")))
    pairs, at = [(0, lines[0][1] + indent)], 0
    for text, index in lines:
        content = text[indent:]
        if not content or not text.startswith(" " * indent):
            continue
        while not value.startswith(content, at) and at < len(value) and value[at] in " \n":
            at += 1
        if not value.startswith(content, at):
            return _increasing(pairs)
        pairs.append((at, index + indent))
        at += len(content)
    return _increasing(pairs)


def _block_lines(source: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """The lines below a block scalar's header, each with the index at which it begins."""
    at = start
    for number, line in enumerate(re.split(f"({_BREAK})", source[start:end])):
        if number > 1 and number % 2 == 0:
            yield line, at
        at += len(line)


def _lead(lines: Iterator[str] | list[str]) -> int:
    """How many spaces lead the first line that holds something else."""
    for line in lines:
        text = line.lstrip(" ")
        if text:
            return len(line) - len(text)
    return 0


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One pair for each offset, the last one said."""
    return sorted(dict(pairs).items())
