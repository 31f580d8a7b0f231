"""The names that an expression uses from outside: inputs, variables, constants, facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policyengine.cel.ast import Ast, Bind, Call, Comprehension, Expr, Ident, Select, children


@dataclass(frozen=True, slots=True)
class Uses:
    """Where each free name first stands.

    `roots` are names of inputs (and whatever else stands alone), `variables` and `constants` the
    names after `variables.` and `constants.`, `calls` functions called without a receiver.
    """

    roots: dict[str, Expr]
    variables: dict[str, Expr]
    constants: dict[str, Expr]
    calls: dict[str, Expr]


def uses(ast: Ast) -> Uses:
    """The free names of an expression.

    >>> from policyengine.cel.parser import parse
    >>> found = uses(parse("variables.a && [1].all(x, x > constants.b) && request.c"))
    >>> sorted(found.variables), sorted(found.constants), sorted(found.roots)
    (['a'], ['b'], ['request'])
    """
    found = Uses({}, {}, {}, {})
    for node in _free(ast.root, frozenset()):
        match node:
            case Select(operand=Ident(name="variables"), field=name):
                found.variables.setdefault(name, node)
            case Select(operand=Ident(name="constants"), field=name):
                found.constants.setdefault(name, node)
            case Call(target=None):
                found.calls.setdefault(node.function, node)
            case Ident():
                found.roots.setdefault(node.name.removeprefix("."), node)
            case _:
                pass
    return found


def _free(node: Expr, bound: frozenset[str]) -> Iterator[Expr]:
    """Nodes outside in, names that a macro binds left out."""
    match node:
        case Ident():
            if node.name not in bound:
                yield node
        case Select(operand=Ident(name=("variables" | "constants") as root)) if root not in bound:
            yield node
        case Comprehension():
            yield from _free(node.range, bound)
            inner = bound.union(node.variables)
            for part in (node.condition, node.result):
                if part is not None:
                    yield from _free(part, inner)
        case Bind():
            yield from _free(node.value, bound)
            yield from _free(node.body, bound | {node.name})
        case _:
            yield node
            for child in children(node):
                yield from _free(child, bound)
