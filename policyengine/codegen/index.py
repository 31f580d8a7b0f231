"""The pass that finds rules by the constants that they ask for, instead of trying each.

Before, 1,000 rules are 1,000 tests:

    if model == "m0": ...
    if model == "m1": ...

After, they are one look-up: `{"m0": (0,), "m1": (1,), ...}.get(model)`. What a rule asks besides
is tested only where the look-up found the rule.

| condition | look-up |
|---|---|
| `path == "a"`, `path in ["a", "b"]`, or several of them | a dict, by several paths if needed |
| `path.startsWith("a")` | a dict for each length of prefix |
| `path.contains("a")` | one search for all texts |
| `path > 3`, where many ask the same besides | a sorted list, cut by bisection |
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from policyengine.codegen.alike import likeness
from policyengine.codegen.ir import (
    AnyLookup,
    Found,
    Key,
    Lookup,
    Mentions,
    PointIR,
    Prefixes,
    RuleIR,
    Threshold,
)
from policyengine.codegen.keys import Asked, Keys, rest

# Fewer rules than this are tried faster than they are looked up. A search and a bisection take
# as long as more of the tests that they save.
LEAST_RULES = 8
SEARCH = 2
BISECTION = 3
# A key that finds more rules than this on average finds too many to be worth the calls.
MOST_FOUND = 4
MOST_LENGTHS = 8
MOST_PATHS = 3


def index(constants: Mapping[str, Any], ir: PointIR) -> PointIR:
    """Moves rules from trying to looking up where that is faster; `constants` are the bundle's."""
    left = sorted((r for group in ir.groups for r in group.rules), key=lambda r: r.position)
    if len(left) < LEAST_RULES:
        return ir
    keys = Keys(constants)
    lookups: list[AnyLookup] = []
    for find in (_equal, _equal_together, _beginning, _beyond, _mentioning):
        made = find(keys, left)
        lookups += made
        found = {each.rule.position for lookup in made for each in lookup.found}
        left = [rule for rule in left if rule.position not in found]
    kept = {rule.position for rule in left}
    groups = (
        replace(group, rules=tuple(r for r in group.rules if r.position in kept))
        for group in ir.groups
    )
    return replace(
        ir, groups=tuple(group for group in groups if group.rules), lookups=tuple(lookups)
    )


def _equal(keys: Keys, rules: Sequence[RuleIR]) -> list[Lookup]:
    """Each rule by the one of its constants that fewest others ask for."""
    asked = {rule.position: keys.asked(rule) for rule in rules}
    entries: Counter[Key] = Counter()
    constants: dict[Key, set[Any]] = defaultdict(set)
    for wanted in asked.values():
        for key, (values, _) in wanted.items():
            entries[key] += len(values)
            constants[key].update(values)
    by_key: dict[Key, list[RuleIR]] = defaultdict(list)
    for rule in rules:
        if asked[rule.position]:
            best = min(asked[rule.position], key=lambda k: (entries[k] / len(constants[k]), k))
            by_key[best].append(rule)
    made = (_lookup((key,), found, asked) for key, found in by_key.items())
    return [lookup for lookup in made if lookup is not None]


def _equal_together(keys: Keys, rules: Sequence[RuleIR]) -> list[Lookup]:
    """Rules by several constants, where each alone finds too many."""
    asked = {rule.position: keys.asked(rule) for rule in rules}
    popular = Counter(key for wanted in asked.values() for key in wanted)
    shapes: dict[tuple[Key, ...], list[RuleIR]] = defaultdict(list)
    for rule in rules:
        ordered = sorted(asked[rule.position], key=lambda key: (-popular[key], key))
        if len(ordered) > 1:
            shapes[tuple(sorted(ordered[:MOST_PATHS]))].append(rule)
    made = (_lookup(shape, shaped, asked) for shape, shaped in shapes.items())
    return [lookup for lookup in made if lookup is not None]


def _lookup(
    keys: tuple[Key, ...], rules: Sequence[RuleIR], asked: Mapping[int, Asked]
) -> Lookup | None:
    table: dict[Any, list[Found]] = defaultdict(list)
    for rule in rules:
        wanted = asked[rule.position]
        found = rest(rule, keys, [wanted[key][1] for key in keys])
        for constants in product(*(wanted[key][0] for key in keys)):
            table[constants if len(keys) > 1 else constants[0]].append(found)
    if len(rules) < LEAST_RULES or _too_many(table):
        return None
    return Lookup(keys, _frozen(table))


def _beginning(keys: Keys, rules: Sequence[RuleIR]) -> list[Prefixes]:
    made = []
    for key, table in _by_text(keys, rules, "startsWith").items():
        tables: dict[int, dict[str, list[Found]]] = defaultdict(dict)
        for prefix, found in table.items():
            tables[len(prefix)][prefix] = found
        if len(tables) <= MOST_LENGTHS and not _too_few(table) and not _too_many(table):
            ordered = {length: _frozen(each) for length, each in sorted(tables.items())}
            made.append(Prefixes((key,), ordered))
    return made


def _mentioning(keys: Keys, rules: Sequence[RuleIR]) -> list[Mentions]:
    return [
        Mentions((key,), _frozen(table))
        for key, table in _by_text(keys, rules, "contains").items()
        if not _too_few(table, SEARCH) and not _too_many(table)
    ]


def _by_text(
    keys: Keys, rules: Sequence[RuleIR], function: str
) -> dict[Key, dict[str, list[Found]]]:
    made: dict[Key, dict[str, list[Found]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        # The longest text is the rarest.
        found = max(keys.texts(rule, function), key=lambda found: len(found[1]), default=None)
        if found is not None:
            key, text, conjunct = found
            made[key][text].append(rest(rule, (key,), [conjunct]))
    return made


def _beyond(keys: Keys, rules: Sequence[RuleIR]) -> list[Threshold]:
    made: dict[tuple[Key, str, Hashable], list[tuple[int, Found]]] = defaultdict(list)
    for rule in rules:
        bound = keys.bound(rule)
        if bound is not None:
            key, operator, value, conjunct = bound
            found = rest(rule, (key,), [conjunct])
            made[key, operator, likeness(found)].append((value, found))
    return [
        Threshold((key,), operator, tuple(sorted(bounds, key=_by_bound)))
        for (key, operator, _), bounds in made.items()
        if len(bounds) >= BISECTION * LEAST_RULES
    ]


def _by_bound(bound: tuple[int, Found]) -> tuple[int, int]:
    return bound[0], bound[1].rule.position


def _too_few(table: Mapping[Any, Sequence[Found]], times: int = 1) -> bool:
    return sum(map(len, table.values())) < times * LEAST_RULES


def _too_many(table: Mapping[Any, Sequence[Found]]) -> bool:
    """Whether a key finds more rules on average than are worth their tests."""
    rests = sum(1 for found in table.values() for each in found if each.rest)
    return rests > MOST_FOUND * len(table)


def _frozen(table: Mapping[Any, Iterable[Found]]) -> dict[Any, tuple[Found, ...]]:
    return {key: tuple(found) for key, found in table.items()}
