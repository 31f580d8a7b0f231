"""What the run time must see of a static type: one class, and whether null is let through."""

from __future__ import annotations

from typing import assert_never

from policyengine.cel.types import (
    AbstractType,
    ListType,
    MapType,
    MessageType,
    ObjectType,
    OptionalType,
    Primitive,
    Type,
    TypeParam,
    TypeType,
    WrapperType,
)

_PRIMITIVES = {
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "error": "dyn",
}

# Kinds that one exact Python class stands for, by the name of that class in generated code.
CLASSES = {
    "bool": "bool",
    "int": "int",
    "double": "float",
    "string": "str",
    "bytes": "bytes",
    "list": "list",
    "map": "dict",
}


def kind(type_: Type) -> str:
    """The kind of a type, as `policyengine.values.conform` names it.

    >>> from policyengine.cel.types import INT, ListType, WrapperType
    >>> kind(ListType(INT)), kind(WrapperType(INT))
    ('list', 'int?')
    """
    match type_:
        case Primitive():
            return _PRIMITIVES.get(type_.name, type_.name)
        case ListType():
            return "list"
        case MapType() | ObjectType():
            return "map"
        case MessageType():
            return f"message {type_.name}?"
        case OptionalType():
            return "optional_type"
        case WrapperType():
            return kind(type_.value) + "?"
        case TypeType():
            return "type"
        case TypeParam() | AbstractType():
            return "dyn"
        case _:
            assert_never(type_)
