"""Trees to patterns of Python's `re`, for the trees that `linear` lets through.

Nothing is left to Python's reading of shorthands and flags, which differs from RE2's: sets are
written out, `(?i)` is already in them, and the only flag is ASCII, for `\\b`.
"""

from __future__ import annotations

import re

from policyengine.values.regex.charset import ALL, NOT_NEWLINE, Ranges, only
from policyengine.values.regex.syntax import (
    Alternate,
    Assert,
    At,
    Chars,
    Concat,
    Group,
    Node,
    Repeat,
    fold,
)

_ASSERTIONS = {
    At.TEXT_START: r"\A",
    At.TEXT_END: r"\Z",
    At.LINE_START: "(?m:^)",
    At.LINE_END: "(?m:$)",
    At.WORD_EDGE: r"\b",
    # Not `\B`, which before Python 3.14 does not hold in the empty text.
    At.NOT_WORD_EDGE: r"(?!\b)",
}


def to_re(root: Node) -> re.Pattern[str]:
    """The compiled equivalent; its groups have the numbers of the tree's.

    >>> from policyengine.values.regex.parser import parse
    >>> to_re(parse("a[^b](c)$").root).pattern
    'a[\\\\U00000000-\\\\U00000061\\\\U00000063-\\\\U0010ffff](c)\\\\Z'
    """
    return re.compile(fold(root, _write), re.ASCII)


def _write(node: Node, below: list[str]) -> str:
    match node:
        case Chars(ranges):
            return _set(ranges)
        case Assert(at):
            return _ASSERTIONS[at]
        case Concat():
            return "".join(below)
        case Alternate():
            return f"(?:{'|'.join(below)})"
        case Group():
            return f"({below[0]})"
        case Repeat(item, low, high, greedy):
            unit = below[0] if isinstance(item, Chars | Group) else f"(?:{below[0]})"
            return f"{unit}{_counts(low, high)}{'' if greedy else '?'}"


def _counts(low: int, high: int | None) -> str:
    if high is None:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    return "?" if (low, high) == (0, 1) else f"{{{low},{high}}}"


def _set(ranges: Ranges) -> str:
    code = only(ranges)
    if code is not None:
        return re.escape(chr(code))
    if ranges == ALL:
        return "(?s:.)"
    if ranges == NOT_NEWLINE:
        return "."
    if not ranges:
        return "(?!)"
    return f"[{''.join(_code(low) + _to(low, high) for low, high in ranges)}]"


def _to(low: int, high: int) -> str:
    return "" if low == high else f"-{_code(high)}"


def _code(code: int) -> str:
    return f"\\U{code:08x}"
