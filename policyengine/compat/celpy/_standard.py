"""The functions that expressions may call: all of this engine's, and cel-python's additions.

cel-python lets `contains` look into lists and maps, durations be written in days, and gives time
zones further names. The specification has none of this and forbids none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from policyengine.cel.functions import Function, Overload, library, table
from policyengine.cel.types import BOOL, DYN, ListType, MapType
from policyengine.compat.celpy import celtypes
from policyengine.errors import EvaluationError
from policyengine.values import containers, conversions, strings

# cel-python has the standard library alone; its users may use the others here.
LIBRARIES: Final = (
    "standard", "strings", "math", "lists", "sets", "encoders", "bindings", "optionals",
    "comprehensions", "block",
)  # fmt: skip
_ZONED: Final = (
    "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
    "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
)  # fmt: skip


@lru_cache(maxsize=1)
def macros() -> tuple[str, ...]:
    """The macros of all libraries."""
    return tuple(macro for name in LIBRARIES for macro in library(name).macros)


@lru_cache(maxsize=1)
def functions() -> Mapping[str, Function]:
    """The functions of all libraries by their names."""
    rows = dict(table(row for name in LIBRARIES for row in library(name).functions))
    for name in _ZONED:
        rows[name] = replace(rows[name], impl=_with_aliases(implementation(rows[name])))
    rows["duration"] = replace(rows["duration"], impl=_duration)
    known = rows["contains"]
    inside = tuple(
        Overload(f"contains_{name}", (over, DYN), BOOL, True, receiver=True)
        for name, over in (("list", ListType(DYN)), ("map", MapType(DYN, DYN)))
    )
    rows["contains"] = replace(known, overloads=known.overloads + inside, impl=_contains)
    return rows


def implementation(row: Function) -> Callable[..., Any]:
    """What a row of the table calls."""
    if not isinstance(row.impl, str):
        return row.impl
    module, _, name = row.impl.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(f"policyengine.values.{module}"), name)
    return found


def _with_aliases(read: Callable[..., Any]) -> Callable[..., Any]:
    """A part of a timestamp, in zones that `TimestampType.TZ_ALIASES` names too."""

    def part(value: Any, *zone: Any) -> Any:
        aliases = celtypes.TimestampType.TZ_ALIASES
        return read(value, *(aliases.get(each, each) for each in zone))

    return part


def _duration(value: Any) -> Any:
    try:
        return conversions.to_duration(value)
    except EvaluationError:
        if not isinstance(value, str) or "d" not in value:
            raise
        try:
            return celtypes.DurationType(value).duration_value()
        except ValueError:
            pass
        raise


def _contains(container: Any, item: Any) -> Any:
    if isinstance(container, list | tuple | dict):
        return containers.contains_in(item, container)
    return strings.contains(container, item)
