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
from policyengine.cel.checked import (
    CheckedExpression,
    ConstantRef,
    FailureRef,
    FunctionRef,
    LocalRef,
    TypeRef,
    VariableRef,
)
from policyengine.cel.emit import circuits, inline, literals, optionals, presence
from policyengine.cel.emit.calls import LAZY, gives_part
from policyengine.cel.emit.circuits import joined as joined
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.late import Late
from policyengine.cel.emit.loops import Loops
from policyengine.cel.emit.module import (
    Module,
    assign,
    call,
    item,
    load,
    negated,
    placed,
)
from policyengine.cel.emit.paths import (
    Path,
    Paths,
    guard,
    path_of,
    soft_default,
    test,
)
from policyengine.cel.emit.reference import (
    chain,
    constant,
    named_constant,
    operands_of,
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
        allowance: tuple[ast.expr, ...] = (),
    ) -> None:
        self.module = module
        self.allowance = allowance
        self._paths = paths
        self._given = given
        self._ask = ask
        self._expression: CheckedExpression | None = None
        self._locals: dict[tuple[int, int], Value] = {}
        # What is proved or loaded where the current block runs, and around it.
        self._known: dict[object, Value] = {("kind", name): _NOTHING for name in assumed}
        self.block: list[ast.stmt] = []
        # What will be proved once the expression that is being emitted has been evaluated.
        self._due: dict[object, Value] = {}
        self._outer: dict[object, Value] = {}
        self.late = Late(self, paths, BINDINGS)
        self.loops = Loops(self, self.late)

    def emit(self, node: cel.Expr) -> Value:
        """The value of a node, of its static type on the surface."""
        made = self.loops.charge(node, self._emit(node))
        text = self.checked.ast.text
        return made._replace(node=placed(made.node, text, node.start, node.end))

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
        before = self.block, self._known, self._due, self._outer
        self.block, self._known, self._due, self._outer = [], dict(self._known), {}, self._known
        try:
            yield self.block
        finally:
            self.block, self._known, self._due, self._outer = before

    def known(self, key: object) -> Value | None:
        """What was learnt under a key, and still holds where the current block runs."""
        return self._known.get(key)

    def learn(self, key: object, value: Value) -> Value:
        """Remembers a value for what is emitted behind it."""
        self._known[key] = value
        return value

    def prove(self, key: object, value: Value | None = None) -> None:
        """Notes what is proved once the expression that is being emitted has been evaluated."""
        self._due[key] = value or _NOTHING

    def learnt(self) -> tuple[dict[object, Value], dict[object, Value]]:
        """What the innermost block has proved: by its statements, and by the expression emitted."""
        new = {key: value for key, value in self._known.items() if key not in self._outer}
        return new, dict(self._due)

    def local(self, node: cel.Expr) -> Value | None:
        """The local of a comprehension's or bind's variable, if the node is one."""
        reference = self.checked.references.get(node.id)
        if not isinstance(reference, LocalRef):
            return None
        return self._locals[reference.binder, reference.index]

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
                return literals.list_of(self, node)
            case cel.MapExpr():
                return literals.map_of(self, node)
            case cel.Struct():
                return literals.message(self, node)
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
                value = self._locals[binder, index]
                if isinstance(value.node, ast.Name) and self.late.is_waiting(value.node.id):
                    return self.late.local(value.node.id)
                return value
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
            return self.late.path(path, wanted)
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

    def _select(self, node: cel.Select) -> Value:
        if node.id in self.checked.references:
            return self._name(node)
        if node.optional:
            return optionals.read(self, node)
        if node.test:
            return presence.has(self, node)
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

    def input_path(self, node: cel.Expr) -> Path | None:
        """The path of the input that a node reads, if it is one."""
        found = path_of(self.checked, node)
        return found[0] if found and not self._is_inline(found[0][0]) else None

    def name_of(self, path: Path, kind_: str) -> str:
        """The local that holds a path's value of a kind."""
        return self._paths.name(path, kind_)

    def take(self, node: cel.Expr, kind_: str) -> tuple[ast.expr, str] | None:
        """A value that is not guarded yet, and the local that it is in; see `Late.take`."""
        return self.late.take(node, kind_) or self._take_part(node, kind_)

    def _take_part(self, node: cel.Expr, kind_: str) -> tuple[ast.expr, str] | None:
        """A field of a loop's variable, which is not guarded yet."""
        if not isinstance(node, cel.Select) or node.test or node.optional:
            return None
        owner = self.local(node.operand)
        if owner is None or owner.deep or not isinstance(owner.node, ast.Name):
            return None
        declared = isinstance(self.type(node.operand), ObjectType | MapType)
        key = ast.Constant(value=node.field)
        known = (ast.dump(owner.node), ast.dump(key))
        if not declared or kind(self.type(node)) != kind_ or known in self._known:
            return None
        name = self.module.fresh(node.field)
        self.prove(known, Value(load(name), kind_ in SCALARS))
        taken = ast.Name(id=name, ctx=ast.Store())
        return ast.NamedExpr(target=taken, value=item(owner.node, key)), name

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

    def _call(self, node: cel.Call) -> Value:
        if node.function in ("_&&_", "_||_"):
            return Value(circuits.chained(self, chain(node), node.function == "_&&_"), True)
        if node.function == "_?_:_":
            return circuits.conditional(self, node)
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

    def _run(self, path: str, *args: ast.expr) -> Value:
        return Value(call(self.module.runtime(path), *args), False)


def _is_position(node: cel.Expr) -> bool:
    """Whether a node is a constant that is a position in a list, if the list is long enough."""
    return isinstance(node, cel.Constant) and node.kind == "int" and int(node.value or 0) >= 0


_NOTHING = Value(ast.Constant(value=None), True)
