"""The syntax tree of a CEL expression.

Every node has an `id`, unique in its tree, and the half-open range of characters `start`..`end`
in the expression's text. What later stages learn (types, references) goes into tables keyed by
id; nodes never change. Macros are expanded by the parser: `has(a.b)` is a `Select` with
`test=True`, the comprehension macros are `Comprehension`, `cel.bind` is `Bind`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

from policyengine.cel.nodes import node
from policyengine.source import Span, Text

# Operators are calls with these names, as in cel-spec.
OPERATORS = {
    "_?_:_": 3, "_||_": 2, "_&&_": 2, "!_": 1, "-_": 1,
    "_==_": 2, "_!=_": 2, "_<_": 2, "_<=_": 2, "_>_": 2, "_>=_": 2, "@in": 2,
    "_+_": 2, "_-_": 2, "_*_": 2, "_/_": 2, "_%_": 2,
    "_[_]": 2, "_[?_]": 2,
}  # fmt: skip

ConstantKind = OneOf["null", "bool", "int", "uint", "double", "string", "bytes"]
ComprehensionKind = OneOf[
    "all", "exists", "exists_one", "filter", "map", "transform_list", "transform_map",
    "transform_map_entry",
]  # fmt: skip


@node
@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. A `uint` holds a plain non-negative int; `kind` tells it from `int`."""

    id: int
    start: int
    end: int
    kind: ConstantKind
    value: bool | int | float | str | bytes | None


@node
@dataclass(frozen=True, slots=True)
class Ident:
    """A name; a leading dot (`.a`) is kept in the name and means the root container."""

    id: int
    start: int
    end: int
    name: str


@node
@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test` it is `has(operand.field)`, with `optional` `operand.?field`.

    `field_start` is where the field's name begins.
    """

    id: int
    start: int
    end: int
    operand: Expr
    field: str
    field_start: int
    test: bool = False
    optional: bool = False


@node
@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator call; `target` is the receiver of `target.function(args)`.

    `name_start` is where the function's name or the operator stands.
    """

    id: int
    start: int
    end: int
    function: str
    target: Expr | None
    args: tuple[Expr, ...]
    name_start: int


@node
@dataclass(frozen=True, slots=True)
class ListExpr:
    """`[a, ?b]`; `optional` holds the positions of elements written with `?`."""

    id: int
    start: int
    end: int
    elements: tuple[Expr, ...]
    optional: frozenset[int] = frozenset()


@node
@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a map, or `field: value` of a message."""

    id: int
    key: Expr
    value: Expr
    optional: bool = False


@node
@dataclass(frozen=True, slots=True)
class MapExpr:
    """`{k: v, ?k2: v2}`."""

    id: int
    start: int
    end: int
    entries: tuple[Entry, ...]


@node
@dataclass(frozen=True, slots=True)
class Field:
    """One `name: value` of a message literal."""

    id: int
    start: int
    name: str
    value: Expr
    optional: bool = False


@node
@dataclass(frozen=True, slots=True)
class Struct:
    """`pkg.Type{field: value}`."""

    id: int
    start: int
    end: int
    type_name: str
    fields: tuple[Field, ...]


@node
@dataclass(frozen=True, slots=True)
class Comprehension:
    """A comprehension macro over a list or a map.

    `variables` has one name (the element of a list, the key of a map) or two (index and element,
    key and value). `condition` is the predicate of all/exists/exists_one/filter and the optional
    filter of map and transform*; `result` is what map and transform* produce.

    | source | kind, condition, result |
    |---|---|
    | `r.all(x, p)` | all, p, None |
    | `r.exists_one(x, p)`, `r.existsOne(i, v, p)` | exists_one, p, None |
    | `r.map(x, t)` | map, None, t |
    | `r.map(x, p, t)` | map, p, t |
    | `r.transformMap(k, v, p, t)` | transform_map, p, t |
    """

    id: int
    start: int
    end: int
    kind: ComprehensionKind
    range: Expr
    variables: tuple[str, ...]
    condition: Expr | None
    result: Expr | None
    name_start: int


@node
@dataclass(frozen=True, slots=True)
class Bind:
    """`cel.bind(name, value, body)`: the value is evaluated at most once, when first used."""

    id: int
    start: int
    end: int
    name: str
    value: Expr
    body: Expr


Expr = Constant | Ident | Select | Call | ListExpr | MapExpr | Struct | Comprehension | Bind


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What an expression is but for the values of its constants and where its parts stand.

    Expressions of one shape have equal trees, ids included, and with equal declarations equal
    types. A shape is compared by identity; equal expressions may have shapes that differ.
    """


@node
@dataclass(frozen=True, slots=True)
class Ast:
    """A parsed expression: its text and its tree. `size` is the number of nodes."""

    text: Text
    root: Expr
    size: int
    shape: Shape | None = field(default=None, compare=False, repr=False)

    def span(self, node: Expr) -> Span:
        """Where a node stands in the file."""
        return self.text.span(node.start, node.end)


def children(node: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions of a node, in source order."""
    match node:
        case Constant() | Ident():
            return ()
        case Select():
            return (node.operand,)
        case Call():
            return node.args if node.target is None else (node.target, *node.args)
        case ListExpr():
            return node.elements
        case MapExpr():
            return tuple(part for entry in node.entries for part in (entry.key, entry.value))
        case Struct():
            return tuple(field.value for field in node.fields)
        case Comprehension():
            parts = (node.range, node.condition, node.result)
            return tuple(part for part in parts if part is not None)
        case Bind():
            return (node.value, node.body)
