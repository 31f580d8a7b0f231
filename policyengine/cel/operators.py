"""What the parser and the unparser must agree on: precedence and the shape of long chains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from policyengine.cel.ast import Call, Expr
from policyengine.cel.nodes import maker

# Token, precedence (higher binds tighter) and the function's name. All associate to the left.
BINARY = {
    "==": (3, "_==_"),
    "!=": (3, "_!=_"),
    "<": (3, "_<_"),
    "<=": (3, "_<=_"),
    ">": (3, "_>_"),
    ">=": (3, "_>=_"),
    "in": (3, "@in"),
    "+": (4, "_+_"),
    "-": (4, "_-_"),
    "*": (5, "_*_"),
    "/": (5, "_/_"),
    "%": (5, "_%_"),
}
LOGICAL = {"||": (1, "_||_"), "&&": (2, "_&&_")}
UNARY = {"!": "!_", "-": "-_"}

CONDITIONAL = 0
UNARY_LEVEL = 6
MEMBER = 7


_call = maker(Call)

# A term of an `&&` or `||` chain: its tree, start and end, and the place of the operator behind it.
Term = tuple[Expr, int, int, int]


def balanced(function: str, terms: Sequence[Term], new_id: Callable[[], int]) -> Expr:
    """The terms of an `&&` or `||` chain, two at least, as a balanced tree of calls.

    A chain of 5,000 terms is 14 levels deep, so what comes later may be recursive.
    """
    share = left_share(len(terms))
    left = terms[0][0] if share == 1 else balanced(function, terms[:share], new_id)
    right = terms[-1][0] if len(terms) == share + 1 else balanced(function, terms[share:], new_id)
    mark = terms[share - 1][3]
    return _call(new_id(), terms[0][1], terms[-1][2], function, None, (left, right), mark)


def left_share(terms: int) -> int:
    """How many of the terms of a chain go to the left half of its tree.

    >>> left_share(3)
    2
    """
    return (terms + 1) // 2
