"""A protobuf message as a CEL value."""

from __future__ import annotations

from typing import Any, ClassVar

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Error
from google.protobuf.message import Message as Held

from policyengine.errors import EvaluationError
from policyengine.protobuf.equality import equal
from policyengine.protobuf.known import MAX_DEPTH, Known
from policyengine.protobuf.reading import field_value, is_set
from policyengine.values import failures
from policyengine.values.messages import Message


class ProtobufMessage(Message):
    """A message in CEL; `held` is protobuf's, which nobody changes from here on.

    There is a class for each message type. It is not a well-known type: those are plain values.
    """

    __slots__ = ("_read", "held")
    KNOWN: ClassVar[Known]
    FIELDS: ClassVar[dict[str, FieldDescriptor]]

    def __init__(self, held: Held) -> None:
        self.held = held
        # Reading a list takes a step for each element; a loop may ask for it in every turn.
        self._read: dict[str, Any] = {}

    def field(self, name: str) -> Any:
        if name not in self._read:
            try:
                self._read[name] = field_value(self.KNOWN, self.held, self.described(name))
            except EvaluationError as error:
                self._read[name] = error
        value = self._read[name]
        if isinstance(value, EvaluationError):
            raise EvaluationError(value.code, value.message)
        return value

    def has(self, name: str) -> bool:
        return is_set(self.held, self.described(name))

    @classmethod
    def described(cls, name: str) -> FieldDescriptor:
        """A field, or an extension by its full name; raises `EvaluationError` (`no-such-field`)."""
        found = cls.FIELDS.get(name)
        if found is None:
            raise failures.no_such_field(name)
        return found

    def json(self) -> Any:
        pool: Any = self.held.DESCRIPTOR.file.pool
        try:
            return json_format.MessageToDict(self.held, descriptor_pool=pool)
        except RecursionError:
            raise failures.too_deep(MAX_DEPTH) from None
        except (json_format.Error, Error, TypeError, ValueError):
            # An `Any` of an unknown type or of damaged bytes, a time out of range, a bad mask.
            raise failures.bad_conversion("JSON", self) from None

    def size(self) -> int:
        return int(self.held.ByteSize())

    def is_zero(self) -> bool:
        return not self.held.ListFields()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProtobufMessage) and equal(self.KNOWN, self.held, other.held)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.CEL_TYPE}>"
