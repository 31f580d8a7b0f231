"""Types written as text, as in `Environment(variables={"x": "list(int)"})`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from policyengine.cel import wellknown
from policyengine.cel.suggestions import closest
from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    AbstractType,
    ListType,
    MapType,
    MessageType,
    ObjectType,
    OptionalType,
    Type,
    TypeType,
    WrapperType,
)

_NAMED: Mapping[str, Type] = {
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "bool": BOOL,
    "string": STRING,
    "bytes": BYTES,
    "null_type": NULL,
    "dyn": DYN,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
    **wellknown.TYPES,
    "net.IP": AbstractType("net.IP"),
    "net.CIDR": AbstractType("net.CIDR"),
    "list": ListType(DYN),
    "map": MapType(DYN, DYN),
    "type": TypeType(),
}
# The number of parameters of each type that has some.
_PARAMETERS = {"list": 1, "map": 2, "optional_type": 1, "wrapper": 1, "type": 1}
_KEYS = (BOOL, INT, UINT, STRING, DYN)
_WRAPPED = (BOOL, INT, UINT, DOUBLE, STRING, BYTES)
_MAX_NESTING = 32
_TOKEN = re.compile(r"[ \t]*(?:([A-Za-z_][A-Za-z0-9_.]*)|(.))", re.DOTALL)


def parse_type(text: str, types: Mapping[str, ObjectType | MessageType] | None = None) -> Type:
    """The type that a text names; `types` are the object and message types that it may use.

    Raises `ValueError` with what is wrong.

    >>> str(parse_type("map(string, list(google.protobuf.Timestamp))"))
    'map(string, list(timestamp))'
    >>> parse_type("list(itn)")
    Traceback (most recent call last):
        ...
    ValueError: there is no type `itn`, did you mean `int`? (in `list(itn)`)
    """
    reader = _Reader(text, types or {})
    type_ = reader.type(0)
    if reader.upcoming:
        raise reader.error(f"unexpected `{reader.upcoming}`")
    return type_


class _Reader:
    """The tokens of a type's text; `upcoming` is the one that comes next, empty at the end."""

    __slots__ = ("_offset", "_text", "_types", "upcoming")

    def __init__(self, text: str, types: Mapping[str, ObjectType | MessageType]) -> None:
        self._text = text.rstrip()
        self._types = types
        self._offset = 0
        self.upcoming = ""
        self._advance()

    def error(self, message: str) -> ValueError:
        shown = self._text if len(self._text) <= 80 else f"{self._text[:80]}..."
        return ValueError(f"{message} (in `{shown}`)")

    def type(self, nesting: int) -> Type:
        if nesting > _MAX_NESTING:
            raise self.error(f"a type is nested more than {_MAX_NESTING} deep")
        name = self._advance()
        if not name[:1].isalpha() and name[:1] != "_":
            raise self.error(f"expected a type, found `{name}`" if name else "expected a type")
        if self.upcoming != "(":
            return self._named(name)
        return self._applied(name, self._arguments(nesting + 1))

    def _arguments(self, nesting: int) -> list[Type]:
        self._advance()
        arguments = [self.type(nesting)]
        while self.upcoming == ",":
            self._advance()
            arguments.append(self.type(nesting))
        if self.upcoming != ")":
            raise self.error(
                f"expected `)`, found `{self.upcoming}`" if self.upcoming else "missing `)`"
            )
        self._advance()
        return arguments

    def _named(self, name: str) -> Type:
        found = self._types.get(name) or _NAMED.get(name)
        if found is not None:
            return found
        if name in _PARAMETERS:
            raise self.error(f"`{name}` needs a type in parentheses")
        meant = closest(name, [*_NAMED, *_PARAMETERS, *self._types])
        raise self.error(
            f"there is no type `{name}`" + (f", did you mean `{meant}`?" if meant else "")
        )

    def _applied(self, name: str, arguments: list[Type]) -> Type:
        wanted = _PARAMETERS.get(name)
        if wanted is None:
            self._named(name)
            raise self.error(f"`{name}` takes no types in parentheses")
        if len(arguments) != wanted:
            noun = "type" if wanted == 1 else "types"
            raise self.error(f"`{name}` takes {wanted} {noun}, {len(arguments)} given")
        first = arguments[0]
        match name:
            case "list":
                return ListType(first)
            case "map":
                if first not in _KEYS:
                    raise self.error(f"`{first}` cannot be the key of a map")
                return MapType(first, arguments[1])
            case "optional_type":
                return OptionalType(first)
            case "wrapper":
                if first not in _WRAPPED:
                    raise self.error(f"there is no wrapper of `{first}`")
                return WrapperType(first)
            case _:
                return TypeType(first)

    def _advance(self) -> str:
        """Go on to the next token; returns the one that was next."""
        before = self.upcoming
        match = _TOKEN.match(self._text, self._offset)
        self.upcoming = "" if match is None else match.group(1) or match.group(2)
        self._offset = len(self._text) if match is None else match.end()
        return before
