"""The names that an expression uses from outside: inputs, variables, constants, facts."""

from __future__ import annotations

from dataclasses import dataclass

from policyengine.cel.ast import (
    Ast,
    Bind,
    Call,
    Comprehension,
    Constant,
    Expr,
    Ident,
    Select,
    children,
)
from policyengine.source import Span


@dataclass(frozen=True, slots=True)
class Uses:
    """The id of the node where each free name first stands; `place` tells where that is.

    `roots` are names of inputs (and whatever else stands alone), `variables` and `constants` the
    names after `variables.` and `constants.`, `calls` functions called without a receiver.
    Expressions of one shape have this in common.
    """

    roots: dict[str, int]
    variables: dict[str, int]
    constants: dict[str, int]
    calls: dict[str, int]


def uses(ast: Ast) -> Uses:
    """The free names of an expression.

    >>> from policyengine.cel.parser import parse
    >>> found = uses(parse("variables.a && [1].all(x, x > constants.b) && request.c"))
    >>> sorted(found.variables), sorted(found.constants), sorted(found.roots)
    (['a'], ['b'], ['request'])
    """
    found = Uses({}, {}, {}, {})
    _collect(ast.root, frozenset(), found)
    return found


def place(ast: Ast, id: int) -> Span:
    """Where the node with an id stands; raises `KeyError` where there is none.

    >>> from policyengine.cel.parser import parse
    >>> ast = parse("request.c && variables.a")
    >>> str(place(ast, uses(ast).variables["a"]))
    '<expr>:1:14'
    """
    pending = [ast.root]
    while pending:
        node = pending.pop()
        if node.id == id:
            return ast.span(node)
        pending += children(node)
    raise KeyError(id)


def _collect(root: Expr, bound: frozenset[str], found: Uses) -> None:
    """Nodes outside in and from left to right, names that a macro binds left out."""
    stack = [root]
    while stack:
        node = stack.pop()
        match node:
            case Ident():
                if node.name not in bound:
                    found.roots.setdefault(node.name.removeprefix("."), node.id)
            case Select():
                _select(node, bound, found, stack)
            case Call():
                stack += reversed(node.args)
                if node.target is None:
                    found.calls.setdefault(node.function, node.id)
                else:
                    stack.append(node.target)
            case Comprehension():
                _collect(node.range, bound, found)
                inner = bound.union(node.variables)
                for part in (node.condition, node.result):
                    if part is not None:
                        _collect(part, inner, found)
            case Bind():
                _collect(node.value, bound, found)
                _collect(node.body, bound | {node.name}, found)
            case Constant():
                pass
            case _:
                stack += reversed(children(node))


def _select(node: Select, bound: frozenset[str], found: Uses, stack: list[Expr]) -> None:
    operand = node.operand
    if not isinstance(operand, Ident):
        stack.append(operand)
    elif operand.name in bound:
        return
    elif operand.name == "variables":
        found.variables.setdefault(node.field, node.id)
    elif operand.name == "constants":
        found.constants.setdefault(node.field, node.id)
    else:
        found.roots.setdefault(operand.name.removeprefix("."), operand.id)
