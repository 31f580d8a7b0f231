"""`has()` in the fast form.

| CEL | Python |
|---|---|
| `has(user.age)`, declared and loaded | `user_age is not None` |
| `has(m.age)`, declared, of a loop's variable | `m.get('age') is not None` |
| `has(labels.x)` of a map | `'x' in labels` |
"""

from __future__ import annotations

import ast

from policyengine.cel import ast as cel
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import call, compare, load, method, negated
from policyengine.cel.emit.paths import Path, class_of, soft_default
from policyengine.cel.emit.reference import optional_kind
from policyengine.cel.emit.value import Emitter, Value
from policyengine.cel.types import MapType, ObjectType


def has(fast: Emitter, node: cel.Select) -> Value:
    """`has(operand.field)`."""
    owner = fast.type(node.operand)
    path = fast.input_path(node.operand)
    field = ast.Constant(value=node.field)
    if isinstance(owner, ObjectType) and node.field in owner.fields:
        return _has_field(fast, node, owner, path)
    behind = optional_kind(fast.checked, node)
    if behind is not None:
        present = fast.module.runtime("conform.present")
        kind_ = ast.Constant(value=behind)
        return Value(call(present, fast.emit(node.operand).node, field, kind_), False)
    if not isinstance(owner, MapType):
        present = fast.module.runtime("containers.has")
        return Value(call(present, fast.emit(node.operand).node, field), False)
    if path is None or not isinstance(node.operand, cel.Select):
        return Value(compare(field, ast.In(), fast.emit(node.operand).node), True)
    # A map that is absent has no fields, but what stands there must be a map.
    name = fast.name_of(path, "map")
    there = _is_not_none(load(name))
    wrong = negated(compare(class_of(load(name)), ast.Is(), load("dict")))
    fast.add(ast.If(test=_both(there, wrong), body=[fast.unsure()], orelse=[]))
    return Value(_both(_is_not_none(load(name)), compare(field, ast.In(), load(name))), True)


def _has_field(fast: Emitter, node: cel.Select, owner: ObjectType, path: Path | None) -> Value:
    wanted = kind(owner.fields[node.field].type)
    null_is_absent = soft_default(wanted) == "None"
    if path is not None:
        value = load(fast.name_of((*path, node.field), wanted))
        if null_is_absent and wanted != "map":
            return Value(_is_not_none(value), True)
        absent = fast.module.runtime("conform.EMPTY" if wanted == "map" else "conform.UNSET")
        there = compare(value, ast.IsNot(), absent)
        return Value(_both(_is_not_none(value), there) if wanted == "map" else there, True)
    operand = fast.emit(node.operand).node
    field = ast.Constant(value=node.field)
    if null_is_absent:
        return Value(_is_not_none(method(operand, "get", field)), True)
    return Value(compare(field, ast.In(), operand), True)


def _is_not_none(value: ast.expr) -> ast.expr:
    return compare(value, ast.IsNot(), ast.Constant(value=None))


def _both(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.BoolOp(op=ast.And(), values=[left, right])
