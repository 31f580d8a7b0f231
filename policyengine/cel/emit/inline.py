"""Calls that Python has an operator or a method for, where the argument types are proved.

| CEL | Python |
|---|---|
| `a == b` of one scalar type | `a == b` |
| `a + b` of ints | `a + b`, and a range check |
| `x in ["a", "b"]` | `x in {"a", "b"}` |
| `s.contains(t)` | `t in s` |
| `s.matches("literal")` | `pattern.search(s)`, the pattern made once |
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from policyengine.cel import ast as cel
from policyengine.cel.checked import FunctionRef
from policyengine.cel.emit import unknown
from policyengine.cel.emit.ints import MIRRORED, in_int_range, is_compared
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import assign, call, compare, load, method, negated
from policyengine.cel.emit.paths import class_of
from policyengine.cel.emit.value import Emitter, Value
from policyengine.cel.types import ListType
from policyengine.values import regex

_PLAIN = frozenset({"string", "int", "uint", "double", "bytes", "bool", "timestamp", "duration"})

_ORDER: dict[str, type[ast.cmpop]] = {
    "_<_": ast.Lt,
    "_<=_": ast.LtE,
    "_>_": ast.Gt,
    "_>=_": ast.GtE,
}

_COMPARING: dict[str, type[ast.cmpop]] = {"_==_": ast.Eq, "_!=_": ast.NotEq, **_ORDER}

_CHECKED_INT: dict[str, type[ast.operator]] = {
    "add_int64": ast.Add,
    "subtract_int64": ast.Sub,
    "multiply_int64": ast.Mult,
}

# Division is here too: Python raises on zero, and the reference gives infinity.
_DOUBLE: dict[str, type[ast.operator]] = {
    "add_double": ast.Add,
    "subtract_double": ast.Sub,
    "multiply_double": ast.Mult,
    "divide_double": ast.Div,
}

_METHODS: dict[str, Callable[[Sequence[ast.expr]], ast.expr]] = {
    "contains_string": lambda args: compare(args[1], ast.In(), args[0]),
    "starts_with_string": lambda args: method(args[0], "startswith", args[1]),
    "ends_with_string": lambda args: method(args[0], "endswith", args[1]),
}


def operation(
    fast: Emitter, reference: FunctionRef, nodes: tuple[cel.Expr, ...], args: list[Value]
) -> ast.expr | None:
    """The inlined call, or None where a function must be called."""
    name = reference.function.name
    kinds = [kind(fast.type(node)) for node in nodes]
    values = [arg.node for arg in args]
    if name in ("_==_", "_!=_"):
        found = _equality(name == "_==_", nodes, kinds, values)
        if found is not None or "dyn" not in kinds:
            return found
    if name == "@in":
        return _membership(fast, nodes, kinds, args)
    if "dyn" in kinds and len(nodes) == 2:
        return unknown.with_constant(fast, reference, nodes, values)
    if "dyn" in kinds or len(reference.overloads) != 1:
        return None
    overload = reference.overloads[0].id
    if name in _ORDER and _comparable(kinds):
        return compare(values[0], _ORDER[name](), values[1])
    if name == "!_":
        return negated(values[0])
    if overload in _CHECKED_INT:
        made = fast.module.fresh("number")
        operated = ast.BinOp(left=values[0], op=_CHECKED_INT[overload](), right=values[1])
        out_of_range = negated(in_int_range(made))
        check = ast.If(test=out_of_range, body=[fast.unsure()], orelse=[])
        fast.add(assign(made, operated), check)
        return load(made)
    if overload in _DOUBLE:
        return ast.BinOp(left=values[0], op=_DOUBLE[overload](), right=values[1])
    if overload in _METHODS:
        return _METHODS[overload](values)
    if name == "size":
        return call(load("len"), values[0])
    if name == "matches":
        return _matches(fast, nodes, values)
    return None


def _comparable(kinds: list[str]) -> bool:
    return kinds[0] == kinds[1] and kinds[0] in _PLAIN


def _is_text(node: cel.Expr) -> bool:
    return isinstance(node, cel.Constant) and node.kind == "string"


def _equality(
    equal: bool, nodes: tuple[cel.Expr, ...], kinds: list[str], values: list[ast.expr]
) -> ast.expr | None:
    # Nothing but a string equals a string, whatever the other side is.
    if _comparable(kinds) or any(map(_is_text, nodes)):
        return compare(values[0], ast.Eq() if equal else ast.NotEq(), values[1])
    if "null_type" in kinds:
        # Python warns of a literal beside `is`.
        if any(isinstance(node, cel.Constant) and node.kind != "null" for node in nodes):
            return ast.Constant(value=not equal)
        return compare(values[0], ast.Is() if equal else ast.IsNot(), values[1])
    return None


def with_constants(fast: Emitter, function: str, nodes: tuple[cel.Expr, ...]) -> ast.expr | None:
    """`x in [constants]` as a look-up in a set, and comparisons with a constant; else None."""
    if function == "@in":
        return _in_constants(fast, *nodes)
    if function not in _COMPARING:
        return None
    operator = _COMPARING[function]
    value, constant = nodes
    if isinstance(value, cel.Constant):
        operator, value, constant = MIRRORED[operator], constant, value
    if not isinstance(constant, cel.Constant):
        return None
    if constant.kind == "string" and operator in (ast.Eq, ast.NotEq):
        late = fast.take(value, "string")
        if late is not None:
            return _guarded_later(fast, late, operator(), fast.emit(constant).node)
    if constant.kind == "int":
        late = fast.take(value, "int")
        if late is not None:
            return _int_guarded_later(fast, late, operator(), int(constant.value or 0))
    return None


def _int_guarded_later(
    fast: Emitter, late: tuple[ast.expr, str], operator: ast.cmpop, constant: int
) -> ast.expr:
    taken, name = late
    unsure = call(fast.module.runtime("conform.unsure"))
    is_int = compare(class_of(taken), ast.Is(), load("int"))
    compared = is_compared(name, operator, constant, unsure)
    return ast.IfExp(test=is_int, body=compared, orelse=unsure)


def _guarded_later(
    fast: Emitter, late: tuple[ast.expr, str], operator: ast.cmpop, other: ast.expr
) -> ast.expr:
    """The comparison; only where it found nothing equal is the value's class looked at."""
    taken, name = late
    compared = compare(taken, operator, other)
    unsure = call(fast.module.runtime("conform.unsure"))
    class_ = class_of(load(name))
    if isinstance(operator, ast.NotEq | ast.NotIn):
        is_text = compare(class_, ast.Is(), load("str"))
        settled = ast.BoolOp(op=ast.Or(), values=[is_text, unsure])
        return ast.BoolOp(op=ast.And(), values=[compared, settled])
    other_class = compare(class_, ast.IsNot(), load("str"))
    settled = ast.BoolOp(op=ast.And(), values=[other_class, unsure])
    return ast.BoolOp(op=ast.Or(), values=[compared, settled])


def _in_constants(fast: Emitter, element: cel.Expr, container: cel.Expr) -> ast.expr | None:
    wanted = kind(fast.type(element))
    if wanted not in ("string", "int") or not isinstance(container, cel.ListExpr):
        return None
    constants = [e for e in container.elements if isinstance(e, cel.Constant) and e.kind == wanted]
    if not constants or len(constants) < len(container.elements) or container.optional:
        return None
    members: list[ast.expr] = [ast.Constant(value=constant.value) for constant in constants]
    late = fast.take(element, "string")
    if late is not None:
        return _guarded_later(fast, late, ast.In(), ast.Set(elts=members))
    return compare(fast.emit(element).node, ast.In(), ast.Set(elts=members))


def _membership(
    fast: Emitter, nodes: tuple[cel.Expr, ...], kinds: list[str], args: list[Value]
) -> ast.expr | None:
    found = compare(args[0].node, ast.In(), args[1].node)
    if kinds[0] == "string" and kinds[1] in ("list", "map"):
        return found
    # In a list that may hold something else, Python takes true for 1.
    type_ = fast.type(nodes[1])
    ints = isinstance(type_, ListType) and kind(type_.element) == "int"
    return found if ints and kinds[0] == "int" and args[1].deep else None


def _matches(fast: Emitter, nodes: tuple[cel.Expr, ...], values: list[ast.expr]) -> ast.expr | None:
    pattern = nodes[1]
    if not isinstance(pattern, cel.Constant) or not _is_regex(str(pattern.value)):
        return None
    compiled = fast.module.constant(
        ("regex", pattern.value),
        lambda: call(fast.module.runtime("regex.compile"), ast.Constant(value=pattern.value)),
        "regex",
    )
    return method(compiled, "search", values[0])


def _is_regex(pattern: str) -> bool:
    """Whether RE2 takes the pattern; only unchecked expressions get here with one it refuses."""
    try:
        regex.check(pattern)
    except regex.RegexError:
        return False
    return True
