"""What the parser and the unparser must agree on: precedence and the shape of long chains."""

from __future__ import annotations

# Token, precedence (higher binds tighter) and the function's name. All associate to the left.
BINARY = {
    "||": (1, "_||_"),
    "&&": (2, "_&&_"),
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
UNARY = {"!": "!_", "-": "-_"}

CONDITIONAL = 0
LOGICAL = 2
UNARY_LEVEL = 6
MEMBER = 7


def left_share(terms: int) -> int:
    """How many of the terms of an `&&` or `||` chain go to the left half of the tree.

    Such chains become balanced trees, so a chain of 5,000 terms is 13 levels deep.

    >>> left_share(3)
    2
    """
    return (terms + 1) // 2
