"""Macros: calls that the parser replaces by another tree.

A row says what the call looks like and how it is expanded. A call with the macro's name and a
number of arguments that the row does not take is an ordinary call.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from policyengine.cel.ast import (
    Bind,
    Call,
    Comprehension,
    ComprehensionKind,
    Constant,
    ConstantKind,
    Entry,
    Expr,
    Ident,
    ListExpr,
    MapExpr,
    Select,
    Shape,
)
from policyengine.cel.nodes import node
from policyengine.cel.templates import Template

# Names that no text can spell: a part of an expansion that is evaluated once and used twice.
OPTIONAL_MAP = "@optMap"
OPTIONAL_FLAT_MAP = "@optFlatMap"
SORTED = "@sorted"
HISTORY = "@history"
BLOCK_INDEX = "@index"
BLOCK_VARIABLE = "@it"
BLOCK_ACCUMULATOR = "@ac"


class MacroError(ValueError):
    """A macro was called with arguments it cannot use; `start` and `end` say which."""

    def __init__(self, message: str, node: Expr, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.start = node.start
        self.end = node.end
        self.help = help


@node
@dataclass(frozen=True, slots=True)
class Site:
    """One call of a macro: where it stands and what it was given.

    `target` is the receiver, None for a global macro and for one in a namespace (`cel.bind`).
    """

    function: str
    target: Expr | None
    args: tuple[Expr, ...]
    start: int
    end: int
    name_start: int
    new_id: Callable[[], int]

    def call(self, function: str, *args: Expr, target: Expr | None = None) -> Call:
        """A call made by the expansion; it stands where the macro stands."""
        return Call(self.new_id(), self.start, self.end, function, target, args, self.name_start)

    def name(self, name: str) -> Ident:
        """A name made by the expansion."""
        return Ident(self.new_id(), self.start, self.end, name)

    def constant(self, kind: ConstantKind, value: str | int | float) -> Constant:
        """A literal made by the expansion."""
        return Constant(self.new_id(), self.start, self.end, kind, value)

    def bind(self, name: str, value: Expr, body: Expr) -> Bind:
        """A `cel.bind` of the whole call."""
        return Bind(self.new_id(), self.start, self.end, name, value, body)


@dataclass(frozen=True, slots=True)
class Macro:
    """A row: `name` is what a library lists, `function` what the text says.

    `receiver` is `none` for `f(a)`, `any` for `x.f(a)`, else the namespace in `cel.f(a)`.
    `dropped` is how many of the nodes that were written are not in the expansion, which then has
    no other new node than itself. None is for all others: their trees have to be counted.
    """

    name: str
    function: str
    receiver: str
    counts: tuple[int, ...]
    expand: Callable[[Site], Expr]
    dropped: int | None = None


def variable(site: Site, node: Expr) -> str:
    """The name that an argument declares. Raises `MacroError` when it cannot be one."""
    if not isinstance(node, Ident) or node.name.startswith("."):
        raise MacroError(f"`{site.function}` needs a variable name here", node)
    if node.name.startswith("__") and node.name.endswith("__"):
        raise MacroError(
            "names between double underscores are reserved", node, "choose another variable name"
        )
    return node.name


def _has(site: Site) -> Expr:
    (argument,) = site.args
    if not isinstance(argument, Select) or argument.test or argument.optional:
        raise MacroError(
            "`has` needs a field selection", argument, "ask for one field, as in `has(a.b)`"
        )
    operand, field, mark = argument.operand, argument.field, argument.field_start
    return Select(argument.id, site.start, site.end, operand, field, mark, test=True)


def _comprehension(
    kind: ComprehensionKind, variables: int, *, condition: bool, result: bool
) -> Callable[[Site], Expr]:
    """An expander for `range.f(variables..., [condition], [result])`.

    With both, the condition may be left out of the call.
    """

    def expand(site: Site) -> Expr:
        assert site.target is not None
        names = tuple(variable(site, node) for node in site.args[:variables])
        if len(set(names)) < len(names):
            raise MacroError(f"`{site.function}` needs two different names", site.args[1])
        rest = site.args[variables:]
        return Comprehension(
            site.new_id(),
            site.start,
            site.end,
            kind,
            site.target,
            names,
            rest[0] if condition and (not result or len(rest) == 2) else None,
            rest[-1] if result else None,
            site.name_start,
        )

    return expand


def _bind(site: Site) -> Expr:
    name, value, body = site.args
    return site.bind(variable(site, name), value, body)


def _optional_map(hidden: str, *, flat: bool) -> Callable[[Site], Expr]:
    """`x.optMap(v, e)` is `x.hasValue() ? optional.of(e with v = x.value()) : optional.none()`.

    The receiver is bound to a hidden name, so that it is evaluated once. `optFlatMap` leaves out
    `optional.of`.
    """

    def expand(site: Site) -> Expr:
        assert site.target is not None
        name = variable(site, site.args[0])
        asked = site.call("hasValue", target=site.name(hidden))
        value = site.call("value", target=site.name(hidden))
        mapped: Expr = site.bind(name, value, site.args[1])
        if not flat:
            mapped = site.call("optional.of", mapped)
        chosen = site.call("_?_:_", asked, mapped, site.call("optional.none"))
        return site.bind(hidden, site.target, chosen)

    return expand


def _block(site: Site) -> Expr:
    """`cel.block([a, b], e)` binds `cel.index(0)` to a and `cel.index(1)` to b, lazily."""
    listed, body = site.args
    if not isinstance(listed, ListExpr) or listed.optional:
        raise MacroError("`cel.block` needs a list of expressions", listed)
    for index in range(len(listed.elements) - 1, -1, -1):
        body = site.bind(f"{BLOCK_INDEX}{index}", listed.elements[index], body)
    return body


def _number(site: Site, node: Expr) -> int:
    if isinstance(node, Constant) and node.kind == "int" and isinstance(node.value, int):
        return node.value
    raise MacroError(f"`cel.{site.function}` needs a whole number here", node)


def _index(site: Site) -> Expr:
    return site.name(f"{BLOCK_INDEX}{_number(site, site.args[0])}")


def _numbered(prefix: str) -> Callable[[Site], Expr]:
    """`cel.iterVar(depth, place)`: the name that an optimizer gives to a macro's variable."""

    def expand(site: Site) -> Expr:
        depth, place = (_number(site, node) for node in site.args)
        return site.name(f"{prefix}{depth}_{place}")

    return expand


def _sort_by(site: Site) -> Expr:
    """`xs.sortBy(x, key)` is `xs.@sortBy(xs.map(x, key))`, with `xs` evaluated once."""
    assert site.target is not None
    keys = Comprehension(
        site.new_id(),
        site.start,
        site.end,
        "map",
        site.name(SORTED),
        (variable(site, site.args[0]),),
        None,
        site.args[1],
        site.name_start,
    )
    sorted_ = site.call("@sortBy", keys, target=site.name(SORTED))
    return site.bind(SORTED, site.target, sorted_)


def _history(
    field: str, kind: ConstantKind, nothing: str | float, convert: str = ""
) -> Callable[[Site], Expr]:
    """`history.count(x)` is the `count` of what `history(x)` finds, and 0 where that is nothing."""

    def expand(site: Site) -> Expr:
        size = site.call("size", site.name(HISTORY))
        asked = site.call("_>_", size, site.constant("int", 0))
        first = site.call("_[_]", site.name(HISTORY), site.constant("int", 0))
        found = Select(site.new_id(), site.start, site.end, first, field, site.name_start)
        chosen = site.call("_?_:_", asked, found, site.constant(kind, nothing))
        if convert:
            chosen = site.call(convert, chosen)
        return site.bind(HISTORY, site.call("history", *site.args), chosen)

    return expand


def _history_within(site: Site) -> Expr:
    """`history.within("10m", {...})` is `size(history({..., "within": "10m"})) > 0`."""
    span, *asked = site.args
    entries: tuple[Entry, ...] = ()
    if asked:
        if not isinstance(asked[0], MapExpr):
            raise MacroError("`history.within` needs a map literal here", asked[0])
        entries = asked[0].entries
    entry = Entry(site.new_id(), site.constant("string", "within"), span)
    made = MapExpr(site.new_id(), site.start, site.end, (*entries, entry))
    size = site.call("size", site.call("history", made))
    return site.call("_>_", size, site.constant("int", 0))


def _by_pairs(site: Site) -> Expr:
    """`math.least(a, b, c)` is `math.least(math.least(a, b), c)`, as a tree of least depth."""

    def call(*args: Expr) -> Expr:
        return site.call(site.function, *args, target=site.name("math"))

    parts = site.args
    if len(parts) == 1:
        return call(*parts)
    while len(parts) > 1:
        whole = len(parts) // 2 * 2
        parts = (*(call(*parts[i : i + 2]) for i in range(0, whole, 2)), *parts[whole:])
    return parts[0]


def _extension(*, test: bool) -> Callable[[Site], Expr]:
    """`proto.getExt(m, acme.note)` is the selection m.`acme.note`; `hasExt` asks for it."""

    def expand(site: Site) -> Expr:
        message, named = site.args
        parts = []
        node = named
        while isinstance(node, Select) and not node.test and not node.optional:
            parts.append(node.field)
            node = node.operand
        if not parts or not isinstance(node, Ident):
            raise MacroError(f"`proto.{site.function}` needs the full name of an extension", named)
        field = ".".join([node.name, *reversed(parts)])
        new = site.new_id()
        return Select(new, site.start, site.end, message, field, named.start, test=test)

    return expand


def _test(kind: ComprehensionKind, variables: int = 1) -> Callable[[Site], Expr]:
    return _comprehension(kind, variables, condition=True, result=False)


def _transform(kind: ComprehensionKind, variables: int = 2) -> Callable[[Site], Expr]:
    return _comprehension(kind, variables, condition=True, result=True)


# How many numbers `math.greatest` takes; more have to stand in a list.
_NUMBERS = tuple(range(1, 33))

_LIBRARIES: Mapping[str, tuple[Macro, ...]] = {
    "standard": (
        Macro("has", "has", "none", (1,), _has, 0),
        Macro("all", "all", "any", (2,), _test("all"), 1),
        Macro("exists", "exists", "any", (2,), _test("exists"), 1),
        Macro("exists_one", "exists_one", "any", (2,), _test("exists_one"), 1),
        Macro("existsOne", "existsOne", "any", (2,), _test("exists_one"), 1),
        Macro("filter", "filter", "any", (2,), _test("filter"), 1),
        Macro("map", "map", "any", (2, 3), _transform("map", 1), 1),
    ),
    "comprehensions": (
        Macro("all/3", "all", "any", (3,), _test("all", 2), 2),
        Macro("exists/3", "exists", "any", (3,), _test("exists", 2), 2),
        Macro("exists_one/3", "exists_one", "any", (3,), _test("exists_one", 2), 2),
        Macro("existsOne/3", "existsOne", "any", (3,), _test("exists_one", 2), 2),
        Macro("transformList", "transformList", "any", (3, 4), _transform("transform_list"), 2),
        Macro("transformMap", "transformMap", "any", (3, 4), _transform("transform_map"), 2),
        Macro(
            "transformMapEntry",
            "transformMapEntry",
            "any",
            (3, 4),
            _transform("transform_map_entry"),
            2,
        ),
    ),
    "bindings": (Macro("cel.bind", "bind", "cel", (3,), _bind),),
    "optionals": (
        Macro("optMap", "optMap", "any", (2,), _optional_map(OPTIONAL_MAP, flat=False)),
        Macro("optFlatMap", "optFlatMap", "any", (2,), _optional_map(OPTIONAL_FLAT_MAP, flat=True)),
    ),
    "lists": (Macro("sortBy", "sortBy", "any", (2,), _sort_by),),
    "math": (
        Macro("math.greatest", "greatest", "math", _NUMBERS, _by_pairs),
        Macro("math.least", "least", "math", _NUMBERS, _by_pairs),
    ),
    "protos": (
        Macro("proto.getExt", "getExt", "proto", (2,), _extension(test=False)),
        Macro("proto.hasExt", "hasExt", "proto", (2,), _extension(test=True)),
    ),
    "history": (
        *(
            Macro(f"history.{name}", name, "history", (1,), _history(name, "int", 0))
            for name in ("count", "failed", "distinct")
        ),
        *(
            Macro(f"history.{name}", name, "history", (1,), _history(name, "double", 0.0))
            for name in ("sum", "cost_usd")
        ),
        Macro(
            "history.last",
            "last",
            "history",
            (1,),
            _history("last", "string", "1970-01-01T00:00:00Z", "timestamp"),
        ),
        Macro("history.within", "within", "history", (1, 2), _history_within),
    ),
    "block": (
        Macro("cel.block", "block", "cel", (2,), _block),
        Macro("cel.index", "index", "cel", (1,), _index),
        Macro("cel.iterVar", "iterVar", "cel", (2,), _numbered(BLOCK_VARIABLE)),
        Macro("cel.accuVar", "accuVar", "cel", (2,), _numbered(BLOCK_ACCUMULATOR)),
    ),
}

# The names of the macros by library, as `functions.Library.macros` wants them.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    library: tuple(macro.name for macro in rows) for library, rows in _LIBRARIES.items()
}
_BY_NAME = {macro.name: macro for rows in _LIBRARIES.values() for macro in rows}

# Macros that make a name of a number, so that the shape of a call does not say what it means.
NUMBERED = frozenset({"cel.index", "cel.iterVar", "cel.accuVar"})

_MOST_SHAPES = 1024


class MacroTable(dict[tuple[str, int], tuple[Macro, ...]]):
    """Macros by function and number of arguments, and the shapes of what was parsed with them.

    `templates` are the trees of these by what expressions have in common that have one.
    """

    __slots__ = ("_shapes", "templates")

    def __init__(self, rows: Mapping[tuple[str, int], tuple[Macro, ...]]) -> None:
        super().__init__(rows)
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self.templates: dict[Hashable, Template] = {}

    def shape(self, tokens: tuple[str, ...]) -> Shape:
        """The shape of an expression by its tokens, in which each literal is only its kind."""
        known = self._shapes.get(tokens)
        if known is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            known = self._shapes.setdefault(tokens, Shape())
        return known

    def remember(self, key: Hashable, template: Template | None) -> None:
        """Keep a template, if there is one, for expressions with this key."""
        if len(self.templates) >= _MOST_SHAPES:
            self.templates.clear()
        if template is not None:
            self.templates[key] = template


def table(names: Iterable[str] | None = None) -> MacroTable:
    """The macros with these names by function and argument count; None means the standard ones.

    Raises `KeyError` with a name that no row has.

    >>> sorted({function for function, count in table(["has", "map"])})
    ['has', 'map']
    """
    return _STANDARD if names is None else _named(tuple(names))


# An environment asks with the same names for every expression.
@lru_cache(maxsize=64)
def _named(names: tuple[str, ...]) -> MacroTable:
    return _table([_BY_NAME[name] for name in names])


def _table(macros: Iterable[Macro]) -> MacroTable:
    rows: dict[tuple[str, int], tuple[Macro, ...]] = {}
    for macro in macros:
        for count in macro.counts:
            key = macro.function, count
            if macro not in rows.get(key, ()):
                rows[key] = (*rows.get(key, ()), macro)
    return MacroTable(rows)


_STANDARD = _table(_LIBRARIES["standard"])
