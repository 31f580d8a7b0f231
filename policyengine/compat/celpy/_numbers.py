"""The classes of CEL's bools and numbers: Python's, kept within the range of their type.

Arithmetic on them raises as CEL's does: `ValueError` where a result is out of range, `TypeError`
where an operator has no overload. Comparison follows the specification: numbers of all three
types compare by their value, and what is of other types is not equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn, Self

from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX

_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})


def held(source: Any, default: Any) -> Any:
    """What a constructor was given: None is the type's zero, a wrapper message holds a `value`."""
    if isinstance(source, Mapping):
        source = dict(source).get("value")
    return default if source is None else source


class BoolType(int):
    """A CEL bool. It is equal to bools alone.

    >>> BoolType("true"), BoolType(False) == False, BoolType(True) == 1
    (BoolType(True), True, False)
    """

    def __new__(cls, source: Any = False) -> Self:
        """Raises `ValueError` for a text that is neither true nor false."""
        source = held(source, False)
        if isinstance(source, str):
            if source not in _TRUE | _FALSE:
                raise ValueError("neither `true` nor `false`")
            source = source in _TRUE
        return super().__new__(cls, bool(source))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({bool(self)})"

    def __str__(self) -> str:
        return str(bool(self))

    def __neg__(self) -> NoReturn:
        raise TypeError("no such overload")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bool | BoolType) and bool(self) is bool(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


def _whole(source: Any) -> int:
    """A whole number out of what CEL and Python programs give for one; raises `ValueError`."""
    if isinstance(source, str):
        digits = source.removeprefix("-")
        sign = -1 if len(digits) < len(source) else 1
        return sign * int(digits[2:], 16) if digits[:2] in ("0x", "0X") else int(source)
    if isinstance(source, datetime):
        return int(source.timestamp())
    try:
        return int(source)
    except OverflowError:
        raise ValueError("overflow") from None


def _quotient(left: int, right: int) -> int:
    """Division that rounds towards zero."""
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


def _remainder(left: int, right: int) -> int:
    return left - right * _quotient(left, right)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
    "truediv": _quotient,
    "floordiv": _quotient,
    "mod": _remainder,
}


class _Whole(int):
    """A whole number between bounds; its operators are made from the table above."""

    _bounds = (0, 0)

    def __new__(cls, source: Any = 0, *_: Any, **__: Any) -> Self:
        """Raises `ValueError` for what is no number or out of range."""
        if source.__class__ is cls:
            return source
        value = _whole(held(source, 0))
        low, high = cls._bounds
        if not low <= value <= high:
            raise ValueError("overflow")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bool | BoolType):
            return False
        return int.__eq__(self, other) if isinstance(other, int) else other == int(self)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


def _operators(name: str, operate: Callable[[int, int], int]) -> None:
    def forwards(self: _Whole, other: Any) -> Any:
        if isinstance(other, bool | BoolType) or not isinstance(other, int):
            return NotImplemented
        return type(self)(operate(int(self), int(other)))

    def backwards(self: _Whole, other: Any) -> Any:
        if isinstance(other, bool | BoolType) or not isinstance(other, int):
            return NotImplemented
        return type(self)(operate(int(other), int(self)))

    setattr(_Whole, f"__{name}__", forwards)
    setattr(_Whole, f"__r{name}__", backwards)


for _name, _operate in _ARITHMETIC.items():
    _operators(_name, _operate)


class IntType(_Whole):
    """A CEL int: 64 bits with a sign.

    >>> IntType("0x2a"), IntType(-5) / IntType(3), IntType(-5) % IntType(3)
    (IntType(42), IntType(-1), IntType(-2))
    """

    _bounds = (INT_MIN, INT_MAX)

    def __neg__(self) -> IntType:
        return type(self)(-int(self))


class UintType(_Whole):
    """A CEL uint: 64 bits without a sign.

    >>> UintType(3) + UintType(4), UintType(3) == IntType(3)
    (UintType(7), True)
    """

    _bounds = (0, UINT_MAX)

    def __neg__(self) -> NoReturn:
        raise TypeError("no such overload")


class DoubleType(float):
    """A CEL double: dividing it by zero gives an infinity or NaN, and there is no remainder.

    >>> DoubleType(1.0) / DoubleType(0.0), DoubleType(2.0) == IntType(2)
    (DoubleType(inf), True)
    """

    def __new__(cls, source: Any = 0.0) -> Self:
        """Raises `ValueError` for what is no number."""
        return super().__new__(cls, held(source, 0.0))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({float(self)!r})"

    def __str__(self) -> str:
        return str(float(self))

    def __neg__(self) -> DoubleType:
        return DoubleType(-float(self))

    def __truediv__(self, other: Any) -> DoubleType:
        return DoubleType(_divided(float(self), float(other)))

    def __rtruediv__(self, other: Any) -> DoubleType:
        return DoubleType(_divided(float(other), float(self)))

    def __mod__(self, other: Any) -> NoReturn:
        raise TypeError("no such overload")

    __rmod__ = __mod__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bool | BoolType):
            return False
        return isinstance(other, int | float) and float.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = float.__hash__


def _divided(left: float, right: float) -> float:
    try:
        return left / right
    except ZeroDivisionError:
        # IEEE 754, with the sign of a negative zero.
        return left * float("inf") * (1.0 if str(right)[0] != "-" else -1.0)
