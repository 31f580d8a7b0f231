"""The Python module being made: its imports, its constants, and names that cannot clash."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from typing import Any

from policyengine.source import Text

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


class Module:
    """Collects what generated functions need around them.

    User text reaches it only through `constant` and, cut down to letters and digits, as a hint
    for a local name.
    """

    def __init__(self) -> None:
        self._imports: dict[str, str] = {}
        self._constants: dict[Any, tuple[str, ast.expr]] = {}
        self._count = 0
        self.objects: dict[str, Any] = {}
        self.functions: list[ast.stmt] = []
        self._tables: list[ast.stmt] = []

    def fresh(self, hint: str) -> str:
        """A local name that no other has, readable where the hint is.

        INVARIANT: it ends in `_` and digits, as no name that the emitters choose themselves does.
        """
        self._count += 1
        safe = _UNSAFE.sub("_", hint)[:40]
        # Python's compiler takes any text for a name, but who reads the module as text does not.
        return f"{'_' if safe[:1].isdigit() else ''}{safe}_{self._count}"

    def runtime(self, path: str | Callable[..., Any]) -> ast.expr:
        """A callable of `policyengine.values` (`"strings.contains"`), or a user's own."""
        if callable(path):
            return load(self._object(path))
        name = self._imports.setdefault(path, "_" + path.replace(".", "_"))
        return load(name)

    def _object(self, value: Callable[..., Any]) -> str:
        for name, known in self.objects.items():
            if known is value:
                return name
        hint = _UNSAFE.sub("_", getattr(value, "__name__", "function"))
        name = f"_{hint}_user{len(self.objects)}"
        self.objects[name] = value
        return name

    def constant(self, key: Any, value: Callable[[], ast.expr], hint: str = "k") -> ast.expr:
        """A module constant, made once for each key."""
        if key not in self._constants:
            self._constants[key] = (f"_{hint}{len(self._constants)}", value())
        return load(self._constants[key][0])

    def table(self, hint: str, value: ast.expr) -> ast.expr:
        """A module constant that may hold functions: it is made behind all of them."""
        name = f"_{hint}_table{len(self._tables)}"
        self._tables.append(assign(name, value))
        return load(name)

    def tree(self) -> ast.Module:
        """The module: imports, constants, functions, tables."""
        imports: list[ast.stmt] = []
        for path, name in sorted(self._imports.items()):
            room, attribute = path.rsplit(".", 1)
            alias = ast.alias(name=attribute, asname=name)
            module = f"policyengine.values.{room}"
            imports.append(ast.ImportFrom(module=module, names=[alias], level=0))
        constants: list[ast.stmt] = [
            ast.Assign(targets=[store(name)], value=value)
            for name, value in self._constants.values()
        ]
        tree = ast.Module(
            body=[*imports, *constants, *self.functions, *self._tables], type_ignores=[]
        )
        return ast.fix_missing_locations(tree)


def load(name: str) -> ast.expr:
    """A name that is read."""
    return ast.Name(id=name, ctx=ast.Load())


def store(name: str) -> ast.expr:
    """A name that is assigned."""
    return ast.Name(id=name, ctx=ast.Store())


def call(function: ast.expr, *args: ast.expr) -> ast.expr:
    """`function(*args)`."""
    return ast.Call(func=function, args=list(args), keywords=[])


def method(target: ast.expr, name: str, *args: ast.expr) -> ast.expr:
    """`target.name(*args)`, where the name is ours."""
    return call(attribute(target, name), *args)


def attribute(target: ast.expr, name: str) -> ast.expr:
    """`target.name`, where the name is ours."""
    return ast.Attribute(value=target, attr=name, ctx=ast.Load())


def item(target: ast.expr, key: ast.expr) -> ast.expr:
    """`target[key]`."""
    return ast.Subscript(value=target, slice=key, ctx=ast.Load())


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    """`left <operator> right`."""
    return ast.Compare(left=left, ops=[operator], comparators=[right])


def negated(value: ast.expr) -> ast.expr:
    """`not value`, without a double negation."""
    match value:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[right]):
            return compare(left, ast.IsNot(), right)
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]):
            return compare(left, ast.NotIn(), right)
        case _:
            return ast.UnaryOp(op=ast.Not(), operand=value)


def assign(name: str, value: ast.expr) -> ast.stmt:
    """`name = value`."""
    return ast.Assign(targets=[store(name)], value=value)


def thunk(value: ast.expr, *parameters: str) -> ast.expr:
    """`lambda parameters: value`."""
    return ast.Lambda(args=arguments(*parameters), body=value)


def arguments(*names: str) -> ast.arguments:
    """Positional parameters."""
    return ast.arguments(
        posonlyargs=[],
        args=[ast.arg(arg=name) for name in names],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )


def function(name: str, parameters: tuple[str, ...], body: list[ast.stmt]) -> ast.stmt:
    """`def name(parameters): body`."""
    made = ast.FunctionDef(
        name=name, args=arguments(*parameters), body=body, decorator_list=[], lineno=1
    )
    # Python 3.12 added type parameters, without which its compiler refuses the node.
    made.type_params = []  # type: ignore[attr-defined,unused-ignore]
    return made


def literal(value: Any) -> ast.expr:
    """A JSON-like value as Python syntax; text becomes a constant, never code."""
    if isinstance(value, list | tuple):
        return ast.List(elts=[literal(item) for item in value], ctx=ast.Load())
    if isinstance(value, dict):
        return ast.Dict(
            keys=[literal(key) for key in value], values=[literal(item) for item in value.values()]
        )
    if isinstance(value, float) and not math.isfinite(value):
        return call(load("float"), ast.Constant(value=str(value)))
    return ast.Constant(value=value)


def placed(node: ast.expr, text: Text, start: int, end: int) -> ast.expr:
    """The node with the place in the policy's file that it was made from."""
    line, column = text.position(start)
    end_line, end_column = text.position(max(start, end - 1))
    if hasattr(node, "lineno"):
        return node
    node.lineno, node.col_offset = line, column - 1
    node.end_lineno, node.end_col_offset = end_line, end_column
    return node
