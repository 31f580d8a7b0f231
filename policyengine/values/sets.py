"""Lists as sets: the functions of CEL's `sets` extension, in time linear in the lists' size."""

from __future__ import annotations

from typing import Any, Final

from policyengine.values import failures
from policyengine.values.members import Members

_LISTS: Final = (list, tuple)


def _check(function: str, left: Any, right: Any) -> None:
    if left.__class__ not in _LISTS or right.__class__ not in _LISTS:
        raise failures.no_such_overload(function, left, right)


def contains(values: Any, others: Any) -> bool:
    """`sets.contains(values, others)`: whether all the others are among the values.

    >>> contains([1, 2, 3], [2.0, 1]), contains([], [1]), contains([1], [])
    (True, False, True)
    """
    _check("sets.contains", values, others)
    return _holds_all(values, others)


def equivalent(left: Any, right: Any) -> bool:
    """`sets.equivalent(left, right)`: whether each value of one is in the other.

    >>> equivalent([1, 1], [1]), equivalent([1], [1, 2])
    (True, False)
    """
    _check("sets.equivalent", left, right)
    return _holds_all(left, right) and _holds_all(right, left)


def intersects(left: Any, right: Any) -> bool:
    """`sets.intersects(left, right)`: whether a value is in both.

    >>> intersects([1], [2, 1]), intersects([], [])
    (True, False)
    """
    _check("sets.intersects", left, right)
    if _texts(left) and _texts(right):
        return not frozenset(left).isdisjoint(right)
    members = Members(right)
    return any(value in members for value in left)


def _holds_all(values: Any, others: Any) -> bool:
    if _texts(values) and _texts(others):
        return frozenset(values).issuperset(others)
    members = Members(values)
    return all(other in members for other in others)


def _texts(values: Any) -> bool:
    """Whether all are strings, which Python compares as CEL does."""
    return all(value.__class__ is str for value in values)
