"""Facts in CEL: the functions that ask for them, and the questions that calls of them stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from policyengine.cel.ast import Call, Constant, Expr, ListExpr, MapExpr, Select, children
from policyengine.cel.checked import CheckedExpression, FunctionRef, VariableRef
from policyengine.cel.functions import Function, Overload
from policyengine.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    FieldType,
    ListType,
    MapType,
    ObjectType,
    Type,
)
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.plugins import FactProvider
from policyengine.program import FactInfo
from policyengine.rules.clause_values import Places, config_problems, cost, prepared
from policyengine.rules.clauses import providers
from policyengine.rules.model import Point
from policyengine.rules.points import builtin_points, facts_about_input
from policyengine.rules.scopes import field_problem
from policyengine.rules.yaml import Path

_NAMED: Mapping[str, Type] = {
    "string": STRING, "int": INT, "double": DOUBLE, "bool": BOOL, "timestamp": TIMESTAMP,
    "dyn": DYN,
}  # fmt: skip
_LIST = re.compile(r"list\((.+)\)\Z")
_MAP = re.compile(r"map\(string, (.+)\)\Z")


def exists_at(name: str, point: Point) -> bool:
    """Whether a provider has anything to look at: text, or an input that the point says it can."""
    provider = providers()[name]
    if provider.READS in ("charges", "events"):
        return True
    if provider.READS == "texts":
        return bool(point.texts)
    return name in facts_about_input(point)


def points_with(name: str) -> str:
    """Help: the built-in points at which a provider exists."""
    found = [f"`{point.name}`" for point in builtin_points().values() if exists_at(name, point)]
    return f"it exists at {', '.join(found)}" if found else ""


def fact_functions(point: Point) -> list[Function]:
    """A function for each provider of facts that exists at a point."""
    return [_function(name) for name in providers() if exists_at(name, point)]


@cache
def _function(name: str) -> Function:
    provider = providers()[name]
    fields = {key: FieldType(_type(text), True) for key, text in provider.FINDING.items()}
    finding = ObjectType(f"{name}.finding", fields)
    overload = Overload(f"{name}_dyn", (DYN,), ListType(finding), can_fail=True)
    doc = (provider.__doc__ or "").partition("\n")[0]
    return Function(name, (overload,), "facts.asked", doc, fact=True)


def _type(text: str) -> Type:
    """A type by its CEL name.

    >>> str(_type("list(string)"))
    'list(string)'
    """
    if text in _NAMED:
        return _NAMED[text]
    if inner := _LIST.match(text):
        return ListType(_type(inner.group(1)))
    if inner := _MAP.match(text):
        return MapType(STRING, _type(inner.group(1)))
    raise ValueError(f"`{text}` is not a type that a finding may have")


def questions(
    checked: CheckedExpression, constants: Mapping[str, Any], point: Point
) -> tuple[dict[int, FactInfo], list[Diagnostic]]:
    """The question that each fact call asks, by its node id, and what is wrong with them."""
    asked: dict[int, FactInfo] = {}
    problems: list[Diagnostic] = []
    calls = {
        id_
        for id_, reference in checked.references.items()
        if isinstance(reference, FunctionRef) and reference.function.fact
    }
    # Most conditions ask nothing.
    for node in _nodes(checked.ast.root) if calls else ():
        if not isinstance(node, Call) or node.id not in calls:
            continue
        try:
            asked[node.id] = _question(checked, node, constants, point)
        except CompileError as error:
            problems += error.diagnostics
    return asked, problems


def _question(
    checked: CheckedExpression, call: Call, constants: Mapping[str, Any], point: Point
) -> FactInfo:
    provider: FactProvider = providers()[call.function]
    argument = call.args[0]
    span = checked.ast.span(argument)
    try:
        value = _constant(checked, argument, constants)
    except _NotConstantError as error:
        message = f"the argument of `{call.function}` must be a constant"
        place = checked.ast.span(error.node)
        help = "a literal, or a constant of the bundle such as `constants.words`"
        raise CompileError([Diagnostic("fact-argument", message, place, help=help)]) from None
    problems = config_problems(call.function, provider, value, Places({}, span))
    if problems:
        raise CompileError(problems)
    config = prepared(call.function, provider, value)
    named: Callable[[Any], Mapping[Path, str]] | None = getattr(provider, "fields", None)
    places = named(config) if named is not None else {}
    problems = [
        problem
        for path, field in places.items()
        if (problem := field_problem(field, point, checked.ast.span(_part(argument, path))))
    ]
    if problems:
        raise CompileError(problems)
    return FactInfo(call.function, config, cost(provider, config))


def _part(node: Expr, path: Path) -> Expr:
    """The node of a part of a literal, or of the smallest part around it."""
    for step in path:
        inner: Expr | None = None
        match node:
            case MapExpr():
                for entry in node.entries:
                    if isinstance(entry.key, Constant) and entry.key.value == step:
                        inner = entry.value
            case ListExpr() if isinstance(step, int) and step < len(node.elements):
                inner = node.elements[step]
            case _:
                pass
        if inner is None:
            break
        node = inner
    return node


class _NotConstantError(Exception):
    def __init__(self, node: Expr) -> None:
        super().__init__()
        self.node = node


def _constant(checked: CheckedExpression, node: Expr, constants: Mapping[str, Any]) -> Any:
    match node:
        case Constant() if not isinstance(node.value, bytes):
            return node.value
        case ListExpr() if not node.optional:
            return [_constant(checked, element, constants) for element in node.elements]
        case MapExpr() if not any(entry.optional for entry in node.entries):
            return {
                _key(checked, entry.key, constants): _constant(checked, entry.value, constants)
                for entry in node.entries
            }
        case Select():
            reference = checked.references.get(node.id)
            if isinstance(reference, VariableRef):
                root, _, name = reference.name.partition(".")
                if root == "constants" and name in constants:
                    return constants[name]
        case _:
            pass
    raise _NotConstantError(node)


def _key(checked: CheckedExpression, node: Expr, constants: Mapping[str, Any]) -> str:
    key = _constant(checked, node, constants)
    if not isinstance(key, str):
        raise _NotConstantError(node)
    return key


def _nodes(root: Expr) -> Iterator[Expr]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)
