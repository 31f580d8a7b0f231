"""CEL's values as classes of Python, under the names that cel-python gives them.

Every class is a Python class too (`IntType` is an `int`), so values interoperate both ways. A
value that is given to an expression need not be one of them; what an expression gives is.
"""

from __future__ import annotations

from typing import Any

from policyengine.compat.celpy._containers import (
    FunctionType,
    ListType,
    MapType,
    MessageType,
    NullType,
    PackageType,
    TypeType,
)
from policyengine.compat.celpy._numbers import BoolType, DoubleType, IntType, UintType
from policyengine.compat.celpy._texts import BytesType, StringType
from policyengine.compat.celpy._times import DurationType, TimestampType

Value = (
    BoolType | BytesType | DoubleType | DurationType | IntType | ListType | MapType | None
    | StringType | TimestampType | UintType
)  # fmt: skip
CELType = type


def logical_condition(e: Any, x: Any, y: Any) -> Any:
    """`e ? x : y`; raises `TypeError` where `e` is no bool."""
    if not _is_bool(e):
        raise TypeError("the condition of `?:` must be a bool")
    return x if e else y


def logical_and(x: Any, y: Any) -> Any:
    """`x && y`: false decides, whatever the other is; an exception given for a value counts.

    >>> logical_and(ValueError("no"), BoolType(False))
    BoolType(False)
    """
    return _joined(x, y, decisive=False)


def logical_or(x: Any, y: Any) -> Any:
    """`x || y`: true decides, whatever the other is."""
    return _joined(x, y, decisive=True)


def logical_not(x: Any) -> BoolType:
    """`!x`; raises `TypeError` where it is no bool."""
    if not _is_bool(x):
        raise TypeError("`!` takes a bool")
    return BoolType(not x)


def _joined(x: Any, y: Any, *, decisive: bool) -> Any:
    for side in (x, y):
        if _is_bool(side) and bool(side) is decisive:
            return BoolType(decisive)
    for side in (x, y):
        if not _is_bool(side) and not isinstance(side, Exception):
            raise TypeError("`&&` and `||` take bools")
    return next((side for side in (x, y) if isinstance(side, Exception)), BoolType(not decisive))


def _is_bool(value: object) -> bool:
    return isinstance(value, bool | BoolType)


__all__ = [
    "BoolType",
    "BytesType",
    "CELType",
    "DoubleType",
    "DurationType",
    "FunctionType",
    "IntType",
    "ListType",
    "MapType",
    "MessageType",
    "NullType",
    "PackageType",
    "StringType",
    "TimestampType",
    "TypeType",
    "UintType",
    "Value",
    "logical_and",
    "logical_condition",
    "logical_not",
    "logical_or",
]
