"""A set of CEL values: equality is CEL's, and a look-up costs the size of the value alone.

Values get a number by their structure, so that equal values have the same number. Past 2**53
whole numbers that are not equal may share one with the double they round to; equality decides.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.compare import equal
from policyengine.values.kinds import INT_MIN, UINT_MAX, OptionalValue, UInt
from policyengine.values.maps import MixedMap

_NUMBERS: Final = (int, UInt, float)
_LISTS: Final = (list, tuple)
_MAPS: Final = (dict, MixedMap)
_PLAIN: Final = (str, bytes, bool, type(None))
_NESTED: Final = (*_LISTS, *_MAPS, OptionalValue)
# Comparisons that find nothing, in all. Values that share a number without being equal are rare
# enough that only a hostile list holds more of them.
MAX_MISSES: Final = 1 << 14


class Members:
    """Values that were added, none equal to another.

    >>> members = Members([1, "a", [2]])
    >>> 1.0 in members, [2.0] in members, "2" in members
    (True, True, False)
    """

    __slots__ = ("_buckets", "_kept", "_known", "_misses", "_numbers")

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._buckets: dict[Hashable, list[Any]] = {}
        self._numbers: dict[Hashable, int] = {}
        # What is inside a value is looked at once, however often it is shared. A value that is
        # kept has an id of its own.
        self._known: dict[int, Hashable] = {}
        self._kept: list[Any] = []
        self._misses = MAX_MISSES
        for value in values:
            self.add(value)

    def add(self, value: Any) -> bool:
        """Whether the value is new; raises `EvaluationError` (`too-large`)."""
        bucket = self._buckets.setdefault(self._key(value), [])
        if self._find(value, bucket):
            return False
        bucket.append(value)
        return True

    def __contains__(self, value: object) -> bool:
        return self._find(value, self._buckets.get(self._key(value), []))

    def _find(self, value: Any, bucket: list[Any]) -> bool:
        for member in bucket:
            if equal(member, value):
                return True
            self._misses -= 1
            if self._misses < 0:
                raise failures.too_large("comparison of lists", MAX_MISSES)
        return False

    def _key(self, value: Any) -> Hashable:
        return self._nested(value) if value.__class__ in _NESTED else _scalar(value)

    def _nested(self, root: Any) -> Hashable:
        pending = [root]
        entered: set[int] = set()
        while pending:
            value = pending[-1]
            if id(value) in self._known:
                pending.pop()
                continue
            parts = _parts(value)
            missing = [p for p in parts if p.__class__ in _NESTED and id(p) not in self._known]
            if missing:
                if id(value) in entered:
                    raise failures.too_deep(len(entered))  # it holds itself
                entered.add(id(value))
                pending += missing
                continue
            pending.pop()
            self._kept.append(value)
            self._known[id(value)] = self._number(value, parts)
        return self._known[id(root)]

    def _number(self, value: Any, parts: list[Any]) -> Hashable:
        keys = [
            self._known[id(part)] if part.__class__ in _NESTED else _scalar(part) for part in parts
        ]
        structure: Hashable
        if value.__class__ in _LISTS:
            structure = ("list", *keys)
        elif value.__class__ in _MAPS:
            names = map(_scalar, value)
            structure = ("map", frozenset(zip(names, keys, strict=True)))
        else:
            structure = ("optional", value.present, *keys)
        return ("nested", self._numbers.setdefault(structure, len(self._numbers)))


def _parts(value: Any) -> list[Any]:
    if value.__class__ in _LISTS:
        return list(value)
    if value.__class__ in _MAPS:
        return [part for _, part in value.items()]
    return [value.value] if value.present else []


def _scalar(value: Any) -> Hashable:
    kind = value.__class__
    if kind in _NUMBERS:
        if value != value:
            return object()  # NaN equals nothing
        return ("number", float(value) if INT_MIN <= value <= UINT_MAX else value)
    # Equality takes everything else for unequal, and it may not have a hash.
    return (kind, value) if kind in _PLAIN or hasattr(kind, "CEL_TYPE") else object()
