"""A host's message and enum types, for `policyengine.cel.Environment`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Held

from policyengine.cel import wellknown
from policyengine.cel.functions import Function, Overload
from policyengine.cel.types import INT, STRING, AbstractType, MessageType
from policyengine.errors import EvaluationError
from policyengine.protobuf.files import Descriptors, enums_of, messages_of, read_files
from policyengine.protobuf.known import ANY, NULL_VALUE
from policyengine.protobuf.message import ProtobufMessage
from policyengine.protobuf.reading import message_value
from policyengine.protobuf.schema import Schema
from policyengine.protobuf.writing import assign
from policyengine.values import failures
from policyengine.values.messages import EnumValue, enum_value


class Messages:
    """The types of a FileDescriptorSet (or its bytes), or of file descriptors of generated code.

    The well-known types are among them. An enum's values are ints, as in CEL by default; with
    `strong_enums` each enum is a type of its own. Threads may share it; make it once, since
    messages of two `Messages` are never equal.

    Raises `ValueError` for descriptors that are damaged or lack what they import.

    >>> from google.protobuf import type_pb2
    >>> from policyengine.cel import Environment
    >>> messages = Messages([type_pb2.DESCRIPTOR])
    >>> env = Environment(container="google.protobuf", messages=messages)
    >>> env.compile("Enum{name: 'Colour'}.syntax == Syntax.SYNTAX_PROTO2").evaluate({})
    True
    >>> made = env.compile("Enum{name: 'Colour'}").evaluate({})
    >>> made.held.name
    'Colour'
    """

    def __init__(self, descriptors: Descriptors, *, strong_enums: bool = False) -> None:
        files = read_files(descriptors)
        self.strong_enums = strong_enums
        self._schema = Schema(self._extensions, strong_enums=strong_enums)
        self._classes: dict[str, type[Held]] = {}
        self._wrappers: dict[str, type[ProtobufMessage]] = {}
        self.types: dict[str, MessageType] = {}
        self.makers: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
        for descriptor in [message for file in files for message in messages_of(file)]:
            self._add(descriptor)
        enums = [enum for file in files for enum in enums_of(file) if enum.full_name != NULL_VALUE]
        self.constants: Mapping[str, int | EnumValue] = {
            name: value for enum in enums for name, value in self._values(enum).items()
        }
        self.functions = _enum_functions(enums) if strong_enums else ()

    def _add(self, descriptor: Descriptor) -> None:
        name = descriptor.full_name
        self._classes[name] = message_factory.GetMessageClass(descriptor)
        if name in wellknown.TYPES:
            if name == ANY:
                self.makers[name] = self._make_any
            return
        self.types[name] = self._schema.message(descriptor)
        self.makers[name] = partial(self._make, name)
        body = {"__slots__": (), "CEL_TYPE": name, "KNOWN": self}
        body["FIELDS"] = self._schema.fields(descriptor)
        self._wrappers[name] = type(descriptor.name, (ProtobufMessage,), body)

    def _values(self, enum: EnumDescriptor) -> dict[str, int | EnumValue]:
        name = enum.full_name
        return {
            f"{name}.{value.name}": (
                enum_value(name, value.number) if self.strong_enums else value.number
            )
            for value in enum.values
        }

    def _extensions(self, descriptor: Descriptor) -> list[FieldDescriptor]:
        found: list[FieldDescriptor] = descriptor.file.pool.FindAllExtensions(descriptor)
        return found

    def _make(self, name: str, fields: Mapping[str, Any]) -> ProtobufMessage:
        """The message of a literal; raises `EvaluationError`."""
        wrapper = self._wrappers[name]
        held = self._classes[name]()
        for field, value in fields.items():
            assign(held, wrapper.described(field), value)
        return wrapper(held)

    def _make_any(self, fields: Mapping[str, Any]) -> Any:
        held = self._classes[ANY]()
        described: Any = held.DESCRIPTOR.fields_by_name
        for field, value in fields.items():
            if field not in described:
                raise failures.no_such_field(field)
            assign(held, described[field], value)
        return message_value(self, held)

    def wrapped(self, held: Held) -> ProtobufMessage:
        """A message of one of the types, not a well-known one, as a CEL value."""
        return self._wrappers[held.DESCRIPTOR.full_name](held)

    def parsed(self, name: str, data: bytes) -> Held:
        """The message of a type that is serialized in bytes.

        Raises `EvaluationError` (`no-such-type`, `bad-conversion`).
        """
        class_ = self._classes.get(name)
        if class_ is None:
            # The name may come from a request, which an error never quotes.
            raise EvaluationError("no-such-type", "a packed message is of an unknown type")
        held = class_()
        try:
            held.MergeFromString(data)
        except DecodeError:
            raise failures.bad_conversion(name, data, "these bytes are no such message") from None
        return held

    def value(self, message: Held) -> Any:
        """A host's message as the CEL value that it stands for.

        One that was made by other descriptors is read again by these. Raises `EvaluationError`
        (`no-such-type`, `bad-conversion`, `overflow`).

        >>> from google.protobuf import wrappers_pb2
        >>> Messages([]).value(wrappers_pb2.Int32Value(value=3))
        3
        """
        name = message.DESCRIPTOR.full_name
        class_ = self._classes.get(name)
        if class_ is None:
            raise failures.no_such_type(name)
        if class_.DESCRIPTOR is not message.DESCRIPTOR:
            message = self.parsed(name, message.SerializePartialToString())
        return message_value(self, message)

    def fields(self, message: Held) -> dict[str, Any]:
        """The fields of a host's message by name, set or not, as the values of variables.

        A field that cannot be read (an `Any` of an unknown type) is left out: an expression that
        reads it fails. Raises `EvaluationError` as `value` does, and `ValueError` for a
        well-known type, which is a plain value.

        >>> from google.protobuf import type_pb2
        >>> Messages([type_pb2.DESCRIPTOR]).fields(type_pb2.Field(number=7))["number"]
        7
        """
        value = self.value(message)
        if not isinstance(value, ProtobufMessage):
            raise ValueError(f"a `{message.DESCRIPTOR.full_name}` has no fields in CEL")
        found = {}
        for field in value.held.DESCRIPTOR.fields:
            with suppress(EvaluationError):
                found[field.name] = value.field(field.name)
        return found

    def bindings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The host's values of variables as CEL values: messages, and lists and maps of them.

        Raises `EvaluationError` as `value` does.
        """
        return {name: self._bound(value) for name, value in given.items()}

    def _bound(self, value: Any) -> Any:
        if isinstance(value, Held):
            return self.value(value)
        if isinstance(value, list) and any(isinstance(item, Held) for item in value):
            return [self.value(item) if isinstance(item, Held) else item for item in value]
        if isinstance(value, dict) and any(isinstance(item, Held) for item in value.values()):
            return {
                key: self.value(item) if isinstance(item, Held) else item
                for key, item in value.items()
            }
        return value


def _enum_functions(enums: list[EnumDescriptor]) -> tuple[Function, ...]:
    """`Colour(1)`, `Colour('RED')` and `int(Colour.RED)`, for enums that are types."""
    made = []
    for enum in enums:
        type_ = AbstractType(enum.full_name)
        name = enum.full_name
        of_int = Overload(f"int_to_{name}", (INT,), type_, can_fail=True)
        of_text = Overload(f"string_to_{name}", (STRING,), type_, can_fail=True)
        made.append(Function(name, (of_int, of_text), partial(_converted, enum)))
        to_int = Overload(f"{name}_to_int64", (type_,), INT)
        made.append(Function("int", (to_int,), "conversions.to_int"))
    return tuple(made)


def _converted(enum: EnumDescriptor, value: Any) -> EnumValue:
    name = enum.full_name
    if value.__class__ is int:
        return enum_value(name, value)
    if value.__class__ is not str:
        raise failures.no_such_overload(name, value)
    found = enum.values_by_name.get(value)
    if found is None:
        raise failures.bad_conversion(name, value, "the enum has no such name")
    return enum_value(name, found.number)
