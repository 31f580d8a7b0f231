"""Optionals in the fast form.

| CEL | Python |
|---|---|
| `a.?b` | `optional_select(a, "b")`, or `read_optional` of a declared field |
| `a.?b.orValue(c)` | `part = a.get("b", UNSET)`, then `part if part is not UNSET else c` |
| `a.or(b)`, `a.orValue(b)` | a conditional on `a.present`; b runs only where it is needed |
"""

from __future__ import annotations

import ast

from policyengine.cel import ast as cel
from policyengine.cel.emit.module import assign, attribute, call, compare, load, method
from policyengine.cel.emit.paths import soft_default
from policyengine.cel.emit.reference import optional_kind
from policyengine.cel.emit.value import SCALARS, Emitter, Value
from policyengine.cel.types import MapType, ObjectType


def read(fast: Emitter, node: cel.Select) -> Value:
    """`operand.?field`, and `operand.field` of an optional."""
    operand = fast.emit(node.operand)
    field = ast.Constant(value=node.field)
    wanted = optional_kind(fast.checked, node)
    if wanted is None:
        function = fast.module.runtime("containers.optional_select")
        return Value(call(function, operand.node, field), operand.deep)
    function = fast.module.runtime("conform.read_optional")
    kind_ = ast.Constant(value=wanted)
    return Value(call(function, operand.node, field, kind_), wanted in SCALARS)


def either(fast: Emitter, node: cel.Call, optional: cel.Expr, other: cel.Expr) -> Value:
    """`optional.or(other)`, an optional, or `optional.orValue(other)`, a value."""
    whole = node.function == "or"
    found = None if whole else _looked_up(fast, optional)
    if found is None:
        first = fast.emit(optional)
        name = load(fast.named(first.node, "optional_type", "optional"))
        there = attribute(name, "present")
        found = Value(name if whole else attribute(name, "value"), first.deep)
    else:
        there = compare(found.node, ast.IsNot(), fast.module.runtime("conform.UNSET"))
    with fast.inner() as block:
        second = fast.emit(other)
        if whole:
            named = fast.named(second.node, "optional_type", "other")
            second = Value(load(named), second.deep)
    made: ast.expr = ast.IfExp(test=there, body=found.node, orelse=second.node)
    if block:
        chosen = fast.module.fresh("chosen")
        block.append(assign(chosen, second.node))
        fast.add(ast.If(test=there, body=[assign(chosen, found.node)], orelse=block))
        made = load(chosen)
    return Value(made, True) if found.deep and second.deep else fast.declared(node, made)


def _looked_up(fast: Emitter, node: cel.Expr) -> Value | None:
    """The value that `map.?field` finds, or `UNSET`, without making an optional of it."""
    if not isinstance(node, cel.Select) or not node.optional or node.test:
        return None
    owner = fast.type(node.operand)
    if isinstance(owner, ObjectType):
        declared = optional_kind(fast.checked, node)
        # Null stands for absent in an object; a field that may be null is rare.
        if declared is None or soft_default(declared) != "None":
            return None
    elif not isinstance(owner, MapType):
        return None
    operand = fast.emit(node.operand)
    unset = fast.module.runtime("conform.UNSET")
    name = fast.module.fresh(node.field)
    field = ast.Constant(value=node.field)
    fast.add(assign(name, method(operand.node, "get", field, unset)))
    if isinstance(owner, ObjectType):
        null = compare(load(name), ast.Is(), ast.Constant(value=None))
        fast.add(ast.If(test=null, body=[assign(name, unset)], orelse=[]))
    return Value(load(name), operand.deep)
