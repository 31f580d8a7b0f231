"""Equality and order of CEL values.

Ints and uints compare exactly. A whole number that meets a double becomes a double first and is
rounded past 2**53, as cel-spec's conformance tests want it. NaN is equal to nothing and a bool is
not a number. Values of other different types are unequal, without an error.
"""

from __future__ import annotations

from typing import Any, Final

from policyengine.values import failures
from policyengine.values.kinds import INT_MIN, UINT_MAX, OptionalValue, TypeValue, UInt
from policyengine.values.maps import MixedMap, find
from policyengine.values.times import Duration, Timestamp

_NUMBERS: Final = frozenset({int, UInt, float})
_LISTS: Final = frozenset({list, tuple})
_MAPS: Final = frozenset({dict, MixedMap})
_NESTED: Final = _LISTS | _MAPS | {OptionalValue}
_SCALARS: Final = frozenset(
    {int, UInt, float, str, bytes, bool, type(None), Timestamp, Duration, TypeValue}
)
_ORDERED: Final = frozenset({int, UInt, float, str, bytes, bool, Timestamp, Duration})


def equal(left: Any, right: Any) -> bool:
    """`left == right`. Never fails, whatever the types, the depth or the size.

    >>> equal(1, 1.0), equal(1, True), equal([{"a": 1}], [{"a": 1.0}]), equal("1", 1)
    (True, False, True, False)
    """
    kind, other = left.__class__, right.__class__
    if kind in _NESTED:
        return other in _NESTED and _nested_equal(left, right)
    if kind is other:
        # A class of an extension brings its own equality.
        if kind in _SCALARS or hasattr(kind, "CEL_TYPE"):
            return bool(left == right)
    elif kind in _NUMBERS and other in _NUMBERS:
        left, right = _aligned("_==_", left, right)
        return bool(left == right)
    # A class that is derived from `str` is what Python's own operator takes it for.
    return isinstance(left, str) and isinstance(right, str) and bool(left == right)


def not_equal(left: Any, right: Any) -> bool:
    """`left != right`, the negation of `equal`."""
    return not equal(left, right)


def _nested_equal(left: Any, right: Any) -> bool:
    # A pair that is already under way need not be looked at again: that bounds the work for
    # values that share their parts, or that hold themselves.
    pending = [(left, right)]
    seen: set[tuple[int, int]] = set()
    while pending:
        first, second = pending.pop()
        identity = (id(first), id(second))
        if identity in seen:
            continue
        seen.add(identity)
        parts = _parts(first, second)
        if parts is None:
            return False
        for one, two in parts:
            if one.__class__ in _NESTED and two.__class__ in _NESTED:
                pending.append((one, two))
            elif not equal(one, two):
                return False
    return True


def _parts(left: Any, right: Any) -> list[tuple[Any, Any]] | None:
    """The pairs that must be equal for two nested values to be; None where they cannot be."""
    kind, other = left.__class__, right.__class__
    if kind in _LISTS and other in _LISTS:
        return list(zip(left, right, strict=True)) if len(left) == len(right) else None
    if kind in _MAPS and other in _MAPS:
        if len(left) != len(right):
            return None
        return [(value, find(right, key)) for key, value in left.items()]
    if kind is OptionalValue and other is OptionalValue and left.present is right.present:
        return [(left.value, right.value)] if left.present else []
    return None


def _double(number: Any) -> Any:
    # A number out of CEL's range is left to Python, which compares it exactly.
    return float(number) if INT_MIN <= number <= UINT_MAX else number


def _aligned(operator: str, left: Any, right: Any) -> tuple[Any, Any]:
    """Two values that Python compares as CEL does."""
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind in _ORDERED:
            return left, right
    elif kind in _NUMBERS and other in _NUMBERS:
        if kind is float:
            return left, _double(right)
        return (_double(left), right) if other is float else (left, right)
    raise failures.no_such_overload(operator, left, right)


def less(left: Any, right: Any) -> bool:
    """`left < right`.

    >>> less(1, 1.5), less("Z", "a"), less(2**53, float(2**53 + 2))
    (True, True, True)
    """
    left, right = _aligned("_<_", left, right)
    return bool(left < right)


def less_equal(left: Any, right: Any) -> bool:
    """`left <= right`."""
    left, right = _aligned("_<=_", left, right)
    return bool(left <= right)


def greater(left: Any, right: Any) -> bool:
    """`left > right`."""
    left, right = _aligned("_>_", left, right)
    return bool(left > right)


def greater_equal(left: Any, right: Any) -> bool:
    """`left >= right`."""
    left, right = _aligned("_>=_", left, right)
    return bool(left >= right)
