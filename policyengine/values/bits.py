"""Whole numbers as 64 bits: the bit functions of the `math` extension.

An int is its two's complement. Shifts drop what leaves the 64 bits, and fill up with zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import and_, or_, xor
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.kinds import INT_MAX, UINT_MAX, UInt

_BITS: Final = 64


def _signed(bits: int) -> int:
    return bits - (UINT_MAX + 1) if bits > INT_MAX else bits


def _both(function: str, operation: Callable[[int, int], int], left: Any, right: Any) -> int:
    kind = left.__class__
    if kind is right.__class__:
        if kind is int:
            return operation(left, right)
        if kind is UInt:
            return UInt(operation(left, right))
    raise failures.no_such_overload(function, left, right)


def bit_and(left: Any, right: Any) -> int:
    """`math.bitAnd(left, right)` of two ints or two uints.

    >>> bit_and(6, -2)
    6
    """
    return _both("math.bitAnd", and_, left, right)


def bit_or(left: Any, right: Any) -> int:
    """`math.bitOr(left, right)` of two ints or two uints."""
    return _both("math.bitOr", or_, left, right)


def bit_xor(left: Any, right: Any) -> int:
    """`math.bitXor(left, right)` of two ints or two uints."""
    return _both("math.bitXor", xor, left, right)


def bit_not(value: Any) -> int:
    """`math.bitNot(value)`.

    >>> bit_not(1), bit_not(UInt(0)) == 2**64 - 1
    (-2, True)
    """
    if value.__class__ is int:
        return ~int(value)
    if value.__class__ is UInt:
        return UInt(UINT_MAX - value)
    raise failures.no_such_overload("math.bitNot", value)


def _shift(function: str, operation: Callable[[int, int], int], value: Any, by: Any) -> int:
    kind = value.__class__
    if by.__class__ is not int or (kind is not int and kind is not UInt):
        raise failures.no_such_overload(function, value, by)
    if by < 0:
        raise failures.bad_argument(function, "the number of bits is negative")
    # Python's shift to the left would build a number of that many bits first.
    bits = operation(value & UINT_MAX, by) & UINT_MAX if by < _BITS else 0
    return UInt(bits) if kind is UInt else _signed(bits)


def shift_left(value: Any, by: Any) -> int:
    """`math.bitShiftLeft(value, by)`; raises `EvaluationError` (`bad-argument`) for a negative by.

    >>> shift_left(1, 63), shift_left(1, 64)
    (-9223372036854775808, 0)
    """
    return _shift("math.bitShiftLeft", lambda bits, count: bits << count, value, by)


def shift_right(value: Any, by: Any) -> int:
    """`math.bitShiftRight(value, by)`; zeros come in, so a negative int becomes positive.

    Raises `EvaluationError` (`bad-argument`) for a negative by.

    >>> shift_right(1024, 2), shift_right(-1024, 3)
    (256, 2305843009213693824)
    """
    return _shift("math.bitShiftRight", lambda bits, count: bits >> count, value, by)
