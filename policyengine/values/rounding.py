"""Rounding, signs and kinds of numbers: the `math` extension's functions of one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.kinds import UInt
from policyengine.values.typed import negate_int

_ONE: Final = UInt(1)
_ZERO: Final = UInt(0)


def _double(function: str, value: Any) -> float:
    if value.__class__ is float:
        return float(value)
    raise failures.no_such_overload(function, value)


def _rounded(value: float, to_whole: Callable[[float], int]) -> float:
    """A double rounded by a function of finite ones; zero keeps the sign of the value."""
    return math.copysign(float(to_whole(value)), value) if math.isfinite(value) else value


def ceil(value: Any) -> float:
    """`math.ceil(value)`: the smallest whole number that is not below.

    >>> ceil(1.2), ceil(-0.5)
    (2.0, -0.0)
    """
    return _rounded(_double("math.ceil", value), math.ceil)


def floor(value: Any) -> float:
    """`math.floor(value)`: the largest whole number that is not above."""
    return _rounded(_double("math.floor", value), math.floor)


def trunc(value: Any) -> float:
    """`math.trunc(value)`: the whole part."""
    return _rounded(_double("math.trunc", value), math.trunc)


def round(value: Any) -> float:
    """`math.round(value)`: the nearest whole number; halves go away from zero.

    >>> round(2.5), round(-1.5), round(0.49999999999999994)
    (3.0, -2.0, 0.0)
    """
    return _rounded(_double("math.round", value), _nearest)


def _nearest(value: float) -> int:
    whole = math.trunc(value)
    # The difference is exact, where `value + 0.5` would be rounded.
    if abs(value - whole) >= 0.5:
        whole += 1 if value > 0 else -1
    return whole


def absolute(value: Any) -> Any:
    """`math.abs(value)`; raises `EvaluationError` (`overflow`) for the smallest int."""
    kind = value.__class__
    if kind is int:
        return negate_int(value) if value < 0 else value
    if kind is float:
        return abs(value)
    if kind is UInt:
        return value
    raise failures.no_such_overload("math.abs", value)


def sign(value: Any) -> Any:
    """`math.sign(value)`: -1, 0 or 1, of the type of the value; NaN for NaN.

    >>> sign(-7), sign(0.5)
    (-1, 1.0)
    """
    kind = value.__class__
    if kind is int:
        return (value > 0) - (value < 0)
    if kind is float:
        return value if value != value else float((value > 0) - (value < 0))
    if kind is UInt:
        return _ONE if value else _ZERO
    raise failures.no_such_overload("math.sign", value)


def is_nan(value: Any) -> bool:
    """`math.isNaN(value)`."""
    return math.isnan(_double("math.isNaN", value))


def is_inf(value: Any) -> bool:
    """`math.isInf(value)`: whether it is infinite, either way."""
    return math.isinf(_double("math.isInf", value))


def is_finite(value: Any) -> bool:
    """`math.isFinite(value)`: whether it is neither infinite nor NaN."""
    return math.isfinite(_double("math.isFinite", value))


def sqrt(value: Any) -> float:
    """`math.sqrt(value)`: the square root, NaN of a negative number.

    >>> sqrt(9), sqrt(-1.0)
    (3.0, nan)
    """
    if value.__class__ not in (int, UInt, float):
        raise failures.no_such_overload("math.sqrt", value)
    return math.nan if value < 0 else math.sqrt(value)
