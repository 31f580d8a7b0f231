"""Paths: the chains of declared fields that an expression reads from its variables.

A path such as `request.model` is loaded once into a local at the top of the function. A strict
path must be there and of its kind, or the whole function leaves the answer to the reference. The
others are loaded softly, and are tested where they are used or for a group of rules together.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.emit.ints import in_int_range
from policyengine.cel.emit.kinds import CLASSES, kind
from policyengine.cel.emit.module import Module, assign, call, compare, item, load, method, negated
from policyengine.cel.types import MapType, ObjectType, Type

Path = tuple[str, ...]
Leaf = tuple[Path, str]
"""A path, and the kind that its value is read as."""


@dataclass(frozen=True, slots=True)
class Used:
    """The paths that an expression reads, and those that it asks for with `has()`.

    `once` are those that are read in one place only, which is in no loop.
    """

    read: frozenset[Leaf]
    tested: frozenset[Leaf]
    once: frozenset[Path] = frozenset()


def path_of(checked: CheckedExpression, node: cel.Expr) -> tuple[Path, Type] | None:
    """The path that a node reads, if it is a chain of declared fields from a variable.

    The type is the declared one of the last field, which the checker may know less of.
    """
    fields: list[str] = []
    # A part of a dotted name, such as `optional` in `optional.of(1)`, has no type.
    type_ = checked.types.get(node.id)
    reached = node
    while True:
        reference = checked.references.get(reached.id)
        if isinstance(reference, VariableRef):
            break
        if not isinstance(reached, cel.Select) or reached.test or reached.optional:
            return None
        owner = checked.types.get(reached.operand.id)
        if not isinstance(owner, ObjectType) or reached.field not in owner.fields:
            return None
        if not fields:
            type_ = owner.fields[reached.field].type
        fields.append(reached.field)
        reached = reached.operand
    return None if type_ is None else ((reference.name, *reversed(fields)), type_)


def used_paths(checked: CheckedExpression, inline: Callable[[str], bool]) -> Used:
    """All paths of an expression; `inline` names the variables that are no input."""
    read: set[Leaf] = set()
    tested: set[Leaf] = set()
    times: Counter[Path] = Counter()
    pending: list[tuple[cel.Expr, int]] = [(checked.ast.root, 1)]
    while pending:
        node, weight = pending.pop()
        if isinstance(node, cel.Select) and node.test:
            owner = path_of(checked, node.operand)
            declared = checked.types.get(node.operand.id)
            if owner and not inline(owner[0][0]):
                if isinstance(declared, ObjectType) and node.field in declared.fields:
                    kind_ = kind(declared.fields[node.field].type)
                    tested.add(((*owner[0], node.field), kind_))
                    continue
                if isinstance(declared, MapType) and isinstance(node.operand, cel.Select):
                    tested.add((owner[0], "map"))
                    continue
        found = path_of(checked, node)
        if found is None:
            inner = 2 if isinstance(node, cel.Comprehension) else weight
            pending.extend((child, inner) for child in cel.children(node))
        elif not inline(found[0][0]):
            read.add((found[0], kind(found[1])))
            times[found[0]] += weight
    once = frozenset(path for path, count in times.items() if count == 1)
    return Used(frozenset(read), frozenset(tested), once)


@dataclass(slots=True)
class _Branch:
    """A step of paths: the local of the object here, and one for each kind that it is read as."""

    holder: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    children: dict[str, _Branch] = field(default_factory=dict)


class Paths:
    """The local names of all paths of one function, and the code that loads them.

    A path that is read as values of two kinds (its declared one, and `dyn` beside a null) is
    loaded into a local for each.
    """

    def __init__(
        self,
        module: Module,
        leaves: Iterable[Leaf],
        strict: Callable[[Path], bool],
        late: frozenset[Path] = frozenset(),
    ) -> None:
        self._module = module
        self._strict = strict
        self._late = late
        self._root = _Branch()
        self._leaves = sorted(set(leaves))
        for path, kind_ in self._leaves:
            self._add(path, kind_)

    def _add(self, path: Path, kind_: str) -> None:
        branch = self._root
        for depth, step in enumerate(path, start=1):
            branch = branch.children.setdefault(step, _Branch())
            if not branch.holder and (depth < len(path) or kind_ == "map"):
                branch.holder = self._module.fresh("_".join(path[:depth]))
        name = branch.holder if kind_ == "map" else self._module.fresh("_".join(path))
        branch.kinds[kind_] = name

    def _branch(self, path: Path) -> _Branch:
        branch = self._root
        for step in path:
            branch = branch.children[step]
        return branch

    def name(self, path: Path, kind_: str) -> str:
        """The local that holds a path's value of a kind."""
        return self._branch(path).kinds[kind_]

    def is_strict(self, path: Path) -> bool:
        """Whether the path is sure to be there, and of its kind, after the loads."""
        return self._strict(path)

    def is_late(self, path: Path) -> bool:
        """Whether a strict path is loaded where it is used, because that is one place only."""
        return path in self._late and self._is_skipped(path)

    def loaded(self, path: Path, bindings: str) -> ast.expr:
        """The load of a late path, from the nearest object that is loaded already."""
        made = load(bindings)
        for depth, step in enumerate(path, start=1):
            if self._is_skipped(path[:depth]):
                made = item(made, ast.Constant(value=step))
            else:
                made = load(self._branch(path[:depth]).holder)
        return made

    def _is_skipped(self, path: Path) -> bool:
        """Whether nothing but one late path needs the load."""
        if not self._late:
            return False
        below = list(self._below(path))
        return len(below) == 1 and below[0] in self._late

    def loads(self, bindings: str, raise_: Callable[[], ast.stmt]) -> list[ast.stmt]:
        """The statements that load every path from the dict named `bindings`."""
        made: list[ast.stmt] = []
        self._load(self._root, (), load(bindings), made, raise_)
        return made

    def _load(
        self,
        branch: _Branch,
        path: Path,
        holder: ast.expr,
        made: list[ast.stmt],
        raise_: Callable[[], ast.stmt],
    ) -> None:
        for step, child in branch.children.items():
            here = (*path, step)
            if self._is_skipped(here):
                continue
            if self._is_passed(child, here):
                self._load(child, here, item(holder, ast.Constant(value=step)), made, raise_)
                continue
            if child.holder:
                made.append(assign(child.holder, self._loaded_object(child, here, holder)))
            for kind_, name in child.kinds.items():
                if name != child.holder:
                    made.append(assign(name, self._loaded_leaf(kind_, here, holder)))
                made.extend(self._settled(name, kind_, here, raise_))
            self._load(child, here, load(child.holder), made, raise_)

    def _is_passed(self, child: _Branch, path: Path) -> bool:
        """Whether an object is read for one field only, which is sure to be needed."""
        below = list(self._below(path))
        return not child.kinds and len(below) == 1 and self._strict(below[0])

    def _loaded_object(self, child: _Branch, path: Path, holder: ast.expr) -> ast.expr:
        key = ast.Constant(value=path[-1])
        if any(self._strict(leaf) for leaf in self._below(path)):
            return item(holder, key)
        if child.children:
            # A field of an object that is absent is absent too.
            return method(holder, "get", key, self._module.runtime("conform.EMPTY"))
        return method(holder, "get", key)

    def _loaded_leaf(self, kind_: str, path: Path, holder: ast.expr) -> ast.expr:
        key = ast.Constant(value=path[-1])
        if self._strict(path):
            return item(holder, key)
        if soft_default(kind_) == "None":
            return method(holder, "get", key)
        return method(holder, "get", key, self._module.runtime("conform.UNSET"))

    def _below(self, path: Path) -> Iterable[Path]:
        return (leaf for leaf, _ in self._leaves if leaf[: len(path)] == path)

    def _settled(
        self, name: str, kind_: str, path: Path, raise_: Callable[[], ast.stmt]
    ) -> list[ast.stmt]:
        if self._strict(path):
            return guard(self._module, name, kind_, raise_)
        found = _CONVERTED.get(kind_)
        if found is None:
            return []
        maybe = self._module.runtime("conform.maybe")
        value = call(maybe, load(name), ast.Constant(value=kind_))
        other = compare(class_of(load(name)), ast.Is(), load(found))
        return [ast.If(test=other, body=[assign(name, value)], orelse=[])]


# What JSON cannot say comes as another class, and is converted where it is loaded.
_CONVERTED = {"double": "int", "uint": "int", "timestamp": "str"}


def soft_default(kind_: str) -> str:
    """What stands for an absent soft path: None, unless null is a value of its kind."""
    return "UNSET" if kind_ == "dyn" or kind_ == "null_type" or kind_.endswith("?") else "None"


def class_of(value: ast.expr) -> ast.expr:
    """`value.__class__`."""
    return ast.Attribute(value=value, attr="__class__", ctx=ast.Load())


def test(module: Module, name: str, kind_: str) -> ast.expr:
    """Whether a softly loaded local is there and of its kind."""
    value = load(name)
    if soft_default(kind_) == "UNSET":
        return compare(value, ast.IsNot(), module.runtime("conform.UNSET"))
    expected = CLASSES.get(kind_)
    found = load(expected) if expected else module.runtime(_RUNTIME_CLASSES[kind_])
    made = compare(class_of(value), ast.Is(), found)
    match kind_:
        case "int":
            return ast.BoolOp(op=ast.And(), values=[made, in_int_range(name)])
        case "map":
            # What stands for an absent object while its fields are loaded is no object.
            present = compare(load(name), ast.IsNot(), module.runtime("conform.EMPTY"))
            return ast.BoolOp(op=ast.And(), values=[made, present])
        case _:
            return made


_RUNTIME_CLASSES = {
    "uint": "kinds.UInt",
    "timestamp": "times.Timestamp",
    "duration": "times.Duration",
    "optional_type": "kinds.OptionalValue",
    "type": "kinds.TypeValue",
}


def guard(module: Module, name: str, kind_: str, raise_: Callable[[], ast.stmt]) -> list[ast.stmt]:
    """Statements that make sure that a local is of a kind, converting what JSON cannot say."""
    if kind_ == "dyn":
        return []
    if kind_ in _CONVERTED or soft_default(kind_) == "UNSET":
        conformed = call(module.runtime("conform.conform"), load(name), ast.Constant(value=kind_))
        fix = assign(name, conformed)
        if kind_ in _CONVERTED:
            return [ast.If(test=negated(test(module, name, kind_)), body=[fix], orelse=[])]
        return [fix]
    if kind_ == "map":
        other = compare(class_of(load(name)), ast.IsNot(), load("dict"))
        return [ast.If(test=other, body=[raise_()], orelse=[])]
    return [ast.If(test=negated(test(module, name, kind_)), body=[raise_()], orelse=[])]
