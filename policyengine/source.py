"""Where a piece of text came from: files, spans, and text that keeps its place in a file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of characters in a file.

    Lines and columns count from 1, columns in characters; the end is exclusive.

    >>> str(Span("routing.yaml", 14, 11, 14, 24))
    'routing.yaml:14:11'
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    @classmethod
    def start_of(cls, path: str) -> Span:
        """The empty span at the top of a file, for what is wrong with the file as a whole."""
        return cls(path, 1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read: its display path and its whole text."""

    path: str
    text: str

    def line(self, number: int) -> str:
        """The line with this number (from 1) without its line break; empty past the end."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


class Anchor(NamedTuple):
    """From `offset` in a value on, characters stand at `line`:`column` of the file, one to one."""

    offset: int
    line: int
    column: int


_ONE_LINE = (Anchor(0, 1, 1),)


@dataclass(frozen=True, slots=True)
class Text:
    """A value (say a CEL expression) that remembers where each character stands in its file.

    `anchors` is sorted by offset and its first offset is 0. A block scalar has one anchor for
    each line, an escape in a quoted scalar starts a new one after it.

    >>> text = Text("a &&\\nb", "p.yaml", (Anchor(0, 3, 7), Anchor(5, 4, 7)))
    >>> str(text.span(5, 6))
    'p.yaml:4:7'
    """

    value: str
    path: str
    anchors: tuple[Anchor, ...]

    @classmethod
    def plain(cls, value: str, path: str = "<expr>") -> Text:
        """Text that is a whole file of its own, so that offsets are simply lines and columns."""
        if "\n" not in value:
            return cls(value, path, _ONE_LINE)
        anchors = [Anchor(0, 1, 1)]
        anchors += [Anchor(i + 1, n, 1) for n, i in enumerate(_newlines(value), start=2)]
        return cls(value, path, tuple(anchors))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column in the file of a character of the value."""
        anchor = self.anchors[bisect_right(self.anchors, (offset, 1 << 60, 0)) - 1]
        return anchor.line, anchor.column + offset - anchor.offset

    def span(self, start: int, end: int) -> Span:
        """The file's span of the characters from `start` up to `end` (exclusive)."""
        line, column = self.position(start)
        if end <= start:
            return Span(self.path, line, column, line, column)
        end_line, end_column = self.position(end - 1)
        return Span(self.path, line, column, end_line, end_column + 1)


def _newlines(value: str) -> list[int]:
    return [i for i, character in enumerate(value) if character == "\n"]
