"""`text.format(list)`: printf for CEL, as cel-spec's strings extension defines it.

| clause | takes |
|---|---|
| `%s` | all values, lists and maps too |
| `%d` | int, uint, double |
| `%f`, `%e` | int, uint, double; `%.2f` sets the digits behind the point, 6 if not set |
| `%b` | int, uint, bool |
| `%o` | int, uint |
| `%x`, `%X` | int, uint, string, bytes |
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.clock_text import format_duration, format_timestamp
from policyengine.values.conversions import to_bytes, to_string
from policyengine.values.kinds import TypeValue, UInt, type_name
from policyengine.values.maps import MixedMap
from policyengine.values.times import Duration, Timestamp
from policyengine.values.typed import MAX_SIZE

MAX_PRECISION: Final = 100
# For one `%s`: how deep lists and maps may lie in each other, and how many values there may be in
# all, since a value that shares its parts is much larger as text than in memory.
MAX_DEPTH: Final = 64
MAX_PARTS: Final = 1 << 20

_CLAUSE: Final = re.compile(r"%(?:(%)|(?:\.([0-9]{1,9}))?([sdfebxXo]))")
_DEFAULT_PRECISION: Final = 6
_UNKNOWN_CLAUSE: Final = "`%` is followed by no known clause"
_TOO_FEW_VALUES: Final = "there are more clauses than values"
_TOO_PRECISE: Final = f"a precision is at most {MAX_PRECISION}"
_WHOLE: Final = (int, UInt)
_NUMBERS: Final = (int, UInt, float)

_Clause = Callable[[Any, int], str | None]
"""The text of a value, given a precision; None for a value of a type that it does not take."""


def format(text: Any, values: Any) -> str:
    """`text.format(values)`: the text with its clauses replaced by the values, one after the other.

    Values that no clause asks for are ignored. Raises `EvaluationError` (`bad-argument`,
    `bad-conversion`, `too-large`, `too-deep`).

    >>> format("%s has %.1f%%", ["a", 12.34]), format("%s", [{"b": [1, None], "a": True}])
    ('a has 12.3%', '{a: true, b: [1, null]}')
    """
    if text.__class__ is not str or values.__class__ not in (list, tuple):
        raise failures.no_such_overload("format", text, values)
    parts: list[str] = []
    position = used = size = 0
    while (mark := text.find("%", position)) >= 0:
        clause = _CLAUSE.match(text, mark)
        if clause is None:
            raise failures.bad_argument("format", _UNKNOWN_CLAUSE)
        parts.append(text[position:mark])
        if clause[1]:
            parts.append("%")
        else:
            if used >= len(values):
                raise failures.bad_argument("format", _TOO_FEW_VALUES)
            parts.append(_clause(clause[3], clause[2], values[used]))
            used += 1
        size += len(parts[-1]) + len(parts[-2])
        if size > MAX_SIZE:
            raise failures.too_large("string", MAX_SIZE)
        position = clause.end()
    parts.append(text[position:])
    return "".join(parts)


def flaw(text: str, values: int | None) -> tuple[int, int, str] | None:
    """What keeps a text from being a format of so many values, and from where to where it stands.

    None where nothing does; the number may be unknown.

    >>> flaw("%d of %q", 2)
    (6, 8, '`%` is followed by no known clause')
    >>> flaw("%s and %s", 1)
    (7, 9, 'there are more clauses than values')
    >>> flaw("%s%%", 1)
    """
    position = used = 0
    while (mark := text.find("%", position)) >= 0:
        clause = _CLAUSE.match(text, mark)
        if clause is None:
            return mark, min(mark + 2, len(text)), _UNKNOWN_CLAUSE
        position = clause.end()
        if clause[1]:
            continue
        if int(clause[2] or 0) > MAX_PRECISION:
            return mark, position, _TOO_PRECISE
        used += 1
        if values is not None and used > values:
            return mark, position, _TOO_FEW_VALUES
    return None


def _clause(verb: str, precision: str | None, value: Any) -> str:
    digits = _DEFAULT_PRECISION if precision is None else int(precision)
    if digits > MAX_PRECISION:
        raise failures.bad_argument("format", _TOO_PRECISE)
    written = _CLAUSES[verb](value, digits)
    if written is None:
        raise failures.bad_argument("format", f"`%{verb}` does not take {type_name(value)}")
    return written


def _string(value: Any, _: int) -> str | None:
    return _Writer().text(value, 0)


def _decimal(value: Any, _: int) -> str | None:
    if value.__class__ in _WHOLE:
        return int.__repr__(value)
    return _double(value) if value.__class__ is float else None


def _fixed(value: Any, precision: int) -> str | None:
    if value.__class__ not in _NUMBERS:
        return None
    return _special(value) or f"{float(value):.{precision}f}"


def _scientific(value: Any, precision: int) -> str | None:
    if value.__class__ not in _NUMBERS:
        return None
    return _special(value) or f"{float(value):.{precision}e}"


def _binary(value: Any, _: int) -> str | None:
    if value.__class__ is bool or value.__class__ in _WHOLE:
        return f"{int(value):b}"
    return None


def _octal(value: Any, _: int) -> str | None:
    return f"{int(value):o}" if value.__class__ in _WHOLE else None


def _hexadecimal(value: Any, _: int) -> str | None:
    if value.__class__ in _WHOLE:
        return f"{int(value):x}"
    if value.__class__ is str or value.__class__ is bytes:
        if len(value) > MAX_SIZE // 8:
            raise failures.too_large("string", MAX_SIZE)
        return str(to_bytes(value).hex())
    return None


def _upper_hexadecimal(value: Any, precision: int) -> str | None:
    written = _hexadecimal(value, precision)
    return None if written is None else written.upper()


_CLAUSES: Final[Mapping[str, _Clause]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": _upper_hexadecimal,
}


def _special(value: float) -> str:
    """What stands for a double that is no number; empty for all others."""
    if math.isfinite(value):
        return ""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _double(value: float) -> str:
    """The shortest digits that read back as the double, without an exponent."""
    special = _special(value)
    if special:
        return special
    written = f"{Decimal(repr(value)):f}"
    return written[:-2] if written.endswith(".0") else written


_PLAIN: Final[Mapping[type, Callable[[Any], str]]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    UInt: int.__repr__,
    float: _double,
    str: str,
    bytes: to_string,
    Timestamp: format_timestamp,
    Duration: format_duration,
    TypeValue: lambda value: str(value.name),
    type(None): lambda _: "null",
}


class _Writer:
    """The text of one value. It stops at the limits, however the value is built."""

    __slots__ = ("_characters", "_parts")

    def __init__(self) -> None:
        self._characters = MAX_SIZE
        self._parts = MAX_PARTS

    def text(self, value: Any, depth: int) -> str | None:
        """The text; None where there is a value of a type that has none."""
        if depth > MAX_DEPTH:
            raise failures.too_deep(MAX_DEPTH)
        kind = value.__class__
        plain = _PLAIN.get(kind)
        if plain is not None:
            return self._counted(plain(value))
        if kind is list or kind is tuple:
            written = [self._part(element, depth) for element in value]
            return self._counted(f"[{', '.join(written)}]")
        if kind is dict or kind is MixedMap:
            entries = [
                (self._part(key, depth), self._part(element, depth))
                for key, element in value.items()
            ]
            entries.sort(key=lambda entry: entry[0])
            return self._counted("{" + ", ".join(f"{k}: {v}" for k, v in entries) + "}")
        return None

    def _part(self, value: Any, depth: int) -> str:
        written = self.text(value, depth + 1)
        if written is None:
            raise failures.bad_argument("format", f"`%s` does not take {type_name(value)}")
        return written

    def _counted(self, written: str) -> str:
        self._parts -= 1
        self._characters -= len(written)
        if self._parts < 0 or self._characters < 0:
            raise failures.too_large("string", MAX_SIZE)
        return written
