"""What the emitters of the fast form pass between them."""

from __future__ import annotations

import ast
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.emit.module import Module
from policyengine.cel.types import Type

# Kinds of values that have no parts: such a value is deep once its class is seen.
SCALARS = frozenset(
    {"bool", "int", "uint", "double", "string", "bytes", "null_type", "timestamp", "duration"}
)


class Unsuited(Exception):  # noqa: N818
    """The expression has no fast form, such as loops nested deeper than Python allows."""


class Value(NamedTuple):
    """Python for a value that is of its static type on the surface.

    `deep` says that what is inside (elements, fields) is of its static type too, and `elements`
    that a list's elements are, on their surface.
    """

    node: ast.expr
    deep: bool
    elements: bool = False


class Emitter(Protocol):
    """The part of `Fast` that emitters of single constructs use."""

    module: Module
    # What the budgets of its loops draw on, if there is such a thing.
    allowance: tuple[ast.expr, ...]

    @property
    def checked(self) -> CheckedExpression:
        """The expression that is being emitted."""

    def emit(self, node: cel.Expr) -> Value:
        """The value of a node."""

    def condition(self, node: cel.Expr) -> ast.expr:
        """The value of a node that must be bool."""

    def type(self, node: cel.Expr) -> Type:
        """The static type of a node."""

    def take(self, node: cel.Expr, kind_: str) -> tuple[ast.expr, str] | None:
        """A value that is used here and not guarded yet, and the local that it is in."""

    def local(self, node: cel.Expr) -> Value | None:
        """The local of a comprehension's or bind's variable, if the node is one."""

    def input_path(self, node: cel.Expr) -> tuple[str, ...] | None:
        """The path of the input that a node reads, if it is one."""

    def name_of(self, path: tuple[str, ...], kind_: str) -> str:
        """The local that holds a path's value of a kind."""

    def add(self, *statements: ast.stmt) -> None:
        """Statements that run before what is emitted next."""

    def inner(self) -> AbstractContextManager[list[ast.stmt]]:
        """A block that may not run."""

    def known(self, key: object) -> Value | None:
        """What was learnt under a key, and still holds where the current block runs."""

    def learn(self, key: object, value: Value) -> Value:
        """Remembers a value for what is emitted behind it."""

    def prove(self, key: object, value: Value | None = None) -> None:
        """Notes what is proved once the expression that is being emitted has been evaluated."""

    def learnt(self) -> tuple[dict[object, Value], dict[object, Value]]:
        """What the innermost block has proved: by its statements, and by the expression emitted."""

    def named(self, node: ast.expr, kind_: str, hint: str) -> str:
        """A local that holds the value, guarded to be of the kind."""

    def declared(self, node: cel.Expr, made: ast.expr) -> Value:
        """The value of a node, of which the static type is only declared."""

    def unsure(self) -> ast.stmt:
        """The statement that leaves the answer to the reference."""

    def bind(self, binder: int, index: int, value: Value) -> None:
        """Gives a variable its local."""
