"""Patterns in RE2's syntax to trees (https://github.com/google/re2/wiki/Syntax).

What RE2 refuses is refused here. Some of what it takes is refused too: `\\C` (one byte, where texts
here are characters), groups nested deeper than `MAX_DEPTH` or more than `MAX_GROUPS` of them, and
patterns beyond `MAX_PATTERN` or `MAX_PROGRAM` (see `program.py`), which stand in for RE2's limit of
memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from policyengine.values.regex import charset
from policyengine.values.regex.charset import Ranges
from policyengine.values.regex.classes import Cursor, char_class, escape, perl_class, property_class
from policyengine.values.regex.failure import RegexError
from policyengine.values.regex.syntax import (
    Alternate,
    Assert,
    At,
    Chars,
    Concat,
    Group,
    Node,
    Pattern,
    Repeat,
)
from policyengine.values.regex.unicode import folded, named

MAX_PATTERN = 20_000
MAX_DEPTH = 1_000
MAX_REPEAT = 1_000
MAX_GROUPS = 500

_FLAGS = frozenset("imsU")
_SIMPLE_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_NAME_CATEGORIES = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nl", "Mn", "Mc", "Nd", "Pc")


def parse(pattern: str) -> Pattern:
    """The tree of a pattern.

    Raises `RegexError` with the offset of the first trouble.

    >>> parse("(a)(?P<second>b)").names
    {'second': 2}
    """
    if len(pattern) > MAX_PATTERN:
        raise RegexError(f"pattern is longer than {MAX_PATTERN} characters", MAX_PATTERN)
    return _Parser(pattern).parse()


class _Item(NamedTuple):
    """A node and the largest product of nested counts in it, which RE2 limits to 1,000."""

    node: Node
    weight: int = 1


@dataclass(slots=True)
class _Level:
    """An open group, or the pattern as a whole: where it began and what it holds so far."""

    offset: int
    flags: frozenset[str]
    index: int | None = None
    branches: list[_Item] = field(default_factory=list)
    items: list[_Item] = field(default_factory=list)

    def end_branch(self) -> None:
        weight = max((item.weight for item in self.items), default=1)
        nodes = tuple(item.node for item in self.items)
        self.branches.append(_Item(nodes[0] if len(nodes) == 1 else Concat(nodes), weight))
        self.items.clear()

    def close(self) -> _Item:
        self.end_branch()
        weight = max(item.weight for item in self.branches)
        node = _alternation([item.node for item in self.branches])
        return _Item(node if self.index is None else Group(node, self.index), weight)


def _alternation(branches: list[Node]) -> Node:
    if len(branches) == 1:
        return branches[0]
    sets = [branch.ranges for branch in branches if isinstance(branch, Chars)]
    if len(sets) == len(branches):
        return Chars(charset.union(pair for ranges in sets for pair in ranges))
    return Alternate(tuple(branches))


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.at = Cursor(pattern)
        self.flags: frozenset[str] = frozenset()
        self.levels = [_Level(0, self.flags)]
        self.groups = 0
        self.names: dict[str, int] = {}
        # Where the repetition just read began: RE2 does not let two of them touch.
        self.repeat_at: int | None = None

    def parse(self) -> Pattern:
        at = self.at
        while not at.done:
            before, self.repeat_at = self.repeat_at, None
            start = at.offset
            character = at.take()
            match character:
                case "(":
                    self._open(start)
                case "|":
                    self.levels[-1].end_branch()
                case ")":
                    self._close(start)
                case "^":
                    self._push(Assert(At.LINE_START if "m" in self.flags else At.TEXT_START))
                case "$":
                    self._push(Assert(At.LINE_END if "m" in self.flags else At.TEXT_END))
                case ".":
                    self._push(Chars(charset.ALL if "s" in self.flags else charset.NOT_NEWLINE))
                case "[":
                    self._push(Chars(char_class(at, start, "i" in self.flags)))
                case "*" | "+" | "?":
                    self._repeat(start, before, *_SIMPLE_REPEATS[character])
                case "{" if (counts := at.counts()) is not None:
                    self._counted(start, before, *counts)
                case "\\":
                    self._escape(start)
                case _:
                    self._literal(character)
        if len(self.levels) > 1:
            raise RegexError("missing closing `)` of the group", self.levels[-1].offset)
        return Pattern(self.levels[0].close().node, self.groups, self.names)

    def _push(self, node: Node, weight: int = 1) -> None:
        self.levels[-1].items.append(_Item(node, weight))

    def _literal(self, character: str) -> None:
        ranges = charset.single(ord(character))
        self._push(Chars(folded(ranges) if "i" in self.flags else ranges))

    def _repeat(self, start: int, before: int | None, low: int, high: int | None) -> None:
        lazy = self.at.accept("?")
        if before is not None:
            raise RegexError("repetition operators cannot be stacked", before)
        items = self.levels[-1].items
        if not items:
            raise RegexError("nothing to repeat", start)
        self.repeat_at = start
        item = items.pop()
        greedy = lazy == ("U" in self.flags)
        items.append(_Item(Repeat(item.node, low, high, greedy), item.weight))

    def _counted(self, start: int, before: int | None, low: int, high: int | None) -> None:
        if low > MAX_REPEAT or (high is not None and not low <= high <= MAX_REPEAT):
            raise RegexError(f"repetition counts must rise and be at most {MAX_REPEAT}", start)
        self._repeat(start, before, low, high)
        items = self.levels[-1].items
        item = items.pop()
        weight = item.weight * max(low if high is None else high, 1)
        if max(low, high or 0) >= 2 and weight > MAX_REPEAT:
            raise RegexError(f"nested repetition counts multiply to more than {MAX_REPEAT}", start)
        items.append(_Item(item.node, weight))

    def _open(self, start: int) -> None:
        name: str | None = None
        if self.at.accept("?"):
            name = self._group_name(start)
            if name is None:
                self._flag_group(start)
                return
        if self.groups == MAX_GROUPS:
            raise RegexError(f"more than {MAX_GROUPS} groups", start)
        self.groups += 1
        if name is not None:
            # RE2 lets a name stand twice; the name then means the first.
            self.names.setdefault(name, self.groups)
        self._enter(start, self.flags, self.groups)

    def _enter(self, start: int, flags: frozenset[str], index: int | None) -> None:
        if len(self.levels) > MAX_DEPTH:
            raise RegexError(f"groups nest deeper than {MAX_DEPTH}", start)
        self.levels.append(_Level(start, self.flags, index))
        self.flags = flags

    def _close(self, start: int) -> None:
        if len(self.levels) == 1:
            raise RegexError("`)` without an opening `(`", start)
        level = self.levels.pop()
        self.flags = level.flags
        self.levels[-1].items.append(level.close())

    def _group_name(self, start: int) -> str | None:
        at = self.at
        if at.ahead("<=", "<!", "=", "!"):
            raise RegexError("look-around is not supported", start)
        if not (at.accept("P<") or at.accept("<")):
            return None
        name = at.until(">")
        if name is None or not name or not all(map(_names_may_have, name)):
            raise RegexError("bad name of a group", start)
        return name

    def _flag_group(self, start: int) -> None:
        """`(?i)`, `(?i-s:`, `(?:`: what follows `(?`."""
        on, flags = True, set(self.flags)
        wanted = False  # a flag must follow `-`
        while True:
            character = "" if self.at.done else self.at.take()
            if character in _FLAGS:
                wanted = False
                (flags.add if on else flags.discard)(character)
            elif character == "-" and on:
                on, wanted = False, True
            elif character and character in ":)" and not wanted:
                break
            else:
                raise RegexError("bad or unsupported group after `(?`", start)
        if character == ":":
            self._enter(start, frozenset(flags), None)
        else:
            self.flags = frozenset(flags)

    def _escape(self, start: int) -> None:
        at = self.at
        fold = "i" in self.flags
        ranges: Ranges | None
        match at.peek():
            case "b" | "B" | "A" | "z" as letter:
                at.take()
                self._push(Assert(_ASSERTIONS[letter]))
                return
            case "C":
                raise RegexError("`\\C` is not supported: texts are characters, not bytes", start)
            case "Q":
                self._quoted()
                return
            case "p" | "P":
                ranges = property_class(at, start, fold)
            case _:
                ranges = perl_class(at, fold)
        if ranges is not None:
            self._push(Chars(ranges))
        else:
            self._literal(escape(at, start))

    def _quoted(self) -> None:
        at = self.at
        at.take()
        while not at.done and not at.accept("\\E"):
            self._literal(at.take())


_ASSERTIONS = {
    "b": At.WORD_EDGE,
    "B": At.NOT_WORD_EDGE,
    "A": At.TEXT_START,
    "z": At.TEXT_END,
}


def _names_may_have(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character == "_"
    code = ord(character)
    return any(charset.contains(named(name) or (), code) for name in _NAME_CATEGORIES)


__all__ = ["MAX_DEPTH", "MAX_GROUPS", "MAX_PATTERN", "MAX_REPEAT", "parse"]
