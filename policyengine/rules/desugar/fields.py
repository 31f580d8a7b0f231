"""Whether a field that a clause reads exists at a point, and guarding it where it is optional."""

from __future__ import annotations

from policyengine.cel.ast import Expr
from policyengine.cel.types import STRING, FieldType, ListType, ObjectType, Type
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.desugar.tree import Tree
from policyengine.rules.model import Clause, Point


def _field(point: Point, path: tuple[str, ...]) -> FieldType | None:
    """The field at a path, where `[]` stands for the elements of a list."""
    found: FieldType | None = None
    type_: Type = point.input
    for step in path:
        if step == "[]" and isinstance(type_, ListType):
            type_ = type_.element
            continue
        found = type_.fields.get(step) if isinstance(type_, ObjectType) else None
        if found is None:
            return None
        type_ = found.type
    return found


def holds(point: Point, path: tuple[str, ...]) -> bool:
    """Whether the point's input has a string at a path."""
    found = _field(point, path)
    return found is not None and found.type == STRING


def guarded(tree: Tree, point: Point, path: tuple[str, str], body: Expr) -> Expr:
    """`has(root.field) && body` where the field may be absent, else the body."""
    found = _field(point, path)
    if found is not None and found.required:
        return body
    tree.stand_at(())
    return tree.all_of([tree.select(tree.name(path[0]), path[1], test=True), body])


def not_here(clause: Clause, point: Point, why: str) -> CompileError:
    """The clause has no meaning at this point."""
    message = f"`{clause.name}` does not exist at `{point.name}`"
    return CompileError([Diagnostic("wrong-point", message, clause.span, help=why)])
