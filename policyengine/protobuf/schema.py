"""The CEL types of messages' fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from policyengine.cel import wellknown
from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    INT,
    STRING,
    UINT,
    AbstractType,
    FieldType,
    ListType,
    MapType,
    MessageType,
    Type,
    WrapperType,
)
from policyengine.protobuf.known import NULL_VALUE, entry, enum_name, is_repeated

_SCALARS: Mapping[int, Type] = {
    FieldDescriptor.CPPTYPE_INT32: INT,
    FieldDescriptor.CPPTYPE_INT64: INT,
    FieldDescriptor.CPPTYPE_UINT32: UINT,
    FieldDescriptor.CPPTYPE_UINT64: UINT,
    FieldDescriptor.CPPTYPE_DOUBLE: DOUBLE,
    FieldDescriptor.CPPTYPE_FLOAT: DOUBLE,
    FieldDescriptor.CPPTYPE_BOOL: BOOL,
    FieldDescriptor.CPPTYPE_STRING: STRING,
}


class Schema:
    """The CEL types of descriptors.

    `extensions` gives those of a message type; with `strong_enums` an enum is a type of its own.
    """

    __slots__ = ("_extensions", "_messages", "_strong_enums")

    def __init__(
        self, extensions: Callable[[Descriptor], list[FieldDescriptor]], *, strong_enums: bool
    ) -> None:
        self._extensions = extensions
        self._messages: dict[str, MessageType] = {}
        self._strong_enums = strong_enums

    def message(self, descriptor: Descriptor) -> MessageType:
        """The CEL type of a message type that is not well-known."""
        name = descriptor.full_name
        if name not in self._messages:
            self._messages[name] = MessageType(name, _Fields(self, descriptor))
        return self._messages[name]

    def fields(self, descriptor: Descriptor) -> dict[str, FieldDescriptor]:
        """The fields of a message type, and its extensions by their full names."""
        found = {field.name: field for field in descriptor.fields}
        found.update({field.full_name: field for field in self._extensions(descriptor)})
        return found

    def field(self, field: FieldDescriptor) -> Type:
        """The CEL type of a field."""
        parts = entry(field)
        if parts is not None:
            return MapType(self._single(parts[0]), self._single(parts[1]))
        type_ = self._single(field)
        return ListType(type_) if is_repeated(field) else type_

    def _single(self, field: FieldDescriptor) -> Type:
        if field.message_type is not None:
            known = wellknown.TYPES.get(field.message_type.full_name)
            return self.message(field.message_type) if known is None else known
        name = enum_name(field)
        if name:
            if name == NULL_VALUE:
                return WrapperType(INT)
            return AbstractType(name) if self._strong_enums else INT
        return BYTES if field.type == FieldDescriptor.TYPE_BYTES else _SCALARS[field.cpp_type]


class _Fields(Mapping[str, FieldType]):
    """The fields' types, made when they are first asked for: message types hold each other."""

    def __init__(self, schema: Schema, descriptor: Descriptor) -> None:
        self._schema = schema
        self._descriptor = descriptor

    @cached_property
    def _types(self) -> dict[str, FieldType]:
        schema = self._schema
        fields = schema.fields(self._descriptor)
        return {name: FieldType(schema.field(field)) for name, field in fields.items()}

    def __getitem__(self, name: str) -> FieldType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)
