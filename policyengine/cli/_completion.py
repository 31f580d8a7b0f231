"""What can stand at the end of a line: fields, variables, functions and the session's commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policyengine.cel.functions import library
from policyengine.cel.types import (
    BYTES,
    DURATION,
    DYN,
    STRING,
    TIMESTAMP,
    ListType,
    MapType,
    ObjectType,
    Type,
    TypeParam,
    WrapperType,
)
from policyengine.cli._trial import Trial
from policyengine.rules.language import LIBRARIES

# A name, or a chain of names and dots, at the end of what is typed.
_CHAIN = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_]?[A-Za-z0-9_]*$")
# What lists and maps can be asked, written without the receiver.
_MACROS = ("all(", "exists(", "exists_one(", "filter(", "map(")


def completions(trial: Trial, line: str, commands: Iterable[str] = ()) -> list[str]:
    """The ways to complete the last word of a line, each as the whole word, sorted.

    >>> completions(Trial(), "1 + siz")
    ['size(']
    """
    if line.startswith(":") and " " not in line:
        return sorted(name for name in commands if name.startswith(line))
    found = _CHAIN.search(line)
    word = found[0] if found else ""
    owner, dot, start = word.rpartition(".")
    names = set(_below(trial, owner)) if dot else set(_first(trial))
    prefix = f"{owner}." if dot else ""
    return sorted(prefix + name for name in names if name.startswith(start))


def _first(trial: Trial) -> Iterator[str]:
    """What an expression may begin with."""
    for name in _variables(trial):
        yield name.partition(".")[0]
    yield from ("true", "false", "null", "has(")
    for function in _functions():
        if function.name[0].isalpha() and any(not o.receiver for o in function.overloads):
            yield (
                f"{function.name.partition('.')[0]}."
                if "." in function.name
                else (f"{function.name}(")
            )


def _below(trial: Trial, owner: str) -> Iterator[str]:
    """What may stand behind a dot: fields, longer names, functions with a receiver."""
    prefix = f"{owner}."
    spaces = [function.name for function in _functions() if function.name.startswith(prefix)]
    if spaces:
        yield from (f"{name[len(prefix) :]}(" for name in spaces)
        return
    for name in _variables(trial):
        if name.startswith(prefix):
            yield name[len(prefix) :].partition(".")[0]
    type_, value = _owner(trial, owner)
    if isinstance(type_, ObjectType):
        yield from type_.fields
        return
    if isinstance(value, Mapping):
        yield from (key for key in value if isinstance(key, str) and key.isidentifier())
    if isinstance(type_, ListType | MapType) or type_ == DYN:
        yield from _MACROS
    for function in _functions():
        for overload in function.overloads:
            if overload.receiver and _fits(type_, overload.args[0]):
                yield f"{function.name}("


def _variables(trial: Trial) -> list[str]:
    loose = trial.own if trial.point else {**trial.input, **trial.own}
    return [*trial.types, *(name for name in loose if name.isidentifier())]


def _owner(trial: Trial, path: str) -> tuple[Type | None, Any]:
    """The type and the value of a chain of names, as far as they are known."""
    known = trial.bindings
    if path in known and path in trial.types:
        return trial.types[path], known[path]
    first, *rest = path.split(".")
    value = known.get(first)
    type_: Type | None = trial.types.get(first)
    if first in trial.own or (type_ is None and first in known):
        type_ = DYN
    for step in rest:
        value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(type_, ObjectType):
            field = type_.fields.get(step)
            type_ = None if field is None else field.type
        elif isinstance(type_, MapType):
            type_ = type_.value
        elif type_ != DYN:
            return None, None
    return type_, value


_RECEIVERS = (STRING, BYTES, TIMESTAMP, DURATION)


def _fits(type_: Type | None, wanted: Type) -> bool:
    """Whether a receiver of a type may be what an overload wants, by its outermost part."""
    if isinstance(type_, WrapperType):
        type_ = type_.value
    if type_ is None or isinstance(wanted, TypeParam):
        return False
    if type_ == DYN:
        return wanted in _RECEIVERS or isinstance(wanted, ListType | MapType)
    return type_ == wanted or (type(type_) is type(wanted) and isinstance(wanted, ListType))


def _functions() -> Iterator[Any]:
    for name in LIBRARIES:
        yield from library(name).functions
