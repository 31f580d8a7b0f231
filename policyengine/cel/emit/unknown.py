"""Operators between a constant and a value of any type: Python's, if that is of its class.

| CEL | Python |
|---|---|
| `d > 5` | `d > 5 if d.__class__ is int else greater(d, 5)` |
| `d.contains("x")` | `'x' in d if d.__class__ is str else contains(d, 'x')` |
| `d * 3` | `(n if (n := d * 3) <= MOST ... else unsure()) if ... is int else multiply(d, 3)` |
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from policyengine.cel import ast as cel
from policyengine.cel.checked import FunctionRef
from policyengine.cel.emit.ints import in_int_range
from policyengine.cel.emit.kinds import CLASSES, kind
from policyengine.cel.emit.module import call, compare, load, method
from policyengine.cel.emit.paths import class_of
from policyengine.cel.emit.value import Emitter

Quick = Callable[[Emitter, ast.expr, ast.expr], ast.expr]


def _compared(operator: type[ast.cmpop]) -> Quick:
    return lambda fast, left, right: compare(left, operator(), right)


def _calculated(operator: type[ast.operator]) -> Quick:
    def quick(fast: Emitter, left: ast.expr, right: ast.expr) -> ast.expr:
        name = fast.module.fresh("number")
        made = ast.BinOp(left=left, op=operator(), right=right)
        taken = ast.NamedExpr(target=ast.Name(id=name, ctx=ast.Store()), value=made)
        unsure = call(fast.module.runtime("conform.unsure"))
        return ast.IfExp(test=in_int_range(name, taken), body=load(name), orelse=unsure)

    return quick


_COMPARED: Mapping[str, Quick] = {
    "compare.equal": _compared(ast.Eq),
    "compare.not_equal": _compared(ast.NotEq),
    "compare.less": _compared(ast.Lt),
    "compare.less_equal": _compared(ast.LtE),
    "compare.greater": _compared(ast.Gt),
    "compare.greater_equal": _compared(ast.GtE),
}
_SEARCHED: Mapping[str, Quick] = {
    "strings.contains": lambda fast, text, part: compare(part, ast.In(), text),
    "strings.starts_with": lambda fast, text, part: method(text, "startswith", part),
    "strings.ends_with": lambda fast, text, part: method(text, "endswith", part),
}
_CALCULATED: Mapping[str, Quick] = {
    "numbers.add": _calculated(ast.Add),
    "numbers.subtract": _calculated(ast.Sub),
    "numbers.multiply": _calculated(ast.Mult),
}
# By the kind of the constant; `compare` and `numbers` leave two values of one class to Python.
_QUICK: Mapping[str, Mapping[str, Quick]] = {
    "int": {**_COMPARED, **_CALCULATED},
    "double": _COMPARED,
    "bytes": _COMPARED,
    "string": {**_COMPARED, **_SEARCHED},
}


def with_constant(
    fast: Emitter, reference: FunctionRef, nodes: tuple[cel.Expr, ...], values: list[ast.expr]
) -> ast.expr | None:
    """The operator of two operands, of which one is a constant; None where there is no such."""
    place = next((i for i, node in enumerate(nodes) if isinstance(node, cel.Constant)), None)
    impl = reference.function.impl
    if place is None or not isinstance(impl, str):
        return None
    wanted = kind(fast.type(nodes[place]))
    quick = _QUICK.get(wanted, {}).get(impl)
    if quick is None:
        return None
    value = tested = values[1 - place]
    if not isinstance(value, ast.Name):
        name = fast.module.fresh("value")
        tested = ast.NamedExpr(target=ast.Name(id=name, ctx=ast.Store()), value=value)
        value = load(name)
    operands = (value, values[place]) if place == 1 else (values[place], value)
    of_its_class = compare(class_of(tested), ast.Is(), load(CLASSES[wanted]))
    slow = call(fast.module.runtime(impl), *operands)
    return ast.IfExp(test=of_its_class, body=quick(fast, *operands), orelse=slow)
