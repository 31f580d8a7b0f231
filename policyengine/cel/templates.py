"""Trees of expressions that were parsed before with other constants, filled in again.

Rules of a bundle often differ in nothing but their constants. The tree of such an expression has
the nodes of the one before; only its literals and its places are its own, and those are known
when it is cut into tokens.
"""

from __future__ import annotations

from typing import Any

from policyengine.cel.ast import (
    Ast,
    Call,
    Constant,
    Expr,
    Ident,
    ListExpr,
    Select,
    Shape,
    children,
)
from policyengine.cel.literals import LiteralError, number, string
from policyengine.cel.nodes import maker
from policyengine.source import Text

_call, _constant, _ident = maker(Call), maker(Constant), maker(Ident)
_list, _select = maker(ListExpr), maker(Select)

_SELECT, _IDENT, _CONSTANT, _BINARY, _CALL, _LIST = range(6)

# A kind of node, the tokens that it begins and ends with, and three more things by its kind. Nodes
# within it are given by their positions in the list of rows, places by those in the list of tokens.
_Row = tuple[int, int, int, Any, Any, Any]


class Template:
    """A tree without its literals and places."""

    __slots__ = ("_rows", "_shape")

    def __init__(self, rows: list[_Row], shape: Shape) -> None:
        self._rows = rows
        self._shape = shape

    def filled(
        self, text: Text, texts: list[str], starts: list[int], ends: list[int]
    ) -> Ast | None:
        """The tree of these tokens; None where a literal is wrong, or of another kind."""
        nodes: list[Expr] = []
        add = nodes.append
        id = 0
        for kind, start, end, a, b, c in self._rows:
            id += 1
            if kind == _SELECT:
                add(_select(id, starts[start], ends[end], nodes[a], b, starts[c]))
            elif kind == _IDENT:
                add(_ident(id, starts[start], ends[end], a))
            elif kind == _CONSTANT:
                read = _literal(texts[end], start != end) if c is None else c
                if read is None or read[0] != a:
                    return None
                add(_constant(id, starts[start], ends[end], a, read[1]))
            elif kind == _BINARY:
                args = nodes[b[0]], nodes[b[1]]
                add(_call(id, starts[start], ends[end], a, None, args, starts[c]))
            elif kind == _CALL:
                target = None if b[0] is None else nodes[b[0]]
                parts = tuple([nodes[part] for part in b[1]])
                add(_call(id, starts[start], ends[end], a, target, parts, starts[c]))
            else:
                add(_list(id, starts[start], ends[end], tuple([nodes[part] for part in a]), b))
        return Ast(text, nodes[-1], id, self._shape)


def _literal(text: str, negative: bool) -> tuple[str, Any] | None:
    try:
        return string(text) if text[-1] in "'\"" else number(text, negative=negative)
    except LiteralError:
        return None


def template(ast: Ast, starts: list[int], ends: list[int]) -> Template | None:
    """The template of a tree, or None where it has nodes that were not simply read in order."""
    nodes: dict[int, Expr] = {}
    pending = [ast.root]
    while pending:
        node = pending.pop()
        nodes[node.id] = node
        pending += children(node)
    first = {start: token for token, start in reversed([*enumerate(starts)])}
    last = {end: token for token, end in enumerate(ends[:-1])}
    rows: list[_Row] = []
    for id in range(1, ast.size + 1):
        row = _row(nodes.get(id), id, first, last)
        if row is None:
            return None
        rows.append(row)
    if ast.shape is None or ast.root.id != ast.size or len(nodes) != ast.size:
        return None
    return Template(rows, ast.shape)


def _row(node: Expr | None, id: int, first: dict[int, int], last: dict[int, int]) -> _Row | None:
    if node is None or node.start not in first or node.end not in last:
        return None
    if any(part.id >= id for part in children(node)):
        return None
    start, end = first[node.start], last[node.end]
    match node:
        case Select(test=False, optional=False) if node.field_start in first:
            return _SELECT, start, end, node.operand.id - 1, node.field, first[node.field_start]
        case Ident():
            return _IDENT, start, end, node.name, None, None
        case Constant(kind="bool" | "null"):
            return _CONSTANT, start, end, node.kind, None, (node.kind, node.value)
        case Constant():
            return _CONSTANT, start, end, node.kind, None, None
        case Call() if node.name_start in first:
            args = tuple([part.id - 1 for part in node.args])
            mark = first[node.name_start]
            if node.target is None and len(args) == 2:
                return _BINARY, start, end, node.function, args, mark
            target = None if node.target is None else node.target.id - 1
            return _CALL, start, end, node.function, (target, args), mark
        case ListExpr():
            elements = tuple([part.id - 1 for part in node.elements])
            return _LIST, start, end, elements, node.optional, None
        case _:
            return None
