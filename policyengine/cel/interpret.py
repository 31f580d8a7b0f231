"""The reference evaluator: slow, obvious, one step for each node of the tree.

It is what generated code is compared with, and what `explain` traces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, assert_never

from policyengine.cel import wellknown
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
from policyengine.cel.charges import Charge, charged
from policyengine.cel.checked import (
    CheckedExpression,
    ConstantRef,
    FailureRef,
    FunctionRef,
    LocalRef,
    TypeRef,
    VariableRef,
)
from policyengine.cel.emit.calls import LAZY, gives_part
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.reference import optional_kind
from policyengine.cel.types import ObjectType
from policyengine.errors import EvaluationError
from policyengine.values import conform, containers, failures, kinds, maps
from policyengine.values import wellknown as messages
from policyengine.values.budget import Allowance, Budget, absorbed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What evaluating a node gave: a value, or the error that was raised."""

    value: Any = None
    error: EvaluationError | None = None


Facts = Callable[[Call], Any]
"""Answers a call of a fact function; may raise `EvaluationError`."""


class Inputs(Protocol):
    """Where variables come from when they are fields of an input, which may be absent."""

    def read(self, name: str, kind: str) -> Any:
        """The variable's value of a kind; raises `EvaluationError`."""

    def part(self, name: str) -> Any:
        """The object that a `has()` looks into; an absent one is empty."""


Trace = Callable[[Expr, Outcome], None]
"""Told the outcome of every node that is evaluated, inner nodes first."""


def evaluate(
    checked: CheckedExpression,
    bindings: Mapping[str, Any],
    *,
    facts: Facts | None = None,
    trace: Trace | None = None,
    inputs: Inputs | None = None,
    allowance: Allowance | None = None,
) -> Any:
    """The value of an expression.

    `bindings` are the values of the declared variables by full name; each is checked against its
    declared type when it is read. `inputs` stands in for them. `trace` is not told of operands
    that were not evaluated: the branch not taken, what stands behind a decided `&&` or `||`. The
    budgets of its loops draw on `allowance`, if there is one.

    Raises `EvaluationError`.
    """
    return _Run(checked, bindings, facts, trace, inputs, allowance).visit(checked.ast.root)


class _Once:
    """The value of a `cel.bind`: computed when first used, its error kept as well."""

    __slots__ = ("_compute", "_outcome")

    def __init__(self, compute: Callable[[], Any]) -> None:
        self._compute = compute
        self._outcome: Outcome | None = None

    def get(self) -> Any:
        if self._outcome is None:
            try:
                self._outcome = Outcome(self._compute())
            except EvaluationError as error:
                self._outcome = Outcome(error=error)
        if self._outcome.error is not None:
            raise self._outcome.error
        return self._outcome.value


class _Run:
    """One evaluation."""

    __slots__ = (
        "_allowance",
        "_bindings",
        "_budget",
        "_charged",
        "_checked",
        "_facts",
        "_inputs",
        "_locals",
        "_trace",
    )

    def __init__(
        self,
        checked: CheckedExpression,
        bindings: Mapping[str, Any],
        facts: Facts | None,
        trace: Trace | None,
        inputs: Inputs | None,
        allowance: Allowance | None,
    ) -> None:
        self._checked = checked
        self._allowance = allowance
        self._bindings = bindings
        self._facts = facts
        self._trace = trace
        self._inputs = inputs
        self._locals: dict[LocalRef, Any] = {}
        # What is paid for in the outermost loop that is under way, and from what.
        self._charged: dict[int, Charge] | None = None
        self._budget = Budget(allowance)

    def visit(self, node: Expr) -> Any:
        charge = self._charged.get(node.id) if self._charged else None
        if self._trace is None and charge is None:
            return self._value(node)
        try:
            value = self._value(node)
            if charge is not None:
                value = self._budget.paid(value, charge.shift, charge.deep)
        except EvaluationError as error:
            if self._trace is not None:
                self._trace(node, Outcome(error=error))
            raise
        if self._trace is not None:
            self._trace(node, Outcome(value))
        return value

    def _value(self, node: Expr) -> Any:
        match node:
            case Constant():
                return kinds.UInt(node.value) if node.kind == "uint" else node.value  # type: ignore[arg-type]
            case Ident():
                return self._named(node)
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case ListExpr():
                return self._list(node)
            case MapExpr():
                pairs = [(self.visit(e.key), self.visit(e.value), e.optional) for e in node.entries]
                return _map(pairs)
            case Struct():
                return self._struct(node)
            case Comprehension():
                return self._comprehension(node)
            case Bind():
                self._locals[LocalRef(node.id, 0)] = _Once(lambda: self.visit(node.value))
                return self.visit(node.body)
            case _:
                assert_never(node)

    def _conformed(self, node: Expr, value: Any) -> Any:
        return conform.conform(value, kind(self._checked.types[node.id]))

    def _named(self, node: Ident | Select) -> Any:
        match self._checked.references[node.id]:
            case VariableRef(name=name):
                if self._inputs is not None:
                    return self._inputs.read(name, kind(self._checked.types[node.id]))
                if name not in self._bindings:
                    raise failures.no_such_variable(name)
                return self._conformed(node, self._bindings[name])
            case LocalRef() as reference:
                value = self._locals[reference]
                return self._conformed(node, value.get() if isinstance(value, _Once) else value)
            case TypeRef(name=name):
                return kinds.TypeValue(name)
            case ConstantRef(value=value):
                return value
            case FunctionRef() | FailureRef():
                raise AssertionError("a name is not a call")

    def _select(self, node: Select) -> Any:
        if node.id in self._checked.references:
            return self._named(node)
        operand = (
            self._holder(node.operand) if node.test or node.optional else self.visit(node.operand)
        )
        owner = self._checked.types.get(node.operand.id)
        if isinstance(owner, ObjectType) and node.field in owner.fields and not node.optional:
            wanted = kind(owner.fields[node.field].type)
            read = conform.present if node.test else conform.read
            return read(operand, node.field, wanted)
        behind = optional_kind(self._checked, node)
        if behind is not None:
            read = conform.present if node.test else conform.read_optional
            return read(operand, node.field, behind)
        if node.test:
            return containers.has(operand, node.field)
        if node.optional:
            return containers.optional_select(operand, node.field)
        return self._conformed(node, containers.select(operand, node.field))

    def _holder(self, node: Expr) -> Any:
        """The operand of `has()` and of `.?`: an object that is absent has no fields."""
        if isinstance(node, Select) and not node.test and not node.optional:
            owner = self._checked.types.get(node.operand.id)
            declared = owner.fields.get(node.field) if isinstance(owner, ObjectType) else None
            if declared is not None and kind(declared.type) == "map":
                return conform.part(self._holder(node.operand), node.field)
        if isinstance(node, Ident):
            reference = self._checked.references[node.id]
            type_ = self._checked.types[node.id]
            if not isinstance(reference, VariableRef):
                return self.visit(node)
            if self._inputs is not None and kind(type_) == "map":
                return self._inputs.part(reference.name)
            if self._inputs is None and isinstance(type_, ObjectType):
                name = reference.name
                return conform.part({name: self._bindings.get(name)}, name)
        return self.visit(node)

    def _call(self, node: Call) -> Any:
        match node.function:
            case "_&&_":
                return self._logical(node, decisive=False)
            case "_||_":
                return self._logical(node, decisive=True)
            case "_?_:_":
                return self._conditional(node)
        reference = self._checked.references[node.id]
        if isinstance(reference, FailureRef):
            failures.fail(reference.code, reference.message)
        assert isinstance(reference, FunctionRef)
        operands = node.args
        if node.target is not None and not reference.namespaced:
            operands = (node.target, *operands)
        if reference.function.fact:
            if self._facts is None:
                raise ValueError(f"`{reference.function.name}` is a fact, and none were given")
            return self._facts(node)
        lazy = LAZY.get(reference.function.impl)
        args: list[Any] = []
        for operand in operands[:-1] if lazy else operands:
            args.append(self.visit(operand))  # a comprehension would be a frame more for each level
        if lazy:
            args.append(lambda: self.visit(operands[-1]))
        value = _implementation(lazy or reference.function.impl)(*args)
        return self._conformed(node, value) if gives_part(reference.function) else value

    def _logical(self, node: Call, *, decisive: bool) -> Any:
        """`&&` is decided by a false operand and `||` by a true one, whatever the other does."""
        failure: EvaluationError | None = None
        for operand in node.args:
            try:
                value = self.visit(operand)
                if value is decisive:
                    return decisive
                if not isinstance(value, bool):
                    raise failures.no_such_overload(node.function, value)
            except EvaluationError as error:
                failure = absorbed(failure, error)
        if failure is not None:
            raise failure
        return not decisive

    def _conditional(self, node: Call) -> Any:
        question, chosen, otherwise = node.args
        answer = self.visit(question)
        if not isinstance(answer, bool):
            raise failures.no_such_overload("_?_:_", answer)
        return self.visit(chosen if answer else otherwise)

    def _list(self, node: ListExpr) -> list[Any]:
        values = [self.visit(element) for element in node.elements]
        built = []
        for position, value in enumerate(values):
            if position not in node.optional:
                built.append(value)
            elif not isinstance(value, kinds.OptionalValue):
                raise failures.no_such_overload("[?_]", value)
            elif value.present:
                built.append(value.value)
        return built

    def _struct(self, node: Struct) -> Any:
        reference = self._checked.references[node.id]
        if isinstance(reference, FailureRef):
            failures.fail(reference.code, reference.message)
        fields = _map([(f.name, self.visit(f.value), f.optional) for f in node.fields])
        assert isinstance(reference, TypeRef)
        if reference.make is not None:
            return reference.make(fields)
        if reference.name not in wellknown.LITERALS:
            return fields
        return messages.message(reference.name, fields)

    def _comprehension(self, node: Comprehension) -> Any:
        over = self.visit(node.range)
        if self._charged is not None:
            return self._loop(node, over)
        self._charged, self._budget = charged(self._checked, node), Budget(self._allowance)
        try:
            return self._loop(node, over)
        finally:
            self._charged = None

    def _loop(self, node: Comprehension, over: Any) -> Any:
        steps = self._steps(node, over)
        match node.kind:
            case "all" | "exists":
                return self._search(node, steps, decisive=node.kind == "exists")
            case "exists_one":
                return [self._holds(node) for _ in steps].count(True) == 1
            case "filter":
                return [item[0] for item in steps if self._holds(node)]
            case "map" | "transform_list":
                return [self._result(node) for _ in steps if self._holds(node)]
            case "transform_map":
                return maps.make_map((i[0], self._result(node)) for i in steps if self._holds(node))
            case "transform_map_entry":
                entries: list[tuple[Any, Any]] = []
                for _ in steps:
                    if self._holds(node):
                        entries.extend(_entries(self._result(node)))
                return maps.make_map(entries)
            case _:
                assert_never(node.kind)

    def _steps(self, node: Comprehension, over: Any) -> Iterator[tuple[Any, ...]]:
        """The values of the variables, one step after the other, each put into the locals."""
        paired = len(node.variables) == 2
        for item in _pairs(over) if paired else ((element,) for element in _elements(over)):
            for index, value in enumerate(item):
                self._locals[LocalRef(node.id, index)] = value
            yield item

    def _holds(self, node: Comprehension) -> bool:
        if node.condition is None:
            return True
        value = self.visit(node.condition)
        if not isinstance(value, bool):
            raise failures.no_such_overload("comprehension", value)
        return value

    def _result(self, node: Comprehension) -> Any:
        assert node.result is not None
        return self.visit(node.result)

    def _search(
        self, node: Comprehension, steps: Iterator[tuple[Any, ...]], *, decisive: bool
    ) -> bool:
        failure: EvaluationError | None = None
        for _ in steps:
            try:
                if self._holds(node) is decisive:
                    return decisive
            except EvaluationError as error:
                failure = absorbed(failure, error)
        if failure is not None:
            raise failure
        return not decisive


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _elements(value: Any) -> list[Any]:
    if isinstance(value, list | tuple) or _is_map(value):
        return list(value)
    raise failures.no_such_overload("comprehension", value)


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    return _entries(value)


def _entries(value: Any) -> list[tuple[Any, Any]]:
    if _is_map(value):
        return list(value.items())
    raise failures.no_such_overload("comprehension", value)


def _map(pairs: list[tuple[Any, Any, bool]]) -> dict[Any, Any]:
    kept = []
    for key, value, optional in pairs:
        if not optional:
            kept.append((key, value))
        elif not isinstance(value, kinds.OptionalValue):
            raise failures.no_such_overload("{?_}", value)
        elif value.present:
            kept.append((key, value.value))
    return maps.make_map(kept)


@lru_cache(maxsize=1024)
def _implementation(impl: str | Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(impl, str):
        return impl
    module, _, name = impl.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(f"policyengine.values.{module}"), name)
    return found
