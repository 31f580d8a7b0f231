from __future__ import annotations

import operator
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values.compare import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_equal,
)
from policyengine.values.kinds import NONE, OptionalValue, TypeValue, UInt
from policyengine.values.maps import make_map
from policyengine.values.times import Duration, Timestamp

NAN = float("nan")

INTS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1])
UINTS = (st.integers(0, 2**64 - 1) | st.just(2**53 + 1)).map(UInt)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [2.0**53, 2.0**63, 2.0**64, -0.0]
)
NUMBERS = INTS | UINTS | DOUBLES
SCALARS = (
    NUMBERS
    | st.booleans()
    | st.text("ab\uffff🐱", max_size=3)
    | st.binary(max_size=3)
    | st.none()
    | st.just(NAN)
    | st.integers(-5, 5).map(Timestamp)
    | st.integers(-5, 5).map(Duration)
    | st.sampled_from([TypeValue("int"), TypeValue("uint"), NONE])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.booleans() | st.text("ab", max_size=1), inner, max_size=3)
        | st.dictionaries(st.integers(-1, 2), inner, max_size=3)
        | inner.map(lambda value: OptionalValue(True, value))
    ),
    max_leaves=8,
)


def exact(number: Any, other: Any) -> Fraction:
    """The number on the line on which it meets the other: doubles, if either is one."""
    return Fraction(float(number)) if isinstance(other, float) else Fraction(number)


def oracle(left: Any, right: Any) -> bool:
    """Equality by the words of the specification, recursive and slow."""

    def numeric(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    if numeric(left) and numeric(right):
        if left != left or right != right:
            return False
        if float("inf") in (abs(left), abs(right)):
            return bool(left == right)
        return exact(left, right) == exact(right, left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(oracle, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(
            any(oracle(key, other) and oracle(left[key], right[other]) for other in right)
            for key in left
        )
    if isinstance(left, OptionalValue) and isinstance(right, OptionalValue):
        if left.present and right.present:
            return oracle(left.value, right.value)
        return left.present is right.present
    return type(left) is type(right) and bool(left == right)


@given(VALUES, VALUES)
def test_equality_is_that_of_the_specification(left: Any, right: Any) -> None:
    assert equal(left, right) is oracle(left, right)
    assert equal(left, right) is equal(right, left)
    assert not_equal(left, right) is not equal(left, right)


@given(VALUES)
def test_a_value_equals_itself_unless_it_holds_nan(value: Any) -> None:
    assert equal(value, value) is (not re.search(r"\bnan\b", repr(value)))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, UInt(1), True),
        (UInt(1), 1.0, True),
        (1, True, False),
        (0, False, False),
        (1.0, True, False),
        (UInt(0), False, False),
        (2**53 + 1, float(2**53), True),
        (2**53 + 2, float(2**53), False),
        (2**53 + 1, UInt(2**53), False),
        (2**63 - 1, 2.0**63, True),
        (10**400, float("inf"), False),
        (0.0, -0.0, True),
        (NAN, NAN, False),
        ([NAN], [NAN], False),
        ("1", 1, False),
        ("a", b"a", False),
        (None, False, False),
        (None, None, True),
        ([], {}, False),
        ([1], (1.0,), True),
        ([1, 2], [2, 1], False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ({1: "a"}, {UInt(1): "a"}, True),
        ({1: "a"}, {True: "a"}, False),
        (make_map([(True, 1), (1, 2)]), make_map([(1, 2), (True, 1)]), True),
        (make_map([(True, 1), (1, 2)]), make_map([(True, 2), (1, 1)]), False),
        (Timestamp(1), Timestamp(1), True),
        (Timestamp(1), Duration(1), False),
        (Timestamp(1), 1, False),
        (OptionalValue(True, [1]), OptionalValue(True, [1.0]), True),
        (OptionalValue(True, 1), NONE, False),
        (OptionalValue(True, 1), 1, False),
        (TypeValue("int"), TypeValue("int"), True),
        (TypeValue("int"), "int", False),
        (object, object, False),
    ],
)
def test_equality(left: Any, right: Any, same: bool) -> None:
    assert equal(left, right) is same
    assert equal(right, left) is same
    assert equal([left], [right]) is same
    assert equal({"k": left}, {"k": right}) is same


def test_deep_values_compare_without_recursion() -> None:
    left: Any = 1
    right: Any = 1.0
    for _ in range(50_000):
        left, right = [left], [right]
    assert equal(left, right)
    assert not equal(left, [right])


def test_values_that_share_their_parts_compare_in_little_work() -> None:
    left: Any = [1]
    right: Any = [1]
    for _ in range(200):
        left, right = [left, left], [right, right]
    assert equal(left, right)


def test_values_that_hold_themselves_compare() -> None:
    left: list[Any] = [1]
    right: list[Any] = [1]
    left.append(left)
    right.append(right)
    assert equal(left, right)
    right[0] = 2
    assert not equal(left, right)


ORDERINGS = {
    less: operator.lt,
    less_equal: operator.le,
    greater: operator.gt,
    greater_equal: operator.ge,
}


@given(NUMBERS, NUMBERS)
def test_numbers_are_ordered_by_their_value(left: Any, right: Any) -> None:
    for function, expected in ORDERINGS.items():
        assert function(left, right) is expected(exact(left, right), exact(right, left))


WHOLE = INTS | UINTS


@given(st.lists(WHOLE, min_size=3, max_size=3) | st.lists(DOUBLES, min_size=3, max_size=3))
def test_order_is_transitive(values: list[Any]) -> None:
    one, two, three = values
    if less_equal(one, two) and less_equal(two, three):
        assert less_equal(one, three)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (False, True),
        (-1, 0),
        (-1, UInt(0)),
        (2**63 - 1, UInt(2**64 - 1)),
        (2**53, 2.0**53 + 2),
        (float("-inf"), -(2**63)),
        (UInt(2**64 - 1), float("inf")),
        ("", "a"),
        ("Z", "a"),
        ("a", "aa"),
        ("\uffff", "\U00010000"),
        (b"\x7f", b"\x80"),
        (Timestamp(-1), Timestamp(0)),
        (Duration(-1), Duration(0)),
    ],
)
def test_order(smaller: Any, larger: Any) -> None:
    assert less(smaller, larger)
    assert less_equal(smaller, larger)
    assert greater(larger, smaller)
    assert greater_equal(larger, smaller)
    assert not less(larger, smaller)
    assert not less(smaller, smaller)
    assert less_equal(smaller, smaller)


@pytest.mark.parametrize("function", ORDERINGS, ids=lambda function: function.__name__)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (True, 1),
        (1, "1"),
        ("a", b"a"),
        (None, None),
        ([1], [2]),
        ({}, {}),
        (Timestamp(0), Duration(0)),
        (Timestamp(0), 0),
        (TypeValue("a"), TypeValue("b")),
        (NONE, NONE),
    ],
)
def test_other_values_have_no_order(function: Any, left: Any, right: Any) -> None:
    with pytest.raises(EvaluationError) as caught:
        function(left, right)
    assert caught.value.code == "no-such-overload"


@pytest.mark.parametrize("function", ORDERINGS, ids=lambda function: function.__name__)
def test_nan_has_no_place_in_the_order(function: Any) -> None:
    assert not function(NAN, NAN)
    assert not function(NAN, 1)
    assert not function(UInt(1), NAN)
