"""What the checker has learnt about an expression, in tables keyed by node id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policyengine.cel.ast import Ast
from policyengine.cel.functions import Function, Overload
from policyengine.cel.types import ObjectType, Type


@dataclass(frozen=True, slots=True)
class Declarations:
    """The names that an expression may use.

    `variables` may hold dotted names (`destination.ip`). `functions` is made by
    `policyengine.cel.functions.table`. `types` are the object types that may be named in the
    text. `container` is the namespace in which names are looked up first, inside out.
    """

    variables: Mapping[str, Type]
    functions: Mapping[str, Function]
    types: Mapping[str, ObjectType] = field(default_factory=dict)
    container: str = ""


@dataclass(frozen=True, slots=True)
class VariableRef:
    """A declared variable; on a `Select` the whole chain is the variable's dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class LocalRef:
    """Variable number `index` of the `Comprehension` or `Bind` with the id `binder`."""

    binder: int
    index: int


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type used as a value: `int`, `google.protobuf.Timestamp`."""

    name: str


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """The function that a `Call` means and the overloads that its argument types leave open.

    More than one is left where an argument is `dyn`. `namespaced` is true where the call was
    written like a method (`math.greatest(1, 2)`) but the target is part of the function's name.
    """

    function: Function
    overloads: tuple[Overload, ...]
    namespaced: bool = False


Reference = VariableRef | LocalRef | TypeRef | FunctionRef


@dataclass(frozen=True, slots=True)
class CheckedExpression:
    """An expression with a type for every node and a meaning for every name.

    Only `policyengine.cel.checker.check` makes one.
    """

    ast: Ast
    types: Mapping[int, Type]
    references: Mapping[int, Reference]
    type: Type
