"""The Python of look-ups: tables behind the functions, and what asks them.

if subject_team.__class__ is str:           the path is there: its value is looked up
    for rule in _rest_table0.get(subject_team, ()):
        if not request_stream:
            matched.append(rule)
else:                                       the path is not: an error, where the rest holds
    held = []
    if not request_stream:
        held.extend(_rules3)
    _judge_failed(held, ...)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, assert_never

from policyengine.cel.emit.fast import joined
from policyengine.cel.emit.module import (
    Module,
    assign,
    call,
    compare,
    function,
    item,
    literal,
    load,
    method,
    store,
)
from policyengine.cel.emit.paths import Leaf, Paths, test
from policyengine.codegen.alike import likeness
from policyengine.codegen.ir import AnyLookup, Found, Key, Lookup, Mentions, Prefixes, Threshold
from policyengine.codegen.mentions import tables

RULE = "rule"
_NOTES = ("matched", "errors", RULE)

# For `path > bound`: which side of the sorted bounds matches, and where the cut lies.
_CUTS = {
    "_>_": ("bisect_left", False),
    "_>=_": ("bisect_right", False),
    "_<_": ("bisect_right", True),
    "_<=_": ("bisect_left", True),
}


class Judging(Protocol):
    """What look-ups need of the function that they stand in.

    `arguments` are what the reference form of a rule is given.
    """

    arguments: tuple[str, ...]

    def rest(
        self, found: Found, then: ast.stmt, otherwise: ast.stmt, *, apart: bool
    ) -> list[ast.stmt]:
        """Statements that run `then` where what is left of a rule holds, `otherwise` where the
        reference must say so; with `apart` they go into a function of their own."""

    def judged(self, position: ast.expr) -> ast.stmt:
        """Runs the reference form of the rule at a position."""

    def all_judged(self, positions: ast.expr) -> ast.stmt:
        """Runs the reference forms of the rules at these positions."""

    def failed(self, positions: ast.expr, leaf: Leaf) -> ast.stmt:
        """Reports rules that all fail because reading a path does."""


class Lookups:
    """Emits the look-ups of a point, whose function is `name`."""

    def __init__(self, module: Module, paths: Paths, name: str, judging: Judging) -> None:
        self._module = module
        self._paths = paths
        self._name = name
        self._judging = judging

    def emit(self, lookup: AnyLookup) -> list[ast.stmt]:
        """The statements that ask a look-up, where the required paths are there."""
        found = _OneLookup(self._module, self._paths, self._name, self._judging, lookup)
        ask = found.ask()
        present = [
            test(self._module, self._paths.name(*key.leaf), key.leaf[1])
            for key in lookup.keys
            if not self._paths.is_strict(key.leaf[0])
        ]
        if not present:
            return ask
        guarded = [
            compare(load(self._paths.name(*key.leaf)), ast.IsNot(), ast.Constant(value=None))
            for key in lookup.keys
            if key.guarded
        ]
        otherwise = found.unfindable()
        if guarded:
            # Absent paths make the rules false; one of another class is for the reference.
            otherwise = [ast.If(test=joined(ast.And(), guarded), body=otherwise, orelse=[])]
        return [ast.If(test=joined(ast.And(), present), body=ask, orelse=otherwise)]


class _OneLookup:
    """Emits one look-up. Rules that ask alike besides what finds them share the code of it."""

    def __init__(
        self, module: Module, paths: Paths, name: str, judging: Judging, lookup: AnyLookup
    ) -> None:
        self._module = module
        self._paths = paths
        self._name = name
        self._judging = judging
        self._lookup = lookup
        self._founds = {each.rule.position: each for each in lookup.found}
        self._likes: dict[int, Hashable] = {}
        self._alike: dict[Hashable, Found] = {}
        for position, found in self._founds.items():
            if found.rest:
                like = self._likes[position] = likeness(found)
                self._alike.setdefault(like, found)
        self._named: dict[Hashable, str] = {}
        self._parameters: tuple[str, ...] = ()
        if len(self._alike) > 1 and not isinstance(lookup, Threshold):
            self._name_all()

    def _name_all(self) -> None:
        """Makes a function of each rest, all with the same parameters."""
        read = {path for each in self._alike.values() for path in self._reads(each)}
        given = (*self._judging.arguments, *_NOTES)
        self._parameters = (*given, *(self._paths.name(*path) for path in sorted(read)))
        for like, found in self._alike.items():
            self._named[like] = name = f"{self._name}_rest{found.rule.position}"
            body = self._judging.rest(found, *self._one(), apart=True)
            self._module.functions.append(function(name, self._parameters, body))

    def _reads(self, found: Found) -> list[Leaf]:
        return [*found.rule.uses.read, *found.rule.uses.tested]

    def _one(self) -> tuple[ast.stmt, ast.stmt]:
        """What reports the rule in the local `RULE`, and what judges it."""
        appended = ast.Expr(value=method(load("matched"), "append", load(RULE)))
        return appended, self._judging.judged(load(RULE))

    def ask(self) -> list[ast.stmt]:
        """The statements that find rules and test what is left of them."""
        lookup = self._lookup
        match lookup:
            case Lookup(keys=keys, table=table):
                names = [self._value(key) for key in keys]
                several = ast.Tuple(elts=names, ctx=ast.Load())
                return self._asked(table, names[0] if len(names) == 1 else several)
            case Prefixes(keys=(key,)):
                made: list[ast.stmt] = []
                for length, table in lookup.tables.items():
                    cut = ast.Slice(upper=ast.Constant(value=length))
                    made += self._asked(table, item(self._value(key), cut))
                return made
            case Mentions(keys=(key,), table=table):
                search = self._module.table(
                    "search",
                    call(
                        self._module.runtime("mentions.Mentions"),
                        *map(literal_tuple, tables(tuple(table))),
                    ),
                )
                body = self._asked(table, load("text"))
                found = call(search, self._value(key))
                return [ast.For(target=store("text"), iter=found, body=body, orelse=[])]
            case Threshold():
                return self._threshold(lookup)
            case _:
                assert_never(lookup)

    def unfindable(self) -> list[ast.stmt]:
        """What runs where the value to look up is not there, or of another class.

        The comparison fails, and the rule with it, unless something else that it asks is false.
        """
        positions = tuple(self._founds)
        if len(self._lookup.keys) > 1 or any(key.guarded for key in self._lookup.keys):
            return [self._judging.all_judged(literal_tuple(positions))]
        plain = tuple(position for position in positions if position not in self._likes)
        made = [assign("held", call(load("list"), literal_tuple(plain)))]
        if self._named:
            pairs = [(self._named[like], position) for position, like in self._likes.items()]
            table = self._module.table("tests", _pairs(tuple(pairs)))
            made.append(_each(_test_and_rule(), table, self._run("held")))
        else:
            for like, found in self._alike.items():
                alike = tuple(p for p, each in self._likes.items() if each == like)
                rules = self._module.table("rules", literal_tuple(alike))
                then = ast.Expr(value=method(load("held"), "extend", rules))
                otherwise = self._judging.all_judged(rules)
                made += self._judging.rest(found, then, otherwise, apart=False)
        return [*made, self._judging.failed(load("held"), self._lookup.keys[0].leaf)]

    def _value(self, key: Key) -> ast.expr:
        return load(self._paths.name(*key.leaf))

    def _asked(self, table: Mapping[Any, tuple[Found, ...]], key: ast.expr) -> list[ast.stmt]:
        """Reports the rules under a key, and tests those that ask for more."""
        plain: dict[Any, tuple[int, ...]] = {}
        rests: dict[Any, tuple[int, ...]] = {}
        for value, found in table.items():
            for into, wanted in ((plain, False), (rests, True)):
                positions = tuple(e.rule.position for e in found if bool(e.rest) is wanted)
                if positions:
                    into[value] = positions
        made: list[ast.stmt] = []
        if plain:
            hits = self._module.table("found", _table(plain, literal_tuple))
            made.append(assign("found", method(hits, "get", key)))
            extend = ast.Expr(value=method(load("matched"), "extend", load("found")))
            made.append(ast.If(test=load("found"), body=[extend], orelse=[]))
        if rests:
            made.append(self._tested(rests, key))
        return made

    def _tested(self, rests: Mapping[Any, tuple[int, ...]], key: ast.expr) -> ast.stmt:
        """Tests what is left of the rules under a key."""
        nothing = ast.Tuple(elts=[], ctx=ast.Load())
        if not self._named:
            hits = self._module.table("rest", _table(rests, literal_tuple))
            (found,) = self._alike.values()
            body = self._judging.rest(found, *self._one(), apart=False)
            return _each(store(RULE), method(hits, "get", key, nothing), body)
        entries = {
            value: tuple((self._named[self._likes[each]], each) for each in positions)
            for value, positions in rests.items()
        }
        hits = self._module.table("tests", _table(entries, _pairs))
        return _each(_test_and_rule(), method(hits, "get", key, nothing), self._run("matched"))

    def _run(self, matched: str) -> list[ast.stmt]:
        """Runs the function `test` for the rule in the local `RULE`."""
        names = [matched if name == "matched" else name for name in self._parameters]
        return [ast.Expr(value=call(load("test"), *map(load, names)))]

    def _threshold(self, threshold: Threshold) -> list[ast.stmt]:
        cut, behind = _CUTS[threshold.operator]
        bounds = self._module.table(
            "bounds", literal_tuple(tuple(bound for bound, _ in threshold.bounds))
        )
        rules = self._module.table(
            "beyond", literal_tuple(tuple(each.rule.position for each in threshold.found))
        )
        at = call(self._module.runtime(f"index.{cut}"), bounds, self._value(threshold.keys[0]))
        part = item(rules, ast.Slice(lower=at) if behind else ast.Slice(upper=at))
        if not self._alike:
            return [ast.Expr(value=method(load("matched"), "extend", part))]
        then = ast.Expr(value=method(load("matched"), "extend", load("found")))
        otherwise = self._judging.all_judged(load("found"))
        (found,) = self._alike.values()
        body = self._judging.rest(found, then, otherwise, apart=False)
        return [assign("found", part), ast.If(test=load("found"), body=body, orelse=[])]


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


def _test_and_rule() -> ast.expr:
    return ast.Tuple(elts=[store("test"), store(RULE)], ctx=ast.Store())


def _each(target: ast.expr, many: ast.expr, body: list[ast.stmt]) -> ast.stmt:
    """`for target in many: body`."""
    return ast.For(target=target, iter=many, body=body, orelse=[])
