"""What the checker has learnt about an expression, in tables keyed by node id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policyengine.cel.ast import Ast
from policyengine.cel.functions import Function, Overload
from policyengine.cel.nodes import node
from policyengine.cel.types import ObjectType, Type


@dataclass(frozen=True, slots=True)
class Declarations:
    """The names that an expression may use.

    `variables` may hold dotted names (`destination.ip`). `functions` is made by
    `policyengine.cel.functions.table`. `types` are the object types that may be named in the
    text. `container` is the namespace in which names are looked up first, inside out.
    `constants` are named whole numbers, such as the values of an enum.

    With `lenient` no mistake is reported: what has no meaning has the type `dyn` and is an error
    when it is evaluated. A name that was not declared is read from the bindings as it is.
    """

    variables: Mapping[str, Type]
    functions: Mapping[str, Function]
    types: Mapping[str, ObjectType] = field(default_factory=dict)
    container: str = ""
    constants: Mapping[str, int] = field(default_factory=dict)
    lenient: bool = False


@node
@dataclass(frozen=True, slots=True)
class VariableRef:
    """A declared variable; on a `Select` the whole chain is the variable's dotted name."""

    name: str


@node
@dataclass(frozen=True, slots=True)
class LocalRef:
    """Variable number `index` of the `Comprehension` or `Bind` with the id `binder`."""

    binder: int
    index: int


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type used as a value: `int`, `google.protobuf.Timestamp`."""

    name: str


@node
@dataclass(frozen=True, slots=True)
class FunctionRef:
    """The function that a `Call` means and the overloads that its argument types leave open.

    More than one is left where an argument is `dyn`; none, in lenient checking, where no overload
    fits and only run time can say so. `namespaced` is true where the call was
    written like a method (`math.greatest(1, 2)`) but the target is part of the function's name.
    """

    function: Function
    overloads: tuple[Overload, ...]
    namespaced: bool = False


@dataclass(frozen=True, slots=True)
class ConstantRef:
    """A named whole number; on a `Select` the whole chain is its dotted name."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class FailureRef:
    """What has no meaning, in lenient checking: evaluating it raises an `EvaluationError`."""

    code: str
    message: str


Reference = VariableRef | LocalRef | TypeRef | FunctionRef | ConstantRef | FailureRef


@node
@dataclass(frozen=True, slots=True)
class CheckedExpression:
    """An expression with a type for every node and a meaning for every name.

    Only `policyengine.cel.checker.check` makes one, and `policyengine.cel.checks` of one that it
    made. Expressions may share their tables.
    """

    ast: Ast
    types: Mapping[int, Type]
    references: Mapping[int, Reference]
    type: Type
