"""The tree of a regular expression.

Flags are gone from it: the parser turns `(?i)a` into the set of both cases, `.` into the set that
`s` asks for and `^` into the assertion that `m` asks for. Trees may be deep, so they are walked
with `fold` or with a bounded depth, never with plain recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from policyengine.values.regex.charset import Ranges

T = TypeVar("T")


class At(IntEnum):
    """Where an assertion holds."""

    TEXT_START = 0
    TEXT_END = 1
    LINE_START = 2
    LINE_END = 3
    WORD_EDGE = 4
    NOT_WORD_EDGE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Chars:
    """One character of a set. The empty set matches nothing."""

    ranges: Ranges


@dataclass(frozen=True, slots=True, eq=False)
class Assert:
    """A place between characters."""

    at: At


@dataclass(frozen=True, slots=True, eq=False)
class Concat:
    """One after another; without items, the empty text."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Alternate:
    """One of several, the earlier preferred."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """`low` to `high` times (`None`: without end)."""

    item: Node
    low: int
    high: int | None
    greedy: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A capturing group, numbered from 1."""

    item: Node
    index: int


Node = Chars | Assert | Concat | Alternate | Repeat | Group

EMPTY = Concat(())


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Concat(items) | Alternate(items):
            return items
        case Repeat() | Group():
            return (node.item,)
        case _:
            return ()


def fold(root: Node, visit: Callable[[Node, list[T]], T]) -> T:
    """Works from the leaves up, without recursion: `visit(node, results of its children)`."""
    todo: list[tuple[Node, bool]] = [(root, False)]
    done: list[T] = []
    while todo:
        node, ready = todo.pop()
        below = children(node)
        if ready or not below:
            split = len(done) - len(below)
            results = done[split:]
            del done[split:]
            done.append(visit(node, results))
        else:
            todo.append((node, True))
            todo += [(child, False) for child in reversed(below)]
    return done[0]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed expression: its tree, how many groups it has, and the numbers of the named ones."""

    root: Node
    groups: int
    names: dict[str, int]
