"""Trees to instructions of a Thompson automaton, forwards and backwards.

    (a|b)+c        0 match
                   1 chars {c} -> 0
                   2 split -> 6, 1          # again, or on
                   3 save 3 -> 2
                   4 chars {a-b} -> 3
                   6 save 2 -> 4            # the start

Code is built from the end, so that each instruction knows the next. Each character of a text
visits an instruction at most once, which makes every search linear.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import IntEnum

from policyengine.values.regex.charset import Ranges
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
    fold,
)

MAX_PROGRAM = 20_000
# RE2 spends about one instruction on each range of a set, and has room for about this many.
MAX_RANGES = 170_000

_BACKWARDS = {
    At.TEXT_START: At.TEXT_END,
    At.TEXT_END: At.TEXT_START,
    At.LINE_START: At.LINE_END,
    At.LINE_END: At.LINE_START,
}

Build = Generator[tuple[Node, int], int, int]


class Op(IntEnum):
    """What an instruction does."""

    CHARS = 0  # one character of the set `arg`, then `out`
    SPLIT = 1  # `out`, or else `alt`
    SAVE = 2  # note the place in slot `arg`, then `out`
    ASSERT = 3  # only where `arg` holds, then `out`
    MATCH = 4


@dataclass(slots=True)
class Program:
    """Instructions as columns: `ops[i]`, `args[i]`, `outs[i]`, `alts[i]`."""

    ops: list[Op] = field(default_factory=list)
    args: list[int] = field(default_factory=list)
    outs: list[int] = field(default_factory=list)
    alts: list[int] = field(default_factory=list)
    sets: dict[Ranges, int] = field(default_factory=dict)
    start: int = 0

    def add(self, op: Op, arg: int = 0, out: int = 0, alt: int = 0) -> int:
        """Appends an instruction and tells its number."""
        self.ops.append(op)
        self.args.append(arg)
        self.outs.append(out)
        self.alts.append(alt)
        return len(self.ops) - 1

    @property
    def asserts(self) -> bool:
        """Whether it looks at the places between characters."""
        return Op.ASSERT in self.ops

    @property
    def anchored(self) -> bool:
        """Whether every match begins where the text begins."""
        at = self.start
        while self.ops[at] is Op.SAVE:
            at = self.outs[at]
        return self.ops[at] is Op.ASSERT and self.args[at] == At.TEXT_START


def check_size(pattern: Pattern) -> None:
    """Refuses a pattern whose program would be too large, before it is built.

    Raises `RegexError`.
    """
    instructions, ranges = fold(pattern.root, _size)
    if instructions > MAX_PROGRAM:
        raise RegexError(f"pattern needs more than {MAX_PROGRAM} instructions", 0)
    if ranges > MAX_RANGES:
        raise RegexError(f"pattern needs more than {MAX_RANGES} character ranges", 0)


def _size(node: Node, below: list[tuple[int, int]]) -> tuple[int, int]:
    instructions = sum(count for count, _ in below)
    ranges = sum(count for _, count in below)
    match node:
        case Chars():
            return 1, len(node.ranges)
        case Repeat(_, low, high):
            times = max(low, 1) if high is None else high
            splits = 2 if high is None else high - low
            return max(instructions, 1) * times + splits, ranges * times
        case Alternate():
            return instructions + len(below), ranges
        case Group():
            return instructions + 2, ranges
        case Concat():
            return instructions, ranges
        case Assert():
            return 1, 0


def build(root: Node, *, backwards: bool = False) -> Program:
    """The program of a tree; a backward one reads the text from its end and saves nothing."""
    program = Program()
    code = _Code(program, backwards, _nullable_nodes(root))
    # Each generator on the stack waits for the start of the part it asked for: trees may be deep.
    stack = [code.node(root, program.add(Op.MATCH))]
    result: int | None = None
    while stack:
        try:
            wanted = next(stack[-1]) if result is None else stack[-1].send(result)
        except StopIteration as done:
            result = done.value
            stack.pop()
        else:
            stack.append(code.node(*wanted))
            result = None
    program.start = result or 0
    return program


class _Code:
    def __init__(self, program: Program, backwards: bool, nullable: frozenset[Node]) -> None:
        self.program = program
        self.backwards = backwards
        self.nullable = nullable

    def node(self, node: Node, then: int) -> Build:
        """Adds the code of a node that goes on at `then`; gives where it starts."""
        program = self.program
        match node:
            case Chars(ranges):
                number = program.sets.setdefault(ranges, len(program.sets))
                return program.add(Op.CHARS, number, then)
            case Assert(at):
                return program.add(
                    Op.ASSERT, _BACKWARDS.get(at, at) if self.backwards else at, then
                )
            case Concat(items):
                for item in items if self.backwards else reversed(items):
                    then = yield item, then
                return then
            case Alternate(items):
                starts = []
                for item in items:
                    starts.append((yield item, then))
                start = starts.pop()
                while starts:
                    start = program.add(Op.SPLIT, out=starts.pop(), alt=start)
                return start
            case Group(item, index):
                if self.backwards:
                    return (yield item, then)
                inner = yield item, program.add(Op.SAVE, 2 * index + 1, then)
                return program.add(Op.SAVE, 2 * index, inner)
            case Repeat():
                return (yield from self.repeat(node, then))

    def repeat(self, node: Repeat, then: int) -> Build:
        """`x{2,4}` as `xx(x(x)?)?`, `x{2,}` as `xx+`."""
        if node.high is None:
            start = yield from self.loop(node, then)
            copies = node.low - 1
        else:
            start = then
            for _ in range(node.high - node.low):
                start = self.split((yield node.item, start), then, node.greedy)
            copies = node.low
        for _ in range(copies):
            start = yield node.item, start
        return start

    def loop(self, node: Repeat, then: int) -> Build:
        """`x*` or `x+`."""
        again = self.split(0, then, node.greedy)
        body = yield node.item, again
        (self.program.outs if node.greedy else self.program.alts)[again] = body
        if node.low > 0:
            return body
        # Where x can be empty, coming back to the one split would find it visited already and
        # lose the order of preference, so `x*` is `(x+)?`.
        return self.split(body, then, node.greedy) if node.item in self.nullable else again

    def split(self, body: int, then: int, greedy: bool) -> int:
        first, second = (body, then) if greedy else (then, body)
        return self.program.add(Op.SPLIT, out=first, alt=second)


def _nullable_nodes(root: Node) -> frozenset[Node]:
    """The nodes that may take no character, perhaps only at some places."""
    found: set[Node] = set()

    def visit(node: Node, below: list[bool]) -> bool:
        match node:
            case Chars():
                empty = False
            case Alternate():
                empty = any(below)
            case Repeat(low=0):
                empty = True
            case _:
                empty = all(below)
        if empty:
            found.add(node)
        return empty

    fold(root, visit)
    return frozenset(found)
