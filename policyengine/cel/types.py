"""CEL types. They are values: equal types are equal objects, and they hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Primitive:
    """A type without parameters: `int`, `string`, `dyn`, `timestamp` and so on."""

    name: Literal[
        "int", "uint", "double", "bool", "string", "bytes", "null_type", "dyn", "error",
        "google.protobuf.Timestamp", "google.protobuf.Duration",
    ]  # fmt: skip

    def __str__(self) -> str:
        return {
            "google.protobuf.Timestamp": "timestamp",
            "google.protobuf.Duration": "duration",
        }.get(self.name, self.name)


INT = Primitive("int")
UINT = Primitive("uint")
DOUBLE = Primitive("double")
BOOL = Primitive("bool")
STRING = Primitive("string")
BYTES = Primitive("bytes")
NULL = Primitive("null_type")
DYN = Primitive("dyn")
TIMESTAMP = Primitive("google.protobuf.Timestamp")
DURATION = Primitive("google.protobuf.Duration")
# The type of what already failed to check: it agrees with everything, so one mistake shouts once.
ERROR = Primitive("error")


@dataclass(frozen=True, slots=True)
class ListType:
    """`list(element)`."""

    element: Type

    def __str__(self) -> str:
        return f"list({self.element})"


@dataclass(frozen=True, slots=True)
class MapType:
    """`map(key, value)`."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map({self.key}, {self.value})"


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of an object: its type, and whether a valid object always has it."""

    type: Type
    required: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A record with named fields, held at run time as a `dict` with string keys.

    Two object types are the same when their names are the same. A field that is absent is a
    `no-such-field` error when read, as for a map; `has()` asks for it.
    """

    name: str
    fields: dict[str, FieldType] = field(compare=False, hash=False, repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class MessageType:
    """A protobuf message, held at run time as a `policyengine.values.messages.Message`.

    Two message types are the same when their names are the same. A field that is not set has its
    default, or null for a wrapper; `has()` asks whether it is set.
    """

    name: str
    fields: Mapping[str, FieldType] = field(compare=False, hash=False, repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class OptionalType:
    """`optional_type(value)`."""

    value: Type

    def __str__(self) -> str:
        return f"optional_type({self.value})"


@dataclass(frozen=True, slots=True)
class WrapperType:
    """`wrapper(int)` and the like: the primitive or null."""

    value: Type

    def __str__(self) -> str:
        return f"wrapper({self.value})"


@dataclass(frozen=True, slots=True)
class TypeType:
    """The type of a type: `type(int)`."""

    value: Type | None = None

    def __str__(self) -> str:
        return "type" if self.value is None else f"type({self.value})"


@dataclass(frozen=True, slots=True)
class TypeParam:
    """A type variable in a function's signature."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AbstractType:
    """A named opaque type of an extension, such as `net.IP`."""

    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.parameters))
        return f"{self.name}({inner})" if inner else self.name


Type = (
    Primitive | ListType | MapType | ObjectType | MessageType | OptionalType | WrapperType
    | TypeType | TypeParam | AbstractType
)  # fmt: skip
