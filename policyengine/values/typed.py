"""Operations on operands whose classes the checker has proved: no dispatch, only the work."""

from __future__ import annotations

import math
from operator import add, contains, ge, gt, le, lt, mul, neg, sub
from typing import Any, Final, TypeVar

from policyengine.values import failures
from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX, UInt, type_name

Sized = TypeVar("Sized", str, bytes)

# A sum of strings in nested variables doubles with each one; this keeps it within memory.
MAX_SIZE: Final = 1 << 26
# An element takes eight bytes at least, and the time of an assignment.
MAX_ELEMENTS: Final = 1 << 22

less, less_equal, greater, greater_equal = lt, le, gt, ge
add_double, subtract_double, multiply_double, negate_double = add, sub, mul, neg
string_contains = contains
string_starts_with = str.startswith
string_ends_with = str.endswith
size = len


def add_int(left: int, right: int) -> int:
    """The sum of two ints; raises `overflow`."""
    result = left + right
    if INT_MIN <= result <= INT_MAX:
        return result
    raise failures.overflow("int")


def subtract_int(left: int, right: int) -> int:
    """The difference of two ints; raises `overflow`."""
    result = left - right
    if INT_MIN <= result <= INT_MAX:
        return result
    raise failures.overflow("int")


def multiply_int(left: int, right: int) -> int:
    """The product of two ints; raises `overflow`."""
    result = left * right
    if INT_MIN <= result <= INT_MAX:
        return result
    raise failures.overflow("int")


def divide_int(left: int, right: int) -> int:
    """The quotient of two ints, rounded towards zero; raises `divide-by-zero`, `overflow`.

    >>> divide_int(7, -2)
    -3
    """
    if right == 0:
        raise failures.divide_by_zero()
    result = left // right
    if result < 0 and result * right != left:
        result += 1
    if result > INT_MAX:
        raise failures.overflow("int")
    return result


def modulo_int(left: int, right: int) -> int:
    """The remainder of `divide_int`, with the sign of `left`; raises `divide-by-zero`.

    The smallest int by -1 is `overflow`, as its quotient is.

    >>> modulo_int(-7, 2)
    -1
    """
    if right == 0:
        raise failures.divide_by_zero()
    if right == -1 and left == INT_MIN:
        raise failures.overflow("int")
    result = abs(left) % abs(right)
    return -result if left < 0 else result


def negate_int(value: int) -> int:
    """The negative of an int; raises `overflow`."""
    if value == INT_MIN:
        raise failures.overflow("int")
    return -value


def add_uint(left: int, right: int) -> UInt:
    """The sum of two uints; raises `overflow`."""
    result = int.__add__(left, right)
    if result <= UINT_MAX:
        return UInt(result)
    raise failures.overflow("uint")


def subtract_uint(left: int, right: int) -> UInt:
    """The difference of two uints; raises `overflow` where it is negative."""
    if left < right:
        raise failures.overflow("uint")
    return UInt(left - right)


def multiply_uint(left: int, right: int) -> UInt:
    """The product of two uints; raises `overflow`."""
    result = left * right
    if result <= UINT_MAX:
        return UInt(result)
    raise failures.overflow("uint")


def divide_uint(left: int, right: int) -> UInt:
    """The quotient of two uints, rounded down; raises `divide-by-zero`."""
    if right == 0:
        raise failures.divide_by_zero()
    return UInt(left // right)


def modulo_uint(left: int, right: int) -> UInt:
    """The remainder of two uints; raises `divide-by-zero`."""
    if right == 0:
        raise failures.divide_by_zero()
    return UInt(left % right)


def divide_double(left: float, right: float) -> float:
    """The quotient of two doubles; by zero it is infinite or NaN, as IEEE 754 says.

    >>> divide_double(-1.0, 0.0)
    -inf
    """
    if right != 0.0:
        return left / right
    if left == 0.0 or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def concatenate(left: Sized, right: Sized) -> Sized:
    """Two strings or bytes, one after the other; raises `too-large` past `MAX_SIZE`."""
    if len(left) + len(right) > MAX_SIZE:
        raise failures.too_large(type_name(left), MAX_SIZE)
    return left + right


def concatenate_lists(left: Any, right: Any) -> list[Any]:
    """Two lists or tuples, one after the other; raises `too-large` past `MAX_ELEMENTS`."""
    if len(left) + len(right) > MAX_ELEMENTS:
        raise failures.too_large("list", MAX_ELEMENTS)
    return [*left, *right]
