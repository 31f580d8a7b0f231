"""Values between a caller and the engine: classes of `celtypes` outside, the engine's inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from policyengine.compat.celpy import celtypes
from policyengine.values import failures
from policyengine.values.kinds import INT_MAX, INT_MIN, TypeValue, UInt, type_name
from policyengine.values.maps import MixedMap, make_map
from policyengine.values.times import Duration, Timestamp

# The engine's own limit on the depth of values; cycles end here too.
MAX_DEPTH: Final = 200

# The classes of cel-python by the names of CEL's types.
TYPES: Final[dict[str, type]] = {
    "bool": celtypes.BoolType,
    "bytes": celtypes.BytesType,
    "double": celtypes.DoubleType,
    "int": celtypes.IntType,
    "uint": celtypes.UintType,
    "string": celtypes.StringType,
    "list": celtypes.ListType,
    "map": celtypes.MapType,
    "null_type": type(None),
    "google.protobuf.Timestamp": celtypes.TimestampType,
    "google.protobuf.Duration": celtypes.DurationType,
    "type": celtypes.TypeType,
}
_NAMES: Final = {class_: name for name, class_ in TYPES.items()} | {
    celtypes.NullType: "null_type",
    celtypes.MessageType: "map",
}


def is_host(value: object) -> bool:
    """Whether the engine knows nothing of a value's class."""
    return type_name(value) == "unknown"


def to_engine(value: Any) -> Any:
    """A value of a caller as the engine has it; what has no CEL type is left as it is.

    Raises `EvaluationError` for what is out of range or nested too deeply.

    >>> to_engine(celtypes.MapType({"a": celtypes.UintType(1)}))
    {'a': 1}
    """
    return _to_engine(value, 0)


def _to_engine(value: Any, depth: int) -> Any:
    kind = value.__class__
    convert = _PLAIN.get(kind)
    if convert is not None:
        return convert(value)
    # Messages of a caller's own class have fields that only they know of.
    if isinstance(value, celtypes.MessageType) and kind is not celtypes.MessageType:
        return value
    if isinstance(value, list | tuple | Mapping):
        return _container(value, depth)
    for base, convert in _BASES:
        if isinstance(value, base):
            return convert(value)
    return value


def _container(value: Any, depth: int) -> Any:
    if depth >= MAX_DEPTH:
        raise failures.too_deep(MAX_DEPTH)
    if not isinstance(value, Mapping):
        return [_to_engine(item, depth + 1) for item in value]
    pairs = [(_to_engine(k, depth + 1), _to_engine(v, depth + 1)) for k, v in value.items()]
    if all(key.__class__ is str for key, _ in pairs):
        return dict(pairs)
    return make_map(pairs)


def _int(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return int(value)
    raise failures.overflow("int")


def _class(value: type) -> Any:
    name = _NAMES.get(value)
    return value if name is None else TypeValue(name)


def _same(value: Any) -> Any:
    return value


_PLAIN: Final[dict[type, Callable[[Any], Any]]] = {
    str: _same,
    int: _int,
    bool: _same,
    float: _same,
    bytes: _same,
    type(None): _same,
    celtypes.StringType: str.__str__,
    celtypes.IntType: int,
    celtypes.UintType: UInt,
    celtypes.BoolType: bool,
    celtypes.DoubleType: float,
    celtypes.BytesType: bytes,
    celtypes.NullType: lambda _: None,
}
# Subclasses, the narrower before the wider.
_BASES: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (celtypes.BoolType, bool),
    (celtypes.UintType, UInt),
    (UInt, _same),
    (int, _int),
    (float, float),
    (str, str.__str__),
    (bytes, bytes),
    (datetime, lambda value: celtypes.TimestampType(value).timestamp_value()),
    (timedelta, lambda value: celtypes.DurationType(value).duration_value()),
    (type, _class),
)


def from_engine(value: Any) -> Any:
    """A value of the engine as cel-python has it.

    >>> from_engine([1, {"a": None}])
    ListType([IntType(1), MapType({StringType('a'): None})])
    """
    convert = _OUT.get(value.__class__)
    return value if convert is None else convert(value)


def _map(value: dict[Any, Any]) -> celtypes.MapType:
    made = celtypes.MapType()
    for key, item in value.items():
        made[from_engine(key)] = from_engine(item)
    return made


def _list(value: Any) -> celtypes.ListType:
    return celtypes.ListType(map(from_engine, value))


_OUT: Final[dict[type, Callable[[Any], Any]]] = {
    bool: celtypes.BoolType,
    int: celtypes.IntType,
    UInt: celtypes.UintType,
    float: celtypes.DoubleType,
    str: celtypes.StringType,
    bytes: celtypes.BytesType,
    list: _list,
    tuple: _list,
    dict: _map,
    MixedMap: _map,
    Timestamp: celtypes.TimestampType.at,
    Duration: lambda value: celtypes.DurationType.of(value.nanoseconds),
    TypeValue: lambda value: TYPES.get(value.name, value),
}
