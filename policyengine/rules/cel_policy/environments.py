"""The environment of CEL Policy files: what their `config` declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policyengine.cel.environment import Environment, MessageTypes
from policyengine.cel.functions import Function, Overload
from policyengine.cel.typenames import parse_type
from policyengine.cel.types import (
    AbstractType,
    ListType,
    MapType,
    MessageType,
    OptionalType,
    Type,
    TypeParam,
)

Types = Mapping[str, MessageType]

# What cel-go's policies always have.
_ALWAYS = ("optionals", "bindings")
# Libraries that go by another name in cel-go.
_NAMES = {"two-var-comprehensions": "comprehensions", "optional": "optionals"}


def environment(
    config: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]] | None = None,
    messages: MessageTypes | None = None,
) -> Environment:
    """The environment that a config describes, read from YAML or JSON as plain values.

    `functions` are what the declared functions call, by name. Of `stdlib` the standard library is
    always there as a whole. `messages` are the message types that the config may name; the fields
    of its `context_variable` are variables.

    Raises `ValueError` for what cannot be: unknown types or extensions, functions without a
    callable.
    """
    types = messages.types if messages else {}
    names = [str(each["name"]) for each in config.get("extensions") or ()]
    extensions = dict.fromkeys([*_ALWAYS, *(_NAMES.get(name, name) for name in names)])
    variables = _context(config, types)
    for entry in config.get("variables") or ():
        variables[entry["name"]] = _type(entry.get("type", entry), types)
    return Environment(
        variables,
        [_function(entry, functions or {}, types) for entry in config.get("functions") or ()],
        config.get("container", ""),
        extensions,
        messages=messages,
    )


def _context(config: Mapping[str, Any], types: Types) -> dict[str, Type]:
    """The fields of the message that stands for all variables, without its extensions."""
    if not config.get("context_variable"):
        return {}
    name = str(config["context_variable"]["type_name"])
    if name not in types:
        raise ValueError(f"there is no message type `{name}`")
    fields = types[name].fields.items()
    return {field: declared.type for field, declared in fields if "." not in field}


def _type(data: Mapping[str, Any], types: Types) -> Type:
    name = str(data["type_name"])
    parameters = [_type(parameter, types) for parameter in data.get("params") or ()]
    if data.get("is_type_param"):
        return TypeParam(name)
    match name, parameters:
        case "list", [element]:
            return ListType(element)
        case "map", [key, value]:
            return MapType(key, value)
        case "optional_type", [value]:
            return OptionalType(value)
        case _, []:
            return parse_type(name, types)
    return AbstractType(name, tuple(parameters))


def _function(
    entry: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]], types: Types
) -> Function:
    name = str(entry["name"])
    if name not in functions:
        raise ValueError(f"there is no callable for the function `{name}`")
    overloads = []
    for row in entry.get("overloads") or ():
        target = [row["target"]] if row.get("target") else []
        args = tuple(_type(arg, types) for arg in [*target, *(row.get("args") or ())])
        overloads.append(
            Overload(
                str(row.get("id") or name),
                args,
                _type(row["return"], types),
                can_fail=True,
                receiver=bool(target),
            )
        )
    return Function(name, tuple(overloads), functions[name])
