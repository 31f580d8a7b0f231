"""Generated code, fast and reference, against the interpreter: equal values, equal error codes."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from enum import StrEnum
from typing import Any

from hypothesis import HealthCheck, event, given, reject, settings
from hypothesis import strategies as st
from strategies import DECLARATIONS, MACROS, VARIABLES, bindings, expressions

from policyengine.cel.ast import Ast
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.checker import check
from policyengine.cel.emit.expression import expression
from policyengine.cel.environment import Program
from policyengine.cel.interpret import evaluate
from policyengine.cel.parser import parse
from policyengine.diagnostics import CompileError
from policyengine.errors import EvaluationError
from policyengine.values.kinds import UInt
from policyengine.values.times import Timestamp

BAD_CONSTANTS = {
    "bad-regex", "bad-timestamp", "bad-duration", "bad-address", "bad-network", "bad-format",
}  # fmt: skip


class Word(StrEnum):
    """Strings of a host's own class, which equal constants of rules."""

    A = "a"
    NOTHING = ""
    DAY = "2024-02-29T12:00:00Z"


# What a caller may hand over in the place of what was declared.
WRONG = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 2**63, -(2**63) - 1, 2**64, 2**70, UInt(1), 0.0, 1.0, -0.5,
        math.nan, math.inf, "", "a", "1", "2024-02-29T12:00:00Z", b"", b"a", [], [1], ["a"], [[]],
        [None], (), (1, 2), ("a",), {}, {"a": 1}, {1: "a"}, {"name": None}, Timestamp(0),
        *Word, [Word.A], {Word.A: 1}, {"name": Word.A},
    ]
)  # fmt: skip


def spoilt(draw: st.DrawFn, value: Any, depth: int = 3) -> Any:
    """The value with one part replaced, left out, or added."""
    if depth == 0 or not value or draw(st.integers(0, 3)) == 0:
        return draw(WRONG)
    if isinstance(value, dict):
        key = draw(st.sampled_from(list(value)))
        changed = dict(value)
        if draw(st.integers(0, 3)) == 0:
            del changed[key]
        else:
            changed[key] = spoilt(draw, value[key], depth - 1)
        return changed
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        changed_list = [*value[:at], spoilt(draw, value[at], depth - 1), *value[at + 1 :]]
        return tuple(changed_list) if draw(st.integers(0, 5)) == 0 else changed_list
    return draw(WRONG)


@st.composite
def hostile_bindings(draw: st.DrawFn) -> dict[str, Any]:
    """Values for the variables, some of them missing or of another class than declared."""
    values = draw(bindings())
    for name in draw(st.lists(st.sampled_from(sorted(VARIABLES)), max_size=6, unique=True)):
        if draw(st.integers(0, 3)) == 0:
            del values[name]
        else:
            values[name] = spoilt(draw, values[name])
    return values


def checked_or_rejected(ast: Ast, *more: Any) -> CheckedExpression:
    """The checked expression; the example is given up where a constant argument can never work."""
    try:
        return check(ast, *more)
    except CompileError as error:
        if not {found.slug for found in error.diagnostics} <= BAD_CONSTANTS:
            raise
        reject()


def outcome(run: Callable[..., Any], *args: Any) -> tuple[str, Any]:
    try:
        return "value", run(*args)
    except EvaluationError as error:
        return "error", error.code


def same(left: Any, right: Any) -> bool:
    """Equal in class and in value, NaN included; a string may be of a derived class."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if left.__class__ is not right.__class__:
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return left == right or (left != left and right != right)


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    expressions(),
    st.lists(bindings(), min_size=1, max_size=2),
    st.lists(hostile_bindings(), min_size=1, max_size=4),
)
def test_generated_code_gives_what_the_interpreter_gives(
    drawn: tuple[str, Any], good: list[dict[str, Any]], bad: list[dict[str, Any]]
) -> None:
    text = drawn[0]
    checked = checked_or_rejected(parse(text, macros=MACROS), DECLARATIONS)
    program = Program(checked, expression(checked))
    for values in [*good, *bad]:
        before = deepcopy(values)
        expected = outcome(evaluate, checked, values)
        for run in (program._reference, program.evaluate):
            found = outcome(run, values)
            assert found[0] == expected[0], (text, values, found, expected)
            assert same(found[1], expected[1]), (text, values, found, expected)
        assert same(values, before)
        event(expected[0] if expected[0] == "value" else expected[1])
