"""What a name in an expression can mean: containers, dotted names, and the names of types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

from policyengine.cel import macros, wellknown
from policyengine.cel.ast import Expr, Ident, Select
from policyengine.cel.checked import ConstantRef, Declarations, TypeRef
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
)

T = TypeVar("T")

# The types that are values under their own name: `type(1) == int`.
TYPE_NAMES: Mapping[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "int": INT,
    "uint": UINT,
    "string": STRING,
    "null_type": NULL,
    "list": ListType(DYN),
    "map": MapType(DYN, DYN),
    "type": TypeType(),
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
}


@lru_cache(maxsize=256)
def _prefixes(container: str) -> tuple[str, ...]:
    parts = container.split(".") if container else []
    return tuple(".".join(parts[:n]) + "." if n else "" for n in range(len(parts), -1, -1))


def candidates(name: str, container: str) -> tuple[str, ...]:
    """The full names that a name can stand for, the innermost first.

    >>> candidates("x.y", "a.b")
    ('a.b.x.y', 'a.x.y', 'x.y')
    >>> candidates(".x", "a.b")
    ('x',)
    """
    if name[:1] == ".":
        return (name[1:],)
    if not container:
        return (name,)
    return tuple([prefix + name for prefix in _prefixes(container)])


def _type_candidates(name: str, declarations: Declarations) -> tuple[str, ...]:
    """The full names that the name of a type, or of what is in one, can stand for."""
    if declarations.abbreviations:
        first, dot, rest = name.partition(".")
        full = declarations.abbreviations.get(first)
        if full is not None:
            return (f"{full}{dot}{rest}",)
    return candidates(name, declarations.container)


def look_up(names: Mapping[str, T], name: str, container: str) -> tuple[str, T] | None:
    """The innermost declared meaning of a name: its full name and what that stands for."""
    if not container and name[:1] != ".":
        meaning = names.get(name)
        return None if meaning is None else (name, meaning)
    for candidate in candidates(name, container):
        found = names.get(candidate)
        if found is not None:
            return candidate, found
    return None


def type_named(name: str, declarations: Declarations) -> tuple[str, Type] | None:
    """The type that a name stands for where it is used as a value: its full name and itself."""
    for candidate in _type_candidates(name, declarations):
        found = TYPE_NAMES.get(candidate) or declarations.types.get(candidate)
        if found is None:
            found = _type_of_a_function(candidate, declarations)
        if found is not None:
            return candidate, found
    return None


def constant_named(name: str, declarations: Declarations) -> tuple[ConstantRef, Type] | None:
    """The named number that a name stands for, and its type."""
    for candidate in _type_candidates(name, declarations):
        found = declarations.constants.get(candidate)
        if found is None:
            found = wellknown.CONSTANTS.get(candidate)
        if found is not None:
            type_ = INT if isinstance(found, int) else AbstractType(found.CEL_TYPE)
            return ConstantRef(candidate, found), type_
    return None


def enum_values(name: str, declarations: Declarations) -> list[str]:
    """The values of the enum type that a name stands for; none where it is no enum."""
    found = []
    for candidate in _type_candidates(name, declarations) if declarations.constants else ():
        prefix = f"{candidate}."
        for constant in declarations.constants:
            if constant.startswith(prefix) and "." not in constant[len(prefix) :]:
                found.append(constant[len(prefix) :])
    return found


def message_named(
    name: str, declarations: Declarations
) -> tuple[TypeRef, ObjectType | MessageType, Type] | None:
    """The type of a message literal: its meaning, its fields and the type of the value."""
    for candidate in _type_candidates(name, declarations):
        known = wellknown.LITERALS.get(candidate)
        reference = TypeRef(candidate, declarations.makers.get(candidate))
        if known is not None:
            return reference, known, wellknown.TYPES[candidate]
        declared = declarations.types.get(candidate)
        if declared is not None:
            return reference, declared, declared
    return None


def dotted(node: Expr) -> str | None:
    """`a.b.c` if the node is a name or a chain of plain selections from one, else None."""
    fields = []
    while type(node) is Select and not node.test and not node.optional:
        fields.append(node.field)
        node = node.operand
    if type(node) is not Ident:
        return None
    return ".".join([node.name, *reversed(fields)])


def is_namespace(name: str, declarations: Declarations) -> bool:
    """Whether functions are named with this prefix and no variable is what is meant."""
    root = name.partition(".")[0]
    if look_up(declarations.variables, root, declarations.container) is not None:
        return False
    prefixes = tuple(f"{name_}." for name_ in candidates(name, declarations.container))
    return any(function.startswith(prefixes) for function in declarations.functions)


def macro_counts(name: str, receiver: str | None) -> dict[str, set[int]]:
    """How many arguments the macros of this name take, by library.

    `receiver` is the text before the dot, None where there is none.

    >>> macro_counts("all", "a.b")
    {'standard': {2}, 'comprehensions': {3}}
    >>> macro_counts("bind", "a.b")
    {}
    """
    found: dict[str, set[int]] = {}
    for library, names in macros.LIBRARIES.items():
        for (function, count), rows in macros.table(names).items():
            for row in rows:
                wanted = receiver if row.receiver == "any" else row.receiver
                if function == name and wanted == (receiver or "none"):
                    found.setdefault(library, set()).add(count)
    return found


def _type_of_a_function(name: str, declarations: Declarations) -> Type | None:
    """The opaque types of an extension have no list of their own: its functions give them."""
    for function in declarations.functions.values():
        for overload in function.overloads:
            for type_ in _opaque_parts(overload.result):
                if name == _opaque_name(type_):
                    return type_
    return None


def _opaque_name(type_: OptionalType | AbstractType) -> str:
    return "optional_type" if isinstance(type_, OptionalType) else type_.name


def _opaque_parts(type_: Type) -> Iterator[OptionalType | AbstractType]:
    match type_:
        case OptionalType():
            yield OptionalType(DYN)
        case AbstractType():
            yield AbstractType(type_.name, (DYN,) * len(type_.parameters))
        case _:
            return
