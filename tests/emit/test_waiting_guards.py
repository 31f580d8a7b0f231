"""Guards in the middle of expressions: at the borders of ints, and on values of other classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyengine.cel.environment import Environment, Program
from policyengine.cel.interpret import evaluate
from policyengine.cel.types import INT, STRING, FieldType, ListType, ObjectType
from policyengine.errors import EvaluationError
from policyengine.values.kinds import UInt

SMALL, MOST = (1 << 30) - 1, (1 << 63) - 1
ENVIRONMENT = Environment(
    {"n": "int", "s": "string", "xs": "list(int)", "ws": "list(string)", "d": "dyn"}
)
VALUES: list[Any] = [
    -1, 0, 1, 5, SMALL, SMALL + 1, -SMALL, -SMALL - 1, MOST, MOST + 1, -MOST - 1, -MOST - 2,
    1 << 70, True, False, UInt(1), UInt(7), 1.0, 5.0, 7.5, float("nan"), None, "", "a", "5",
    b"a", [], {},
]  # fmt: skip
OPERATORS = ["==", "!=", "<", "<=", ">", ">="]
CONSTANTS = [0, 5, SMALL, SMALL + 1, -SMALL - 1, MOST, -MOST]


def outcome(run: Callable[..., Any], *args: Any) -> Any:
    try:
        found = run(*args)
    except EvaluationError as error:
        return error.code
    return found.__class__, found


def agree(program: Program, bindings: dict[str, Any]) -> None:
    expected = outcome(evaluate, program.checked, bindings)
    assert repr(outcome(program.evaluate, bindings)) == repr(expected)
    assert repr(outcome(program._reference, bindings)) == repr(expected)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("constant", CONSTANTS)
def test_an_int_is_compared_with_a_constant(operator: str, constant: int) -> None:
    for text in (
        f"n {operator} {constant}",
        f"{constant} {operator} n",
        f"d {operator} {constant}",
    ):
        program = ENVIRONMENT.compile(text)
        for value in VALUES:
            agree(program, {"n": value, "d": value})


LOOPS = [
    "xs.filter(x, x > 5)",
    "xs.filter(x, 5 >= x).map(x, x * 2)",
    "xs.filter(x, x != 5).filter(x, x < 9).map(x, x + x)",
    "xs.filter(x, true).map(x, x)",
    "xs.filter(x, d == 5 || x == 5).map(x, [x])",
    "xs.map(x, x > 3, x - 9223372036854775807)",
    "xs.exists(x, x == 5 && x > 0)",
    "xs.exists(x, x > 5 == (x + 1 > 6))",
    "xs.all(x, x <= 5 || x > 7)",
    "xs.exists_one(x, x == 5)",
    "xs.filter(x, x > 0).exists_one(x, x > 5)",
    "xs.filter(x, x > 0).exists(y, y > 5)",
    "5 in xs.map(x, x) || 1 in xs",
    "1 in xs.filter(x, x < 5)",
    "xs.map(x, (x > 5 ? x : 0) + (d == 1 ? x : 1))",
    "xs.filter(x, xs.exists(y, y > x)).map(x, x)",
    "ws.filter(w, w == 'a').map(w, w + w)",
    "ws.filter(w, w != 'a' && w.size() < 2)",
    "ws.exists(w, w in ['a', 'b'])",
    "ws.filter(w, w.startsWith('a')).map(w, w.size())",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_loop_meets_values_of_other_classes(text: str) -> None:
    program = ENVIRONMENT.compile(text)
    for value in VALUES:
        for others in ([], [5], [7, 1]):
            ints = {"xs": [*others, value], "d": value}
            agree(program, {**ints, "ws": ["a", value, "b"], "n": 0, "s": ""})
            agree(program, {**ints, "xs": [value, *others], "ws": [value], "n": 0, "s": ""})


MESSAGES = [
    "ms.filter(m, m.role == 'a').map(m, m.role + m.text).exists(t, t.contains('b'))",
    "ms.exists(m, m.role != 'a' && m.role.size() > 0)",
    "ms.all(m, m.role in ['a', 'b'] || m.n > 1 && m.n < 5)",
    "ms.filter(m, m.n == 1).filter(m, m.role == 'a' || m.n > 0).map(m, m.n)",
    "ms.map(m, [m.role == 'a' ? m.role : 'c', m.role])",
    "ms.exists(m, cel.bind(o, m, o.role == 'a' && o.text == o.role))",
]


@pytest.mark.parametrize("text", MESSAGES)
def test_a_field_meets_values_of_other_classes(text: str) -> None:
    fields = {"role": STRING, "text": STRING, "n": INT}
    message = ObjectType("M", {name: FieldType(type_) for name, type_ in fields.items()})
    program = Environment({"ms": ListType(message)}, extensions=["bindings"]).compile(text)
    good = {"role": "a", "text": "ab", "n": 1}
    for field in good:
        for value in VALUES:
            for ms in ([{**good, field: value}], [good, {**good, field: value}, {"n": 2}]):
                agree(program, {"ms": ms})
    for value in VALUES:
        agree(program, {"ms": [value, good]})
        agree(program, {"ms": [good, value]})


@pytest.mark.parametrize("operator", ["+", "-", "*"])
@pytest.mark.parametrize("constant", ["1", "-3", "9223372036854775807", "1.5", "2u"])
def test_a_value_of_any_type_is_calculated_with(operator: str, constant: str) -> None:
    for text in (
        f"d {operator} {constant}",
        f"{constant} {operator} d",
        f"xs.map(x, d {operator} {constant})",
    ):
        program = ENVIRONMENT.compile(text)
        for value in VALUES:
            agree(program, {"d": value, "xs": [1]})


@pytest.mark.parametrize("call", ["contains", "startsWith", "endsWith"])
def test_a_value_of_any_type_is_searched(call: str) -> None:
    for text in (f"d.{call}('a')", f"'banana'.{call}(d)", "d == 'a'", "'a' <= d", "1.5 > d"):
        program = ENVIRONMENT.compile(text)
        for value in VALUES:
            agree(program, {"d": value})


def test_filters_that_a_map_runs_over_need_no_lists_of_their_own() -> None:
    program = ENVIRONMENT.compile("xs.filter(x, x > 1).filter(x, x < 9).map(x, x * 2)")
    assert program.python.split("def evaluate")[1].count("for ") == 1
    assert program.evaluate({"xs": [1, 2, 8, 9]}) == [4, 16]


def test_a_filter_is_finished_though_a_later_loop_may_end() -> None:
    program = ENVIRONMENT.compile("xs.filter(x, x > 0).exists(x, x == 1)")
    agree(program, {"xs": [1, None]})
