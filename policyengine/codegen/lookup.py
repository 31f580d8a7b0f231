"""The Python of look-ups: tables behind the functions, and what asks them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
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
from policyengine.codegen.ir import Found, Group, Lookup, Prefixes, RuleIR, Threshold

Body = Callable[[Found], list[ast.stmt]]
"""The statements that test what is left of a rule that was found, and report it."""

Reads = Callable[[RuleIR], list[Leaf]]
"""The paths that a rule reads."""

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
        paths = sorted({p for found in rests.values() for e in found for p in self._reads(e.rule)})
        parameters = ("i", "now", "matched", "errors", *(self._paths.name(*path) for path in paths))
        named: dict[int, str] = {}
        for found in rests.values():
            for each in found:
                if each.rule.position not in named:
                    name = f"{self._name}_rest{each.rule.position}"
                    named[each.rule.position] = name
                    self._module.functions.append(function(name, parameters, self._body(each)))
        entries = {
            value: tuple(named[each.rule.position] for each in found)
            for value, found in rests.items()
        }
        tests = self._module.table("tests", _table(entries, names_tuple))
        run = ast.Expr(value=call(load("test"), *map(load, parameters)))
        nothing = ast.Tuple(elts=[], ctx=ast.Load())
        loop = ast.For(
            target=store("test"), iter=method(tests, "get", key, nothing), body=[run], orelse=[]
        )
        return [loop]

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


def names_tuple(names: tuple[str, ...]) -> ast.expr:
    """A tuple of functions."""
    return ast.Tuple(elts=[load(name) for name in names], ctx=ast.Load())
