"""CEL values as protobuf holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from google.protobuf import struct_pb2, wrappers_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration as HeldDuration
from google.protobuf.message import Message as Held
from google.protobuf.timestamp_pb2 import Timestamp as HeldTimestamp

from policyengine.protobuf.known import (
    ANY,
    DURATION,
    LIST_VALUE,
    NULL_VALUE,
    STRUCT,
    TIMESTAMP,
    VALUE,
    WRAPPERS,
    content,
    entry,
    enum_name,
    is_repeated,
    message_name,
)
from policyengine.protobuf.message import ProtobufMessage
from policyengine.values import failures
from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX, UInt
from policyengine.values.maps import MixedMap
from policyengine.values.messages import EnumValue
from policyengine.values.times import SECOND, Duration, Timestamp
from policyengine.values.wellknown import to_json

_INT32 = (-(1 << 31), (1 << 31) - 1)
_INTEGERS: Mapping[int, tuple[type, int, int]] = {
    FieldDescriptor.CPPTYPE_INT32: (int, *_INT32),
    FieldDescriptor.CPPTYPE_INT64: (int, INT_MIN, INT_MAX),
    FieldDescriptor.CPPTYPE_UINT32: (UInt, 0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (UInt, 0, UINT_MAX),
}
_CLASSES: Mapping[int, type] = {
    FieldDescriptor.CPPTYPE_DOUBLE: float,
    FieldDescriptor.CPPTYPE_FLOAT: float,
    FieldDescriptor.CPPTYPE_BOOL: bool,
}
# Null is none of their values.
_NEVER_NULL = frozenset({STRUCT, LIST_VALUE})
# Null is a value of these, or an error; any other message it leaves unset, or out of a list.
_KEEP_NULL = _NEVER_NULL | {ANY, VALUE}
_ANY_PREFIX = "type.googleapis.com/"
# What an `Any` holds for values that are no messages.
_PACKED: Mapping[type, Callable[[], Held]] = {
    type(None): struct_pb2.Value,
    bool: wrappers_pb2.BoolValue,
    int: wrappers_pb2.Int64Value,
    UInt: wrappers_pb2.UInt64Value,
    float: wrappers_pb2.DoubleValue,
    str: wrappers_pb2.StringValue,
    bytes: wrappers_pb2.BytesValue,
    list: struct_pb2.ListValue,
    tuple: struct_pb2.ListValue,
    dict: struct_pb2.Struct,
    MixedMap: struct_pb2.Struct,
    Timestamp: HeldTimestamp,
    Duration: HeldDuration,
}


def assign(held: Any, field: FieldDescriptor, value: Any) -> None:
    """Set a field of a message that nobody else has yet.

    Raises `EvaluationError` (`bad-conversion`, `overflow`, `duplicate-key`, `too-deep`).
    """
    found = content(held, field)
    parts = entry(field)
    name = message_name(field)
    if parts is not None:
        _assign_map(found, field, parts, value)
    elif is_repeated(field):
        _assign_list(found, field, value)
    elif name:
        if value is None and name not in _KEEP_NULL:
            return
        found.SetInParent()
        _fill(found, value)
    elif field.is_extension:
        _put(field, value, partial(held.Extensions.__setitem__, field))
    else:
        _put(field, value, partial(setattr, held, field.name))


def _put(field: FieldDescriptor, value: Any, put: Callable[[Any], None]) -> None:
    scalar = _scalar(field, value)
    try:
        put(scalar)
    except ValueError:
        # A text that is no UTF-8, a number that a closed enum does not have.
        raise failures.bad_conversion(f"the field `{field.name}`", value) from None


def _assign_map(
    found: Any,
    field: FieldDescriptor,
    parts: tuple[FieldDescriptor, FieldDescriptor],
    value: Any,
) -> None:
    if not isinstance(value, dict | MixedMap):
        raise failures.bad_conversion(f"the field `{field.name}`", value)
    key_field, value_field = parts
    type_ = message_name(value_field)
    for key, item in value.items():
        name = _scalar(key_field, key)
        if not type_:
            _put(value_field, item, partial(found.__setitem__, name))
        elif item is not None or type_ in _KEEP_NULL:
            _fill(found[name], item)


def _assign_list(found: Any, field: FieldDescriptor, value: Any) -> None:
    if not isinstance(value, list | tuple):
        raise failures.bad_conversion(f"the field `{field.name}`", value)
    type_ = message_name(field)
    for item in value:
        if not type_:
            _put(field, item, found.append)
        elif item is not None or type_ in _KEEP_NULL:
            _fill(found.add(), item)


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    kind = value.__class__
    if field.enum_type is not None:
        return _number(field, enum_name(field), value)
    if field.cpp_type in _INTEGERS:
        wanted, low, high = _INTEGERS[field.cpp_type]
        if kind is wanted:
            if low <= value <= high:
                return int(value)
            raise failures.overflow(f"the field `{field.name}`")
    elif field.type == FieldDescriptor.TYPE_BYTES:
        if kind is bytes:
            return value
    elif kind is _CLASSES.get(field.cpp_type, str):
        return value
    raise failures.bad_conversion(f"the field `{field.name}`", value)


def _number(field: FieldDescriptor, name: str, value: Any) -> int:
    if name == NULL_VALUE:
        if value is None or (value.__class__ is int and value == 0):
            return 0
        raise failures.bad_conversion(f"the field `{field.name}`", value)
    if isinstance(value, EnumValue) and name == value.CEL_TYPE:
        return value.number
    if value.__class__ is not int:
        raise failures.bad_conversion(f"the field `{field.name}`", value)
    if not _INT32[0] <= value <= _INT32[1]:
        raise failures.overflow(f"the field `{field.name}`")
    return int(value)


def _fill(held: Any, value: Any) -> None:
    """Make an empty message what a value is."""
    fill = _WELL_KNOWN.get(held.DESCRIPTOR.full_name)
    if fill is not None:
        fill(held, value)
    elif isinstance(value, ProtobufMessage) and value.held.DESCRIPTOR is held.DESCRIPTOR:
        held.CopyFrom(value.held)
    else:
        raise failures.bad_conversion(held.DESCRIPTOR.full_name, value)


def _fill_wrapper(held: Any, value: Any) -> None:
    field = held.DESCRIPTOR.fields_by_name["value"]
    _put(field, value, partial(setattr, held, "value"))


def _fill_timestamp(held: Any, value: Any) -> None:
    if not isinstance(value, Timestamp):
        raise failures.bad_conversion(TIMESTAMP, value)
    held.seconds, held.nanos = divmod(value.nanoseconds, SECOND)


def _fill_duration(held: Any, value: Any) -> None:
    if not isinstance(value, Duration):
        raise failures.bad_conversion(DURATION, value)
    seconds, nanos = divmod(abs(value.nanoseconds), SECOND)
    sign = -1 if value.nanoseconds < 0 else 1
    held.seconds, held.nanos = sign * seconds, sign * nanos


def _fill_any(held: Any, value: Any) -> None:
    packed: Held
    if isinstance(value, ProtobufMessage):
        packed = value.held
    else:
        make = _PACKED.get(value.__class__)
        if make is None:
            raise failures.bad_conversion(ANY, value)
        packed = make()
        _fill(packed, value)
    held.type_url = _ANY_PREFIX + packed.DESCRIPTOR.full_name
    held.value = packed.SerializePartialToString(deterministic=True)


def _fill_struct(held: Any, value: Any) -> None:
    if not isinstance(value, dict | MixedMap):
        raise failures.bad_conversion(STRUCT, value)
    _put_object(held, to_json(dict(value.items())))


def _fill_list(held: Any, value: Any) -> None:
    if not isinstance(value, list | tuple):
        raise failures.bad_conversion(LIST_VALUE, value)
    _put_items(held, to_json(value))


def _fill_json(held: Any, value: Any) -> None:
    _put_json(held, to_json(value))


def _put_json(held: Any, value: Any) -> None:
    """`to_json` has seen to it that the depth is bounded."""
    match value:
        case None:
            held.null_value = 0
        case bool():
            held.bool_value = value
        case str():
            held.string_value = value
        case float():
            held.number_value = value
        case dict():
            held.struct_value.SetInParent()
            _put_object(held.struct_value, value)
        case _:
            held.list_value.SetInParent()
            _put_items(held.list_value, value)


def _put_object(held: Any, value: Mapping[str, Any]) -> None:
    for name, item in value.items():
        _put_json(held.fields[name], item)


def _put_items(held: Any, value: list[Any]) -> None:
    for item in value:
        _put_json(held.values.add(), item)


_WELL_KNOWN: Mapping[str, Callable[[Any, Any], None]] = {
    **dict.fromkeys(WRAPPERS, _fill_wrapper),
    TIMESTAMP: _fill_timestamp,
    DURATION: _fill_duration,
    ANY: _fill_any,
    VALUE: _fill_json,
    STRUCT: _fill_struct,
    LIST_VALUE: _fill_list,
}
