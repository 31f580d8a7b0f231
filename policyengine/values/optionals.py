"""Optionals: `optional.of(x)`, and what can be asked of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.kinds import NONE, OptionalValue, UInt
from policyengine.values.maps import MixedMap
from policyengine.values.messages import Message
from policyengine.values.times import Duration, Timestamp

_LISTS: Final = (list, tuple)
# As in protobuf, a timestamp that was never set is 1970-01-01T00:00:00Z.
_ZERO_OF: Final[dict[type, Any]] = {
    bool: False,
    int: 0,
    UInt: 0,
    float: 0.0,
    str: "",
    bytes: b"",
    type(None): None,
    Timestamp: Timestamp(0),
    Duration: Duration(0),
}
_SIZED: Final = (list, tuple, dict, MixedMap)


def of(value: Any) -> OptionalValue:
    """`optional.of(value)`."""
    return OptionalValue(True, value)


def of_non_zero_value(value: Any) -> OptionalValue:
    """`optional.ofNonZeroValue(value)`: empty for null, false, zero and what has no parts.

    >>> of_non_zero_value(""), of_non_zero_value([0]).present
    (OptionalValue(present=False, value=None), True)
    """
    kind = value.__class__
    if kind in _SIZED:
        return OptionalValue(True, value) if value else NONE
    if kind in _ZERO_OF and value == _ZERO_OF[kind]:
        return NONE
    if isinstance(value, Message) and value.is_zero():
        return NONE
    return OptionalValue(True, value)


def none() -> OptionalValue:
    """`optional.none()`."""
    return NONE


def has_value(optional: Any) -> bool:
    """`optional.hasValue()`."""
    if optional.__class__ is not OptionalValue:
        raise failures.no_such_overload("hasValue", optional)
    return bool(optional.present)


def value(optional: Any) -> Any:
    """`optional.value()`; raises `EvaluationError` (`no-value`) for an empty one."""
    if optional.__class__ is not OptionalValue:
        raise failures.no_such_overload("value", optional)
    if not optional.present:
        raise failures.no_value()
    return optional.value


def or_optional(optional: Any, other: Any) -> OptionalValue:
    """`optional.or(other)`: the first of the two optionals that has a value."""
    return or_optional_lazily(optional, lambda: other)


def or_value(optional: Any, other: Any) -> Any:
    """`optional.orValue(other)`: the optional's value, or the other one where it is empty."""
    return or_value_lazily(optional, lambda: other)


def or_optional_lazily(optional: Any, other: Callable[[], Any]) -> OptionalValue:
    """`optional.or(other)`; the other one is evaluated only where the first is empty."""
    if optional.__class__ is not OptionalValue:
        raise failures.no_such_overload("or", optional)
    if optional.present:
        return OptionalValue(True, optional.value)
    chosen = other()
    if chosen.__class__ is not OptionalValue:
        raise failures.no_such_overload("or", optional, chosen)
    return OptionalValue(chosen.present, chosen.value)


def or_value_lazily(optional: Any, other: Callable[[], Any]) -> Any:
    """`optional.orValue(other)`; the other value is evaluated only where it is needed."""
    if optional.__class__ is not OptionalValue:
        raise failures.no_such_overload("orValue", optional)
    return optional.value if optional.present else other()


def unwrap(optionals: Any) -> list[Any]:
    """`optional.unwrap(list)`: the values of the optionals that have one.

    >>> unwrap([of(1), none(), of(2)])
    [1, 2]
    """
    if optionals.__class__ not in _LISTS:
        raise failures.no_such_overload("unwrap", optionals)
    for optional in optionals:
        if optional.__class__ is not OptionalValue:
            raise failures.no_such_overload("unwrap", optionals)
    return [optional.value for optional in optionals if optional.present]


def first(values: Any) -> OptionalValue:
    """`list.first()`: the first element, or empty where the list is."""
    if values.__class__ not in _LISTS:
        raise failures.no_such_overload("first", values)
    return OptionalValue(True, values[0]) if values else NONE


def last(values: Any) -> OptionalValue:
    """`list.last()`: the last element, or empty where the list is."""
    if values.__class__ not in _LISTS:
        raise failures.no_such_overload("last", values)
    return OptionalValue(True, values[-1]) if values else NONE
