"""What reading and writing messages need to know of all message types."""

from __future__ import annotations

from typing import Any, Protocol

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as Held

from policyengine.values.messages import Message

PREFIX = "google.protobuf."
# The wrapper types: their field `value` is a scalar, and null stands for one that is not set.
WRAPPERS = frozenset(
    f"{PREFIX}{name}Value"
    for name in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
ANY = f"{PREFIX}Any"
VALUE = f"{PREFIX}Value"
STRUCT = f"{PREFIX}Struct"
LIST_VALUE = f"{PREFIX}ListValue"
TIMESTAMP = f"{PREFIX}Timestamp"
DURATION = f"{PREFIX}Duration"
NULL_VALUE = f"{PREFIX}NullValue"
# As deep as protobuf itself reads messages.
MAX_DEPTH = 100


class Known(Protocol):
    """The message types of an environment."""

    @property
    def strong_enums(self) -> bool:
        """Whether an enum's value is of a type of its own, and not an int."""

    def wrapped(self, held: Held) -> Message:
        """A message that is not of a well-known type as a CEL value."""

    def parsed(self, name: str, data: bytes) -> Held:
        """The message of a type that is serialized in bytes.

        Raises `EvaluationError` (`no-such-type`, `bad-conversion`).
        """


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is a list or a map."""
    described: Any = field
    # Before protobuf 6.31 there was only the label, which is gone in 7.
    if hasattr(described, "is_repeated"):
        return bool(described.is_repeated)
    return bool(described.label == described.LABEL_REPEATED)


def message_name(field: FieldDescriptor) -> str:
    """The message type of a field or of its elements by full name; empty for a scalar."""
    return field.message_type.full_name if field.message_type is not None else ""


def enum_name(field: FieldDescriptor) -> str:
    """The enum of a field or of its elements by full name; empty where it has none."""
    return field.enum_type.full_name if field.enum_type is not None else ""


def entry(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """What a map field has for its keys and its values; None for a field that is no map."""
    type_ = field.message_type
    if type_ is None or not type_.GetOptions().map_entry or not is_repeated(field):
        return None
    return type_.fields_by_name["key"], type_.fields_by_name["value"]


def content(held: Any, field: FieldDescriptor) -> Any:
    """What protobuf has for a field or an extension of a message."""
    return held.Extensions[field] if field.is_extension else getattr(held, field.name)
