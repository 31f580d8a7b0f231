"""Random well-typed expressions and inputs, from a seed alone.

For a wanted type every overload with that result in the rows of the libraries is a candidate, and
its arguments are drawn in turn: a new row is covered without a change here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from celfuzz.literals import FORMATS, HINTS, LITERALS, VALUES
from celfuzz.tree import Node

from policyengine.cel import types as t
from policyengine.cel.ast import OPERATORS
from policyengine.cel.functions import Function, Overload, library, table
from policyengine.cel.messages import symbol

SHARED = ("strings", "math", "lists", "sets", "encoders", "regex", "optionals", "comprehensions",
          "bindings")  # fmt: skip
OURS_ALONE = ("network",)
"""Libraries that the peer does not have: their expressions are held to our evaluators only."""

NOT_AT_PEER = frozenset({"optional.unwrap", "unwrapOpt"})
"""Functions that the peer's libraries lack."""

VARIABLES: Mapping[str, t.Type] = {
    "n": t.INT,
    "m": t.INT,
    "big": t.UINT,
    "ratio": t.DOUBLE,
    "ok": t.BOOL,
    "text": t.STRING,
    "other": t.STRING,
    "raw": t.BYTES,
    "now": t.TIMESTAMP,
    "wait": t.DURATION,
    "numbers": t.ListType(t.INT),
    "words": t.ListType(t.STRING),
    "grid": t.ListType(t.ListType(t.INT)),
    "scores": t.MapType(t.STRING, t.DOUBLE),
    "codes": t.MapType(t.INT, t.STRING),
    "anything": t.DYN,
    "record": t.MapType(t.STRING, t.DYN),
    "things": t.ListType(t.DYN),
}
_PLAIN = (t.INT, t.UINT, t.DOUBLE, t.BOOL, t.STRING, t.BYTES, t.TIMESTAMP, t.DURATION, t.DYN)
_ORDERED = ("_<_", "_<=_", "_>_", "_>=_")
_KEYS = (t.STRING, t.INT, t.UINT, t.BOOL)
_RESULTS = (*_PLAIN, t.BOOL, t.BOOL, t.INT, t.STRING)
_IP, _CIDR = t.AbstractType("net.IP"), t.AbstractType("net.CIDR")

_Candidate = tuple[Function, Overload, tuple[tuple[str, t.Type], ...]]


class Generator:
    """Draws expressions over `VARIABLES` with the functions of the libraries named."""

    def __init__(self, random: Random, libraries: tuple[str, ...] = SHARED) -> None:
        self._random = random
        self._scope: list[tuple[str, t.Type]] = []
        self._names = 0
        rows = [row for name in ("standard", *libraries) for row in library(name).functions]
        self._network = "network" in libraries
        left_out = frozenset() if self._network else NOT_AT_PEER
        self._functions = table(row for row in rows if row.name not in left_out)
        self._fitting: dict[t.Type, list[list[_Candidate]]] = {}

    def expression(self, depth: int | None = None) -> Node:
        """One expression. It may fail when it is evaluated, and is never null as a whole."""
        self._scope, self._names = [], 0
        wanted = self._random.choice((*_RESULTS, t.ListType(t.DYN), self._type(1)))
        return self._make(wanted, self._random.randint(1, 4) if depth is None else depth)

    def bindings(self) -> dict[str, Any]:
        """A value for each of `VARIABLES`."""
        return {name: self._value(type_, 3) for name, type_ in VARIABLES.items()}

    def _value(self, type_: t.Type, depth: int) -> Any:
        random = self._random
        match type_:
            case t.ListType():
                return [self._value(type_.element, depth - 1) for _ in range(random.randint(0, 3))]
            case t.MapType():
                keys = [self._value(type_.key, depth - 1) for _ in range(random.randint(0, 3))]
                return {key: self._value(type_.value, depth - 1) for key in keys}
            case t.Primitive(name="dyn") if depth > 0 and random.random() < 0.4:
                inner = random.choice((t.ListType(t.DYN), t.MapType(t.STRING, t.DYN)))
                return self._value(inner, depth - 1)
        return random.choice(VALUES[type_])(random)

    def _type(self, depth: int) -> t.Type:
        random = self._random
        if depth == 0 or random.random() < 0.5:
            return random.choice((*_PLAIN, _IP, _CIDR) if self._network else _PLAIN)
        form = random.random()
        if form < 0.6:
            return t.ListType(self._type(depth - 1))
        if form < 0.85:
            return t.MapType(random.choice(_KEYS), self._type(depth - 1))
        return t.OptionalType(self._type(depth - 1))

    def _make(self, wanted: t.Type, depth: int) -> Node:
        if depth <= 0 or self._random.random() < 0.15:
            return self._leaf(wanted)
        made = self._random.choice(_FORMS)(self, wanted, depth - 1)
        return self._leaf(wanted) if made is None else made

    def _leaf(self, wanted: t.Type) -> Node:
        names = [name for name, type_ in (*VARIABLES.items(), *self._scope) if type_ == wanted]
        if names and (wanted not in LITERALS or self._random.random() < 0.6):
            # The innermost names are the ones that are new.
            name = names[-1] if self._random.random() < 0.5 else self._random.choice(names)
            return Node((name,), wanted)
        return self._literal(wanted, 0)

    def _literal(self, wanted: t.Type, depth: int) -> Node:
        random = self._random
        match wanted:
            case t.ListType():
                parts = [self._make(wanted.element, depth) for _ in range(random.randint(1, 3))]
                return Node(("[", *_joined(parts), "]"), wanted)
            case t.MapType():
                key, value = self._make(wanted.key, depth), self._make(wanted.value, depth)
                return Node(("{", key, ": ", value, "}"), wanted)
            case t.OptionalType():
                return Node(("optional.of(", self._make(wanted.value, depth), ")"), wanted)
            case t.TypeType():
                return Node(("type(", self._make(self._type(0), depth), ")"), wanted)
        return Node((random.choice(LITERALS[wanted]),), wanted)

    def _conditional(self, wanted: t.Type, depth: int) -> Node:
        parts = [self._make(type_, depth) for type_ in (t.BOOL, wanted, wanted)]
        return Node(("(", parts[0], " ? ", parts[1], " : ", parts[2], ")"), wanted)

    def _index(self, wanted: t.Type, depth: int) -> Node:
        if self._random.random() < 0.5:
            container = self._make(t.ListType(wanted), depth)
            return Node((container, "[", self._make(t.INT, depth), "]"), wanted)
        key = self._random.choice(_KEYS)
        container = self._make(t.MapType(key, wanted), depth)
        if key == t.STRING and self._random.random() < 0.5:
            return Node((container, ".a"), wanted)
        return Node((container, "[", self._make(key, depth), "]"), wanted)

    def _bind(self, wanted: t.Type, depth: int) -> Node:
        type_ = self._type(1)
        value, name = self._make(type_, depth), self._fresh()
        body = self._within([(name, type_)], wanted, depth)
        return Node((f"cel.bind({name}, ", value, ", ", body, ")"), wanted)

    def _macro(self, wanted: t.Type, depth: int) -> Node | None:
        match wanted:
            case t.Primitive(name="bool"):
                return self._test(depth)
            case t.ListType():
                return self._listing(wanted, depth)
            # The peer makes no map with uint keys there.
            case t.MapType() if self._network or wanted.key != t.UINT:
                over = self._make(t.MapType(wanted.key, element := self._type(0)), depth)
                key, value = self._fresh(), self._fresh()
                made = self._within([(key, wanted.key), (value, element)], wanted.value, depth)
                return Node((over, f".transformMap({key}, {value}, ", made, ")"), wanted)
            case t.OptionalType():
                inner = self._type(0)
                optional, name = self._make(t.OptionalType(inner), depth), self._fresh()
                made = self._within([(name, inner)], wanted.value, depth)
                return Node((optional, f".optMap({name}, ", made, ")"), wanted)
        return None

    def _listing(self, wanted: t.ListType, depth: int) -> Node:
        form = self._random.choice(("filter", "map", "if", "sortBy", "transformList"))
        name, second = self._fresh(), self._fresh()
        if form in ("filter", "sortBy"):
            over = self._make(wanted, depth)
            key = t.BOOL if form == "filter" else self._random.choice((t.INT, t.STRING, t.DOUBLE))
            held = self._within([(name, wanted.element)], key, depth)
            return Node((over, f".{form}({name}, ", held, ")"), wanted)
        element = self._type(0)
        over = self._make(t.ListType(element), depth)
        if form == "transformList":
            made = self._within([(name, t.INT), (second, element)], wanted.element, depth)
            return Node((over, f".transformList({name}, {second}, ", made, ")"), wanted)
        made = self._within([(name, element)], wanted.element, depth)
        if form == "map":
            return Node((over, f".map({name}, ", made, ")"), wanted)
        kept = self._within([(name, element)], t.BOOL, depth)
        return Node((over, f".map({name}, ", kept, ", ", made, ")"), wanted)

    def _test(self, depth: int) -> Node:
        form = self._random.choice(("all", "exists", "exists_one", "has", "two", "two"))
        if form == "has":
            over = self._make(t.MapType(t.STRING, self._type(0)), depth)
            return Node(("has(", over, ".a)"), t.BOOL)
        element = self._type(0)
        name, second = self._fresh(), self._fresh()
        if form == "two":
            macro = self._random.choice(("all", "exists", "existsOne"))
            key = self._random.choice(_KEYS)
            over = self._make(t.MapType(key, element), depth)
            held = self._within([(name, key), (second, element)], t.BOOL, depth)
            return Node((over, f".{macro}({name}, {second}, ", held, ")"), t.BOOL)
        over = self._make(t.ListType(element), depth)
        held = self._within([(name, element)], t.BOOL, depth)
        return Node((over, f".{form}({name}, ", held, ")"), t.BOOL)

    def _call(self, wanted: t.Type, depth: int) -> Node | None:
        if wanted not in self._fitting:
            self._fitting[wanted] = self._candidates(wanted)
        if not self._fitting[wanted]:
            return None
        # A function with fifty overloads is not drawn more often than one that has one.
        function, overload, bound = self._random.choice(self._random.choice(self._fitting[wanted]))
        known = dict(bound)
        if function.name == "format":
            return self._format(wanted, depth)
        parts = []
        for position, parameter in enumerate(overload.args):
            hints = HINTS.get((function.name, position))
            type_ = self._bound(parameter, overload, known)
            if hints and type_ == hints[0] and self._random.random() < 0.7:
                parts.append(Node((self._random.choice(hints[1]),), type_))
            else:
                parts.append(self._make(type_, depth))
        return _written(function.name, overload.receiver, parts, wanted)

    def _format(self, wanted: t.Type, depth: int) -> Node:
        form, types = self._random.choice(FORMATS)
        parts = [self._make(type_, depth - 1) for type_ in types]
        return Node((f"'{form}'.format([", *_joined(parts), "])"), wanted)

    def _candidates(self, wanted: t.Type) -> list[list[_Candidate]]:
        """By function, the overloads that give a type, and what its parameters then stand for."""
        found: list[list[_Candidate]] = []
        for function in self._functions.values():
            fitting: list[_Candidate] = []
            for overload in function.overloads:
                bound: dict[str, t.Type] = {}
                if self._drawn(function, overload) and _matches(overload.result, wanted, bound):
                    fitting.append((function, overload, tuple(bound.items())))
            if fitting:
                found.append(fitting)
        return found

    def _drawn(self, function: Function, overload: Overload) -> bool:
        if function.name.startswith("@sort"):
            return False
        # The peer's checker compares numbers of one type only.
        crossed = function.name in _ORDERED and overload.args[0] != overload.args[1]
        return not (crossed and not self._network) and not any(
            isinstance(arg, t.TypeType | t.WrapperType) for arg in overload.args
        )

    def _bound(self, parameter: t.Type, overload: Overload, known: dict[str, t.Type]) -> t.Type:
        """The parameter's type, with a type drawn for what the result leaves open."""
        match parameter:
            case t.TypeParam():
                if parameter.name not in known:
                    known[parameter.name] = (
                        self._random.choice(_KEYS)
                        if any(_keyed(arg, parameter) for arg in overload.args)
                        else self._type(1)
                    )
                return known[parameter.name]
            case t.ListType():
                return t.ListType(self._bound(parameter.element, overload, known))
            case t.OptionalType():
                return t.OptionalType(self._bound(parameter.value, overload, known))
            case t.MapType():
                key = self._bound(parameter.key, overload, known)
                return t.MapType(key, self._bound(parameter.value, overload, known))
        return parameter

    def _within(self, scope: list[tuple[str, t.Type]], wanted: t.Type, depth: int) -> Node:
        before = len(self._scope)
        self._scope += scope
        made = self._make(wanted, depth)
        del self._scope[before:]
        return made

    def _fresh(self) -> str:
        self._names += 1
        return f"v{self._names}"


_FORMS: tuple[Callable[[Generator, t.Type, int], Node | None], ...] = (
    *(Generator._call,) * 5,
    *(Generator._macro,) * 2,
    Generator._literal,
    Generator._conditional,
    Generator._index,
    Generator._bind,
)


def _keyed(argument: t.Type, parameter: t.TypeParam) -> bool:
    if isinstance(argument, t.OptionalType):
        argument = argument.value
    return isinstance(argument, t.MapType) and argument.key == parameter


def _matches(pattern: t.Type, wanted: t.Type, bound: dict[str, t.Type]) -> bool:
    match pattern, wanted:
        case t.TypeParam(), _:
            return bound.setdefault(pattern.name, wanted) == wanted
        case t.ListType(), t.ListType():
            return _matches(pattern.element, wanted.element, bound)
        case t.OptionalType(), t.OptionalType():
            return _matches(pattern.value, wanted.value, bound)
        case t.MapType(), t.MapType():
            return _matches(pattern.key, wanted.key, bound) and _matches(
                pattern.value, wanted.value, bound
            )
    return pattern == wanted


def _joined(parts: list[Node]) -> Iterator[str | Node]:
    for position, part in enumerate(parts):
        if position:
            yield ", "
        yield part


def _written(name: str, receiver: bool, parts: list[Node], wanted: t.Type) -> Node:
    match name, parts:
        case "_?_:_", [condition, first, second]:
            return Node(("(", condition, " ? ", first, " : ", second, ")"), wanted)
        case "_[_]", [container, index]:
            return Node((container, "[", index, "]"), wanted)
        case "_[?_]", [container, index]:
            return Node((container, "[?", index, "]"), wanted)
        case _, [operand] if name in OPERATORS:
            return Node((f"({symbol(name)}(", operand, "))"), wanted)
        case _, [left, right] if name in OPERATORS:
            return Node(("(", left, f" {symbol(name)} ", right, ")"), wanted)
        case _, [target, *rest] if receiver:
            return Node(("(", target, f").{name}(", *_joined(rest), ")"), wanted)
    return Node((f"{name}(", *_joined(parts), ")"), wanted)
