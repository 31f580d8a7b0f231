"""Guards that wait for the one place where a value is used, in the middle of an expression.

| CEL | Python |
|---|---|
| `user.age + 1` | `(age if (age := user['age']).__class__ is int and ... else unsure()) + 1` |
| `tier == "pro"` | `(tier := user['tier']) == 'pro' or (tier.__class__ is not str and unsure())` |
| `xs.filter(x, x > 5)` | `[x for x in xs if (x > 5 ... if x.__class__ is int else unsure())]` |

They need no statements, and a comparison says something of the value that its guard need not ask
again.
"""

from __future__ import annotations

import ast

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, LocalRef
from policyengine.cel.emit.ints import in_int_range
from policyengine.cel.emit.kinds import CLASSES, kind
from policyengine.cel.emit.module import assign, call, compare, load
from policyengine.cel.emit.paths import Path, Paths, class_of, guard, path_of
from policyengine.cel.emit.reference import chain
from policyengine.cel.emit.value import SCALARS, Emitter, Value

# Kinds that a test in the middle of an expression settles: nothing is converted.
_WAITING = (frozenset(CLASSES) & SCALARS) - {"double"}


class Late:
    """The paths and the variables of loops whose guards wait, in one function."""

    def __init__(self, fast: Emitter, paths: Paths, bindings: str) -> None:
        self._fast = fast
        self._paths = paths
        self._bindings = bindings
        self._waiting: dict[str, str] = {}

    def wait(self, name: str, kind_: str) -> None:
        """Leaves the guard of a local to the place that reads it."""
        self._waiting[name] = kind_

    def is_waiting(self, name: str) -> bool:
        """Whether the local has not been tested where the current block runs."""
        return name in self._waiting and self._fast.known(("guarded", name)) is None

    def path(self, path: Path, wanted: str) -> Value:
        """A path that is used here alone: loaded and guarded in the middle of the expression."""
        name = self._paths.name(path, wanted)
        loaded = self._paths.loaded(path, self._bindings)
        if wanted not in CLASSES or wanted == "double":
            fast = self._fast
            fast.add(assign(name, loaded), *guard(fast.module, name, wanted, fast.unsure))
            return Value(load(name), wanted in SCALARS)
        return self._tested(_taken(name, loaded), name, wanted)

    def local(self, name: str) -> Value:
        """A variable of a loop, guarded here."""
        self._fast.prove(("guarded", name))
        return self._tested(load(name), name, self._waiting[name])

    def _tested(self, taken: ast.expr, name: str, wanted: str) -> Value:
        right = compare(class_of(taken), ast.Is(), load(CLASSES[wanted]))
        if wanted == "int":
            right = ast.BoolOp(op=ast.And(), values=[right, in_int_range(name)])
        unsure = call(self._fast.module.runtime("conform.unsure"))
        return Value(ast.IfExp(test=right, body=load(name), orelse=unsure), wanted in SCALARS)

    def take(self, node: cel.Expr, kind_: str) -> tuple[ast.expr, str] | None:
        """A value of a kind that is used here and not guarded yet, and the local that it is in.

        Who takes it has to guard it, and can make use of what else is asked of it: what equals a
        string constant is a string.
        """
        local = self._fast.local(node)
        if local is not None:
            name = local.node.id if isinstance(local.node, ast.Name) else ""
            if not self.is_waiting(name) or self._waiting[name] != kind_:
                return None
            self._fast.prove(("guarded", name))
            return load(name), name
        found = path_of(self._fast.checked, node)
        if found is None or kind(found[1]) != kind_ or not self._paths.is_late(found[0]):
            return None
        name = self._paths.name(found[0], kind_)
        loaded = self._paths.loaded(found[0], self._bindings)
        return _taken(name, loaded), name


def _taken(name: str, value: ast.expr) -> ast.expr:
    return ast.NamedExpr(target=ast.Name(id=name, ctx=ast.Store()), value=value)


def can_wait(
    checked: CheckedExpression, node: cel.Comprehension, position: int, kind_: str
) -> bool:
    """Whether a loop's variable is read once by what each turn does first."""
    first = node.condition if node.condition is not None else node.result
    if kind_ not in _WAITING or first is None:
        return False
    if isinstance(first, cel.Call) and first.function in ("_&&_", "_||_"):
        first = chain(first)[0]
    return _reads(checked, first, node.id, position) == 1


def _reads(checked: CheckedExpression, root: cel.Expr, binder: int, index: int) -> int:
    """How often a variable is read; twice at least, where that is in a loop."""
    reads = 0
    pending = [(root, 1)]
    while pending:
        node, weight = pending.pop()
        reference = checked.references.get(node.id)
        if isinstance(reference, LocalRef) and (reference.binder, reference.index) == (
            binder,
            index,
        ):
            reads += weight
        inner = 2 if isinstance(node, cel.Comprehension) else weight
        pending.extend((child, inner) for child in cel.children(node))
    return reads
