"""Inputs and facts as values of cel-python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from policyengine.cel.types import (
    DOUBLE,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    ObjectType,
    Type,
    WrapperType,
)
from policyengine.errors import EvaluationError
from policyengine.values.conform import conform
from policyengine.values.kinds import UInt
from policyengine.values.times import Duration, Timestamp

_CONVERTED = {DOUBLE: "double", TIMESTAMP: "timestamp", UINT: "uint"}


def of_type(value: Any, type_: Type) -> Any:
    """An input as its declared type has it: numbers are doubles where the type says so.

    Null stands for a field that is absent, unless the field may be null. What does not fit is
    left as it is.
    """
    match type_:
        case ObjectType() if isinstance(value, Mapping):
            return {
                key: of_type(item, type_.fields[key].type) if key in type_.fields else item
                for key, item in value.items()
                if item is not None or key not in type_.fields or _nullable(type_.fields[key].type)
            }
        case ListType() if isinstance(value, list | tuple):
            return [of_type(item, type_.element) for item in value]
        case MapType() if isinstance(value, Mapping):
            return {key: of_type(item, type_.value) for key, item in value.items()}
        case WrapperType():
            return None if value is None else of_type(value, type_.value)
        case _ if type_ in _CONVERTED:
            try:
                return conform(value, _CONVERTED[type_])
            except EvaluationError:
                return value
        case _:
            return value


def _nullable(type_: Type) -> bool:
    return isinstance(type_, WrapperType) or str(type_) in ("dyn", "null_type")


def as_cel_python(celtypes: Any) -> Callable[[Any], Any]:
    """What turns the engine's values into those of cel-python's module `celtypes`."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    def convert(value: Any) -> Any:
        match value:
            case None:
                return None
            case bool():
                return celtypes.BoolType(value)
            case UInt():
                return celtypes.UintType(int(value))
            case int():
                return celtypes.IntType(value)
            case float():
                return celtypes.DoubleType(value)
            case str():
                return celtypes.StringType(value)
            case bytes():
                return celtypes.BytesType(value)
            case list() | tuple():
                return celtypes.ListType([convert(item) for item in value])
            case Mapping():
                return celtypes.MapType({convert(k): convert(v) for k, v in value.items()})
            case Timestamp():
                past = timedelta(microseconds=value.nanoseconds // 1_000)
                return celtypes.TimestampType(epoch + past)
            case Duration():
                return celtypes.DurationType(timedelta(microseconds=value.nanoseconds // 1_000))
            case _:
                return value

    return convert
