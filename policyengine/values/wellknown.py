"""Messages of protobuf's well-known types, made from their fields without protobuf.

In CEL such a message is the plain value that it stands for: `google.protobuf.Int64Value{value: 1}`
is `1`, a `google.protobuf.Struct` is a map.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.clock_text import format_duration, format_timestamp
from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX, UInt
from policyengine.values.maps import MixedMap
from policyengine.values.messages import Message
from policyengine.values.times import SECOND, Duration, Timestamp

_PREFIX: Final = "google.protobuf."
# As deep as protobuf itself reads messages.
_MAX_DEPTH: Final = 100
# JSON numbers are doubles: whole numbers past this are written as text.
_MAX_EXACT: Final = (1 << 53) - 1

_Fields = Mapping[str, Any]


def message(name: str, fields: _Fields) -> Any:
    """The value of `name{fields}`, where `name` is one of the well-known types.

    Raises `EvaluationError` (`bad-conversion`, `overflow`, `no-such-field`, `too-deep`).

    >>> message("google.protobuf.Int32Value", {"value": 7}), message("google.protobuf.Value", {})
    (7, None)
    """
    made = _MESSAGES.get(name)
    if made is None:
        raise failures.bad_conversion(name, fields)
    return made(name, fields)


def _only(name: str, fields: _Fields, known: tuple[str, ...]) -> None:
    for field in fields:
        if field not in known:
            raise failures.no_such_field(field)


def _of_class(name: str, value: Any, *classes: type) -> Any:
    if value.__class__ not in classes:
        raise failures.bad_conversion(name, value)
    return value


def _wrapper(
    class_: type, default: Any, fitted: Callable[[str, Any], Any]
) -> Callable[[str, _Fields], Any]:
    def made(name: str, fields: _Fields) -> Any:
        _only(name, fields, ("value",))
        if "value" not in fields:
            return default
        return fitted(name, _of_class(name, fields["value"], class_))

    return made


def _plain(name: str, value: Any) -> Any:
    return value


def _within(low: int, high: int) -> Callable[[str, Any], Any]:
    def fitted(name: str, value: Any) -> Any:
        if not low <= value <= high:
            raise failures.overflow(name)
        return value

    return fitted


def single_precision(value: float) -> float:
    """The double nearest to what a protobuf float keeps of a number.

    >>> single_precision(1.5), single_precision(1e300)
    (1.5, inf)
    """
    try:
        (kept,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return math.copysign(math.inf, value)
    return float(kept)


def _seconds_and_nanos(name: str, fields: _Fields, lowest_nanos: int) -> int:
    _only(name, fields, ("seconds", "nanos"))
    seconds = _of_class(name, fields.get("seconds", 0), int)
    nanos = _of_class(name, fields.get("nanos", 0), int)
    if not lowest_nanos <= nanos < SECOND:
        raise failures.overflow(name)
    return int(seconds * SECOND + nanos)


def _timestamp(name: str, fields: _Fields) -> Timestamp:
    return Timestamp(_seconds_and_nanos(name, fields, 0))


def _duration(name: str, fields: _Fields) -> Duration:
    return Duration(_seconds_and_nanos(name, fields, -SECOND + 1))


def _list_value(name: str, fields: _Fields) -> Any:
    _only(name, fields, ("values",))
    return to_json(_of_class(name, fields.get("values", []), list, tuple))


def _struct_value(name: str, fields: _Fields) -> Any:
    _only(name, fields, ("fields",))
    return to_json(_of_class(name, fields.get("fields", {}), dict, MixedMap))


_VALUE_FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "null_value": (int, type(None)),
    "number_value": (float,),
    "string_value": (str,),
    "bool_value": (bool,),
    "struct_value": (dict, MixedMap),
    "list_value": (list, tuple),
}


def _value(name: str, fields: _Fields) -> Any:
    """The last field that is set, as for any `oneof`; null where there is none."""
    _only(name, fields, tuple(_VALUE_FIELDS))
    chosen: Any = None
    for field, value in fields.items():
        _of_class(name, value, *_VALUE_FIELDS[field])
        chosen = None if field == "null_value" else to_json(value)
    return chosen


def to_json(value: Any) -> Any:
    """The value as JSON has it: numbers are doubles, bytes and times are texts.

    Raises `EvaluationError` (`bad-conversion`, also for keys that are no strings; `too-deep`).

    >>> to_json([1, b"a", {"at": Timestamp(0)}])
    [1.0, 'YQ==', {'at': '1970-01-01T00:00:00Z'}]
    """
    return _to_json(value, 0, {})


def _to_json(value: Any, depth: int, done: dict[int, Any]) -> Any:
    """`done` holds what nested values became, so that shared parts cost no more than once."""
    scalar = _SCALARS.get(value.__class__)
    if scalar is not None:
        return scalar(value)
    if id(value) in done:
        return done[id(value)]
    if depth >= _MAX_DEPTH:
        raise failures.too_deep(_MAX_DEPTH)
    made: Any
    if isinstance(value, list | tuple):
        made = [_to_json(each, depth + 1, done) for each in value]
    elif isinstance(value, dict):
        made = {_key(key): _to_json(each, depth + 1, done) for key, each in value.items()}
    elif isinstance(value, Message):
        made = _to_json(value.json(), depth + 1, done)
    else:
        raise failures.bad_conversion("google.protobuf.Value", value)
    done[id(value)] = made
    return made


def _whole(value: int) -> float | str:
    return float(value) if -_MAX_EXACT <= value <= _MAX_EXACT else int.__repr__(value)


def _key(key: Any) -> str:
    if key.__class__ is str:
        return str(key)
    raise failures.bad_conversion("the key of a JSON object", key)


_SCALARS: Final[dict[type, Callable[[Any], Any]]] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    str: lambda value: value,
    float: lambda value: value,
    int: _whole,
    UInt: _whole,
    bytes: lambda value: base64.b64encode(value).decode(),
    Timestamp: format_timestamp,
    Duration: format_duration,
}

_MESSAGES: Final[dict[str, Callable[[str, _Fields], Any]]] = {
    _PREFIX + name: made
    for name, made in {
        "BoolValue": _wrapper(bool, False, _plain),
        "BytesValue": _wrapper(bytes, b"", _plain),
        "StringValue": _wrapper(str, "", _plain),
        "DoubleValue": _wrapper(float, 0.0, _plain),
        "FloatValue": _wrapper(float, 0.0, lambda _, value: single_precision(value)),
        "Int32Value": _wrapper(int, 0, _within(-(1 << 31), (1 << 31) - 1)),
        "Int64Value": _wrapper(int, 0, _within(INT_MIN, INT_MAX)),
        "UInt32Value": _wrapper(UInt, UInt(0), _within(0, (1 << 32) - 1)),
        "UInt64Value": _wrapper(UInt, UInt(0), _within(0, UINT_MAX)),
        "Timestamp": _timestamp,
        "Duration": _duration,
        "ListValue": _list_value,
        "Struct": _struct_value,
        "Value": _value,
    }.items()
}
