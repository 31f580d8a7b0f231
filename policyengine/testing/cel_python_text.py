"""Conditions as CEL text that another engine understands without this one's declarations.

The fields of the input stand below one variable, `__input`, so that an optional one can be asked
for with `has()`; a policy's variables, the constants and the time have variables of their own,
and so has every question to a guard.

    request.model in constants.small  ->  __input.request.model in __constants.small
    has(request.user.team)            ->  has(__input.request.user) && has(...user.team)
    words(["secret"]).size() > 0      ->  __fact0.size() > 0
    cel.bind(x, request.a, x == x)    ->  __input.request.a == __input.request.a
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from policyengine.cel.ast import (
    OPERATORS,
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
from policyengine.cel.checked import (
    CheckedExpression,
    ConstantRef,
    FunctionRef,
    LocalRef,
    VariableRef,
)
from policyengine.cel.types import ObjectType
from policyengine.cel.unparse import unparse
from policyengine.program import FactInfo
from policyengine.rules.model import CheckedCondition

_MACROS = {"all", "exists", "exists_one", "filter", "map"}
_MOST_NODES = 5_000
_ROOTS = {"variables": "__variables", "constants": "__constants"}


@dataclass(frozen=True, slots=True)
class Written:
    """A condition as text, and the facts that it reads by the names of their variables."""

    text: str
    facts: Mapping[str, FactInfo]


@dataclass(frozen=True, slots=True)
class Unaskable:
    """Why a condition cannot be put to the other engine."""

    why: str


class _NoWordsError(Exception):
    """The other engine has nothing that this could be said with."""


def written(condition: CheckedCondition, functions: frozenset[str]) -> Written | Unaskable:
    """A condition for an engine that has these functions and the macros of the standard."""
    writer = _Writer(condition, functions)
    try:
        return Written(unparse(writer.said(condition.expression.ast.root)), writer.facts)
    except _NoWordsError as error:
        return Unaskable(str(error))


class _Writer:
    def __init__(self, condition: CheckedCondition, functions: frozenset[str]) -> None:
        self._expression: CheckedExpression = condition.expression
        self._questions = condition.facts
        self._functions = functions
        self.facts: dict[str, FactInfo] = {}
        # The values of `cel.bind`, which are written where their names stand, by its id.
        self._bound: dict[int, Expr] = {}
        # The comprehension that each name means where the writer is.
        self._names: dict[str, int] = {}
        self._left = _MOST_NODES

    def said(self, node: Expr) -> Expr:
        """The node in the other engine's words; raises `_NoWordsError`."""
        self._left -= 1
        if not self._left:
            raise _NoWordsError("it is too long with its variables written out")
        match self._expression.references.get(node.id):
            case VariableRef(name=name):
                return _path(node, name)
            case LocalRef(binder=binder) if binder in self._bound:
                return self.said(self._bound[binder])
            case LocalRef(binder=binder) if isinstance(node, Ident):
                if self._names.get(node.name) != binder:
                    raise _NoWordsError(f"`{node.name}` means two things in it")
                return node
            case ConstantRef(value=int() as value):
                return Constant(node.id, node.start, node.end, "int", value)
        match node:
            case Constant() | Ident():
                return node
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case ListExpr() if not node.optional:
                return replace(node, elements=tuple(map(self.said, node.elements)))
            case MapExpr() if not any(entry.optional for entry in node.entries):
                entries = tuple(
                    replace(entry, key=self.said(entry.key), value=self.said(entry.value))
                    for entry in node.entries
                )
                return replace(node, entries=entries)
            case Comprehension():
                return self._comprehension(node)
            case ListExpr() | MapExpr():
                raise _NoWordsError("it has no optional values")
            case Struct():
                raise _NoWordsError("messages are not put to it")
            case Bind():
                self._bound[node.id] = node.value
                return self.said(node.body)
            case _:
                assert_never(node)

    def _select(self, node: Select) -> Expr:
        if node.optional:
            raise _NoWordsError("it has no optional values")
        if not node.test:
            return replace(node, operand=self.said(node.operand))
        asked: Expr = replace(node, operand=self.said(node.operand))
        # An object that is absent has no fields: ask for it first.
        holder = node.operand
        while isinstance(holder, Select | Ident) and self._is_object(holder):
            if isinstance(holder, Ident) and holder.id not in self._expression.references:
                break
            said = self.said(holder)
            if not isinstance(said, Select):
                break
            asked = _both(replace(said, test=True), asked)
            if isinstance(holder, Ident) or holder.id in self._expression.references:
                break
            holder = holder.operand
        return asked

    def _is_object(self, node: Expr) -> bool:
        return isinstance(self._expression.types.get(node.id), ObjectType)

    def _call(self, node: Call) -> Expr:
        question = self._questions.get(node.id)
        if question is not None:
            name = f"__fact{len(self.facts)}"
            self.facts[name] = question
            return Ident(node.id, node.start, node.end, name)
        reference = self._expression.references.get(node.id)
        namespaced = isinstance(reference, FunctionRef) and reference.namespaced
        known = node.function in OPERATORS or node.function in self._functions
        if namespaced or not known or node.function == "_[?_]":
            raise _NoWordsError(f"it has no `{node.function}`")
        return replace(
            node,
            target=None if node.target is None else self.said(node.target),
            args=tuple(map(self.said, node.args)),
        )

    def _comprehension(self, node: Comprehension) -> Expr:
        filtered = node.kind == "map" and node.condition is not None
        if node.kind not in _MACROS or len(node.variables) > 1 or filtered:
            raise _NoWordsError(f"it has no such form of `{node.kind}`")
        range_ = self.said(node.range)
        before = self._names
        self._names = {**before, **dict.fromkeys(node.variables, node.id)}
        condition = None if node.condition is None else self.said(node.condition)
        result = None if node.result is None else self.said(node.result)
        self._names = before
        return replace(node, range=range_, condition=condition, result=result)


def _path(node: Expr, name: str) -> Expr:
    """A variable by its dotted name, below the variable that stands for where it comes from."""
    if name == "now":
        return Ident(node.id, node.start, node.end, "__now")
    first, *rest = name.split(".")
    root = _ROOTS.get(first) if rest else None
    made: Expr = Ident(node.id, node.start, node.end, root or "__input")
    for step in rest if root else (first, *rest):
        made = Select(node.id, node.start, node.end, made, step, node.start)
    return made


def _both(left: Expr, right: Expr) -> Expr:
    return Call(right.id, right.start, right.end, "_&&_", None, (left, right), right.start)
