from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values import typed
from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX, UInt
from policyengine.values.numbers import add, divide, modulo, multiply, negate, subtract
from policyengine.values.times import Duration, Timestamp

EDGES = [INT_MIN, INT_MIN + 1, -1, 0, 1, 2, INT_MAX - 1, INT_MAX, 2**32, -(2**32)]
INTS = st.integers(INT_MIN, INT_MAX) | st.sampled_from(EDGES) | st.integers(-10, 10)
UINTS = st.integers(0, UINT_MAX) | st.sampled_from([0, 1, 2**32, UINT_MAX]) | st.integers(0, 10)


def code_of(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


OPERATIONS = [(add, operator.add), (subtract, operator.sub), (multiply, operator.mul)]


@given(st.sampled_from(OPERATIONS), INTS, INTS)
def test_ints_are_exact_or_overflow(operation: Any, left: int, right: int) -> None:
    function, exact = operation
    expected = exact(left, right)
    if INT_MIN <= expected <= INT_MAX:
        result = function(left, right)
        assert result == expected
        assert type(result) is int
    else:
        assert code_of(function, left, right) == "overflow"


@given(st.sampled_from(OPERATIONS), UINTS, UINTS)
def test_uints_are_exact_or_overflow(operation: Any, left: int, right: int) -> None:
    function, exact = operation
    expected = exact(left, right)
    if 0 <= expected <= UINT_MAX:
        result = function(UInt(left), UInt(right))
        assert result == expected
        assert type(result) is UInt
    else:
        assert code_of(function, UInt(left), UInt(right)) == "overflow"


@given(INTS, INTS)
def test_division_rounds_towards_zero(left: int, right: int) -> None:
    if right == 0:
        assert code_of(divide, left, right) == "divide-by-zero"
        assert code_of(modulo, left, right) == "divide-by-zero"
    elif (left, right) == (INT_MIN, -1):
        assert code_of(divide, left, right) == "overflow"
        assert code_of(modulo, left, right) == "overflow"
    else:
        expected = math.trunc(Fraction(left, right))
        assert divide(left, right) == expected
        assert modulo(left, right) == left - expected * right


@given(UINTS, UINTS)
def test_uint_division(left: int, right: int) -> None:
    if right == 0:
        assert code_of(divide, UInt(left), UInt(right)) == "divide-by-zero"
        assert code_of(modulo, UInt(left), UInt(right)) == "divide-by-zero"
        return
    quotient, remainder = divide(UInt(left), UInt(right)), modulo(UInt(left), UInt(right))
    assert (quotient, remainder) == divmod(left, right)
    assert type(quotient) is UInt
    assert type(remainder) is UInt


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (1.0, 0.0, math.inf),
        (-1.0, 0.0, -math.inf),
        (1.0, -0.0, -math.inf),
        (math.inf, 0.0, math.inf),
        (1.0, 4.0, 0.25),
        (1.0, math.inf, 0.0),
    ],
)
def test_double_division(left: float, right: float, result: float) -> None:
    assert divide(left, right) == result


@pytest.mark.parametrize(("left", "right"), [(0.0, 0.0), (math.nan, 0.0), (math.nan, 1.0)])
def test_double_division_without_an_answer_is_nan(left: float, right: float) -> None:
    assert math.isnan(divide(left, right))


def test_doubles_run_over_to_infinity() -> None:
    assert add(1.7e308, 1.7e308) == math.inf
    assert multiply(-1e200, 1e200) == -math.inf
    assert math.isnan(subtract(math.inf, math.inf))


def test_negation() -> None:
    assert negate(5) == -5
    assert negate(INT_MIN + 1) == INT_MAX
    assert math.copysign(1.0, negate(0.0)) == -1.0
    assert code_of(negate, INT_MIN) == "overflow"
    for value in (UInt(1), True, "1", None, Duration(1)):
        assert code_of(negate, value) == "no-such-overload"


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ("a", "b", "ab"),
        (b"a", b"b", b"ab"),
        ([1], [2], [1, 2]),
        ((1,), [2], [1, 2]),
        ([1], (2,), [1, 2]),
        ((1,), (2,), [1, 2]),
        (Duration(1), Duration(2), Duration(3)),
        (Timestamp(1), Duration(2), Timestamp(3)),
        (Duration(1), Timestamp(2), Timestamp(3)),
    ],
)
def test_addition_of_other_values(left: Any, right: Any, result: Any) -> None:
    assert add(left, right) == result


def test_subtraction_of_times() -> None:
    assert subtract(Timestamp(5), Timestamp(2)) == Duration(3)
    assert subtract(Timestamp(5), Duration(2)) == Timestamp(3)
    assert subtract(Duration(5), Duration(7)) == Duration(-2)
    assert code_of(subtract, Duration(5), Timestamp(2)) == "no-such-overload"


@pytest.mark.parametrize("function", [add, subtract, multiply, divide, modulo])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (1, UInt(1)),
        (UInt(1), 1),
        (True, True),
        (1, True),
        (True, 1),
        (None, None),
        ("a", 1),
        ("a", b"a"),
        ([], {}),
        ({}, {}),
        (Timestamp(0), 1),
    ],
)
def test_mixed_operands_have_no_overload(function: Any, left: Any, right: Any) -> None:
    assert code_of(function, left, right) == "no-such-overload"


def test_timestamps_do_not_add() -> None:
    assert code_of(add, Timestamp(0), Timestamp(0)) == "no-such-overload"
    assert code_of(multiply, "ab", 3) == "no-such-overload"
    assert code_of(modulo, 1.0, 1.0) == "no-such-overload"


def test_concatenation_stops_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "MAX_SIZE", 4)
    monkeypatch.setattr(typed, "MAX_ELEMENTS", 4)
    assert add("ab", "cd") == "abcd"
    for left, right in (("abc", "de"), (b"abc", b"de"), ([1, 2, 3], [4, 5]), ((1, 2, 3), [4, 5])):
        assert code_of(add, left, right) == "too-large"
