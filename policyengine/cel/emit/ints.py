"""Ints: a test of their range that is quick for small ones, and comparisons with a constant.

CPython compares ints of one digit (below 2**30) several times as fast as longer ones, where the
comparison is a condition of its own. So small bounds are tried first, and a comparison with a
constant, which bounds the value on one side, needs only one of the others:

    n > 5   ->   (n <= SMALL or n <= MOST or unsure() if n > 5 else n < -SMALL and ...)
"""

from __future__ import annotations

import ast

from policyengine.cel.emit.module import compare, load

# The longest int of one digit.
SMALL = (1 << 30) - 1
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1

_UPWARDS = (ast.Gt, ast.GtE)
# `5 < n` says `n > 5`.
MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}


def in_int_range(name: str, taken: ast.expr | None = None) -> ast.expr:
    """Whether a local that is an int is one of CEL's; `taken` is what puts it there, if needed."""
    below = compare(taken or load(name), ast.LtE(), ast.Constant(value=SMALL))
    return _or(_and(below, _is(name, ast.GtE(), -SMALL)), _within(name))


def is_compared(name: str, operator: ast.cmpop, constant: int, unsure: ast.expr) -> ast.expr:
    """`name <operator> constant`, of a local that is an int; unsure where it is none of CEL's."""
    holds = _is(name, operator, constant)
    if isinstance(operator, ast.Eq):
        large = _or(_is(name, ast.Gt(), SMALL), _is(name, ast.Lt(), -SMALL))
        outside = ast.UnaryOp(op=ast.Not(), operand=_within(name))
        return _or(holds, _and(large, outside, unsure))
    if isinstance(operator, ast.NotEq):
        return _and(holds, _or(in_int_range(name), unsure))
    upwards = isinstance(operator, _UPWARDS)
    kept = _or(*_bounds(name, upwards, inside=True), unsure)
    other = _and(*_bounds(name, not upwards, inside=False), unsure)
    return ast.IfExp(test=holds, body=kept, orelse=other)


def _within(name: str) -> ast.expr:
    return ast.Compare(
        left=ast.Constant(value=_LEAST),
        ops=[ast.LtE(), ast.LtE()],
        comparators=[load(name), ast.Constant(value=_MOST)],
    )


def _bounds(name: str, upper: bool, *, inside: bool) -> list[ast.expr]:
    """Whether the local is within, or beyond, the small and the real bound of one side."""
    bounds = (SMALL, _MOST) if upper else (-SMALL, _LEAST)
    operator: ast.cmpop = ast.LtE() if upper is inside else ast.GtE()
    if not inside:
        operator = ast.Gt() if upper else ast.Lt()
    return [_is(name, operator, bound) for bound in bounds]


def _is(name: str, operator: ast.cmpop, constant: int) -> ast.expr:
    return compare(load(name), operator, ast.Constant(value=constant))


def _and(*values: ast.expr) -> ast.expr:
    return ast.BoolOp(op=ast.And(), values=list(values))


def _or(*values: ast.expr) -> ast.expr:
    return ast.BoolOp(op=ast.Or(), values=list(values))
