from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values.compare import equal
from policyengine.values.containers import (
    contains_in,
    has,
    index,
    optional_index,
    optional_select,
    select,
    size,
)
from policyengine.values.kinds import NONE, OptionalValue, UInt
from policyengine.values.maps import make_map

MIXED = make_map([(True, "yes"), (1, "one"), ("a", "A")])
NAN = float("nan")


def code_of(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("", 0),
        ("🐱é", 2),
        ("e\u0301", 2),
        (b"\xc3\xa9", 2),
        ([1, [2, 3]], 2),
        ((1,), 1),
        ({"a": 1}, 1),
        (MIXED, 3),
    ],
)
def test_size(value: Any, count: int) -> None:
    assert size(value) == count


@pytest.mark.parametrize("value", [None, 1, True, 1.0, UInt(1), NONE, {1}])
def test_other_values_have_no_size(value: Any) -> None:
    assert code_of(size, value) == "no-such-overload"


@pytest.mark.parametrize(
    ("operand", "key", "value"),
    [
        (["a", "b"], 0, "a"),
        (["a", "b"], UInt(1), "b"),
        (["a", "b"], 1.0, "b"),
        (("a", "b"), -0.0, "a"),
        ({"a": 1}, "a", 1),
        ({"a": None}, "a", None),
        ({1: "a"}, UInt(1), "a"),
        ({1: "a"}, 1.0, "a"),
        ({True: "a"}, True, "a"),
        (MIXED, True, "yes"),
        (MIXED, 1.0, "one"),
    ],
)
def test_index(operand: Any, key: Any, value: Any) -> None:
    assert index(operand, key) == value
    assert optional_index(operand, key) == OptionalValue(True, value)
    assert optional_index(OptionalValue(True, operand), key) == OptionalValue(True, value)


@pytest.mark.parametrize(
    ("operand", "key", "code"),
    [
        ([1], 1, "index-out-of-range"),
        ([1], -1, "index-out-of-range"),
        ([1], UInt(2**64 - 1), "index-out-of-range"),
        ([1], 0.5, "index-out-of-range"),
        ([1], NAN, "index-out-of-range"),
        ([1], float("inf"), "index-out-of-range"),
        ([1], 1e300, "index-out-of-range"),
        ({"a": 1}, "b", "no-such-key"),
        ({1: 1}, True, "no-such-key"),
        ({True: 1}, 1, "no-such-key"),
        ({1: 1}, 1.5, "no-such-key"),
        ({1: 1}, None, "no-such-key"),
        ({1: 1}, [], "no-such-key"),
        (MIXED, False, "no-such-key"),
    ],
)
def test_what_is_not_there(operand: Any, key: Any, code: str) -> None:
    assert code_of(index, operand, key) == code
    assert optional_index(operand, key) == NONE


@pytest.mark.parametrize(
    ("operand", "key"),
    [([1], False), ([1], "0"), ([1], None), ("abc", 0), (b"abc", 0), (None, "a"), (1, 0)],
)
def test_what_has_no_index(operand: Any, key: Any) -> None:
    assert code_of(index, operand, key) == "no-such-overload"
    assert code_of(optional_index, operand, key) == "no-such-overload"


@pytest.mark.parametrize(
    ("value", "container", "found"),
    [
        (1, [1], True),
        (1, [0, 1.0], True),
        (1, (UInt(1),), True),
        (1, [True], False),
        (True, [1], False),
        (True, [1, True], True),
        (0.0, [False, -0.0], True),
        ("a", ["b", "a"], True),
        ("a", [b"a"], False),
        ("a", [], False),
        (b"a", [b"a"], True),
        (None, [None], True),
        (None, [False, 0, ""], False),
        ([1], [[1.0]], True),
        ([1], [[True]], False),
        ({"a": 1}, [{"a": 1}], True),
        (2**53 + 1, [float(2**53)], True),
        (float(2**53), [2**53 + 1], True),
        (2**53 - 1, [float(2**53)], False),
        ("a", {"a": 1}, True),
        ("b", {"a": 1}, False),
        (1, {True: 1}, False),
        (True, MIXED, True),
        (1.0, MIXED, True),
        ([], {"a": 1}, False),
        (None, {"a": 1}, False),
    ],
)
def test_membership(value: Any, container: Any, found: bool) -> None:
    assert contains_in(value, container) is found


def test_nan_is_in_no_list() -> None:
    assert contains_in(NAN, [NAN]) is False
    assert contains_in([NAN], [[NAN]]) is False


ELEMENTS = st.one_of(
    st.booleans(),
    st.integers(-1, 2),
    st.integers(0, 2).map(UInt),
    st.sampled_from([0.0, -0.0, 1.0, 1.5, NAN]),
    st.sampled_from(["", "a"]),
    st.none(),
    st.lists(st.integers(0, 1) | st.booleans(), max_size=2),
)


@given(ELEMENTS, st.lists(ELEMENTS, max_size=5))
def test_membership_is_equality_with_an_element(value: Any, elements: list[Any]) -> None:
    expected = any(equal(value, element) for element in elements)
    assert contains_in(value, elements) is expected
    assert contains_in(value, tuple(elements)) is expected


@pytest.mark.parametrize("container", ["abc", b"a", None, 1, NONE])
def test_membership_needs_a_container(container: Any) -> None:
    assert code_of(contains_in, "a", container) == "no-such-overload"


def test_fields() -> None:
    message = {"a": None, "b": {"c": 1}}
    assert select(message, "a") is None
    assert has(message, "a") is True
    assert has(message, "c") is False
    assert code_of(select, message, "c") == "no-such-field"
    assert select(MIXED, "a") == "A"
    assert has(MIXED, "b") is False
    assert optional_select(message, "a") == OptionalValue(True, None)
    assert optional_select(message, "c") == NONE


@pytest.mark.parametrize("operand", [None, [], "abc", 1, True])
def test_other_values_have_no_fields(operand: Any) -> None:
    assert code_of(select, operand, "a") == "no-such-overload"
    assert code_of(has, operand, "a") == "no-such-overload"
    assert code_of(optional_select, operand, "a") == "no-such-overload"


def test_fields_of_optionals_are_optional() -> None:
    some = OptionalValue(True, {"b": {"c": 1}})
    assert select(some, "b") == OptionalValue(True, {"c": 1})
    assert select(select(some, "b"), "c") == OptionalValue(True, 1)
    assert select(some, "x") == NONE
    assert select(NONE, "x") == NONE
    assert has(some, "b") is True
    assert has(some, "x") is False
    assert has(NONE, "b") is False
    assert optional_index(NONE, "b") == NONE
