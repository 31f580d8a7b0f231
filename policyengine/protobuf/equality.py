"""Whether two messages are equal by CEL's rules.

They are when they are of one type and the same fields are set to equal values. `nan` is equal to
nothing, an `Any` is what it holds (its bytes, where their type is not known), and fields that the
type does not have must be the same too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import Message as Held
from google.protobuf.unknown_fields import UnknownFieldSet

from policyengine.errors import EvaluationError
from policyengine.protobuf.known import ANY, MAX_DEPTH, Known, entry, is_repeated

_Pair = tuple[Any, Any]


def equal(known: Known, left: Held, right: Held) -> bool:
    """Whether two messages are equal. Never fails, whatever the depth."""
    pending = [(left, right, 0)]
    while pending:
        one, other, opened = pending.pop()
        name = one.DESCRIPTOR.full_name
        if name != other.DESCRIPTOR.full_name:
            return False
        parts: Iterable[_Pair | None] | None = None
        # Each opening reads all the bytes that are left: what is packed deeper is only bytes.
        if name == ANY and opened < MAX_DEPTH:
            parts = _packed(known, one, other)
        for part in _parts(one, other) if parts is None else parts:
            if part is None:
                return False
            pending.append((*part, opened + (name == ANY)))
    return True


def _packed(known: Known, one: Any, other: Any) -> list[_Pair | None] | None:
    """What two `Any` hold; None where that cannot be read."""
    if one.type_url != other.type_url:
        return [None]
    name = one.type_url.rpartition("/")[2]
    try:
        return [(known.parsed(name, one.value), known.parsed(name, other.value))]
    except EvaluationError:
        return None


def _parts(one: Held, other: Held) -> Iterator[_Pair | None]:
    """The messages within two that must be equal; None where something else is not."""
    fields, others = one.ListFields(), other.ListFields()
    if [field.number for field, _ in fields] != [field.number for field, _ in others]:
        yield None
        return
    if _unknown(one) != _unknown(other):
        yield None
        return
    for (field, found), (_, wanted) in zip(fields, others, strict=True):
        parts = entry(field)
        messages = field.message_type is not None
        if parts is not None:
            yield from _entries(found, wanted, parts[1].message_type is not None)
        elif not is_repeated(field):
            yield from _items([found], [wanted], messages)
        else:
            yield from _items(found, wanted, messages)


def _items(found: Any, wanted: Any, messages: bool) -> Iterator[_Pair | None]:
    if len(found) != len(wanted):
        yield None
        return
    for one, other in zip(found, wanted, strict=True):
        if messages:
            yield one, other
        elif one != other:
            yield None


def _entries(found: Any, wanted: Any, messages: bool) -> Iterator[_Pair | None]:
    if found.keys() != wanted.keys():
        yield None
        return
    for key in found:
        yield from _items([found[key]], [wanted[key]], messages)


def _unknown(held: Held) -> list[tuple[int, int, object]]:
    """The fields that the type does not have. Groups in them are only equal to themselves."""
    found: Any = UnknownFieldSet(held)
    return sorted(((f.field_number, f.wire_type, f.data) for f in found), key=lambda f: f[:2])
