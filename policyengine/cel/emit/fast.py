"""The fast form: Python's own operators, loops and short circuits, with guards.

INVARIANT: where fast code gives a value it is the value of the reference form; where it cannot
be sure (a value of another class, a missing field, an overflow) it raises, and the reference
decides. So `and` and `or` need not absorb errors here: an operand that fails leaves them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import assert_never

from policyengine.cel import ast as cel
from policyengine.cel import wellknown
from policyengine.cel.checked import (
    CheckedExpression,
    ConstantRef,
    FailureRef,
    FunctionRef,
    LocalRef,
    TypeRef,
    VariableRef,
)
from policyengine.cel.emit import inline, optionals
from policyengine.cel.emit.calls import LAZY, gives_part
from policyengine.cel.emit.kinds import CLASSES, kind
from policyengine.cel.emit.loops import Loops
from policyengine.cel.emit.module import (
    Module,
    assign,
    call,
    compare,
    item,
    load,
    method,
    negated,
    placed,
)
from policyengine.cel.emit.paths import (
    Path,
    Paths,
    class_of,
    guard,
    in_int_range,
    path_of,
    soft_default,
    test,
)
from policyengine.cel.emit.reference import (
    chain,
    constant,
    named_constant,
    operands_of,
    optional_kind,
    positions,
    tuple_of,
    type_value,
)
from policyengine.cel.emit.value import SCALARS, Unsuited, Value
from policyengine.cel.types import BOOL, DYN, ListType, MapType, ObjectType, OptionalType, Type

Given = Callable[["Fast", str], Value | None]
"""What a variable that is no input means (`variables.x`, `constants.x`), else None."""

Ask = Callable[[CheckedExpression, cel.Call], ast.expr]
"""The local that holds the findings that a fact call asks for."""

# The parameter that late paths are loaded from.
BINDINGS = "bindings"


class Fast:
    """Emits the fast form of expressions into one function.

    Statements that an expression needs go into the current block; `emit` gives what is left as
    one Python expression.
    """

    def __init__(
        self,
        module: Module,
        paths: Paths,
        *,
        assumed: frozenset[str] = frozenset(),
        given: Given | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.module = module
        self._paths = paths
        self._given = given
        self._ask = ask
        self._expression: CheckedExpression | None = None
        self._locals: dict[tuple[int, int], Value] = {}
        # What is proved or loaded where the current block runs.
        self._known: dict[object, Value] = {("kind", name): _NOTHING for name in assumed}
        self.block: list[ast.stmt] = []
        self.loops = Loops(self)

    def emit(self, node: cel.Expr) -> Value:
        """The value of a node, of its static type on the surface."""
        made = self.loops.charge(node, self._emit(node))
        text = self.checked.ast.text
        return Value(placed(made.node, text, node.start, node.end), made.deep)

    def condition(self, node: cel.Expr) -> ast.expr:
        """The value of a node that must be bool."""
        made = self.emit(node).node
        if self.type(node) == BOOL:
            return made
        return load(self.named(made, "bool", "test"))

    def type(self, node: cel.Expr) -> Type:
        """The static type of a node."""
        return self.checked.types[node.id]

    @property
    def checked(self) -> CheckedExpression:
        """The expression that is being emitted."""
        assert self._expression is not None
        return self._expression

    def over(self, checked: CheckedExpression, node: cel.Expr) -> Value:
        """Emits a node of an expression, perhaps in the place of a name in another one."""
        before, self._expression = self._expression, checked
        self.loops.enter(checked)
        try:
            return self.emit(node)
        finally:
            self._expression = before

    def condition_of(self, checked: CheckedExpression, node: cel.Expr) -> ast.expr:
        """`condition` of a node of an expression."""
        before, self._expression = self._expression, checked
        try:
            return self.condition(node)
        finally:
            self._expression = before

    def add(self, *statements: ast.stmt) -> None:
        """Statements that run before what is emitted next."""
        self.block.extend(statements)

    @contextmanager
    def inner(self) -> Iterator[list[ast.stmt]]:
        """A block that may not run: what is proved in it does not hold behind it."""
        block, known = self.block, self._known
        self.block, self._known = [], dict(known)
        try:
            yield self.block
        finally:
            self.block, self._known = block, known

    def known(self, key: object) -> Value | None:
        """What was learnt under a key, and still holds where the current block runs."""
        return self._known.get(key)

    def learn(self, key: object, value: Value) -> Value:
        """Remembers a value for what is emitted behind it."""
        self._known[key] = value
        return value

    def named(self, node: ast.expr, kind_: str, hint: str) -> str:
        """A local that holds the value, guarded to be of the kind."""
        name = self.module.fresh(hint)
        self.add(assign(name, node), *guard(self.module, name, kind_, self.unsure))
        return name

    def unsure(self) -> ast.stmt:
        """The statement that leaves the answer to the reference."""
        return ast.Raise(exc=self.module.runtime("conform.Unsure"), cause=None)

    def bind(self, binder: int, index: int, value: Value) -> None:
        """Gives a comprehension's or bind's variable its local."""
        self._locals[binder, index] = value

    def _emit(self, node: cel.Expr) -> Value:
        match node:
            case cel.Constant():
                return Value(constant(node, self.module), True)
            case cel.Ident():
                return self._name(node)
            case cel.Select():
                return self._select(node)
            case cel.Call():
                return self._call(node)
            case cel.ListExpr():
                return self._list(node)
            case cel.MapExpr():
                return self._map(node)
            case cel.Struct():
                return self._struct(node)
            case cel.Comprehension():
                return self.loops.emit(node)
            case cel.Bind():
                bound = self.emit(node.value)
                name = self.module.fresh(node.name)
                self.add(assign(name, bound.node))
                self.bind(node.id, 0, Value(load(name), bound.deep))
                return self.emit(node.body)
            case _:
                assert_never(node)

    def _name(self, node: cel.Ident | cel.Select) -> Value:
        match self.checked.references[node.id]:
            case VariableRef(name=name):
                found = self._given(self, name) if self._given else None
                return self._path(node) if found is None else found
            case LocalRef(binder=binder, index=index):
                return self._locals[binder, index]
            case TypeRef(name=name):
                return Value(type_value(name, self.module), True)
            case ConstantRef() as reference:
                return Value(named_constant(reference, self.module), True)
            case reference:
                raise AssertionError(f"a name cannot mean {reference}")

    def _path(self, node: cel.Expr) -> Value:
        found = path_of(self.checked, node)
        assert found is not None
        path, type_ = found
        wanted = kind(type_)
        name = self._paths.name(path, wanted)
        if self._paths.is_late(path):
            return self._late(path, wanted)
        value = Value(load(name), wanted in SCALARS)
        if self._paths.is_strict(path) or ("kind", name) in self._known:
            return value
        self.add(
            ast.If(test=negated(test(self.module, name, wanted)), body=[self.unsure()], orelse=[])
        )
        if soft_default(wanted) == "UNSET" and wanted != "dyn":
            self.add(*guard(self.module, name, wanted, self.unsure))
        self._known["kind", name] = _NOTHING
        return value

    def _late(self, path: Path, wanted: str) -> Value:
        """A path that is used here alone: loaded and guarded in the middle of the expression."""
        name = self._paths.name(path, wanted)
        loaded = self._paths.loaded(path, BINDINGS)
        if wanted not in CLASSES or wanted == "double":
            self.add(assign(name, loaded), *guard(self.module, name, wanted, self.unsure))
            return Value(load(name), wanted in SCALARS)
        taken = ast.NamedExpr(target=ast.Name(id=name, ctx=ast.Store()), value=loaded)
        right = compare(class_of(taken), ast.Is(), load(CLASSES[wanted]))
        if wanted == "int":
            right = both(right, in_int_range(load(name)))
        unsure = call(self.module.runtime("conform.unsure"))
        return Value(ast.IfExp(test=right, body=load(name), orelse=unsure), wanted in SCALARS)

    def late_text(self, node: cel.Expr) -> tuple[ast.expr, str] | None:
        """A string that is used here alone, not guarded yet, and the local that it goes to.

        What equals a string constant is a string, so the guard can wait until it does not.
        """
        found = path_of(self.checked, node)
        if found is None or kind(found[1]) != "string" or not self._paths.is_late(found[0]):
            return None
        name = self._paths.name(found[0], "string")
        loaded = self._paths.loaded(found[0], BINDINGS)
        return ast.NamedExpr(target=ast.Name(id=name, ctx=ast.Store()), value=loaded), name

    def _select(self, node: cel.Select) -> Value:
        if node.id in self.checked.references:
            return self._name(node)
        if node.optional:
            return optionals.read(self, node)
        if node.test:
            return self._has(node)
        found = path_of(self.checked, node)
        if found is not None and not self._is_inline(found[0][0]):
            return self._path(node)
        owner = self.type(node.operand)
        if isinstance(owner, OptionalType):
            return optionals.read(self, node)
        operand = self.emit(node.operand)
        if not isinstance(owner, ObjectType | MapType) and owner != DYN:
            return self._run("containers.select", operand.node, ast.Constant(value=node.field))
        return self._part(node, operand, ast.Constant(value=node.field))

    def _is_inline(self, name: str) -> bool:
        return self._given is not None and name.startswith(("variables.", "constants."))

    def _part(self, node: cel.Expr, operand: Value, key: ast.expr) -> Value:
        """`operand[key]`, of the node's static type. Loaded once where it is surely loaded."""
        known = (ast.dump(operand.node), ast.dump(key))
        if known in self._known:
            return self._known[known]
        wanted = kind(self.type(node))
        made = item(operand.node, key)
        if wanted == "dyn":
            return Value(made, False)
        if operand.deep:
            return Value(made, True)
        hint = key.value if isinstance(key, ast.Constant) else "item"
        value = Value(load(self.named(made, wanted, str(hint))), wanted in SCALARS)
        self._known[known] = value
        return value

    def _has(self, node: cel.Select) -> Value:
        owner = self.type(node.operand)
        found = path_of(self.checked, node.operand)
        path = found[0] if found and not self._is_inline(found[0][0]) else None
        field = ast.Constant(value=node.field)
        if isinstance(owner, ObjectType) and node.field in owner.fields:
            return self._has_field(node, owner, path)
        behind = optional_kind(self.checked, node)
        if behind is not None:
            kind_ = ast.Constant(value=behind)
            return self._run("conform.present", self.emit(node.operand).node, field, kind_)
        if not isinstance(owner, MapType):
            return self._run("containers.has", self.emit(node.operand).node, field)
        if path is None or not isinstance(node.operand, cel.Select):
            return Value(compare(field, ast.In(), self.emit(node.operand).node), True)
        # A map that is absent has no fields, but what stands there must be a map.
        name = self._paths.name(path, "map")
        there = is_not_none(load(name))
        wrong = negated(compare(class_of(load(name)), ast.Is(), load("dict")))
        self.add(ast.If(test=both(there, wrong), body=[self.unsure()], orelse=[]))
        return Value(both(is_not_none(load(name)), compare(field, ast.In(), load(name))), True)

    def _has_field(self, node: cel.Select, owner: ObjectType, path: Path | None) -> Value:
        wanted = kind(owner.fields[node.field].type)
        null_is_absent = soft_default(wanted) == "None"
        if path is not None:
            value = load(self._paths.name((*path, node.field), wanted))
            if null_is_absent and wanted != "map":
                return Value(is_not_none(value), True)
            absent = self.module.runtime("conform.EMPTY" if wanted == "map" else "conform.UNSET")
            there = compare(value, ast.IsNot(), absent)
            return Value(both(is_not_none(value), there) if wanted == "map" else there, True)
        operand = self.emit(node.operand).node
        field = ast.Constant(value=node.field)
        if null_is_absent:
            return Value(is_not_none(method(operand, "get", field)), True)
        return Value(compare(field, ast.In(), operand), True)

    def _struct(self, node: cel.Struct) -> Value:
        reference = self.checked.references[node.id]
        optional = any(field.optional for field in node.fields)
        names = [field.name for field in node.fields]
        if optional or len(set(names)) < len(names) or not isinstance(reference, TypeRef):
            raise Unsuited
        if reference.make is None and reference.name not in wellknown.LITERALS:
            raise Unsuited
        values = [self.emit(field.value).node for field in node.fields]
        fields = ast.Dict(keys=[ast.Constant(value=name) for name in names], values=values)
        if reference.make is not None:
            return Value(call(self.module.runtime(reference.make), fields), True)
        name = ast.Constant(value=reference.name)
        return Value(self._run("wellknown.message", name, fields).node, True)

    def _list(self, node: cel.ListExpr) -> Value:
        values = [self.emit(element) for element in node.elements]
        nodes: list[ast.expr] = [value.node for value in values]
        if node.optional:
            deep = all(value.deep for value in values)
            built = self._run(
                "lazy.build_list", tuple_of(nodes), positions(node.optional, self.module)
            )
            return Value(built.node, deep)
        if all(isinstance(element, cel.Constant) for element in node.elements):
            # INVARIANT: values are never changed in place, so one list serves every call.
            key = ("list", *(ast.dump(each) for each in nodes))
            made = self.module.constant(key, lambda: ast.List(elts=nodes, ctx=ast.Load()))
            return Value(made, True)
        return Value(ast.List(elts=nodes, ctx=ast.Load()), all(value.deep for value in values))

    def _map(self, node: cel.MapExpr) -> Value:
        optional = frozenset(i for i, entry in enumerate(node.entries) if entry.optional)
        keys = [self.emit(entry.key) for entry in node.entries]
        values = [self.emit(entry.value) for entry in node.entries]
        deep = all(value.deep for value in (*keys, *values))
        texts = {
            entry.key.value
            for entry in node.entries
            if isinstance(entry.key, cel.Constant) and entry.key.kind == "string"
        }
        if len(texts) == len(node.entries) and not optional:
            made = ast.Dict(keys=[key.node for key in keys], values=[v.node for v in values])
            return Value(made, deep)
        pairs = tuple_of([tuple_of([k.node, v.node]) for k, v in zip(keys, values, strict=True)])
        if optional:
            return Value(
                self._run("lazy.build_map", pairs, positions(optional, self.module)).node, deep
            )
        return Value(self._run("maps.make_map", pairs).node, deep)

    def _call(self, node: cel.Call) -> Value:
        if node.function in ("_&&_", "_||_"):
            return Value(self.chained(chain(node), node.function == "_&&_"), True)
        if node.function == "_?_:_":
            return self._conditional(node)
        reference = self.checked.references[node.id]
        if isinstance(reference, FailureRef):
            raise Unsuited
        assert isinstance(reference, FunctionRef)
        if reference.function.impl in LAZY:
            return optionals.either(self, node, *operands_of(node, reference))
        if reference.function.fact:
            assert self._ask is not None
            return Value(self._ask(self.checked, node), True)
        nodes = operands_of(node, reference)
        found = inline.with_constants(self, node.function, nodes)
        if found is not None:
            return Value(found, True)
        args = [self.emit(arg) for arg in nodes]
        if node.function == "_[_]":
            return self._index(node, args)
        made = inline.operation(self, reference, nodes, args)
        if made is None:
            made = call(self._callable(reference, nodes), *(arg.node for arg in args))
        deep = all(arg.deep for arg in args)
        if not deep and gives_part(reference.function):
            return self.declared(node, made)
        return Value(made, deep or kind(self.type(node)) in SCALARS)

    def declared(self, node: cel.Expr, made: ast.expr) -> Value:
        """A value whose static type is only declared."""
        wanted = kind(self.type(node))
        if wanted == "dyn":
            return Value(made, False)
        return Value(load(self.named(made, wanted, "part")), wanted in SCALARS)

    def _callable(self, reference: FunctionRef, nodes: tuple[cel.Expr, ...]) -> ast.expr:
        """The overload's own function where the argument types are proved."""
        proved = all(kind(self.type(arg)) != "dyn" for arg in nodes)
        if proved and len(reference.overloads) == 1 and reference.overloads[0].fast:
            return self.module.runtime(reference.overloads[0].fast)
        return self.module.runtime(reference.function.impl)

    def _index(self, node: cel.Call, args: list[Value]) -> Value:
        operand, key = args
        place = node.args[-1]
        owner = self.type(node.args[0])
        # Python counts a negative position from the end.
        placed = isinstance(owner, ListType) and _is_position(place)
        if placed or (isinstance(owner, MapType) and kind(self.type(place)) == "string"):
            return self._part(node, operand, key.node)
        made = call(self.module.runtime("containers.index"), operand.node, key.node)
        wanted = kind(self.type(node))
        if operand.deep or wanted == "dyn":
            return Value(made, operand.deep)
        return Value(load(self.named(made, wanted, "item")), wanted in SCALARS)

    def chained(self, operands: list[cel.Expr], is_and: bool) -> ast.expr:
        """`a and b and ...`; an operand that needs statements runs them only when reached."""
        operator: ast.boolop = ast.And() if is_and else ast.Or()
        name = ""
        values: list[ast.expr] = []
        known = self._known
        for position, operand in enumerate(operands):
            with self.inner() as block:
                value = self.condition(operand)
                learnt = self._known
            if block:
                # What an operand proved holds for the operands behind it: they run only after it.
                self._known = learnt
                if position == 0:
                    known = learnt
                    self.add(*block)
                else:
                    if values:
                        earlier = [load(name), *values] if name else values
                        name = name or self.module.fresh("all" if is_and else "any")
                        self.add(assign(name, joined(operator, earlier)))
                        values = []
                    reached = load(name) if is_and else negated(load(name))
                    self.add(ast.If(test=reached, body=[*block, assign(name, value)], orelse=[]))
                    continue
            values.append(value)
        self._known = known
        return joined(operator, [load(name), *values] if name else values)

    def _conditional(self, node: cel.Call) -> Value:
        condition = self.condition(node.args[0])
        with self.inner() as then_block:
            then = self.emit(node.args[1])
        with self.inner() as else_block:
            otherwise = self.emit(node.args[2])
        deep = then.deep and otherwise.deep
        if not then_block and not else_block:
            return Value(ast.IfExp(test=condition, body=then.node, orelse=otherwise.node), deep)
        name = self.module.fresh("chosen")
        then_block.append(assign(name, then.node))
        else_block.append(assign(name, otherwise.node))
        self.add(ast.If(test=condition, body=then_block, orelse=else_block))
        return Value(load(name), deep)

    def _run(self, path: str, *args: ast.expr) -> Value:
        return Value(call(self.module.runtime(path), *args), False)


def _is_position(node: cel.Expr) -> bool:
    """Whether a node is a constant that is a position in a list, if the list is long enough."""
    return isinstance(node, cel.Constant) and node.kind == "int" and int(node.value or 0) >= 0


def is_not_none(value: ast.expr) -> ast.expr:
    """`value is not None`."""
    return compare(value, ast.IsNot(), ast.Constant(value=None))


def both(left: ast.expr, right: ast.expr) -> ast.expr:
    """`left and right`."""
    return ast.BoolOp(op=ast.And(), values=[left, right])


def joined(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    """`a and b and c`, or the one value alone."""
    return values[0] if len(values) == 1 else ast.BoolOp(op=operator, values=values)


_NOTHING = Value(ast.Constant(value=None), True)
