from __future__ import annotations

import math
import struct
from collections.abc import Callable
from fractions import Fraction
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values import bits, extremes, rounding
from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX, UInt, type_name

INTS = st.integers(INT_MIN, INT_MAX)
UINTS = st.integers(0, UINT_MAX).map(UInt)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAN = float("nan")


def code(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


def exactly(value: float) -> bytes:
    """Tells -0.0 from 0.0."""
    return struct.pack("d", value)


@given(FINITE)
def test_rounding_against_fractions(value: float) -> None:
    exact = Fraction(value)
    down, up = math.floor(exact), math.ceil(exact)
    assert rounding.floor(value) == down
    assert rounding.ceil(value) == up
    assert rounding.trunc(value) == (down if value >= 0 else up)
    assert rounding.round(value) == math.copysign(math.floor(abs(exact) + Fraction(1, 2)), value)


@pytest.mark.parametrize("function", [rounding.ceil, rounding.round, rounding.trunc])
def test_rounding_to_zero_keeps_the_sign(function: Callable[[Any], float]) -> None:
    assert exactly(function(-0.25)) == exactly(-0.0)


@pytest.mark.parametrize(
    "function", [rounding.ceil, rounding.floor, rounding.round, rounding.trunc]
)
def test_what_is_no_number_stays(function: Callable[[Any], float]) -> None:
    assert math.isnan(function(NAN))
    assert function(-math.inf) == -math.inf
    assert code(function, 1) == "no-such-overload"


@pytest.mark.parametrize(
    ("value", "magnitude", "sign"),
    [
        (-7, 7, -1),
        (0, 0, 0),
        (INT_MAX, INT_MAX, 1),
        (-2.5, 2.5, -1.0),
        (-0.0, 0.0, 0.0),
        (UInt(3), UInt(3), UInt(1)),
        (UInt(0), UInt(0), UInt(0)),
    ],
)
def test_magnitude_and_sign(value: Any, magnitude: Any, sign: Any) -> None:
    for result, expected in (
        (rounding.absolute(value), magnitude),
        (rounding.sign(value), sign),
    ):
        assert result == expected
        assert type(result) is type(expected)


def test_magnitude_of_the_smallest_int_overflows() -> None:
    assert code(rounding.absolute, INT_MIN) == "overflow"
    assert math.isnan(rounding.sign(NAN))
    assert code(rounding.sign, True) == "no-such-overload"


@pytest.mark.parametrize(
    ("value", "nan", "infinite", "finite"),
    [(NAN, True, False, False), (-math.inf, False, True, False), (1.5, False, False, True)],
)
def test_kinds_of_doubles(value: float, nan: bool, infinite: bool, finite: bool) -> None:
    found = rounding.is_nan(value), rounding.is_inf(value), rounding.is_finite(value)
    assert found == (nan, infinite, finite)


def wrapped(value: int, like: int) -> int:
    """64 bits as a number of the type of another."""
    value %= UINT_MAX + 1
    if isinstance(like, UInt):
        return UInt(value)
    return value - (UINT_MAX + 1) if value > INT_MAX else value


@given(st.tuples(INTS, INTS) | st.tuples(UINTS, UINTS))
def test_bits_against_each_bit(pair: tuple[int, int]) -> None:
    left, right = ([value >> i & 1 for i in range(64)] for value in pair)
    # Which sums of two bits give a bit.
    for function, set_by in ((bits.bit_and, {2}), (bits.bit_or, {1, 2}), (bits.bit_xor, {1})):
        sums = map(add, left, right)
        number = sum((both in set_by) << i for i, both in enumerate(sums))
        result = function(*pair)
        assert result == wrapped(number, pair[0])
        assert type(result) is type(pair[0])
    inverted = sum((not a) << i for i, a in enumerate(left))
    assert bits.bit_not(pair[0]) == wrapped(inverted, pair[0])


@given(INTS | UINTS, st.integers(0, 70))
def test_shifts(value: int, by: int) -> None:
    unsigned = value % (UINT_MAX + 1)
    assert bits.shift_left(value, by) == wrapped(unsigned * 2**by, value)
    assert bits.shift_right(value, by) == wrapped(unsigned // 2**by, value)
    assert type(bits.shift_right(value, by)) is type(value)


def test_shifts_refuse_and_do_not_blow_up() -> None:
    assert bits.shift_left(1, INT_MAX) == 0
    assert code(bits.shift_left, 1, -1) == "bad-argument"
    assert code(bits.shift_right, UInt(1), -1) == "bad-argument"
    assert code(bits.shift_left, 1, UInt(1)) == "no-such-overload"
    assert code(bits.bit_and, 1, UInt(1)) == "no-such-overload"
    assert code(bits.bit_or, True, True) == "no-such-overload"


# Below 2**53 a number of any type is exact as a double.
NUMBERS = st.integers(-99, 99) | st.integers(0, 99).map(UInt) | st.floats(-99, 99)


@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_extremes_are_the_first_of_the_extreme_numbers(numbers: list[Any]) -> None:
    for function, oracle in ((extremes.greatest, max), (extremes.least, min)):
        expected = oracle(numbers, key=float)
        assert function(numbers) == expected
        assert type_name(function(numbers)) == type_name(expected)
        pair = (numbers[0], numbers[-1])
        assert type(function(*pair)) is type(oracle(pair, key=float))
    assert extremes.greatest(numbers[0]) is numbers[0]


def test_extremes_refuse() -> None:
    for function in (extremes.greatest, extremes.least):
        assert code(function, []) == "bad-argument"
        assert code(function, 1, NAN) == "bad-argument"
        assert code(function, [1, "a"]) == "no-such-overload"
        assert code(function, True, 1) == "no-such-overload"
        assert code(function, "ab") == "no-such-overload"
        assert math.isnan(function(NAN))
