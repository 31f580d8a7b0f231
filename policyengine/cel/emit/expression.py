"""One expression as one Python function of its bindings."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.emit.fast import BINDINGS, Fast
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import Module, call, function, load
from policyengine.cel.emit.paths import Path, Paths, used_paths
from policyengine.cel.emit.reference import Reference
from policyengine.cel.emit.value import Unsuited
from policyengine.cel.types import BOOL, ObjectType


@dataclass(frozen=True, slots=True)
class Emitted:
    """A module with the functions `evaluate` and `reference`, each of a dict of bindings."""

    code: CodeType
    python: str = field(repr=False)
    objects: dict[str, Any] = field(repr=False)


def expression(checked: CheckedExpression) -> Emitted:
    """The Python module of an expression."""
    module = Module()

    def resolve(reference: VariableRef, node: cel.Expr) -> ast.expr:
        wanted = kind(checked.types[node.id])
        read = module.runtime("conform.variable")
        name, kind_ = ast.Constant(value=reference.name), ast.Constant(value=wanted)
        return call(read, load(BINDINGS), name, kind_)

    objects = {
        reference.name
        for id_, reference in checked.references.items()
        if isinstance(reference, VariableRef) and isinstance(checked.types.get(id_), ObjectType)
    }

    def part(reference: VariableRef) -> ast.expr | None:
        if reference.name not in objects:
            return None
        name = ast.Constant(value=reference.name)
        return call(module.runtime("conform.part"), load(BINDINGS), name)

    reference = Reference(checked, module, resolve, part=part).emit(checked.ast.root)
    body: list[ast.stmt] = [ast.Return(value=reference)]
    module.functions.append(function("reference", (BINDINGS,), body))
    module.functions.append(function("evaluate", (BINDINGS,), _evaluate(checked, module)))
    tree = module.tree()
    code = compile(tree, checked.ast.text.path, "exec", dont_inherit=True)
    return Emitted(code, ast.unparse(tree), module.objects)


def _evaluate(checked: CheckedExpression, module: Module) -> list[ast.stmt]:
    refer: ast.stmt = ast.Return(value=call(load("reference"), load(BINDINGS)))
    used = used_paths(checked, lambda _: False)
    read = frozenset(path for path, _ in used.read)
    tested = frozenset(path for path, _ in used.tested)
    late = frozenset(path for path in used.once if _strict(path, read, tested))
    leaves = used.tested | used.read
    paths = Paths(module, leaves, lambda path: _strict(path, read, tested), late)
    fast = Fast(module, paths)
    try:
        made = fast.over(checked, checked.ast.root)
    except Unsuited:
        return [refer]
    is_bool = checked.types[checked.ast.root.id] == BOOL
    returned = _judged(made.node) if is_bool else [ast.Return(value=made.node)]
    body = [*paths.loads(BINDINGS, fast.unsure), *fast.block, *returned]
    # INVARIANT: whatever fast code raises, the reference gives the answer or the error.
    unsure = ast.ExceptHandler(type=load("Exception"), name=None, body=[ast.Pass()])
    return [ast.Try(body=body, handlers=[unsure], orelse=[], finalbody=[]), refer]


def _judged(value: ast.expr) -> list[ast.stmt]:
    """Gives a bool back; Python is quicker at comparing where that decides what runs next."""
    if not isinstance(value, ast.BoolOp | ast.Compare | ast.IfExp):
        return [ast.Return(value=value)]
    yes, no = (ast.Return(value=ast.Constant(value=answer)) for answer in (True, False))
    return [ast.If(test=value, body=[yes], orelse=[]), no]


def _strict(path: Path, read: frozenset[Path], tested: frozenset[Path]) -> bool:
    """Whether an expression needs the path anyway; not one that it asks for with `has()`."""
    if len(path) == 1:
        return path not in tested
    return path in read and not any(path[: len(t)] == t for t in tested)
