"""The classes of CEL values that Python has none for, and the CEL name of every class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1
UINT_MAX: Final = (1 << 64) - 1


class UInt(int):
    """A CEL uint: a whole number from 0 to 2**64 - 1.

    It hashes and compares as the number it is, so that map keys of both kinds meet.

    >>> UInt(3) == 3, type_name(UInt(3))
    (True, 'uint')
    """

    __slots__ = ()
    CEL_TYPE = "uint"


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type used as a value, by its CEL name (`int`, `google.protobuf.Timestamp`)."""

    name: str
    CEL_TYPE = "type"


@dataclass(frozen=True, slots=True)
class OptionalValue:
    """`optional.of(value)`, or `optional.none()` where `present` is false.

    >>> OptionalValue(True, None) == NONE
    False
    """

    present: bool
    value: Any = None
    CEL_TYPE = "optional_type"


NONE: Final = OptionalValue(False)

_NAMES: Final[dict[type, str]] = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    tuple: "list",
    dict: "map",
}

_TYPES: Final = {name: TypeValue(name) for name in (*_NAMES.values(), "uint", "type")}


def type_name(value: object) -> str:
    """The name of a value's CEL type; `unknown` for what is no CEL value.

    A class of an extension names its type in the attribute `CEL_TYPE`.

    >>> [type_name(value) for value in (True, 1, 1.0, "", None, [], {}, object())]
    ['bool', 'int', 'double', 'string', 'null_type', 'list', 'map', 'unknown']
    """
    kind = value.__class__
    return _NAMES.get(kind) or str(getattr(kind, "CEL_TYPE", "unknown"))


def type_of(value: object) -> TypeValue:
    """`type(value)`.

    >>> type_of(type_of(1))
    TypeValue(name='type')
    """
    name = type_name(value)
    return _TYPES.get(name) or TypeValue(name)
