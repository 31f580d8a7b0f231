"""Comprehension macros as plain loops, or as Python's own comprehensions where nothing fails."""

from __future__ import annotations

import ast

from policyengine.cel import ast as cel
from policyengine.cel.charges import Charge, charged, charged_in_turns
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import assign, call, compare, load, method, negated, store
from policyengine.cel.emit.paths import class_of, guard, path_of
from policyengine.cel.emit.reference import paid, tuple_of
from policyengine.cel.emit.value import Emitter, Unsuited, Value
from policyengine.cel.types import DYN, INT, ListType, MapType, Type

# Python allows 20 nested blocks; each loop may need two.
MAX_NESTED_LOOPS = 8


class Loops:
    """Emits comprehensions into one function."""

    def __init__(self, fast: Emitter) -> None:
        self._fast = fast
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
        return Value(paid(load(self._budget), made.node, charge), made.deep)

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
        run = fast.emit(node.range)
        if not self._nested:
            run = self._open(node, run)
        self._nested += 1
        try:
            made, deep = self._emit(node, run)
        finally:
            self._nested -= 1
        return Value(made, deep)

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
        return Value(load(self._range), run.deep)

    def _pay(self) -> None:
        """What comes before an outermost loop: its budget, and what each turn takes from it."""
        if self._nested > 1 or not (self._budget or self._reserved):
            return
        fast = self._fast
        budget = self._budget or fast.module.fresh("budget")
        fast.add(assign(budget, call(fast.module.runtime("budget.Budget"))))
        if self._reserved:
            taken = method(load(budget), "reserve", load(self._range), *self._reserved)
            fast.add(ast.Expr(value=taken))

    def _emit(self, node: cel.Comprehension, run: Value) -> tuple[ast.expr, bool]:
        fast = self._fast
        names = self._variables(node, run.deep)
        iterated = self._iterated(node, run.node)
        result = fast.module.fresh(node.kind)
        deep = run.deep
        with fast.inner() as body:
            self._guards(node, names, run.deep)
            condition = None if node.condition is None else fast.condition(node.condition)
            inner = body
            if node.result is not None and condition is not None:
                with fast.inner() as inner:
                    made = fast.emit(node.result)
            elif node.result is not None:
                made = fast.emit(node.result)
            else:
                made = None
        plain = not body and not inner
        value = made.node if made is not None else None
        deep = made.deep if made is not None else deep
        target = self._target(names)
        self._pay()
        if plain and node.kind in ("filter", "map", "transform_list"):
            return self._comprehension(node, names, target, iterated, condition, value), deep
        match node.kind:
            case "exists" | "all":
                decisive = node.kind == "exists"
                assert condition is not None
                test = condition if decisive else negated(condition)
                found = [assign(result, ast.Constant(value=decisive)), ast.Break()]
                body.append(ast.If(test=test, body=found, orelse=[]))
                start: ast.expr = ast.Constant(value=not decisive)
                end: ast.expr = load(result)
            case "exists_one":
                assert condition is not None
                more = ast.AugAssign(
                    target=ast.Name(id=result, ctx=ast.Store()),
                    op=ast.Add(),
                    value=ast.Constant(value=1),
                )
                body.append(ast.If(test=condition, body=[more], orelse=[]))
                start = ast.Constant(value=0)
                end = compare(load(result), ast.Eq(), ast.Constant(value=1))
            case _:
                kept = self._kept(node, names, value)
                append: ast.stmt = ast.Expr(value=method(load(result), "append", kept))
                if condition is None:
                    body.append(append)
                else:
                    ours = [] if inner is body else inner
                    body.append(ast.If(test=condition, body=[*ours, append], orelse=[]))
                start = ast.List(elts=[], ctx=ast.Load())
                end = load(result)
                if node.kind == "transform_map":
                    end = call(fast.module.runtime("maps.make_map"), end)
        fast.add(assign(result, start), ast.For(target=target, iter=iterated, body=body, orelse=[]))
        return end, deep

    def _variables(self, node: cel.Comprehension, deep: bool) -> list[str]:
        names = [self._fast.module.fresh(name) for name in node.variables]
        for position, name in enumerate(names):
            scalar = kind(self._bound(node)[position]) in _SIMPLE
            self._fast.bind(node.id, position, Value(load(name), deep or scalar))
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

    def _guards(self, node: cel.Comprehension, names: list[str], deep: bool) -> None:
        if deep:
            return
        fast = self._fast
        for position, (name, type_) in enumerate(zip(names, self._bound(node), strict=True)):
            counted = position == 0 and len(names) == 2
            if counted and isinstance(fast.type(node.range), ListType):
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
        condition: ast.expr | None,
        value: ast.expr | None,
    ) -> ast.expr:
        conditions = [] if condition is None else [condition]
        generator = ast.comprehension(target=target, iter=iterated, ifs=conditions, is_async=0)
        return ast.ListComp(elt=self._kept(node, names, value), generators=[generator])


_SIMPLE = frozenset({"bool", "int", "uint", "double", "string", "bytes", "null_type"})
