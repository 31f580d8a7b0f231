"""Copies of trees that become parts of another tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from policyengine.cel.ast import (
    Bind,
    Call,
    Comprehension,
    Constant,
    Expr,
    Ident,
    ListExpr,
    MapExpr,
    Select,
    Struct,
)

Replace = Callable[[Expr], str | None]
"""The name that stands in the place of a node, or None where the node stays."""


class Moved:
    """Copies trees: new ids, places moved on by `offset`, some nodes replaced by names.

    >>> from policyengine.cel.parser import parse
    >>> from policyengine.cel.unparse import unparse
    >>> from itertools import count
    >>> ids = count(100)
    >>> copy = Moved(lambda: next(ids), 50, lambda node: "b" if isinstance(node, Select) else None)
    >>> node = copy(parse("1 + a.b").root)
    >>> node.start, node.id, unparse(node)
    (50, 102, '1 + b')
    """

    __slots__ = ("_new_id", "_offset", "_replace")

    def __init__(self, new_id: Callable[[], int], offset: int, replace: Replace) -> None:
        self._new_id = new_id
        self._offset = offset
        self._replace = replace

    def __call__(self, node: Expr) -> Expr:
        name = self._replace(node)
        if name is not None:
            return Ident(self._new_id(), *self._place(node), name)
        made = self._parts(node)
        start, end = self._place(node)
        return replace(made, id=self._new_id(), start=start, end=end)

    def _place(self, node: Expr) -> tuple[int, int]:
        return node.start + self._offset, node.end + self._offset

    def _optional(self, node: Expr | None) -> Expr | None:
        return None if node is None else self(node)

    def _parts(self, node: Expr) -> Expr:
        """The node with its parts copied."""
        offset = self._offset
        match node:
            case Constant() | Ident():
                return node
            case Select():
                return replace(
                    node, operand=self(node.operand), field_start=node.field_start + offset
                )
            case Call():
                return replace(
                    node,
                    target=self._optional(node.target),
                    args=tuple([self(arg) for arg in node.args]),
                    name_start=node.name_start + offset,
                )
            case ListExpr():
                return replace(node, elements=tuple([self(each) for each in node.elements]))
            case MapExpr():
                entries = [
                    replace(e, id=self._new_id(), key=self(e.key), value=self(e.value))
                    for e in node.entries
                ]
                return replace(node, entries=tuple(entries))
            case Struct():
                fields = [
                    replace(f, id=self._new_id(), start=f.start + offset, value=self(f.value))
                    for f in node.fields
                ]
                return replace(node, fields=tuple(fields))
            case Comprehension():
                return replace(
                    node,
                    range=self(node.range),
                    condition=self._optional(node.condition),
                    result=self._optional(node.result),
                    name_start=node.name_start + offset,
                )
            case Bind():
                return replace(node, value=self(node.value), body=self(node.body))
            case _:
                assert_never(node)
