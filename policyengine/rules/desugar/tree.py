"""Building CEL trees whose nodes stand at a clause's place in its file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policyengine.cel.ast import (
    Ast,
    Call,
    Comprehension,
    Constant,
    ConstantKind,
    Entry,
    Expr,
    Ident,
    ListExpr,
    MapExpr,
    Select,
)
from policyengine.rules.model import Clause, Condition
from policyengine.source import Anchor, Span, Text

_KINDS: dict[type, ConstantKind] = {
    type(None): "null", bool: "bool", int: "int", float: "double", str: "string",
}  # fmt: skip

Path = tuple[str | int, ...]


class Tree:
    """Makes nodes with fresh ids; each stands where a part of the clause's value stands."""

    def __init__(self, clause: Clause) -> None:
        self._clause = clause
        self._last = 0
        self._value = ""
        self._anchors: list[Anchor] = []
        self._places: dict[Span, tuple[int, int]] = {}
        self._at = self._place(clause.span)

    def stand_at(self, path: Path) -> None:
        """Let the next nodes stand at a part of the clause's value, `()` being the clause."""
        span = self._clause.spans.get(path) if path else None
        self._at = self._place(span or self._clause.span)

    def _place(self, span: Span) -> tuple[int, int]:
        """The offsets, in the text made up for this tree, that lead to a span."""
        known = self._places.get(span)
        if known is None:
            start = len(self._value)
            width = span.end_column - span.column if span.line == span.end_line else 1
            self._anchors.append(Anchor(start, span.line, span.column))
            self._value += self._clause.name.ljust(width)[: max(width, 1)]
            known = self._places[span] = (start, len(self._value))
        return known

    def _id(self) -> int:
        self._last += 1
        return self._last

    def condition(self, root: Expr) -> Condition:
        """The finished tree as the condition of its clause."""
        clause = self._clause
        text = Text(self._value, clause.span.path, tuple(self._anchors))
        return Condition(clause.name, Ast(text, root, self._last), False, clause.span)

    def constant(self, value: bool | int | float | str | None) -> Expr:
        """A literal."""
        return Constant(self._id(), *self._at, _KINDS[type(value)], value)

    def name(self, name: str) -> Expr:
        """A variable."""
        return Ident(self._id(), *self._at, name)

    def select(self, operand: Expr, field: str, *, test: bool = False) -> Expr:
        """`operand.field`, or with `test` `has(operand.field)`."""
        return Select(self._id(), *self._at, operand, field, self._at[0], test)

    def call(self, function: str, *args: Expr, target: Expr | None = None) -> Expr:
        """A call of a function or an operator."""
        return Call(self._id(), *self._at, function, target, args, self._at[0])

    def exists(self, range: Expr, variable: str, condition: Expr) -> Expr:
        """`range.exists(variable, condition)`."""
        return Comprehension(
            self._id(), *self._at, "exists", range, (variable,), condition, None, self._at[0]
        )

    def items(self, values: Sequence[Expr]) -> Expr:
        """A list."""
        return ListExpr(self._id(), *self._at, tuple(values))

    def all_of(self, parts: Sequence[Expr]) -> Expr:
        """The parts joined with `&&`, as a balanced tree: later stages recurse over it."""
        return self._joined("_&&_", parts)

    def any_of(self, parts: Sequence[Expr]) -> Expr:
        """The parts joined with `||`, balanced."""
        return self._joined("_||_", parts)

    def _joined(self, operator: str, parts: Sequence[Expr]) -> Expr:
        if len(parts) == 1:
            return parts[0]
        middle = len(parts) // 2
        left = self._joined(operator, parts[:middle])
        return self.call(operator, left, self._joined(operator, parts[middle:]))

    def literal(self, value: Any, path: Path = ()) -> Expr:
        """A JSON value as a literal whose parts stand where they were written."""
        self.stand_at(path)
        if isinstance(value, list):
            parts = [self.literal(item, (*path, i)) for i, item in enumerate(value)]
            self.stand_at(path)
            return self.items(parts)
        if isinstance(value, dict):
            entries = []
            for key, item in value.items():
                made = self.literal(item, (*path, key))
                entries.append(Entry(self._id(), self.constant(str(key)), made))
            self.stand_at(path)
            return MapExpr(self._id(), *self._at, tuple(entries))
        return self.constant(value)
