"""Comprehension macros as plain loops, or as Python's own comprehensions where nothing fails."""

from __future__ import annotations

import ast
from contextlib import ExitStack
from dataclasses import dataclass, field

from policyengine.cel import ast as cel
from policyengine.cel.charges import Charge, charged, charged_in_turns
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.late import Late, can_wait
from policyengine.cel.emit.module import assign, call, compare, load, method, negated, store
from policyengine.cel.emit.paths import class_of, guard, path_of
from policyengine.cel.emit.reference import paid, tuple_of
from policyengine.cel.emit.value import SCALARS, Emitter, Unsuited, Value
from policyengine.cel.types import DYN, INT, ListType, MapType, Type

# Python allows 20 nested blocks; each loop may need two.
MAX_NESTED_LOOPS = 8


class Loops:
    """Emits comprehensions into one function."""

    def __init__(self, fast: Emitter, late: Late) -> None:
        self._fast = fast
        self._late = late
        self._nested = 0
        # What is paid for in the outermost loop that is being emitted, by expression and node.
        self._charged: dict[tuple[int, int], Charge] = {}
        self._entered: set[int] = set()
        self._budget = self._range = ""
        self._reserved: list[ast.expr] = []

    def enter(self, checked: CheckedExpression) -> None:
        """Another expression is emitted in the place of a name, perhaps within a loop."""
        if self._nested and id(checked) not in self._entered:
            self._note(checked, charged_in_turns(checked))

    def _note(self, checked: CheckedExpression, charges: dict[int, Charge]) -> None:
        self._entered.add(id(checked))
        self._charged.update({(id(checked), node): charge for node, charge in charges.items()})

    def charge(self, node: cel.Expr, made: Value) -> Value:
        """The value of a node; in a loop its size is paid for, where that is needed."""
        if not self._nested:
            return made
        charge = self._charged.get((id(self._fast.checked), node.id))
        if charge is None:
            return made
        if self._range and self._nested == 1 and not charge.deep and self._is_input(node, made):
            # It is the same in each turn, and known before the first.
            self._reserved.append(tuple_of([made.node, ast.Constant(value=charge.shift)]))
            return made
        self._budget = self._budget or self._fast.module.fresh("budget")
        return made._replace(node=paid(load(self._budget), made.node, charge))

    def _is_input(self, node: cel.Expr, made: Value) -> bool:
        """Whether a value is a local that is loaded before all loops, as a variable may not be."""
        found = path_of(self._fast.checked, node)
        if found is None or not isinstance(made.node, ast.Name):
            return False
        return not found[0][0].startswith("variables.")

    def emit(self, node: cel.Comprehension) -> Value:
        """The value of a comprehension; its loop goes into the current block."""
        if self._nested >= MAX_NESTED_LOOPS or node.kind == "transform_map_entry":
            raise Unsuited
        fast = self._fast
        stages = self._stages(node)
        run = fast.emit(stages[0].range)
        if not self._nested:
            run = self._open(node, run)
        self._nested += 1
        try:
            return self._emit(stages, run)
        finally:
            self._nested -= 1

    def _open(self, node: cel.Comprehension, run: Value) -> Value:
        """Begins an outermost loop; its range gets a name, where something is paid for."""
        fast = self._fast
        self._charged.clear()
        self._entered.clear()
        self._reserved.clear()
        self._budget = self._range = ""
        self._note(fast.checked, charged(fast.checked, node))
        if not self._charged:
            return run
        self._range = fast.module.fresh("range")
        fast.add(assign(self._range, run.node))
        return run._replace(node=load(self._range))

    def _pay(self) -> None:
        """What comes before an outermost loop: its budget, and what each turn takes from it."""
        if self._nested > 1 or not (self._budget or self._reserved):
            return
        fast = self._fast
        budget = self._budget or fast.module.fresh("budget")
        made = call(fast.module.runtime("budget.Budget"), *fast.allowance)
        fast.add(assign(budget, made))
        if self._reserved:
            taken = method(load(budget), "reserve", load(self._range), *self._reserved)
            fast.add(ast.Expr(value=taken))

    def _stages(self, node: cel.Comprehension) -> list[cel.Comprehension]:
        """The loop, and the filters that it runs over: one loop can do what they all do.

        Not a loop that may end early: what a filter fails on behind its end is an error too. And
        not where something is paid for, as each outermost loop has a budget of its own.
        """
        stages = [node]
        while self._can_join(stages[0]):
            assert isinstance(stages[0].range, cel.Comprehension)
            stages.insert(0, stages[0].range)
        return stages

    def _can_join(self, node: cel.Comprehension) -> bool:
        inner = node.range
        if node.kind not in ("filter", "map", "exists_one"):
            return False
        if not isinstance(inner, cel.Comprehension) or inner.kind != "filter":
            return False
        if self._nested:
            return not self._charged
        checked = self._fast.checked
        return not charged(checked, node) and not charged(checked, inner)

    def _emit(self, stages: list[cel.Comprehension], run: Value) -> Value:
        fast = self._fast
        first, node = stages[0], stages[-1]
        names = self._variables(first, run)
        iterated = self._iterated(first, run.node)
        result = fast.module.fresh(node.kind)
        turn = self._turn(stages, names, run)
        target = self._target(names)
        self._pay()
        made = Value(load(result), turn.deep, turn.elements)
        if turn.is_plain and node.kind in ("filter", "map", "transform_list"):
            return made._replace(node=self._comprehension(node, names, target, iterated, turn))
        match node.kind:
            case "exists" | "all":
                decisive = node.kind == "exists"
                [condition] = turn.conditions
                turn.conditions[0] = condition if decisive else negated(condition)
                then = [assign(result, ast.Constant(value=decisive)), ast.Break()]
                start: ast.expr = ast.Constant(value=not decisive)
                made = Value(load(result), True)
            case "exists_one":
                more = ast.AugAssign(
                    target=ast.Name(id=result, ctx=ast.Store()),
                    op=ast.Add(),
                    value=ast.Constant(value=1),
                )
                then = [more]
                start = ast.Constant(value=0)
                made = Value(compare(load(result), ast.Eq(), ast.Constant(value=1)), True)
            case _:
                kept = self._kept(node, names, turn.value)
                then = [ast.Expr(value=method(load(result), "append", kept))]
                start = ast.List(elts=[], ctx=ast.Load())
                if node.kind == "transform_map":
                    table = call(fast.module.runtime("maps.make_map"), load(result))
                    made = Value(table, turn.deep)
        body = turn.body(then)
        fast.add(assign(result, start), ast.For(target=target, iter=iterated, body=body, orelse=[]))
        return made

    def _turn(self, stages: list[cel.Comprehension], names: list[str], run: Value) -> _Turn:
        """What is done for each element: the conditions one after the other, then the result."""
        fast = self._fast
        turn = _Turn(deep=run.deep)
        with ExitStack() as blocks:
            turn.blocks.append(blocks.enter_context(fast.inner()))
            self._guards(stages[0], names, run)
            for stage in stages:
                if stage is not stages[0]:
                    fast.bind(stage.id, 0, self._element(stage, names[0], turn.deep))
                if stage.condition is None:
                    continue
                turn.conditions.append(fast.condition(stage.condition))
                _, due = fast.learnt()
                turn.blocks.append(blocks.enter_context(fast.inner()))
                for key, proved in due.items():
                    fast.learn(key, proved)
            node = stages[-1]
            guarded = run.deep or not self._late.is_waiting(names[0])
            if node.kind == "filter":
                scalar = kind(self._bound(node)[0]) in SCALARS
                turn.elements, turn.deep = guarded, turn.deep or (guarded and scalar)
            elif node.result is not None:
                made = fast.emit(node.result)
                turn.value, turn.deep = made.node, made.deep
                turn.elements = self._is_of_its_type(node)
        return turn

    def _is_of_its_type(self, node: cel.Comprehension) -> bool:
        """Whether a list's static type says of its elements what the result's type says."""
        type_ = self._fast.type(node)
        assert node.result is not None
        return isinstance(type_, ListType) and type_.element == self._fast.type(node.result)

    def _element(self, node: cel.Comprehension, name: str, deep: bool) -> Value:
        return Value(load(name), deep or kind(self._bound(node)[0]) in _SIMPLE)

    def _variables(self, node: cel.Comprehension, run: Value) -> list[str]:
        names = [self._fast.module.fresh(name) for name in node.variables]
        for position, name in enumerate(names):
            scalar = kind(self._bound(node)[position]) in _SIMPLE
            self._fast.bind(node.id, position, Value(load(name), run.deep or scalar))
        return names

    def _bound(self, node: cel.Comprehension) -> tuple[Type, ...]:
        """The static types of the variables."""
        two = len(node.variables) == 2
        match self._fast.type(node.range):
            case ListType(element=element):
                return (INT, element) if two else (element,)
            case MapType(key=key, value=value):
                return (key, value) if two else (key,)
            case _:
                return (DYN, DYN) if two else (DYN,)

    def _guards(self, node: cel.Comprehension, names: list[str], run: Value) -> None:
        if run.deep or run.elements:
            return
        fast = self._fast
        for position, (name, type_) in enumerate(zip(names, self._bound(node), strict=True)):
            counted = position == 0 and len(names) == 2
            if counted and isinstance(fast.type(node.range), ListType):
                continue
            if can_wait(fast.checked, node, position, kind(type_)):
                self._late.wait(name, kind(type_))
                continue
            fast.add(*guard(fast.module, name, kind(type_), fast.unsure))

    def _iterated(self, node: cel.Comprehension, run: ast.expr) -> ast.expr:
        fast = self._fast
        type_ = fast.type(node.range)
        two = len(node.variables) == 2
        if isinstance(type_, ListType):
            return call(load("enumerate"), run) if two else run
        if isinstance(type_, MapType):
            return method(run, "items") if two else run
        if two:
            return call(fast.module.runtime("lazy.pairs"), run)
        name = fast.module.fresh("range")
        known = ast.Tuple(elts=[load("list"), load("dict")], ctx=ast.Load())
        unknown = compare(class_of(load(name)), ast.NotIn(), known)
        fast.add(assign(name, run), ast.If(test=unknown, body=[fast.unsure()], orelse=[]))
        return load(name)

    def _target(self, names: list[str]) -> ast.expr:
        if len(names) == 1:
            return store(names[0])
        return ast.Tuple(elts=[store(name) for name in names], ctx=ast.Store())

    def _kept(self, node: cel.Comprehension, names: list[str], value: ast.expr | None) -> ast.expr:
        if value is None:
            return load(names[0])
        if node.kind == "transform_map":
            return ast.Tuple(elts=[load(names[0]), value], ctx=ast.Load())
        return value

    def _comprehension(
        self,
        node: cel.Comprehension,
        names: list[str],
        target: ast.expr,
        iterated: ast.expr,
        turn: _Turn,
    ) -> ast.expr:
        if any(isinstance(part, ast.NamedExpr) for part in ast.walk(iterated)):
            # Python has no assignments where a list comprehension says what it runs over.
            name = self._fast.module.fresh("range")
            self._fast.add(assign(name, iterated))
            iterated = load(name)
        generator = ast.comprehension(target=target, iter=iterated, ifs=turn.conditions, is_async=0)
        return ast.ListComp(elt=self._kept(node, names, turn.value), generators=[generator])


@dataclass(slots=True)
class _Turn:
    """What a loop does for each element.

    The statements of each block come before the condition that has its place, and run only where
    the conditions before hold; those of the last one come before the result.
    """

    deep: bool
    elements: bool = False
    blocks: list[list[ast.stmt]] = field(default_factory=list)
    conditions: list[ast.expr] = field(default_factory=list)
    value: ast.expr | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there are no statements."""
        return not any(self.blocks)

    def body(self, then: list[ast.stmt]) -> list[ast.stmt]:
        """The body of the loop, that ends in these statements."""
        made = [*self.blocks[-1], *then]
        for block, condition in zip(self.blocks[-2::-1], self.conditions[::-1], strict=True):
            made = [*block, ast.If(test=condition, body=made, orelse=[])]
        return made


_SIMPLE = frozenset({"bool", "int", "uint", "double", "string", "bytes", "null_type"})
