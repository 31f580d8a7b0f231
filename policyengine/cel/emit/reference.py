"""The reference form: one Python expression of calls to total functions, absorbing errors."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import assert_never

from policyengine.cel import ast as cel
from policyengine.cel import wellknown
from policyengine.cel.charges import Charge, charged
from policyengine.cel.checked import (
    CheckedExpression,
    ConstantRef,
    FailureRef,
    FunctionRef,
    LocalRef,
    TypeRef,
    VariableRef,
)
from policyengine.cel.emit.calls import LAZY, gives_part
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import Module, call, load, method, placed, thunk
from policyengine.cel.types import ObjectType, OptionalType

Resolve = Callable[[VariableRef, cel.Expr], ast.expr]
"""How a variable of the expression is read, conformed to its declared kind."""

AskFact = Callable[[cel.Call], ast.expr]

_MACROS = {
    "all": "for_all",
    "exists": "exists",
    "exists_one": "exists_one",
    "filter": "select_all",
    "map": "map_all",
    "transform_list": "map_all",
    "transform_map": "transform_map",
    "transform_map_entry": "transform_map_entry",
}


class Reference:
    """Emits the reference form of one expression."""

    def __init__(
        self,
        checked: CheckedExpression,
        module: Module,
        resolve: Resolve,
        ask: AskFact | None = None,
        part: Callable[[VariableRef], ast.expr | None] | None = None,
        allowance: tuple[ast.expr, ...] = (),
    ) -> None:
        self._allowance = allowance
        self._part = part
        self._checked = checked
        self._module = module
        self._resolve = resolve
        self._ask = ask
        self._locals: dict[tuple[int, int], tuple[str, bool]] = {}
        # What is paid for in the outermost loop that is being emitted, and from what.
        self._charged: dict[int, Charge] | None = None
        self._budget = ""

    def emit(self, node: cel.Expr) -> ast.expr:
        """The Python expression of a node."""
        made = self._emit(node)
        charge = self._charged.get(node.id) if self._charged else None
        if charge is not None:
            made = paid(load(self._budget), made, charge)
        return placed(made, self._checked.ast.text, node.start, node.end)

    def _emit(self, node: cel.Expr) -> ast.expr:
        match node:
            case cel.Constant():
                return constant(node, self._module)
            case cel.Ident():
                return self._name(node)
            case cel.Select():
                return self._select(node)
            case cel.Call():
                return self._call(node)
            case cel.ListExpr():
                items = [self.emit(element) for element in node.elements]
                if not node.optional:
                    return ast.List(elts=items, ctx=ast.Load())
                return self._run(
                    "lazy.build_list", tuple_of(items), positions(node.optional, self._module)
                )
            case cel.MapExpr():
                return self._map(node)
            case cel.Struct():
                return self._struct(node)
            case cel.Comprehension():
                return self._comprehension(node)
            case cel.Bind():
                name = self._bound(node.id, 0, node.name, lazy=True)
                value = self._run("lazy.Once", thunk(self.emit(node.value)))
                return call(thunk(self.emit(node.body), name), value)
            case _:
                assert_never(node)

    def _run(self, path: str, *args: ast.expr) -> ast.expr:
        return call(self._module.runtime(path), *args)

    def _conformed(self, node: cel.Expr, value: ast.expr) -> ast.expr:
        wanted = kind(self._checked.types[node.id])
        if wanted == "dyn":
            return value
        return self._run("conform.conform", value, ast.Constant(value=wanted))

    def _name(self, node: cel.Ident | cel.Select) -> ast.expr:
        match self._checked.references[node.id]:
            case VariableRef() as reference:
                return self._resolve(reference, node)
            case LocalRef(binder=binder, index=index):
                name, lazy = self._locals[binder, index]
                return self._conformed(node, call(load(name)) if lazy else load(name))
            case TypeRef(name=name):
                return type_value(name, self._module)
            case ConstantRef() as reference:
                return named_constant(reference, self._module)
            case reference:
                raise AssertionError(f"a name cannot mean {reference}")

    def _bound(self, binder: int, index: int, hint: str, *, lazy: bool = False) -> str:
        name = self._module.fresh(hint)
        self._locals[binder, index] = (name, lazy)
        return name

    def _select(self, node: cel.Select) -> ast.expr:
        if node.id in self._checked.references:
            return self._name(node)
        field = ast.Constant(value=node.field)
        operand = (
            self._holder(node.operand) if node.test or node.optional else self.emit(node.operand)
        )
        declared = declared_kind(self._checked, node)
        if declared is not None and not node.optional:
            wanted = ast.Constant(value=declared)
            return self._run(
                "conform.present" if node.test else "conform.read", operand, field, wanted
            )
        behind = optional_kind(self._checked, node)
        if behind is not None:
            read = "conform.present" if node.test else "conform.read_optional"
            return self._run(read, operand, field, ast.Constant(value=behind))
        if node.test:
            return self._run("containers.has", operand, field)
        if node.optional:
            return self._run("containers.optional_select", operand, field)
        return self._conformed(node, self._run("containers.select", operand, field))

    def _holder(self, node: cel.Expr) -> ast.expr:
        """The operand of `has()` and of `.?`: an absent object has no fields."""
        if isinstance(node, cel.Select) and not node.test and not node.optional:
            declared = declared_kind(self._checked, node)
            if declared == "map" and node.id not in self._checked.references:
                field = ast.Constant(value=node.field)
                return self._run("conform.part", self._holder(node.operand), field)
        if self._part is not None and isinstance(node, cel.Ident):
            reference = self._checked.references[node.id]
            if isinstance(reference, VariableRef) and kind(self._checked.types[node.id]) == "map":
                return self._part(reference) or self.emit(node)
        return self.emit(node)

    def _call(self, node: cel.Call) -> ast.expr:
        if node.function in ("_&&_", "_||_"):
            operands = [thunk(self.emit(operand)) for operand in chain(node)]
            return self._run(f"lazy.{'every' if node.function == '_&&_' else 'either'}", *operands)
        if node.function == "_?_:_":
            condition, then, otherwise = node.args
            branches = thunk(self.emit(then)), thunk(self.emit(otherwise))
            return self._run("lazy.choose", self.emit(condition), *branches)
        reference = self._checked.references[node.id]
        if isinstance(reference, FailureRef):
            return self._failure(reference)
        assert isinstance(reference, FunctionRef)
        function = reference.function
        if function.fact:
            assert self._ask is not None
            return self._ask(node)
        args = [self.emit(arg) for arg in operands_of(node, reference)]
        lazy = LAZY.get(function.impl)
        if lazy is not None:
            args[-1] = thunk(args[-1])
        made = call(self._module.runtime(lazy or function.impl), *args)
        return self._conformed(node, made) if gives_part(function) else made

    def _failure(self, reference: FailureRef) -> ast.expr:
        code, message = reference.code, reference.message
        return self._run("failures.fail", ast.Constant(value=code), ast.Constant(value=message))

    def _map(self, node: cel.MapExpr) -> ast.expr:
        entries = [tuple_of([self.emit(e.key), self.emit(e.value)]) for e in node.entries]
        optional = frozenset(i for i, entry in enumerate(node.entries) if entry.optional)
        return self._run("lazy.build_map", tuple_of(entries), positions(optional, self._module))

    def _struct(self, node: cel.Struct) -> ast.expr:
        reference = self._checked.references[node.id]
        if isinstance(reference, FailureRef):
            return self._failure(reference)
        entries = [
            tuple_of([ast.Constant(value=field.name), self.emit(field.value)])
            for field in node.fields
        ]
        optional = frozenset(i for i, field in enumerate(node.fields) if field.optional)
        fields = self._run("lazy.build_map", tuple_of(entries), positions(optional, self._module))
        assert isinstance(reference, TypeRef)
        if reference.make is not None:
            return call(self._module.runtime(reference.make), fields)
        if reference.name not in wellknown.LITERALS:
            return fields
        return self._run("wellknown.message", ast.Constant(value=reference.name), fields)

    def _comprehension(self, node: cel.Comprehension) -> ast.expr:
        over = self.emit(node.range)
        if self._charged is not None:
            return self._loop(node, over)
        self._charged = charged(self._checked, node)
        self._budget = self._module.fresh("budget")
        made = self._loop(node, over)
        if self._charged:
            made = call(thunk(made, self._budget), self._run("budget.Budget", *self._allowance))
        self._charged = None
        return made

    def _loop(self, node: cel.Comprehension, over: ast.expr) -> ast.expr:
        names = [self._bound(node.id, i, name) for i, name in enumerate(node.variables)]
        parts: list[ast.expr] = []
        if node.condition is not None:
            parts.append(thunk(self.emit(node.condition), *names))
        elif node.result is not None:
            parts.append(ast.Constant(value=None))
        if node.result is not None:
            parts.append(thunk(self.emit(node.result), *names))
        arity = ast.Constant(value=len(names))
        return self._run(f"lazy.{_MACROS[node.kind]}", over, *parts, arity)


def paid(budget: ast.expr, value: ast.expr, charge: Charge) -> ast.expr:
    """The value, its size taken from a budget."""
    options = [ast.Constant(value=charge.shift)]
    if charge.deep:
        options.append(ast.Constant(value=True))
    return method(budget, "paid", value, *options)


def positions(optional: frozenset[int], module: Module) -> ast.expr:
    """Which elements or entries of a literal are written with `?`."""
    ordered = sorted(optional)
    return module.constant(
        ("positions", tuple(ordered)),
        lambda: call(load("frozenset"), tuple_of([ast.Constant(value=i) for i in ordered])),
    )


def constant(node: cel.Constant, module: Module) -> ast.expr:
    """A literal as Python syntax."""
    if node.kind == "uint":
        value = node.value
        return module.constant(
            ("uint", value), lambda: call(module.runtime("kinds.UInt"), ast.Constant(value=value))
        )
    return ast.Constant(value=node.value)


def named_constant(reference: ConstantRef, module: Module) -> ast.expr:
    """A named number as Python syntax."""
    value = reference.value
    if isinstance(value, int):
        return ast.Constant(value=value)
    type_, number = ast.Constant(value=value.CEL_TYPE), ast.Constant(value=value.number)
    return module.constant(
        ("enum", value), lambda: call(module.runtime("messages.enum_value"), type_, number)
    )


def type_value(name: str, module: Module) -> ast.expr:
    """A type used as a value."""
    return module.constant(
        ("type", name), lambda: call(module.runtime("kinds.TypeValue"), ast.Constant(value=name))
    )


def chain(node: cel.Call) -> list[cel.Expr]:
    """The operands of nested `&&` (or `||`) calls in source order.

    `a && (b && c)` and `(a && b) && c` mean the same, whatever fails.
    """
    flat: list[cel.Expr] = []
    pending: list[cel.Expr] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, cel.Call) and part.function == node.function:
            pending.extend(reversed(part.args))
        else:
            flat.append(part)
    return flat


def operands_of(node: cel.Call, reference: FunctionRef) -> tuple[cel.Expr, ...]:
    """The arguments that the function is called with, the receiver first."""
    if node.target is None or reference.namespaced:
        return node.args
    return (node.target, *node.args)


def declared_kind(checked: CheckedExpression, node: cel.Select) -> str | None:
    """The kind of the field that a selection reads from an object type, else None."""
    owner = checked.types.get(node.operand.id)
    if isinstance(owner, ObjectType) and node.field in owner.fields:
        return kind(owner.fields[node.field].type)
    return None


def optional_kind(checked: CheckedExpression, node: cel.Select) -> str | None:
    """The kind of the field that `operand.?field` reads from an object type, else None.

    So does `operand.field` where the operand is an optional object.
    """
    owner = checked.types.get(node.operand.id)
    if isinstance(owner, OptionalType):
        owner = owner.value
    elif not node.optional:
        return None
    if isinstance(owner, ObjectType) and node.field in owner.fields:
        return kind(owner.fields[node.field].type)
    return None


def tuple_of(items: list[ast.expr]) -> ast.expr:
    """`(a, b)`."""
    return ast.Tuple(elts=items, ctx=ast.Load())
