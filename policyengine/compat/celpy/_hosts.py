"""Values that are no CEL values: messages of a caller's own classes, and objects of Python.

cel-python lets expressions read the fields of such a message, make one, compare such objects with
Python's operators, and call those of their methods that have the name of a CEL function. The
engine knows none of this. So where it fails, and wherever a caller's functions or messages take
part, another form of the expression is evaluated, in which fields and operators are functions
that know these values. No other attribute of an object can be reached.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import Any, Final

from policyengine.cel import ast as cel
from policyengine.cel.functions import Function, Overload
from policyengine.cel.names import candidates, dotted
from policyengine.cel.types import BOOL, DYN, STRING
from policyengine.compat.celpy._standard import functions as standard
from policyengine.compat.celpy._standard import implementation
from policyengine.compat.celpy._values import from_engine, is_host, to_engine
from policyengine.compat.celpy.celtypes import MessageType
from policyengine.errors import EvaluationError
from policyengine.values import containers, failures

Messages = Mapping[str, type[MessageType]]

_OPERATORS: Final[dict[str, Callable[..., Any]]] = {
    "_==_": operator.eq,
    "_!=_": operator.ne,
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
    "_+_": operator.add,
    "_-_": operator.sub,
    "_*_": operator.mul,
    "_/_": operator.truediv,
    "_%_": operator.mod,
    "@in": lambda item, container: item in container,
    "_[_]": operator.getitem,
}
_REFUSED: Final = (ArithmeticError, LookupError, TypeError, ValueError)


def messages_in(annotations: Mapping[str, Any]) -> Messages:
    """The annotations that are classes of messages of a caller's own."""
    return {
        name: kind
        for name, kind in annotations.items()
        if isinstance(kind, type) and issubclass(kind, MessageType) and kind is not MessageType
    }


@lru_cache(maxsize=1)
def functions() -> Mapping[str, Function]:
    """The functions of the library, and what fields become, for values of every kind."""
    rows = dict(standard())
    for name, operate in _OPERATORS.items():
        rows[name] = replace(rows[name], impl=_operator(name, operate, implementation(rows[name])))
    for name, row in standard().items():
        if name.isidentifier() and any(overload.receiver for overload in row.overloads):
            rows[name] = replace(row, impl=_method(name, implementation(row)))
    for name, result, impl in (("@select", DYN, _select), ("@has", BOOL, _has)):
        rows[name] = Function(name, (Overload(name, (DYN, STRING), result, True),), impl)
    return rows


def _operator(
    name: str, operate: Callable[..., Any], known: Callable[..., Any]
) -> Callable[..., Any]:
    def either(*operands: Any) -> Any:
        if not any(map(is_host, operands)):
            return known(*operands)
        try:
            return to_engine(operate(*map(from_engine, operands)))
        except _REFUSED:
            raise failures.no_such_overload(name, *operands) from None

    return either


def _method(name: str, known: Callable[..., Any]) -> Callable[..., Any]:
    def either(*operands: Any) -> Any:
        method = getattr(operands[0], name, None) if is_host(operands[0]) else None
        if method is None:
            return known(*operands)
        try:
            return to_engine(method(*map(from_engine, operands[1:])))
        except _REFUSED:
            raise failures.no_such_overload(name, *operands) from None

    return either


def _select(operand: Any, field: str) -> Any:
    if not isinstance(operand, MessageType):
        return containers.select(operand, field)
    try:
        return to_engine(operand.get(field))
    except KeyError:
        raise failures.no_such_field(field) from None


def _has(operand: Any, field: str) -> bool:
    if isinstance(operand, MessageType):
        return field in operand
    return containers.has(operand, field)


def _maker(kind: type[MessageType]) -> Callable[..., Any]:
    def make(fields: Any) -> Any:
        try:
            return kind(MessageType(from_engine(fields)))
        except _REFUSED as error:
            raise EvaluationError("bad-argument", f"the message is refused: {error}") from None

    return make


def makers(messages: Messages) -> dict[str, Function]:
    """A function for each class of messages, which is given the fields."""
    return {
        f"@{name}": Function(f"@{name}", (Overload(name, (DYN,), DYN, True),), _maker(kind))
        for name, kind in messages.items()
    }


def opened(ast: cel.Ast, given: frozenset[str], package: str, messages: Messages) -> cel.Ast:
    """The tree with functions in the place of fields and of messages that are made."""
    opener = _Opener(given, package, messages, ast.size)
    return cel.Ast(ast.text, opener.node(ast.root, frozenset()), ast.size + opener.added)


class _Opener:
    def __init__(self, given: frozenset[str], package: str, messages: Messages, size: int) -> None:
        self._given = given
        self._package = package
        self._messages = messages
        # Behind every id that a parser gives: a tree has no more of them than twice its nodes.
        self._ids = count((size + 1) * 1_000)
        self.added = 0

    def node(self, node: cel.Expr, names: frozenset[str]) -> cel.Expr:
        """The node opened; `names` are the local variables around it."""
        match node:
            case cel.Select():
                return self._select(node, names)
            case cel.Struct():
                return self._struct(node, names)
            case cel.Call():
                target = None if node.target is None else self.node(node.target, names)
                return replace(node, target=target, args=self._all(node.args, names))
            case cel.ListExpr():
                return replace(node, elements=self._all(node.elements, names))
            case cel.MapExpr():
                entries = tuple(
                    replace(e, key=self.node(e.key, names), value=self.node(e.value, names))
                    for e in node.entries
                )
                return replace(node, entries=entries)
            case cel.Comprehension():
                inner = names | frozenset(node.variables)
                return replace(
                    node,
                    range=self.node(node.range, names),
                    condition=node.condition and self.node(node.condition, inner),
                    result=node.result and self.node(node.result, inner),
                )
            case cel.Bind():
                body = self.node(node.body, names | {node.name})
                return replace(node, value=self.node(node.value, names), body=body)
            case _:
                return node

    def _all(self, nodes: tuple[cel.Expr, ...], names: frozenset[str]) -> tuple[cel.Expr, ...]:
        return tuple(self.node(node, names) for node in nodes)

    def _text(self, node: cel.Expr, value: str) -> cel.Constant:
        self.added += 1
        return cel.Constant(next(self._ids), node.start, node.end, "string", value)

    def _select(self, node: cel.Select, names: frozenset[str]) -> cel.Expr:
        if node.optional or self._is_name(node, names):
            return node
        args = (self.node(node.operand, names), self._text(node, node.field))
        function = "@has" if node.test else "@select"
        return cel.Call(node.id, node.start, node.end, function, None, args, node.field_start)

    def _is_name(self, node: cel.Select, names: frozenset[str]) -> bool:
        """Whether the whole chain is one name: of a variable, of a type, of a function's space."""
        whole = dotted(node)
        if whole is None:
            return False
        if whole.partition(".")[0] in names:
            return False
        if self._given.intersection(candidates(whole, self._package)):
            return True
        operand = node.operand
        while isinstance(operand, cel.Select):
            if self._given.intersection(candidates(dotted(operand) or "", self._package)):
                return False
            operand = operand.operand
        root = operand.name if isinstance(operand, cel.Ident) else ""
        return not self._given.intersection(candidates(root, self._package))

    def _struct(self, node: cel.Struct, names: frozenset[str]) -> cel.Expr:
        fields = tuple(replace(f, value=self.node(f.value, names)) for f in node.fields)
        known = (n for n in candidates(node.type_name, self._package) if n in self._messages)
        name = next(known, None)
        if name is None:
            return replace(node, fields=fields)
        entries = tuple(
            cel.Entry(f.id, self._text(node, f.name), f.value, f.optional) for f in fields
        )
        self.added += 1
        made = cel.MapExpr(next(self._ids), node.start, node.end, entries)
        return cel.Call(node.id, node.start, node.end, f"@{name}", None, (made,), node.start)
