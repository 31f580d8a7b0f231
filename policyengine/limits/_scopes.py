"""Whose counter a request is charged to: the values of some fields of its input.

A counter's key has a plain alphabet and a bounded length, whatever a request contains: a value
that has other characters, or is long, stands in it as its SHA-256. No two values share a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from policyengine.charges import Asked
from policyengine.errors import FactError

# The field that means the model which will serve the request.
MODEL: Final = "request.model"

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.@:/+-]{1,64}")
_LONGEST_SHOWN: Final = 64
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Scope:
    """The fields whose values together name a counter; none of them: one counter for all."""

    fields: tuple[tuple[str, tuple[str, ...]], ...]

    @staticmethod
    def of(per: Sequence[str]) -> Scope:
        """The scope over fields such as `subject.id`."""
        return Scope(tuple((field, tuple(field.split("."))) for field in per))

    def values(self, asked: Asked) -> tuple[str | int, ...]:
        """The values of the fields.

        Raises `FactError("no-scope")` where one is missing, or is not plain.

        >>> Scope.of(["subject.id"]).values(Asked({"subject": {"id": "sam"}}, "", 0.0, None))
        ('sam',)
        """
        return tuple([_value(asked, field, steps) for field, steps in self.fields])

    def shown(self, values: Sequence[str | int]) -> str:
        """The counter for people, such as `subject.id=sam`."""
        if not values:
            return "all"
        named = zip(self.fields, values, strict=True)
        return ", ".join([f"{field}={_shown(value)}" for (field, _), value in named])


def _value(asked: Asked, field: str, steps: tuple[str, ...]) -> str | int:
    value: Any = asked.input
    for step in steps:
        # Most are, and asking the abstract class takes several times as long.
        is_object = type(value) is dict or isinstance(value, Mapping)
        value = value.get(step) if is_object else None
    if field == MODEL:
        value = asked.model
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and -_LARGEST <= value <= _LARGEST:
        return value
    what = "is missing" if value is None or value == "" else "is not plain"
    raise FactError("no-scope", f"`{field}` {what}, and a limit counts by it")


def key(value: str | int) -> str:
    """A value as a part of a key. It has no `|` in it.

    >>> key("sam"), key(7), key(True), key("7"), key("a b")[:9]
    ('sam', '~7', '~true', '7', '#c8687a08')
    """
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else "#" + _digest(value)
    return "~" + _literal(value)


def _shown(value: str | int) -> str:
    if not isinstance(value, str):
        return _literal(value)
    # What would not print, or would fill a sentence, is told by its hash.
    if len(value) <= _LONGEST_SHOWN and value.isprintable():
        return value
    return "#" + _digest(value)[:8]


def _literal(value: int) -> str:
    return str(value).lower()


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
