"""What protobuf holds as CEL values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as Held

from policyengine.protobuf.known import (
    ANY,
    DURATION,
    LIST_VALUE,
    MAX_DEPTH,
    NULL_VALUE,
    STRUCT,
    TIMESTAMP,
    VALUE,
    WRAPPERS,
    Known,
    content,
    entry,
    enum_name,
    is_repeated,
    message_name,
)
from policyengine.values import failures
from policyengine.values.kinds import UInt
from policyengine.values.maps import make_map
from policyengine.values.messages import enum_value
from policyengine.values.times import SECOND, Duration, Timestamp

_UNSIGNED = frozenset({FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64})
# Null stands for these where they are not set.
_NULLABLE = WRAPPERS | {ANY, VALUE}


def field_value(known: Known, held: Held, field: FieldDescriptor) -> Any:
    """The value of a field, its default where it is not set.

    Raises `EvaluationError` for what has no CEL value: times out of range, an `Any` of an unknown
    type or of damaged bytes.
    """
    found = content(held, field)
    parts = entry(field)
    if parts is not None:
        key, value = parts
        return make_map(
            (_single(known, key, k), _single(known, value, v)) for k, v in found.items()
        )
    if is_repeated(field):
        return [_single(known, field, item) for item in found]
    if message_name(field) in _NULLABLE and not is_set(held, field):
        return None
    return _single(known, field, found)


def is_set(held: Any, field: FieldDescriptor) -> bool:
    """`has()` of a field: what is held, where that is known, or that it is not its default."""
    if is_repeated(field):
        return bool(content(held, field))
    if field.is_extension:
        return bool(held.HasExtension(field))
    if field.has_presence:
        return bool(held.HasField(field.name))
    # `-0.0` is not the default, and it is false in Python.
    return bool(content(held, field)) or any(field is one for one, _ in held.ListFields())


def message_value(known: Known, held: Held) -> Any:
    """A message as the CEL value that its type stands for; raises as `field_value` does."""
    read = _WELL_KNOWN.get(held.DESCRIPTOR.full_name)
    return known.wrapped(held) if read is None else read(known, held)


def _single(known: Known, field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return message_value(known, value)
    name = enum_name(field)
    if name:
        if name == NULL_VALUE:
            return None
        return enum_value(name, value) if known.strong_enums else value
    return UInt(value) if field.cpp_type in _UNSIGNED else value


def _wrapper(known: Known, held: Any) -> Any:
    return _single(known, held.DESCRIPTOR.fields_by_name["value"], held.value)


def _nanoseconds(held: Any) -> int:
    return int(held.seconds) * SECOND + int(held.nanos)


def _any(known: Known, held: Any) -> Any:
    """What is packed; an `Any` in an `Any` is opened too."""
    for _ in range(MAX_DEPTH):
        # An `Any` that says no type holds none that is known.
        held = known.parsed(held.type_url.rpartition("/")[2], held.value)
        if held.DESCRIPTOR.full_name != ANY:
            return message_value(known, held)
    raise failures.too_deep(MAX_DEPTH)


def _json(held: Any, depth: int) -> Any:
    """A `Value`, whose parts may be further ones."""
    if depth > MAX_DEPTH:
        raise failures.too_deep(MAX_DEPTH)
    match held.WhichOneof("kind"):
        case "struct_value":
            return _struct(held.struct_value, depth)
        case "list_value":
            return _list(held.list_value, depth)
        case "null_value" | None:
            return None
        case kind:
            return getattr(held, kind)


def _struct(held: Any, depth: int) -> dict[str, Any]:
    return {name: _json(value, depth + 1) for name, value in held.fields.items()}


def _list(held: Any, depth: int) -> list[Any]:
    return [_json(value, depth + 1) for value in held.values]


_WELL_KNOWN: Mapping[str, Callable[[Known, Any], Any]] = {
    **dict.fromkeys(WRAPPERS, _wrapper),
    TIMESTAMP: lambda _, held: Timestamp(_nanoseconds(held)),
    DURATION: lambda _, held: Duration(_nanoseconds(held)),
    ANY: _any,
    VALUE: lambda _, held: _json(held, 0),
    STRUCT: lambda _, held: _struct(held, 0),
    LIST_VALUE: lambda _, held: _list(held, 0),
}
