"""The CEL types of a bundle's constants, taken from their values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from policyengine.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    ListType,
    MapType,
    Type,
)

_SCALARS: dict[type, Type] = {
    type(None): NULL, bool: BOOL, int: INT, float: DOUBLE, str: STRING,
}  # fmt: skip


def type_of(value: Any) -> Type:
    """The type of a JSON value; where its parts differ, `dyn` for them.

    >>> str(type_of({"a": [1, 2], "b": [3]}))
    'map(string, list(int))'
    """
    if isinstance(value, list):
        return ListType(_common(value))
    if isinstance(value, dict):
        return MapType(STRING, _common(value.values()))
    return _SCALARS[type(value)]


def _common(values: Iterable[Any]) -> Type:
    types = {type_of(value) for value in values}
    return types.pop() if len(types) == 1 else DYN
