"""Lists, maps and messages: size, membership, and reading their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.compare import equal
from policyengine.values.kinds import NONE, OptionalValue, UInt
from policyengine.values.maps import MISSING, MixedMap, find
from policyengine.values.messages import Message

_SIZED: Final = frozenset({str, bytes, list, tuple, dict, MixedMap})
_NUMBERS: Final = frozenset({int, UInt, float})
# Whole numbers below are doubles too, so that comparing them in either form is the same.
_EXACT: Final = 1 << 53


def size(value: Any) -> int:
    """`size(value)`: code points of a string, bytes, elements, entries.

    >>> size("naïve"), size([1, 2]), size({})
    (5, 2, 0)
    """
    if value.__class__ in _SIZED:
        return len(value)
    raise failures.no_such_overload("size", value)


def index(operand: Any, key: Any) -> Any:
    """`operand[key]` of a list or a map; of an optional one it is an optional again.

    Raises `EvaluationError` (`index-out-of-range`, `no-such-key`, `no-such-overload`).

    >>> index(["a", "b"], 1.0), index({1: "one"}, UInt(1))
    ('b', 'one')
    """
    kind = operand.__class__
    if kind is dict or kind is MixedMap:
        value = find(operand, key)
        if value is MISSING:
            raise failures.no_such_key()
        return value
    if kind is list or kind is tuple:
        position = _position(operand, key)
        if 0 <= position < len(operand):
            return operand[position]
        raise failures.index_out_of_range()
    if kind is OptionalValue:
        return optional_index(operand, key)
    raise failures.no_such_overload("_[_]", operand, key)


def _position(operand: Any, key: Any) -> int:
    """A list's position by a number; -1, which no list has, for one that is not whole."""
    kind = key.__class__
    if kind is int or kind is UInt:
        return int(key)
    if kind is float:
        return int(key) if key.is_integer() else -1
    raise failures.no_such_overload("_[_]", operand, key)


def contains_in(value: Any, container: Any) -> bool:
    """`value in container`, an element of a list or a key of a map.

    >>> contains_in(1, [1.0]), contains_in(1, [True]), contains_in("a", {"a": 1})
    (True, False, True)
    """
    kind = container.__class__
    if kind is list or kind is tuple:
        return _is_element(value, container)
    if kind is dict or kind is MixedMap:
        return find(container, value) is not MISSING
    raise failures.no_such_overload("@in", value, container)


def _is_element(value: Any, elements: Sequence[Any]) -> bool:
    kind = value.__class__
    if kind is str or kind is bytes:
        return value in elements
    # Python looks faster than we do, and finds all that is equal here and more (`1 == True`).
    if kind in _NUMBERS and -_EXACT < value < _EXACT and value not in elements:
        return False
    return any(equal(value, element) for element in elements)


def select(operand: Any, field: str) -> Any:
    """`operand.field`; raises `EvaluationError` (`no-such-field`, `no-such-overload`)."""
    kind = operand.__class__
    if kind is dict or kind is MixedMap:
        value = operand.get(field, MISSING)
        if value is MISSING:
            raise failures.no_such_field(field)
        return value
    if kind is OptionalValue:
        return optional_select(operand, field)
    if isinstance(operand, Message):
        return operand.field(field)
    raise failures.no_such_overload("_._", operand)


def has(operand: Any, field: str) -> bool:
    """`has(operand.field)`; raises `EvaluationError` (`no-such-overload`)."""
    kind = operand.__class__
    if kind is dict or kind is MixedMap:
        return field in operand
    if kind is OptionalValue:
        inner = innermost(operand)
        return inner is not MISSING and has(inner, field)
    if isinstance(operand, Message):
        return operand.has(field)
    raise failures.no_such_overload("has", operand)


def innermost(operand: Any) -> Any:
    """What an optional, or an optional within optionals, holds; `MISSING` where it is empty."""
    while operand.__class__ is OptionalValue:
        if not operand.present:
            return MISSING
        operand = operand.value
    return operand


def optional_select(operand: Any, field: str) -> OptionalValue:
    """`operand.?field`: empty where the field, or an optional operand, is absent."""
    inner = innermost(operand)
    if inner is MISSING or not has(inner, field):
        return NONE
    return OptionalValue(True, select(inner, field))


def optional_index(operand: Any, key: Any) -> OptionalValue:
    """`operand[?key]`: empty where the key is absent or the index is out of range."""
    operand = innermost(operand)
    if operand is MISSING:
        return NONE
    kind = operand.__class__
    if kind is dict or kind is MixedMap:
        value = find(operand, key)
        return NONE if value is MISSING else OptionalValue(True, value)
    if kind is list or kind is tuple:
        position = _position(operand, key)
        return OptionalValue(True, operand[position]) if 0 <= position < len(operand) else NONE
    raise failures.no_such_overload("_[?_]", operand, key)
