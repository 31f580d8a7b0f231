"""Random well-typed expressions, and values for their variables, for property tests.

`expressions()` draws a text and the type it must have. What it is made of comes from the rows of
the standard library: for a wanted type every overload with that result is a candidate, and its
arguments are drawn in turn. So a new row is covered without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from policyengine.cel import types as t
from policyengine.cel.ast import OPERATORS
from policyengine.cel.checked import Declarations
from policyengine.cel.functions import Function, Overload, table
from policyengine.cel.functions.standard import LIBRARY
from policyengine.cel.macros import LIBRARIES
from policyengine.cel.messages import symbol
from policyengine.values.kinds import UInt
from policyengine.values.times import Duration, Timestamp

USER = t.ObjectType(
    "test.User",
    {
        "name": t.FieldType(t.STRING, required=True),
        "age": t.FieldType(t.INT, required=True),
        "tags": t.FieldType(t.ListType(t.STRING)),
        "quota": t.FieldType(t.UINT),
        "joined": t.FieldType(t.TIMESTAMP),
    },
)
REQUEST = t.ObjectType(
    "test.Request",
    {
        "model": t.FieldType(t.STRING, required=True),
        "user": t.FieldType(USER, required=True),
        "stream": t.FieldType(t.BOOL),
        "temperature": t.FieldType(t.DOUBLE),
        "limits": t.FieldType(t.MapType(t.STRING, t.INT)),
        "body": t.FieldType(t.BYTES),
        "timeout": t.FieldType(t.DURATION),
        "extra": t.FieldType(t.DYN),
    },
)
VARIABLES: Mapping[str, t.Type] = {
    "request": REQUEST,
    "users": t.ListType(USER),
    "by_name": t.MapType(t.STRING, USER),
    "n": t.INT,
    "big": t.UINT,
    "ratio": t.DOUBLE,
    "ok": t.BOOL,
    "text": t.STRING,
    "dotted.name": t.STRING,
    "raw": t.BYTES,
    "now": t.TIMESTAMP,
    "wait": t.DURATION,
    "numbers": t.ListType(t.INT),
    "words": t.ListType(t.STRING),
    "grid": t.ListType(t.ListType(t.INT)),
    "scores": t.MapType(t.STRING, t.DOUBLE),
    "codes": t.MapType(t.INT, t.STRING),
    "anything": t.DYN,
    "things": t.ListType(t.DYN),
}
DECLARATIONS = Declarations(VARIABLES, table(LIBRARY.functions), {"test.User": USER})
MACROS = tuple(
    name for library in ("standard", "comprehensions", "bindings") for name in LIBRARIES[library]
)

_PLAIN: tuple[t.Type, ...] = (
    t.INT, t.UINT, t.DOUBLE, t.BOOL, t.STRING, t.BYTES, t.TIMESTAMP, t.DURATION, t.DYN,
)  # fmt: skip
_KEYS: tuple[t.Type, ...] = (t.STRING, t.INT, t.UINT, t.BOOL)

# A literal argument of these is read by the checker, and mistakes in it are compile errors.
_READ_EARLY = ("timestamp", "duration", "matches")

_LITERALS: Mapping[t.Type, st.SearchStrategy[str]] = {
    t.INT: st.sampled_from(["0", "1", "2", "7", "(-3)", "9223372036854775807"]),
    t.UINT: st.sampled_from(["0u", "1u", "42u", "18446744073709551615u"]),
    t.DOUBLE: st.sampled_from(["0.0", "1.5", "(-2.25)", "1e300"]),
    t.BOOL: st.sampled_from(["true", "false"]),
    t.STRING: st.sampled_from(["''", "'a'", "'admin'", "'10'", "'é🐱'", "'2024-02-29T12:00:00Z'"]),
    t.BYTES: st.sampled_from(["b''", "b'a'", r"b'\xff\x00'"]),
    t.NULL: st.just("null"),
    t.TIMESTAMP: st.sampled_from(["timestamp('2024-02-29T12:00:00Z')", "timestamp(0)"]),
    t.DURATION: st.sampled_from(["duration('90s')", "duration('-1.5h')"]),
    t.DYN: st.sampled_from(["dyn(1)", "dyn('a')", "dyn(1u)", "dyn([1.5])", "dyn({})", "dyn(null)"]),
}


def types(depth: int = 2) -> st.SearchStrategy[t.Type]:
    """Types that an expression of this environment can have."""
    plain = st.sampled_from([*_PLAIN, USER, REQUEST])
    if depth == 0:
        return plain
    inner = types(depth - 1)
    return plain | st.one_of(
        inner.map(t.ListType), st.builds(t.MapType, st.sampled_from(_KEYS), inner)
    )


@st.composite
def expressions(draw: st.DrawFn, type_: t.Type | None = None, depth: int = 3) -> tuple[str, t.Type]:
    """The text of an expression over `VARIABLES`, and the type that it must be given.

    Parse it with `MACROS` and check it with `DECLARATIONS`. It may fail when it is evaluated.
    """
    wanted = draw(types()) if type_ is None else type_
    return _Writer(draw).expression(wanted, depth), wanted


def conditions(depth: int = 3) -> st.SearchStrategy[str]:
    """Expressions of type bool."""
    return expressions(t.BOOL, depth).map(lambda drawn: drawn[0])


def values(type_: t.Type, depth: int = 3) -> st.SearchStrategy[Any]:
    """Values that a variable of a type may hold; optional fields of objects may be absent."""
    match type_:
        case t.Primitive():
            return _VALUES[type_] if depth or type_ != t.DYN else st.integers(-5, 5)
        case t.ListType():
            return st.lists(values(type_.element, depth - 1), max_size=3)
        case t.MapType():
            keys, inner = values(type_.key, depth - 1), values(type_.value, depth - 1)
            return st.dictionaries(keys, inner, max_size=3)
        case t.ObjectType():
            required = {n: values(f.type, depth - 1) for n, f in type_.fields.items() if f.required}
            optional = {
                n: values(f.type, depth - 1) for n, f in type_.fields.items() if not f.required
            }
            return st.fixed_dictionaries(required, optional=optional)
    raise AssertionError(type_)


def bindings() -> st.SearchStrategy[dict[str, Any]]:
    """A value for each of `VARIABLES`."""
    return st.fixed_dictionaries({name: values(type_) for name, type_ in VARIABLES.items()})


_VALUES: Mapping[t.Type, st.SearchStrategy[Any]] = {
    t.INT: st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
    t.UINT: (st.integers(0, 3) | st.integers(0, 2**64 - 1)).map(UInt),
    t.DOUBLE: st.sampled_from([0.0, -0.0, 1.0, 1.5, 1e300, float("inf"), float("nan")]),
    t.BOOL: st.booleans(),
    t.STRING: st.sampled_from(["", "a", "admin", "10", "é🐱", "UTC"]),
    t.BYTES: st.sampled_from([b"", b"a", b"\xff\x00"]),
    t.NULL: st.none(),
    t.TIMESTAMP: st.integers(0, 4_000_000_000).map(lambda s: Timestamp(s * 1_000_000_000)),
    t.DURATION: st.integers(-(10**15), 10**15).map(Duration),
    t.DYN: st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.integers(0, 3).map(UInt),
        st.sampled_from([0.5, 1.0, "", "a", b"a", [], [1], {"a": 1}, {"b": [{}]}]),
    ),
}


class _Writer:
    """Writes one expression; `_scope` holds the local variables at the place it is at."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._scope: list[tuple[str, t.Type]] = []
        self._names = 0

    def expression(self, wanted: t.Type, depth: int) -> str:
        if depth <= 0 or self._draw(st.integers(0, 4)) == 0:
            return self._leaf(wanted)
        forms = [self._conditional, self._index, self._bind, self._literal, self._macro, self._call]
        return self._draw(st.sampled_from([self._call, *forms]))(wanted, depth - 1)

    def _leaf(self, wanted: t.Type) -> str:
        paths = [path for path, type_ in self._paths() if type_ == wanted]
        if paths and (wanted not in _LITERALS or self._draw(st.booleans())):
            return self._draw(st.sampled_from(paths))
        if wanted in _LITERALS:
            return self._draw(_LITERALS[wanted])
        return self._literal(wanted, 0)

    def _paths(self) -> Iterator[tuple[str, t.Type]]:
        waiting = [*VARIABLES.items(), *self._scope]
        while waiting:
            path, type_ = waiting.pop()
            yield path, type_
            if isinstance(type_, t.ObjectType):
                waiting += [(f"{path}.{name}", field.type) for name, field in type_.fields.items()]

    def _literal(self, wanted: t.Type, depth: int) -> str:
        match wanted:
            case t.ListType():
                count = self._draw(st.integers(1, 3))
                parts = [self.expression(wanted.element, depth)]
                parts += [self._or_null(wanted.element, depth) for _ in range(count - 1)]
                return f"[{', '.join(parts)}]"
            case t.MapType():
                key = self.expression(wanted.key, depth)
                return f"{{{key}: {self.expression(wanted.value, depth)}}}"
            case t.ObjectType():
                return "request" if wanted == REQUEST else "request.user"
        return self._leaf(wanted)

    def _conditional(self, wanted: t.Type, depth: int) -> str:
        condition = self.expression(t.BOOL, depth)
        first = self.expression(wanted, depth)
        return f"({condition} ? {first} : {self._or_null(wanted, depth)})"

    def _or_null(self, wanted: t.Type, depth: int) -> str:
        """An expression, or null where that leaves the type of what it stands in as it is."""
        nullable = wanted in (t.TIMESTAMP, t.DURATION) or isinstance(wanted, t.ObjectType)
        if nullable and self._draw(st.integers(0, 3)) == 0:
            return "null"
        return self.expression(wanted, depth)

    def _index(self, wanted: t.Type, depth: int) -> str:
        if self._draw(st.booleans()):
            return f"{self.expression(t.ListType(wanted), depth)}[{self.expression(t.INT, depth)}]"
        key = self._draw(st.sampled_from(_KEYS))
        container = self.expression(t.MapType(key, wanted), depth)
        if key == t.STRING and self._draw(st.booleans()):
            return f"{container}.key"
        return f"{container}[{self.expression(key, depth)}]"

    def _bind(self, wanted: t.Type, depth: int) -> str:
        type_ = self._draw(types(1))
        value = self.expression(type_, depth)
        name = self._fresh()
        return f"cel.bind({name}, {value}, {self._within([(name, type_)], wanted, depth)})"

    def _macro(self, wanted: t.Type, depth: int) -> str:
        element = self._draw(types(0))
        match wanted:
            case t.Primitive(name="bool"):
                return self._test(element, depth)
            case t.ListType() if self._draw(st.booleans()):
                over = self.expression(wanted, depth)
                name = self._fresh()
                kept = self._within([(name, wanted.element)], t.BOOL, depth)
                return f"{over}.filter({name}, {kept})"
            case t.ListType():
                over = self.expression(t.ListType(element), depth)
                name = self._fresh()
                made = self._within([(name, element)], wanted.element, depth)
                return f"{over}.map({name}, {made})"
            case t.MapType():
                over = self.expression(t.MapType(wanted.key, element), depth)
                key, value = self._fresh(), self._fresh()
                scope = [(key, wanted.key), (value, element)]
                made = self._within(scope, wanted.value, depth)
                return f"{over}.transformMap({key}, {value}, {made})"
        return self._call(wanted, depth)

    def _test(self, element: t.Type, depth: int) -> str:
        form = self._draw(st.sampled_from(["all", "exists", "exists_one", "has", "two"]))
        if form == "has":
            paths = [p for p, _ in self._paths() if "." in p and p != "dotted.name"]
            return f"has({self._draw(st.sampled_from(paths))})"
        if form == "two":
            key = self._draw(st.sampled_from(_KEYS))
            over = self.expression(t.MapType(key, element), depth)
            first, second = self._fresh(), self._fresh()
            held = self._within([(first, key), (second, element)], t.BOOL, depth)
            return f"{over}.exists({first}, {second}, {held})"
        over = self.expression(t.ListType(element), depth)
        name = self._fresh()
        return f"{over}.{form}({name}, {self._within([(name, element)], t.BOOL, depth)})"

    def _call(self, wanted: t.Type, depth: int) -> str:
        fitting = _FITTING.get(wanted) or list(_candidates(wanted))
        if not fitting:
            return self._leaf(wanted)
        function, overload, bound = self._draw(st.sampled_from(fitting))
        known = dict(bound)
        arguments = [self._argument(parameter, overload, known) for parameter in overload.args]
        parts = [self.expression(argument, depth) for argument in arguments]
        if function.name in _READ_EARLY:
            parts = [f"({part} + '')" if part.startswith("'") else part for part in parts]
        return _written(function, overload, parts)

    def _argument(self, parameter: t.Type, overload: Overload, known: dict[str, t.Type]) -> t.Type:
        """The parameter's type, with a type drawn for what the result leaves open."""
        match parameter:
            case t.TypeParam():
                if parameter.name not in known:
                    keys = any(
                        isinstance(arg, t.MapType) and arg.key == parameter for arg in overload.args
                    )
                    drawn = st.sampled_from(_KEYS) if keys else types(1)
                    known[parameter.name] = self._draw(drawn)
                return known[parameter.name]
            case t.ListType():
                return t.ListType(self._argument(parameter.element, overload, known))
            case t.MapType():
                key = self._argument(parameter.key, overload, known)
                return t.MapType(key, self._argument(parameter.value, overload, known))
        return parameter

    def _within(self, scope: list[tuple[str, t.Type]], wanted: t.Type, depth: int) -> str:
        before = len(self._scope)
        self._scope += scope
        written = self.expression(wanted, depth)
        del self._scope[before:]
        return written

    def _fresh(self) -> str:
        self._names += 1
        return f"v{self._names}"


def _written(function: Function, overload: Overload, parts: list[str]) -> str:
    match function.name, parts:
        case "_?_:_", [condition, first, second]:
            return f"({condition} ? {first} : {second})"
        case "_[_]", [container, index]:
            return f"{container}[{index}]"
        case name, [operand] if name in OPERATORS:
            return f"({symbol(name)}({operand}))"
        case name, [left, right] if name in OPERATORS:
            return f"({left} {symbol(name)} {right})"
        case name, [target, *rest] if overload.receiver:
            return f"({target}).{name}({', '.join(rest)})"
    return f"{function.name}({', '.join(parts)})"


_Candidate = tuple[Function, Overload, tuple[tuple[str, t.Type], ...]]


def _candidates(wanted: t.Type) -> Iterator[_Candidate]:
    """The overloads that give a type, and what its parameters then stand for."""
    for function in DECLARATIONS.functions.values():
        for overload in function.overloads:
            bound: dict[str, t.Type] = {}
            if _generated(overload) and _matches(overload.result, wanted, bound):
                yield function, overload, tuple(bound.items())


def _generated(overload: Overload) -> bool:
    return not any(isinstance(arg, t.TypeType | t.WrapperType) for arg in overload.args)


def _matches(pattern: t.Type, wanted: t.Type, bound: dict[str, t.Type]) -> bool:
    match pattern, wanted:
        case t.TypeParam(), _:
            return bound.setdefault(pattern.name, wanted) == wanted
        case t.ListType(), t.ListType():
            return _matches(pattern.element, wanted.element, bound)
        case t.MapType(), t.MapType():
            return _matches(pattern.key, wanted.key, bound) and _matches(
                pattern.value, wanted.value, bound
            )
    return pattern == wanted


_FITTING = {type_: list(_candidates(type_)) for type_ in _PLAIN}
