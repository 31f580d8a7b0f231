"""Arithmetic over all CEL values, numbers and others: each operator is a table by class.

Ints and uints that leave 64 bits are `overflow`; doubles follow IEEE 754.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from policyengine.values import failures, times, typed
from policyengine.values.kinds import UInt
from policyengine.values.times import Duration, Timestamp

_Operations = Mapping[tuple[type, type], Callable[[Any, Any], Any]]

_ADD: Final[_Operations] = {
    (int, int): typed.add_int,
    (UInt, UInt): typed.add_uint,
    (float, float): typed.add_double,
    (str, str): typed.concatenate,
    (bytes, bytes): typed.concatenate,
    (list, list): typed.concatenate_lists,
    (list, tuple): typed.concatenate_lists,
    (tuple, list): typed.concatenate_lists,
    (tuple, tuple): typed.concatenate_lists,
    (Duration, Duration): times.add_durations,
    (Timestamp, Duration): times.later,
    (Duration, Timestamp): lambda duration, timestamp: times.later(timestamp, duration),
}
_SUBTRACT: Final[_Operations] = {
    (int, int): typed.subtract_int,
    (UInt, UInt): typed.subtract_uint,
    (float, float): typed.subtract_double,
    (Duration, Duration): times.subtract_durations,
    (Timestamp, Duration): times.earlier,
    (Timestamp, Timestamp): times.between,
}
_MULTIPLY: Final[_Operations] = {
    (int, int): typed.multiply_int,
    (UInt, UInt): typed.multiply_uint,
    (float, float): typed.multiply_double,
}
_DIVIDE: Final[_Operations] = {
    (int, int): typed.divide_int,
    (UInt, UInt): typed.divide_uint,
    (float, float): typed.divide_double,
}
_MODULO: Final[_Operations] = {
    (int, int): typed.modulo_int,
    (UInt, UInt): typed.modulo_uint,
}


def _apply(name: str, operations: _Operations, left: Any, right: Any) -> Any:
    operation = operations.get((left.__class__, right.__class__))
    if operation is None:
        raise failures.no_such_overload(name, left, right)
    return operation(left, right)


def add(left: Any, right: Any) -> Any:
    """`left + right`: numbers of one kind, strings, bytes, lists, timestamps and durations.

    >>> add(1, 2), add("a", "b"), add([1], [2])
    (3, 'ab', [1, 2])
    """
    return _apply("_+_", _ADD, left, right)


def subtract(left: Any, right: Any) -> Any:
    """`left - right`: numbers of one kind, timestamps and durations."""
    return _apply("_-_", _SUBTRACT, left, right)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`, numbers of one kind."""
    return _apply("_*_", _MULTIPLY, left, right)


def divide(left: Any, right: Any) -> Any:
    """`left / right`, numbers of one kind; whole numbers round towards zero."""
    return _apply("_/_", _DIVIDE, left, right)


def modulo(left: Any, right: Any) -> Any:
    """`left % right`, whole numbers of one kind; the result has the sign of `left`."""
    return _apply("_%_", _MODULO, left, right)


def negate(value: Any) -> Any:
    """`-value`, an int or a double."""
    kind = value.__class__
    if kind is int:
        return typed.negate_int(value)
    if kind is float:
        return typed.negate_double(value)
    raise failures.no_such_overload("-_", value)
