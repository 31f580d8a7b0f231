"""Messages and enum values, as CEL sees them; what holds them is not known here.

`policyengine.protobuf` has the classes for protobuf. A class stands for one message or enum type,
whose full name is its `CEL_TYPE`.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

from policyengine.values import failures

# An enum's number is an int32 in protobuf.
_ENUM_MIN = -(1 << 31)
_ENUM_MAX = (1 << 31) - 1


class Message:
    """A message: a value with named fields that always have a value, their default where unset.

    Messages do not change. Two are equal (`==`) when they are of one type and all fields that are
    set in either are equal; `nan` is not.
    """

    __slots__ = ()
    CEL_TYPE: ClassVar[str] = "message"

    @abstractmethod
    def field(self, name: str) -> Any:
        """A field's value; raises `EvaluationError` (`no-such-field`)."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether a field is set; raises `EvaluationError` (`no-such-field`)."""

    @abstractmethod
    def json(self) -> Any:
        """The message as JSON has it; raises `EvaluationError` (`bad-conversion`)."""

    @abstractmethod
    def size(self) -> int:
        """How large the message is with all its parts, in bytes."""

    @abstractmethod
    def is_zero(self) -> bool:
        """Whether no field is set."""


class EnumValue:
    """A number of an enum type, in environments where those are types of their own."""

    __slots__ = ("number",)
    CEL_TYPE: ClassVar[str] = "enum"

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EnumValue) and (
            (self.CEL_TYPE, self.number) == (other.CEL_TYPE, other.number)
        )

    def __hash__(self) -> int:
        return hash((self.CEL_TYPE, self.number))

    def cel_int(self) -> int:
        """`int(value)`."""
        return self.number

    def __repr__(self) -> str:
        return f"<{self.CEL_TYPE} {self.number}>"


@lru_cache(maxsize=4096)
def _enum_class(name: str) -> type[EnumValue]:
    return type("Enum", (EnumValue,), {"__slots__": (), "CEL_TYPE": name})


def enum_value(type_: str, number: int) -> EnumValue:
    """The value of an enum type by its number.

    Raises `EvaluationError` (`overflow`) for a number that is no int32.

    >>> enum_value("acme.Colour", 2) == enum_value("acme.Colour", 2)
    True
    >>> enum_value("acme.Colour", 2) == enum_value("acme.Size", 2)
    False
    """
    if not _ENUM_MIN <= number <= _ENUM_MAX:
        raise failures.overflow(type_)
    return _enum_class(type_)(number)
