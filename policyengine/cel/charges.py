"""Which parts of an expression are paid for, so that hostile input cannot multiply its cost.

All loops over the input together are linear in it as long as each turn looks at its own part: in
`messages.exists(m, m.parts.exists(p, p.text.contains("x")))` nothing needs to be counted. Two
things multiply:

- a loop in a loop that is not over a part of the outer one's element: `xs.all(x, ys.all(y, ...))`;
- a function that reads a whole value in each turn: `xs.all(x, x in ys)`.

Their ranges and operands are charged: evaluating them takes their size from a budget, which each
outermost loop has, and from what all rules of a decision have together
(`policyengine.values.budget`). The interpreter, the reference and the fast form
charge the same nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policyengine.cel.ast import (
    Bind,
    Call,
    Comprehension,
    Constant,
    Expr,
    Ident,
    ListExpr,
    Select,
    Struct,
    children,
)
from policyengine.cel.checked import CheckedExpression, FunctionRef, LocalRef, VariableRef
from policyengine.cel.types import (
    BYTES,
    DYN,
    STRING,
    AbstractType,
    ListType,
    MapType,
    MessageType,
    ObjectType,
    OptionalType,
    Primitive,
    Type,
)

# How many characters of a text count as one step, as a power of two: a search looks at them at the
# speed of memory, a regular expression may need an automaton, and the others make a new text.
_SCANNED = 10
_MATCHED = 3
_COPIED = 4

# They look at no more than a fixed part of each operand, or are no functions of their own.
CONSTANT_TIME = frozenset(
    {
        "size", "_[_]", "_[?_]", "type", "dyn", "_?_:_", "_&&_", "_||_", "optional.of", "value",
        "optional.none", "optional.ofNonZeroValue", "hasValue", "or", "orValue", "first", "last",
    }
)  # fmt: skip
COMPARING = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "startsWith", "endsWith"})
_SCANNING = COMPARING | {"contains", "indexOf", "lastIndexOf", "@in"}
_MATCHING = frozenset({"matches", "regex.extract", "regex.extractAll", "regex.replace"})
# What they give may be larger than what they take.
_GROWING = frozenset({"lists.range", "replace", "regex.replace", "join", "flatten", "format"})
_SHARES = frozenset({"filter"})


@dataclass(frozen=True, slots=True)
class Charge:
    """How a node's value is counted: `1 << shift` characters are a step; `deep` counts parts.

    An element counts as 16 characters.
    """

    shift: int
    deep: bool = False


def charged(checked: CheckedExpression, loop: Comprehension) -> dict[int, Charge]:
    """What is paid for in the turns of an outermost loop, by node id; nothing in most."""
    finder = _Finder(checked)
    return dict(finder.within(finder.turns(loop)))


def charged_in_turns(checked: CheckedExpression) -> dict[int, Charge]:
    """What is paid for where a whole expression is evaluated in each turn of another's loop."""
    return dict(_Finder(checked).within([(checked.ast.root, None)]))


def may_charge(checked: CheckedExpression) -> bool:
    """Whether anything in the loops of an expression may be paid for."""
    meanings = checked.references.values()
    if LocalRef not in map(type, meanings):
        return False
    # A variable stands for an expression, which is evaluated in the turns of the loop.
    if any(isinstance(m, VariableRef) and m.name.startswith("variables.") for m in meanings):
        return True
    pending: list[Expr] = [checked.ast.root]
    while pending:
        node = pending.pop()
        if isinstance(node, Comprehension) and charged(checked, node):
            return True
        pending += children(node)
    return False


_Turn = tuple[Expr, Comprehension | None]
"""An expression, and the innermost loop that it stands in, None where that is elsewhere."""


class _Finder:
    """Walks the turns of a loop, and knows the loops and the `cel.bind` that it went through."""

    def __init__(self, checked: CheckedExpression) -> None:
        self._checked = checked
        self._loops: dict[int, Comprehension] = {}
        self._binds: dict[int, Expr] = {}

    def within(self, pending: list[_Turn]) -> Iterator[tuple[int, Charge]]:
        """The charged nodes in expressions that are evaluated in turns of loops."""
        while pending:
            node, loop = pending.pop()
            match node:
                case Comprehension():
                    if not self._is_new(node.range, loop):
                        yield node.range.id, Charge(_COPIED)
                    pending.append((node.range, loop))
                    pending += self.turns(node)
                    continue
                case Bind():
                    self._binds[node.id] = node.value
                case Call():
                    yield from self._operands(node, loop)
                case Struct():
                    yield from self._copied(node, loop)
            pending += [(child, loop) for child in children(node)]

    def turns(self, loop: Comprehension) -> list[_Turn]:
        """What a loop evaluates in each turn."""
        self._loops[loop.id] = loop
        return [(part, loop) for part in (loop.condition, loop.result) if part is not None]

    def _operands(self, node: Call, loop: Comprehension | None) -> Iterator[tuple[int, Charge]]:
        reference = self._checked.references.get(node.id)
        function = node.function
        if isinstance(reference, FunctionRef):
            function = reference.function.name
        if function in CONSTANT_TIME:
            return
        if function in _GROWING:
            yield node.id, Charge(_COPIED)
        operands = list(node.args)
        if node.target is not None and isinstance(reference, FunctionRef):
            operands += [] if reference.namespaced else [node.target]
        if function == "@in" and isinstance(self._type(node.args[1]), MapType):
            return
        old = [operand for operand in operands if not self._is_new(operand, loop)]
        # Comparing ends with the shorter one.
        if function in COMPARING and len(old) < len(operands):
            return
        shift = _SCANNED if function in _SCANNING else _COPIED
        if function in _MATCHING:
            shift = _MATCHED
        deep = function in COMPARING or function == "@in"
        for operand in old:
            type_ = self._type(operand)
            if _is_sized(type_) and not _is_literal(operand):
                if deep and _is_nested(type_, function):
                    yield operand.id, Charge(_COPIED, deep=True)
                else:
                    yield operand.id, Charge(shift)

    def _copied(self, node: Struct, loop: Comprehension | None) -> Iterator[tuple[int, Charge]]:
        """What a message literal takes a copy of; an object only refers to its parts."""
        if isinstance(self._type(node), ObjectType):
            return
        for value in [field.value for field in node.fields]:
            if not self._is_new(value, loop) and not _is_literal(value):
                yield value.id, Charge(_COPIED, deep=True)

    def _type(self, node: Expr) -> Type:
        return self._checked.types.get(node.id, DYN)

    def _is_new(self, node: Expr, loop: Comprehension | None) -> bool:
        """Whether each turn of a loop gives another part of the input, or a value without size."""
        if not _is_sized(self._type(node)) or isinstance(node, Constant):
            return True
        root = self._root(node)
        if root is None or loop is None:
            return False
        reference = self._checked.references.get(root.id)
        if not isinstance(reference, LocalRef) or reference.binder != loop.id:
            return False
        # The elements of a list that was made here may all be the same.
        return self._is_input(loop.range)

    def _is_input(self, node: Expr) -> bool:
        """Whether a loop runs over a part of the input, or over what another one gives anew."""
        while isinstance(node, Comprehension) and node.kind in _SHARES:
            node = node.range
        if isinstance(node, Comprehension):
            return self._gives_new(node)
        root = self._root(node)
        if root is None:
            return False
        reference = self._checked.references.get(root.id)
        if isinstance(reference, VariableRef):
            # A policy's variable stands for an expression.
            return not reference.name.startswith("variables.")
        if isinstance(reference, LocalRef) and reference.binder in self._loops:
            return self._is_input(self._loops[reference.binder].range)
        return False

    def _gives_new(self, loop: Comprehension) -> bool:
        """Whether what a loop makes of each element is a part of that element."""
        if loop.kind != "map" or loop.result is None:
            return False
        self._loops.setdefault(loop.id, loop)
        return self._is_new(loop.result, loop)

    def _root(self, node: Expr) -> Ident | Select | None:
        """The name that a chain of selections starts with."""
        while True:
            match node:
                case Ident() | Select() if self._reference(node) is not None:
                    reference = self._reference(node)
                    if isinstance(reference, LocalRef) and reference.binder in self._binds:
                        node = self._binds[reference.binder]
                        continue
                    return node
                case Select(operand=operand, test=False):
                    node = operand
                case Call(function="_[_]" | "_[?_]", args=(operand, Constant())):
                    node = operand
                case _:
                    return None

    def _reference(self, node: Expr) -> object:
        return self._checked.references.get(node.id)


def _is_sized(type_: Type) -> bool:
    """Whether a value of the type can be large."""
    if isinstance(type_, OptionalType):
        return _is_sized(type_.value)
    return type_ in (STRING, BYTES, DYN) or isinstance(
        type_, ListType | MapType | ObjectType | MessageType
    )


def _is_nested(type_: Type, function: str) -> bool:
    if function == "@in":
        return isinstance(type_, ListType) and not _is_scalar(type_.element)
    return not _is_scalar(type_)


def _is_scalar(type_: Type) -> bool:
    return isinstance(type_, AbstractType) or (isinstance(type_, Primitive) and type_ != DYN)


def _is_literal(node: Expr) -> bool:
    """A constant, or a list of them: no larger than the expression."""
    if isinstance(node, ListExpr):
        return all(isinstance(element, Constant) for element in node.elements)
    return isinstance(node, Constant)
