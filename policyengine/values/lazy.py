"""The absorbing forms of CEL's control flow: operands come as functions and may raise.

Fast code uses Python's own `and`, `or` and loops, and comes here, to the reference, when
something raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from policyengine.errors import EvaluationError
from policyengine.values import failures
from policyengine.values.budget import absorbed
from policyengine.values.kinds import OptionalValue
from policyengine.values.maps import MixedMap, make_map

Thunk = Callable[[], Any]


def every(*operands: Thunk) -> bool:
    """`a && b && ...`: false where any operand is false, whatever the others do."""
    return not _settled(operands, "_&&_", False)


def either(*operands: Thunk) -> bool:
    """`a || b || ...`: true where any operand is true, whatever the others do."""
    return _settled(operands, "_||_", True)


def _settled(operands: tuple[Thunk, ...], operator: str, decisive: bool) -> bool:
    failure: EvaluationError | None = None
    for operand in operands:
        try:
            value = operand()
        except EvaluationError as error:
            failure = absorbed(failure, error)
            continue
        if value is decisive:
            return True
        if value.__class__ is not bool:
            failure = failure or failures.no_such_overload(operator, value)
    if failure is not None:
        raise failure
    return False


def choose(condition: Any, then: Thunk, otherwise: Thunk) -> Any:
    """`condition ? then : otherwise`."""
    if condition.__class__ is not bool:
        raise failures.no_such_overload("_?_:_", condition)
    return then() if condition else otherwise()


class Once:
    """A named value, computed when first asked for and kept; so is its error."""

    __slots__ = ("_compute", "_failure", "_value")

    def __init__(self, compute: Thunk) -> None:
        self._compute: Thunk | None = compute
        self._value: Any = None
        self._failure: EvaluationError | None = None

    def __call__(self) -> Any:
        if self._compute is not None:
            try:
                self._value = self._compute()
            except EvaluationError as error:
                self._failure = error
            self._compute = None
        if self._failure is not None:
            raise self._failure
        return self._value

    def settle(self) -> None:
        """Computes the value now, keeping a failure for who asks."""
        with suppress(EvaluationError):
            self()


def elements(value: Any) -> Iterator[Any]:
    """What a one-variable comprehension runs over: elements of a list, keys of a map."""
    if value.__class__ in (list, tuple, dict, MixedMap):
        return iter(value)
    raise failures.no_such_overload("comprehension", value)


def pairs(value: Any) -> Iterator[tuple[Any, Any]]:
    """What a two-variable comprehension runs over: index and element, or key and value."""
    if value.__class__ in (list, tuple):
        return iter(enumerate(value))
    if value.__class__ in (dict, MixedMap):
        return iter(value.items())
    raise failures.no_such_overload("comprehension", value)


def _iterate(value: Any, arity: int) -> Iterator[Any]:
    return pairs(value) if arity == 2 else elements(value)


def _call(function: Callable[..., Any], item: Any, arity: int) -> Any:
    return function(*item) if arity == 2 else function(item)


def _holds(function: Callable[..., Any], item: Any, arity: int) -> bool:
    value = _call(function, item, arity)
    if value.__class__ is not bool:
        raise failures.no_such_overload("comprehension", value)
    return bool(value)


def _search(value: Any, predicate: Callable[..., Any], arity: int, decisive: bool) -> bool:
    failure: EvaluationError | None = None
    for item in _iterate(value, arity):
        try:
            if _holds(predicate, item, arity) is decisive:
                return True
        except EvaluationError as error:
            failure = absorbed(failure, error)
    if failure is not None:
        raise failure
    return False


def exists(value: Any, predicate: Callable[..., Any], arity: int) -> bool:
    """`value.exists(...)`: true where any element satisfies, even if others fail."""
    return _search(value, predicate, arity, True)


def for_all(value: Any, predicate: Callable[..., Any], arity: int) -> bool:
    """`value.all(...)`: false where any element does not satisfy, even if others fail."""
    return not _search(value, predicate, arity, False)


def exists_one(value: Any, predicate: Callable[..., Any], arity: int) -> bool:
    """`value.exists_one(...)`: every element is looked at, and any failure fails it."""
    return sum(_holds(predicate, item, arity) for item in _iterate(value, arity)) == 1


def select_all(value: Any, predicate: Callable[..., Any], arity: int) -> list[Any]:
    """`value.filter(x, predicate)`."""
    return [item for item in _iterate(value, arity) if _holds(predicate, item, arity)]


def map_all(
    value: Any, predicate: Callable[..., Any] | None, result: Callable[..., Any], arity: int
) -> list[Any]:
    """`value.map(x, predicate, result)` and `value.transformList(i, v, predicate, result)`."""
    return [
        _call(result, item, arity)
        for item in _iterate(value, arity)
        if predicate is None or _holds(predicate, item, arity)
    ]


def transform_map(
    value: Any, predicate: Callable[..., Any] | None, result: Callable[..., Any], arity: int
) -> dict[Any, Any]:
    """`value.transformMap(k, v, predicate, result)`."""
    return make_map(
        (item[0], _call(result, item, arity))
        for item in _iterate(value, arity)
        if predicate is None or _holds(predicate, item, arity)
    )


def transform_map_entry(
    value: Any, predicate: Callable[..., Any] | None, result: Callable[..., Any], arity: int
) -> dict[Any, Any]:
    """`value.transformMapEntry(k, v, predicate, {key: value})`; a key twice is an error."""
    entries: list[tuple[Any, Any]] = []
    for item in _iterate(value, arity):
        if predicate is None or _holds(predicate, item, arity):
            entry = _call(result, item, arity)
            if entry.__class__ not in (dict, MixedMap):
                raise failures.no_such_overload("transformMapEntry", entry)
            entries.extend(entry.items())
    return make_map(entries)


def build_list(items: tuple[Any, ...], optional: frozenset[int]) -> list[Any]:
    """`[a, ?b]`: elements written with `?` are optionals and may be left out."""
    built: list[Any] = []
    for position, item in enumerate(items):
        if position not in optional:
            built.append(item)
        elif item.__class__ is not OptionalValue:
            raise failures.no_such_overload("[?_]", item)
        elif item.present:
            built.append(item.value)
    return built


def build_map(entries: tuple[tuple[Any, Any], ...], optional: frozenset[int]) -> dict[Any, Any]:
    """`{k: v, ?k2: v2}`: values written with `?` are optionals and may be left out."""
    kept: list[tuple[Any, Any]] = []
    for position, (key, value) in enumerate(entries):
        if position not in optional:
            kept.append((key, value))
        elif value.__class__ is not OptionalValue:
            raise failures.no_such_overload("{?_}", value)
        elif value.present:
            kept.append((key, value.value))
    return make_map(kept)
