"""What of a rule's condition can be looked up: the constants that it compares a path with.

A path that is there and of its kind makes such a comparison plainly true or false. Where it is
false the rule is, whatever else it asks: `&&` absorbs errors. So a rule need only be tried where
its constant was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from policyengine.cel import ast as cel
from policyengine.cel.checked import VariableRef
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.paths import Leaf, Path, path_of
from policyengine.cel.emit.reference import chain
from policyengine.codegen.ir import Conjunct, Found, Key, RuleIR
from policyengine.codegen.passes import is_given

# A rule may stand under at most this many keys.
MOST_KEYS = 32

_FLIPPED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}

Asked = dict[Key, tuple[tuple[Any, ...], Conjunct]]
"""The constants that a rule asks a path to equal one of, and the conjunct that says so."""


class Keys:
    """Finds the comparisons with constants in the conjuncts of rules.

    `constants` are the bundle's.
    """

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self._constants = constants

    def asked(self, rule: RuleIR) -> Asked:
        """`path == "a"`, `path in ["a", "b"]`, and several of them with or."""
        guards = _guards(rule)
        asked: Asked = {}
        for conjunct in rule.conjuncts:
            found = self._constants_of(conjunct, conjunct.node)
            if found is None:
                continue
            key = Key(found[0], found[0] in guards)
            values = tuple(dict.fromkeys(found[1]))
            if (
                key not in asked
                and prod(len(v) for v, _ in asked.values()) * len(values) <= MOST_KEYS
            ):
                asked[key] = values, conjunct
        return asked

    def texts(self, rule: RuleIR, function: str) -> Iterator[tuple[Key, str, Conjunct]]:
        """`path.startsWith("a")`, or another function of a string and a constant."""
        guards = _guards(rule)
        for conjunct in rule.conjuncts:
            node = conjunct.node
            if conjunct.negate or not isinstance(node, cel.Call) or node.target is None:
                continue
            if node.function != function or len(node.args) != 1:
                continue
            path = _path(conjunct, node.target)
            text = node.args[0]
            if path is None or path[1] != "string" or not isinstance(text, cel.Constant):
                continue
            if text.kind == "string" and text.value:
                yield Key(path, path in guards), str(text.value), conjunct

    def bound(self, rule: RuleIR) -> tuple[Key, str, int, Conjunct] | None:
        """`path > 3`: the path, the operator and the bound of a rule's first such comparison."""
        guards = _guards(rule)
        for conjunct in rule.conjuncts:
            found = _bound(conjunct)
            if found is not None:
                path, operator, bound = found
                return Key(path, path in guards), operator, bound, conjunct
        return None

    def _constants_of(self, conjunct: Conjunct, node: cel.Expr) -> tuple[Leaf, list[Any]] | None:
        """The path and the constants of which it must equal one."""
        if conjunct.negate or not isinstance(node, cel.Call):
            return None
        match node.function:
            case "_==_":
                left, right = node.args
                if isinstance(left, cel.Constant):
                    left, right = right, left
                return self._one_of(conjunct, left, [right])
            case "@in":
                return self._one_of(conjunct, node.args[0], self._members(conjunct, node.args[1]))
            case "_||_":
                parts = [self._constants_of(conjunct, part) for part in chain(node)]
                known = [part for part in parts if part is not None]
                if len(known) < len(parts) or len({path for path, _ in known}) > 1:
                    return None
                return known[0][0], [value for _, values in known for value in values]
            case _:
                return None

    def _members(self, conjunct: Conjunct, node: cel.Expr) -> Iterable[Any]:
        if isinstance(node, cel.ListExpr) and not node.optional:
            return node.elements
        reference = conjunct.expression.references.get(node.id)
        if isinstance(reference, VariableRef) and reference.name.startswith("constants."):
            value = self._constants[reference.name.partition(".")[2]]
            return value if isinstance(value, list) else ()
        return ()

    def _one_of(
        self, conjunct: Conjunct, node: cel.Expr, members: Iterable[Any]
    ) -> tuple[Leaf, list[Any]] | None:
        path = _path(conjunct, node)
        if path is None:
            return None
        wanted = {"string": str, "int": int}.get(path[1])
        values = [m.value if isinstance(m, cel.Constant) else m for m in members]
        if not values or any(type(value) is not wanted for value in values):
            return None
        if any(isinstance(m, cel.Constant) and m.kind == "uint" for m in members):
            return None
        return path, values


def rest(rule: RuleIR, keys: Sequence[Key], used: Sequence[Conjunct]) -> Found:
    """A rule that is found by keys in the conjuncts `used`, with what it asks besides."""
    guards = {key.leaf[0] for key in keys if key.guarded}
    left = (c for c in rule.conjuncts if c not in used and _tests(c) not in guards)
    return Found(rule, tuple(left))


def _guards(rule: RuleIR) -> frozenset[Leaf]:
    """The paths without which a rule is false: those in a `has()` of its own conjuncts."""
    return frozenset(
        leaf
        for leaf in rule.uses.tested
        if any(_tests(conjunct) == leaf[0] for conjunct in rule.conjuncts)
    )


def _tests(conjunct: Conjunct) -> Path | None:
    """The path of a conjunct that is a `has()` of a declared field."""
    node = conjunct.node
    if conjunct.negate or not isinstance(node, cel.Select) or not node.test:
        return None
    owner = path_of(conjunct.expression, node.operand)
    return None if owner is None else (*owner[0], node.field)


def _bound(conjunct: Conjunct) -> tuple[Leaf, str, int] | None:
    node = conjunct.node
    if conjunct.negate or not isinstance(node, cel.Call) or node.function not in _FLIPPED:
        return None
    left, right = node.args
    operator = node.function
    if isinstance(left, cel.Constant):
        left, right, operator = right, left, _FLIPPED[operator]
    path = _path(conjunct, left)
    if path is None or path[1] != "int" or not isinstance(right, cel.Constant):
        return None
    return (path, operator, int(right.value or 0)) if right.kind == "int" else None


def _path(conjunct: Conjunct, node: cel.Expr) -> Leaf | None:
    found = path_of(conjunct.expression, node)
    if found is None or is_given(found[0][0]):
        return None
    return found[0], kind(found[1])
