"""The environment of CEL Policy files: what their `config` declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policyengine.cel.environment import Environment
from policyengine.cel.functions import Function, Overload
from policyengine.cel.typenames import parse_type
from policyengine.cel.types import AbstractType, ListType, MapType, OptionalType, Type, TypeParam

# What cel-go's policies always have.
_ALWAYS = ("optionals", "bindings")
# Libraries that go by another name in cel-go.
_NAMES = {"two-var-comprehensions": "comprehensions", "optional": "optionals"}


def environment(
    config: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None
) -> Environment:
    """The environment that a config describes, read from YAML or JSON as plain values.

    `functions` are what the declared functions call, by name. Of `stdlib` the standard library is
    always there as a whole.

    Raises `ValueError` for what cannot be: unknown types or extensions, functions without a
    callable.
    """
    names = [str(each["name"]) for each in config.get("extensions") or ()]
    extensions = dict.fromkeys([*_ALWAYS, *(_NAMES.get(name, name) for name in names)])
    return Environment(
        {entry["name"]: _type(entry.get("type", entry)) for entry in config.get("variables") or ()},
        [_function(entry, functions or {}) for entry in config.get("functions") or ()],
        config.get("container", ""),
        extensions,
    )


def _type(data: Mapping[str, Any]) -> Type:
    name = str(data["type_name"])
    parameters = [_type(parameter) for parameter in data.get("params") or ()]
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
            return parse_type(name)
    return AbstractType(name, tuple(parameters))


def _function(entry: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Function:
    name = str(entry["name"])
    if name not in functions:
        raise ValueError(f"there is no callable for the function `{name}`")
    overloads = []
    for row in entry.get("overloads") or ():
        target = [row["target"]] if row.get("target") else []
        args = tuple(_type(arg) for arg in [*target, *(row.get("args") or ())])
        overloads.append(
            Overload(
                str(row.get("id") or name),
                args,
                _type(row["return"]),
                can_fail=True,
                receiver=bool(target),
            )
        )
    return Function(name, tuple(overloads), functions[name])
