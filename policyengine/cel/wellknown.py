"""Protobuf's well-known types as message literals: their fields, and the CEL types they become.

| literal | type |
|---|---|
| `google.protobuf.Int64Value{value: 1}` | `wrapper(int)` |
| `google.protobuf.Struct{fields: {}}` | `map(string, dyn)` |
| `google.protobuf.Timestamp{seconds: 1}` | `timestamp` |
"""

from __future__ import annotations

from collections.abc import Mapping

from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    FieldType,
    ListType,
    MapType,
    ObjectType,
    Type,
    WrapperType,
)

_PREFIX = "google.protobuf."
_JSON_OBJECT = MapType(STRING, DYN)
_JSON_LIST = ListType(DYN)

_WRAPPED: Mapping[str, Type] = {
    "BoolValue": BOOL,
    "BytesValue": BYTES,
    "DoubleValue": DOUBLE,
    "FloatValue": DOUBLE,
    "Int32Value": INT,
    "Int64Value": INT,
    "StringValue": STRING,
    "UInt32Value": UINT,
    "UInt64Value": UINT,
}

# What each type becomes, by its full name.
TYPES: Mapping[str, Type] = {
    **{_PREFIX + name: WrapperType(type_) for name, type_ in _WRAPPED.items()},
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Any": DYN,
    "google.protobuf.Value": DYN,
    "google.protobuf.ListValue": _JSON_LIST,
    "google.protobuf.Struct": _JSON_OBJECT,
}

_FIELDS: Mapping[str, Mapping[str, Type]] = {
    **{name: {"value": type_} for name, type_ in _WRAPPED.items()},
    "Timestamp": {"seconds": INT, "nanos": INT},
    "Duration": {"seconds": INT, "nanos": INT},
    "Any": {"type_url": STRING, "value": BYTES},
    "Value": {
        "null_value": WrapperType(INT),
        "number_value": DOUBLE,
        "string_value": STRING,
        "bool_value": BOOL,
        "struct_value": _JSON_OBJECT,
        "list_value": _JSON_LIST,
    },
    "ListValue": {"values": _JSON_LIST},
    "Struct": {"fields": _JSON_OBJECT},
}

# The fields that a literal of each type takes, by its full name.
LITERALS: Mapping[str, ObjectType] = {
    _PREFIX + name: ObjectType(
        _PREFIX + name, {field: FieldType(type_) for field, type_ in fields.items()}
    )
    for name, fields in _FIELDS.items()
}

CONSTANTS: Mapping[str, int] = {"google.protobuf.NullValue.NULL_VALUE": 0}
