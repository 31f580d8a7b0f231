"""The Python of look-ups: tables behind the functions, and what asks them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from policyengine.cel.emit.module import (
    Module,
    assign,
    call,
    function,
    item,
    literal,
    load,
    method,
    store,
)
from policyengine.cel.emit.paths import Leaf, Paths
from policyengine.codegen.alike import likeness
from policyengine.codegen.ir import Found, Group, Lookup, Prefixes, RuleIR, Threshold

Body = Callable[[Found, bool], list[ast.stmt]]
"""The statements that test what is left of a rule that was found, and report the one whose position
is in the local `RULE`; the flag says that they go into a function of their own."""

Reads = Callable[[RuleIR], list[Leaf]]
"""The paths that a rule reads."""

RULE = "rule"
_GIVEN = ("i", "now", "matched", "errors", RULE)

# For `path > bound`: which side of the sorted bounds matches, and where the cut lies.
_CUTS = {
    "_>_": ("bisect_left", False),
    "_>=_": ("bisect_right", False),
    "_<_": ("bisect_right", True),
    "_<=_": ("bisect_left", True),
}


class Lookups:
    """Emits the look-ups of a point's groups."""

    def __init__(self, module: Module, paths: Paths, name: str, body: Body, reads: Reads) -> None:
        self._module = module
        self._paths = paths
        self._name = name
        self._body = body
        self._reads = reads

    def emit(self, group: Group) -> list[ast.stmt]:
        """The statements that ask all tables of a group."""
        made: list[ast.stmt] = []
        for lookup in group.lookups:
            made += self._lookup(lookup)
        for prefixes in group.prefixes:
            made += self._prefixes(prefixes)
        for threshold in group.thresholds:
            made.append(self._threshold(threshold))
        return made

    def _lookup(self, lookup: Lookup) -> list[ast.stmt]:
        names = [load(self._paths.name(*path)) for path in lookup.paths]
        key = names[0] if len(names) == 1 else ast.Tuple(elts=names, ctx=ast.Load())
        return self._asked(lookup.table, key)

    def _prefixes(self, prefixes: Prefixes) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for length, table in prefixes.tables.items():
            cut = ast.Slice(upper=ast.Constant(value=length))
            made += self._asked(table, item(load(self._paths.name(*prefixes.path)), cut))
        return made

    def _asked(self, table: Mapping[Any, tuple[Found, ...]], key: ast.expr) -> list[ast.stmt]:
        """Reports the rules under a key, and tests those that ask for more."""
        plain = {
            value: [each.rule.position for each in found if not each.rest]
            for value, found in table.items()
        }
        rests = {value: [e for e in found if e.rest] for value, found in table.items()}
        plain = {value: positions for value, positions in plain.items() if positions}
        rests = {value: found for value, found in rests.items() if found}
        made: list[ast.stmt] = []
        if plain:
            entries = {value: tuple(positions) for value, positions in plain.items()}
            hits = self._module.table("found", _table(entries, literal_tuple))
            made.append(assign("found", method(hits, "get", key)))
            extend = ast.Expr(value=method(load("matched"), "extend", load("found")))
            made.append(ast.If(test=load("found"), body=[extend], orelse=[]))
        if rests:
            made += self._tested(rests, key)
        return made

    def _tested(self, rests: Mapping[Any, list[Found]], key: ast.expr) -> list[ast.stmt]:
        """Tests what is left of the rules under a key, in code that rules share which ask alike."""
        alike: dict[Hashable, Found] = {}
        keys: dict[int, Hashable] = {}
        for found in rests.values():
            for each in found:
                if each.rule.position not in keys:
                    like = keys[each.rule.position] = likeness(each)
                    alike.setdefault(like, each)
        if len(alike) == 1:
            return [self._in_place(rests, key, next(iter(alike.values())))]
        paths = sorted({path for each in alike.values() for path in self._reads(each.rule)})
        parameters = (*_GIVEN, *(self._paths.name(*path) for path in paths))
        named: dict[Hashable, str] = {}
        for like, each in alike.items():
            named[like] = name = f"{self._name}_rest{each.rule.position}"
            self._module.functions.append(function(name, parameters, self._body(each, True)))
        entries = {
            value: tuple((named[keys[each.rule.position]], each.rule.position) for each in found)
            for value, found in rests.items()
        }
        tests = self._module.table("tests", _table(entries, _pairs))
        run = ast.Expr(value=call(load("test"), *map(load, parameters)))
        target = ast.Tuple(elts=[store("test"), store(RULE)], ctx=ast.Store())
        return [_each(target, tests, key, [run])]

    def _in_place(self, rests: Mapping[Any, list[Found]], key: ast.expr, each: Found) -> ast.stmt:
        """A loop over rules that all ask the same."""
        entries = {
            value: tuple(each.rule.position for each in found) for value, found in rests.items()
        }
        table = self._module.table("rest", _table(entries, literal_tuple))
        return _each(store(RULE), table, key, self._body(each, False))

    def _threshold(self, threshold: Threshold) -> ast.stmt:
        cut, behind = _CUTS[threshold.operator]
        bounds = self._module.table(
            "bounds", literal_tuple(tuple(bound for bound, _ in threshold.bounds))
        )
        rules = self._module.table(
            "beyond", literal_tuple(tuple(rule.position for _, rule in threshold.bounds))
        )
        value = load(self._paths.name(*threshold.path))
        at = call(self._module.runtime(f"index.{cut}"), bounds, value)
        part = item(rules, ast.Slice(lower=at) if behind else ast.Slice(upper=at))
        return ast.Expr(value=method(load("matched"), "extend", part))


def _table(entries: Mapping[Any, Any], value: Callable[[Any], ast.expr]) -> ast.expr:
    keys: list[ast.expr | None] = [
        literal_tuple(key) if isinstance(key, tuple) else literal(key) for key in entries
    ]
    return ast.Dict(keys=keys, values=[value(each) for each in entries.values()])


def literal_tuple(values: tuple[Any, ...]) -> ast.expr:
    """A tuple of constants, which Python's compiler keeps as one."""
    return ast.Constant(value=values)  # type: ignore[arg-type] # the compiler takes it


def _pairs(tests: tuple[tuple[str, int], ...]) -> ast.expr:
    """A tuple of functions and the positions of the rules that they are called for."""
    pairs: list[ast.expr] = [
        ast.Tuple(elts=[load(name), ast.Constant(value=position)], ctx=ast.Load())
        for name, position in tests
    ]
    return ast.Tuple(elts=pairs, ctx=ast.Load())


def _each(target: ast.expr, table: ast.expr, key: ast.expr, body: list[ast.stmt]) -> ast.stmt:
    """`for target in table.get(key, ()): body`."""
    nothing = ast.Tuple(elts=[], ctx=ast.Load())
    return ast.For(target=target, iter=method(table, "get", key, nothing), body=body, orelse=[])
