"""Maps as CEL sees them: `1`, `1u` and `1.0` are one key, `true` is another.

Python takes `True` and `1` for the same key of a dict. A lookup therefore asks with a probe that
is equal only to keys of its own kind, and a map with keys of both kinds is a `MixedMap`.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.kinds import UInt

MISSING: Final = object()


class _BoolKey:
    """A bool that equals bools alone."""

    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is _BoolKey:
            return self.value is other.value
        return self.value is other


class _NumberKey:
    """A number that equals numbers, but no bool."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        return other.__class__ is not bool and self.value == other


_TRUE: Final = _BoolKey(True)
_FALSE: Final = _BoolKey(False)
# INVARIANT: these are the only keys that a bool and a number share in a dict.
_ZERO: Final = _NumberKey(0)
_ONE: Final = _NumberKey(1)


class MixedMap(dict[Any, Any]):
    """A map with both bool and number keys. Bools are wrapped inside and bare outside.

    >>> mixed = make_map([(True, "yes"), (1, "one")])
    >>> list(mixed.items()), mixed[True], mixed[1]
    ([(True, 'yes'), (1, 'one')], 'yes', 'one')
    """

    __slots__ = ()
    CEL_TYPE = "map"

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_wrapped(key), value)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_wrapped(key))

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_wrapped(key))

    def __iter__(self) -> Iterator[Any]:
        return map(_bare, super().__iter__())

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_wrapped(key), default)

    def keys(self) -> KeysView[Any]:  # type: ignore[override]
        return KeysView(self)

    def items(self) -> ItemsView[Any, Any]:  # type: ignore[override]
        return ItemsView(self)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {value!r}" for key, value in self.items()) + "}"


def _wrapped(key: Any) -> Any:
    return (_TRUE if key else _FALSE) if key.__class__ is bool else key


def _bare(key: Any) -> Any:
    return key.value if key.__class__ is _BoolKey else key


def find(mapping: dict[Any, Any], key: Any) -> Any:
    """The value of a map's key, or `MISSING`. A key of a type that keys cannot have is missing.

    >>> find({1: "one"}, 1.0), find({1: "one"}, True) is MISSING
    ('one', True)
    """
    kind = key.__class__
    if kind is str:
        return mapping.get(key, MISSING)
    if kind is bool:
        return dict.get(mapping, _TRUE if key else _FALSE, MISSING)
    if kind is int or kind is UInt or kind is float:
        probe = _ZERO if key == 0 else _ONE if key == 1 else key
        return dict.get(mapping, probe, MISSING)
    # As in `compare.equal`.
    return mapping.get(key, MISSING) if isinstance(key, str) else MISSING


def make_map(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """The map of these keys and values, in their order.

    Raises `EvaluationError` (`bad-key`, `duplicate-key`).

    >>> make_map([("a", 1), ("b", 2)])
    {'a': 1, 'b': 2}
    """
    result: dict[Any, Any] = {}
    bools = numbers = False
    for key, value in pairs:
        kind = key.__class__
        if kind is bool:
            bools = True
        elif kind is int or kind is UInt:
            numbers = True
        elif kind is not str:
            raise failures.bad_key(key)
        if bools and numbers and result.__class__ is dict:
            result = _mixed(result)
        if key in result:
            raise failures.duplicate_key()
        result[key] = value
    return result


def _mixed(plain: dict[Any, Any]) -> MixedMap:
    mixed = MixedMap()
    for key, value in plain.items():
        mixed[key] = value
    return mixed
