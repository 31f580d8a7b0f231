"""What evaluating an expression may cost, before it is evaluated.

A step is about what reading a field or comparing two numbers takes. An expression gets a range:
the fewest steps, where every operator is decided early and every list is empty, and the most, for
inputs of assumed sizes. The model is cel-go's: each call is a step, a function that reads texts or
lists as a whole adds a step for every ten characters or every element, and a loop takes its turns
times what one turn takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, assert_never

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
    children,
)
from policyengine.cel.charges import COMPARING, CONSTANT_TIME
from policyengine.cel.checked import CheckedExpression, FunctionRef, LocalRef
from policyengine.cel.types import (
    BYTES,
    DYN,
    STRING,
    ListType,
    MapType,
    MessageType,
    ObjectType,
    OptionalType,
    Type,
)


class Cost(NamedTuple):
    """The fewest and the most steps; or the smallest and the largest size of a value."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large inputs are assumed to be: elements of each list and map, characters of a text."""

    elements: int = 100
    characters: int = 10_000


# What is larger than this is too much for any budget.
MAX_COST = 2**63 - 1

DEFAULT_SIZES = Sizes()
_NOTHING = Cost(0, 0)
_ONE = Cost(1, 1)
_CHARACTERS_PER_STEP = 10
_COMPARED_AT_ONCE = 100
_NEW_LIST = 10
_NEW_MAP = 30
# A pattern costs a quarter of its characters for each character that it reads, but one at least.
_PATTERN_CHARACTERS = 4
_MATCHING = frozenset({"matches", "regex.extract", "regex.extractAll", "regex.replace"})
_JOINING = frozenset({"_+_", "join", "replace", "regex.replace", "format"})
# What can be in the text of an expression whose values are larger than its inputs.
_AMPLIFYING = re.compile(r"\+|matches|regex|join|replace|format|range")
_LARGEST_RANGE = 1 << 20


def estimate(checked: CheckedExpression, sizes: Sizes = DEFAULT_SIZES) -> Cost:
    """The fewest and the most steps that an expression takes.

    >>> from policyengine.cel.environment import Environment
    >>> environment = Environment({"xs": "list(int)", "ys": "list(int)"})
    >>> estimate(environment.check("xs.exists(x, x > 1)"))
    Cost(least=1, most=301)
    >>> estimate(environment.check("xs.exists(x, ys.exists(y, x == y))")).most
    40201
    """
    return _Estimate(checked, sizes).visit(checked.ast.root)


def quick_bound(checked: CheckedExpression, sizes: Sizes = DEFAULT_SIZES) -> int | None:
    """No fewer than the most steps, seen at a glance; None where that needs a closer look.

    Thousands of simple conditions need not be walked through for it.
    """
    if LocalRef in map(type, checked.references.values()):
        return None
    if _AMPLIFYING.search(checked.ast.text.value):
        return None
    text = len(checked.ast.text.value)
    largest = max(sizes.elements, -(-max(sizes.characters, text) // _CHARACTERS_PER_STEP))
    return checked.ast.size * (_NEW_MAP + largest)


def costliest(checked: CheckedExpression, budget: int, sizes: Sizes = DEFAULT_SIZES) -> Expr:
    """The smallest part of an expression that alone takes more than the budget, else the whole."""
    walk = _Estimate(checked, sizes)
    walk.visit(checked.ast.root)
    found = checked.ast.root
    while True:
        over = [part for part in children(found) if walk.costs[part.id].most > budget]
        if not over:
            return found
        found = over[0]


class _Estimate:
    """One walk. `costs` are those of the nodes, by id."""

    def __init__(self, checked: CheckedExpression, sizes: Sizes) -> None:
        self.costs: dict[int, Cost] = {}
        self._checked = checked
        self._inputs = sizes
        self._sizes: dict[int, Cost] = {}
        self._binds: dict[int, Expr] = {}

    def visit(self, node: Expr) -> Cost:
        """The cost of a node; the sizes of the values inside are known afterwards."""
        least, most = self._cost(node)
        cost = self.costs[node.id] = Cost(least, min(most, MAX_COST))
        return cost

    def _cost(self, node: Expr) -> Cost:
        match node:
            case Constant():
                return _NOTHING
            case Ident():
                return _ONE
            case Select():
                if node.id in self._checked.references:
                    for part in _dotted(node):
                        self.costs[part.id] = _NOTHING
                    return _ONE
                return _sum(_ONE, self.visit(node.operand))
            case Call():
                return self._call(node)
            case ListExpr():
                return _sum(Cost(_NEW_LIST, _NEW_LIST), *map(self.visit, node.elements))
            case MapExpr() | Struct():
                return _sum(Cost(_NEW_MAP, _NEW_MAP), *map(self.visit, children(node)))
            case Comprehension():
                return self._loop(node)
            case Bind():
                value = self.visit(node.value)
                self._binds[node.id] = node.value
                # It is evaluated when it is first used, perhaps never.
                return _sum(Cost(0, value.most), self.visit(node.body))
            case _:
                assert_never(node)

    def _call(self, node: Call) -> Cost:
        reference = self._checked.references.get(node.id)
        function = node.function
        operands = list(node.args)
        if isinstance(reference, FunctionRef):
            function = reference.function.name
        if node.target is not None:
            if isinstance(reference, FunctionRef) and reference.namespaced:
                for part in (node.target, *_dotted(node.target)):
                    self.costs[part.id] = _NOTHING
            else:
                operands.insert(0, node.target)
        costs = [self.visit(operand) for operand in operands]
        if function in ("_&&_", "_||_"):
            return Cost(costs[0].least, sum(cost.most for cost in costs) + 1)
        if function == "_?_:_":
            condition, then, otherwise = costs
            least = min(then.least, otherwise.least)
            return _sum(_ONE, condition, Cost(least, max(then.most, otherwise.most)))
        return _sum(_ONE, self._reading(function, operands), *costs)

    def _reading(self, function: str, operands: list[Expr]) -> Cost:
        """What a function adds that reads its operands as a whole."""
        if function in CONSTANT_TIME:
            return _NOTHING
        if function == "@in" and isinstance(self._type(operands[1]), MapType):
            return _NOTHING
        steps = [self._steps(operand) for operand in operands]
        if function in COMPARING:
            # It ends with the shorter one, and texts are compared at the speed of memory.
            return Cost(0, min(step.most for step in steps) // _COMPARED_AT_ONCE)
        if function not in _MATCHING:
            return _sum(_NOTHING, *steps)
        text, pattern = steps[0], self.size(operands[1])
        least, most = (max(1, size // _PATTERN_CHARACTERS) for size in pattern)
        return Cost(text.least * least, text.most * most)

    def _steps(self, node: Expr) -> Cost:
        size = self.size(node)
        if self._type(node) in (STRING, BYTES):
            return Cost(*(-(-characters // _CHARACTERS_PER_STEP) for characters in size))
        return size

    def _loop(self, node: Comprehension) -> Cost:
        over = self.visit(node.range)
        turns = self.size(node.range)
        parts = [part for part in (node.condition, node.result) if part is not None]
        turn = _sum(_ONE, *map(self.visit, parts))
        if node.kind in ("exists", "all"):
            # It may end with the first element.
            return _sum(over, Cost(min(turns.least, 1) * turn.least, turns.most * turn.most))
        return _sum(over, Cost(turns.least * turn.least, turns.most * turn.most))

    def size(self, node: Expr) -> Cost:
        """The smallest and the largest size of a value: elements or characters; 0 for others."""
        known = self._sizes.get(node.id)
        if known is None:
            known = self._sizes[node.id] = self._size(node)
        return known

    def _size(self, node: Expr) -> Cost:
        match node:
            case Constant(value=str() | bytes() as value):
                return Cost(len(value), len(value))
            case ListExpr():
                return Cost(len(node.elements) - len(node.optional), len(node.elements))
            case MapExpr():
                return Cost(0, len(node.entries))
            case Comprehension(kind="all" | "exists" | "exists_one"):
                return _NOTHING
            case Comprehension():
                turns = self.size(node.range)
                whole = node.condition is None and node.kind in ("map", "transform_list")
                return turns if whole else Cost(0, turns.most)
            case Bind():
                return self.size(node.body)
            case Ident():
                reference = self._checked.references.get(node.id)
                if isinstance(reference, LocalRef) and reference.binder in self._binds:
                    return self.size(self._binds[reference.binder])
            case Call(function="_?_:_", args=(_, then, otherwise)):
                first, second = self.size(then), self.size(otherwise)
                return Cost(min(first.least, second.least), max(first.most, second.most))
            case Call():
                return self._size_of_call(node)
        return self._assumed(self._type(node))

    def _size_of_call(self, node: Call) -> Cost:
        reference = self._checked.references.get(node.id)
        function = reference.function.name if isinstance(reference, FunctionRef) else node.function
        if function == "lists.range":
            match node.args[0]:
                case Constant(value=int() as count):
                    return Cost(max(0, count), max(0, count))
            return Cost(0, _LARGEST_RANGE)
        if function not in _JOINING:
            return self._assumed(self._type(node))
        parts = [self.size(operand) for operand in (*node.args, *_target(node, reference))]
        if function == "_+_":
            return _sum(*parts)
        # Each part of one may meet each of another.
        most = 1
        for part in parts:
            most *= max(1, part.most)
        return Cost(0, min(most, MAX_COST))

    def _assumed(self, type_: Type) -> Cost:
        while isinstance(type_, OptionalType):
            type_ = type_.value
        if type_ in (STRING, BYTES):
            return Cost(0, self._inputs.characters)
        if isinstance(type_, ObjectType):
            return Cost(0, len(type_.fields))
        if type_ == DYN or isinstance(type_, ListType | MapType | MessageType):
            return Cost(0, self._inputs.elements)
        return _NOTHING

    def _type(self, node: Expr) -> Type:
        return self._checked.types.get(node.id, DYN)


def _target(node: Call, reference: object) -> tuple[Expr, ...]:
    namespaced = isinstance(reference, FunctionRef) and reference.namespaced
    return () if node.target is None or namespaced else (node.target,)


def _dotted(node: Expr) -> list[Expr]:
    """The parts of a dotted name before its last one."""
    parts: list[Expr] = []
    while isinstance(node, Select):
        node = node.operand
        parts.append(node)
    return parts


def _sum(*costs: Cost) -> Cost:
    return Cost(sum(cost.least for cost in costs), sum(cost.most for cost in costs))
