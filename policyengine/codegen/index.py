"""The pass that finds rules by the constants that they ask for, instead of trying each.

Before, 1,000 rules are 1,000 tests:

    if model == "m0": ...
    if model == "m1": ...

After, they are one look-up: `{"m0": (0,), "m1": (1,), ...}.get(model)`. What a rule asks besides
is tested only where the look-up found the rule.

| condition | look-up |
|---|---|
| `path == "a"`, `path in ["a", "b"]`, either of them with or | a dict, by several paths at once |
| `path.startsWith("a")` | a dict for each length of prefix |
| `path > 3` alone | a sorted list, cut by bisection |
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

from policyengine.cel import ast as cel
from policyengine.cel.checked import VariableRef
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.paths import Leaf, path_of
from policyengine.cel.emit.reference import chain
from policyengine.codegen.ir import Conjunct, Found, Group, Lookup, PointIR, Prefixes, RuleIR
from policyengine.codegen.ir import Threshold as ThresholdIR
from policyengine.codegen.passes import is_required

# Fewer rules than this are tried faster than they are looked up.
LEAST_RULES = 24
# A rule may stand under at most this many keys.
MOST_KEYS = 32
# A key that finds more rules than this on average finds too many to be worth the calls.
MOST_FOUND = 4
MOST_LENGTHS = 8
MOST_PATHS = 3

_FLIPPED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}

Asked = dict[Leaf, tuple[tuple[Any, ...], Conjunct]]
"""The constants that a rule asks a path to equal one of, and the conjunct that says so."""


def index(constants: Mapping[str, Any], ir: PointIR) -> PointIR:
    """Moves rules from trying to looking up where that is faster; `constants` are the bundle's."""
    return replace(ir, groups=tuple(_Indexed(constants, ir, group).group() for group in ir.groups))


class _Indexed:
    """The look-ups of one group."""

    def __init__(self, constants: Mapping[str, Any], ir: PointIR, group: Group) -> None:
        self._constants = constants
        self._ir = ir
        self._group = group

    def group(self) -> Group:
        left = list(self._group.rules)
        if len(left) < LEAST_RULES:
            return self._group
        lookups: list[Lookup] = []
        left = self._equal(left, lookups)
        prefixes: list[Prefixes] = []
        left = self._beginning(left, prefixes)
        thresholds: list[ThresholdIR] = []
        left = self._beyond(left, thresholds)
        return replace(
            self._group,
            tried=tuple(left),
            lookups=tuple(lookups),
            prefixes=tuple(prefixes),
            thresholds=tuple(thresholds),
        )

    def _equal(self, rules: list[RuleIR], lookups: list[Lookup]) -> list[RuleIR]:
        asked = {rule.position: self._asked(rule) for rule in rules}
        popular = Counter(path for paths in asked.values() for path in paths)
        shapes: dict[tuple[Leaf, ...], list[RuleIR]] = defaultdict(list)
        for rule in rules:
            paths = sorted(asked[rule.position], key=lambda path: (-popular[path], path))
            if paths:
                shapes[tuple(sorted(paths[:MOST_PATHS]))].append(rule)
        found: set[int] = set()
        for shape, shaped in shapes.items():
            lookup = self._lookup(shape, shaped, asked)
            if lookup is not None:
                lookups.append(lookup)
                found.update(rule.position for rule in shaped)
        return [rule for rule in rules if rule.position not in found]

    def _lookup(
        self, paths: tuple[Leaf, ...], rules: list[RuleIR], asked: Mapping[int, Asked]
    ) -> Lookup | None:
        table: dict[Any, list[Found]] = defaultdict(list)
        for rule in rules:
            wanted = asked[rule.position]
            used = [wanted[path][1] for path in paths]
            rest = tuple(c for c in rule.conjuncts if c not in used)
            for key in product(*(wanted[path][0] for path in paths)):
                table[key if len(paths) > 1 else key[0]].append(Found(rule, rest))
        rests = sum(1 for found in table.values() for each in found if each.rest)
        if len(rules) < LEAST_RULES or rests > MOST_FOUND * len(table):
            return None
        return Lookup(paths, {key: tuple(found) for key, found in table.items()})

    def _asked(self, rule: RuleIR) -> Asked:
        asked: Asked = {}
        for conjunct in rule.conjuncts:
            found = self._constants_of(conjunct, conjunct.node)
            if found is None or found[0] in asked or not self._is_sure(rule, found[0]):
                continue
            values = tuple(dict.fromkeys(found[1]))
            if prod(len(v) for v, _ in asked.values()) * len(values) <= MOST_KEYS:
                asked[found[0]] = values, conjunct
        return asked

    def _is_sure(self, rule: RuleIR, path: Leaf) -> bool:
        return path in rule.paths or is_required(self._ir.checked.point.input, path[0])

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
        path = self._path(conjunct, node)
        if path is None:
            return None
        wanted = {"string": str, "int": int}.get(path[1])
        values = [m.value if isinstance(m, cel.Constant) else m for m in members]
        if not values or any(type(value) is not wanted for value in values):
            return None
        if any(isinstance(m, cel.Constant) and m.kind == "uint" for m in members):
            return None
        return path, values

    def _path(self, conjunct: Conjunct, node: cel.Expr) -> Leaf | None:
        found = path_of(conjunct.expression, node)
        if found is None or found[0][0].partition(".")[0] in ("constants", "variables", "now"):
            return None
        return found[0], kind(found[1])

    def _beginning(self, rules: list[RuleIR], made: list[Prefixes]) -> list[RuleIR]:
        by_path: dict[Leaf, list[tuple[str, Found]]] = defaultdict(list)
        for rule in rules:
            for path, prefix, conjunct in self._prefixes_of(rule):
                rest = tuple(c for c in rule.conjuncts if c is not conjunct)
                by_path[path].append((prefix, Found(rule, rest)))
                break
        found: set[int] = set()
        for path, entries in by_path.items():
            tables: dict[int, dict[str, list[Found]]] = defaultdict(lambda: defaultdict(list))
            for prefix, entry in entries:
                tables[len(prefix)][prefix].append(entry)
            keys = sum(len(table) for table in tables.values())
            rests = sum(1 for _, entry in entries if entry.rest)
            few = len(entries) < LEAST_RULES or len(tables) > MOST_LENGTHS
            if few or rests > MOST_FOUND * keys:
                continue
            made.append(
                Prefixes(
                    path,
                    {
                        length: {prefix: tuple(each) for prefix, each in table.items()}
                        for length, table in sorted(tables.items())
                    },
                )
            )
            found.update(entry.rule.position for _, entry in entries)
        return [rule for rule in rules if rule.position not in found]

    def _prefixes_of(self, rule: RuleIR) -> Iterator[tuple[Leaf, str, Conjunct]]:
        for conjunct in rule.conjuncts:
            node = conjunct.node
            if conjunct.negate or not isinstance(node, cel.Call) or node.target is None:
                continue
            path = self._path(conjunct, node.target)
            if node.function != "startsWith" or path is None or path[1] != "string":
                continue
            prefix = node.args[0]
            if isinstance(prefix, cel.Constant) and prefix.value and self._is_sure(rule, path):
                yield path, str(prefix.value), conjunct

    def _beyond(self, rules: list[RuleIR], made: list[ThresholdIR]) -> list[RuleIR]:
        by_test: dict[tuple[Leaf, str], list[tuple[int, RuleIR]]] = defaultdict(list)
        for rule in rules:
            bound = self._bound(rule)
            if bound is not None:
                by_test[bound[0], bound[1]].append((bound[2], rule))
        found: set[int] = set()
        for (path, operator), bounds in by_test.items():
            if len(bounds) >= LEAST_RULES:
                ordered = sorted(bounds, key=lambda bound: (bound[0], bound[1].position))
                made.append(ThresholdIR(path, operator, tuple(ordered)))
                found.update(rule.position for _, rule in bounds)
        return [rule for rule in rules if rule.position not in found]

    def _bound(self, rule: RuleIR) -> tuple[Leaf, str, int] | None:
        """The one comparison of an int with a constant that a rule consists of."""
        if len(rule.conjuncts) != 1 or rule.conjuncts[0].negate:
            return None
        node = rule.conjuncts[0].node
        if not isinstance(node, cel.Call) or node.function not in _FLIPPED:
            return None
        left, right = node.args
        operator = node.function
        if isinstance(left, cel.Constant):
            left, right, operator = right, left, _FLIPPED[operator]
        path = self._path(rule.conjuncts[0], left)
        if path is None or path[1] != "int" or not isinstance(right, cel.Constant):
            return None
        if right.kind != "int" or not self._is_sure(rule, path):
            return None
        return path, operator, int(right.value or 0)
