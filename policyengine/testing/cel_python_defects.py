"""Where cel-python is known not to follow the specification (found with version 0.5).

A defect is a row: what is wrong, and how to see from a condition and both answers that it is what
makes them differ. `docs/celpy.md` shows an expression for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.types import BOOL, BYTES, INT, STRING, UINT, Type

_COMPARED = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_[_]"})
_PLAIN_TEXT = (STRING, BYTES, INT, UINT)


@dataclass(frozen=True, slots=True)
class Defect:
    """A known difference: a stable name, and one sentence about it."""

    name: str
    sentence: str


_Call = tuple[str, tuple[Type | None, ...]]


@dataclass(frozen=True, slots=True)
class _Row:
    defect: Defect
    calls: Callable[[_Call], bool]
    # Whether it shows as an error of the other engine, and of which kind; else as a value.
    error: str | None = None


def _named(*names: str) -> Callable[[_Call], bool]:
    return lambda call: call[0] in names


def _text_of_other(call: _Call) -> bool:
    return call[0] == "string" and call[1][0] not in _PLAIN_TEXT


# The first that fits is named, so the narrow ones come first.
_ROWS = (
    _Row(
        Defect("seconds-as-timestamp", "it makes no timestamp of a number of seconds"),
        lambda call: call == ("timestamp", (INT,)),
        "TypeError",
    ),
    _Row(
        Defect("bool-is-number", "it takes `true` for the number 1"),
        lambda call: call[0] in ("_==_", "_!=_", "@in") and BOOL in call[1],
    ),
    _Row(
        Defect("duration-milliseconds", "`getMilliseconds` is the whole duration, not a part"),
        _named("getMilliseconds"),
    ),
    _Row(
        Defect("microseconds", "it cuts times off after the microseconds"),
        _named("timestamp", "duration"),
    ),
    _Row(
        Defect("texts-of-values", "`string(...)` writes bools, doubles and times in its own way"),
        _text_of_other,
    ),
    _Row(
        Defect("signs-of-infinity", "dividing a double by zero is always positive infinity"),
        _named("_/_"),
    ),
    _Row(
        Defect("mixed-types", "it has no comparison between values of different types"),
        lambda call: call[0] in _COMPARED,
        "TypeError",
    ),
)


def defect_behind(
    expression: CheckedExpression, ours: bool | None, theirs: bool | None, error: str
) -> Defect | None:
    """The defect that makes the other engine answer differently, if it is a known one.

    It explains answers of this engine only: where it has none, nothing is explained.
    """
    if ours is None:
        return None
    made = set(_calls(expression))
    for row in _ROWS:
        shows = theirs is None and error == row.error if row.error else theirs is not None
        if shows and any(map(row.calls, made)):
            return row.defect
    return None


def _calls(expression: CheckedExpression) -> Iterator[_Call]:
    pending = [expression.ast.root]
    while pending:
        node = pending.pop()
        if isinstance(node, cel.Call):
            given = node.args if node.target is None else (node.target, *node.args)
            yield node.function, tuple(expression.types.get(each.id) for each in given)
        pending += cel.children(node)
