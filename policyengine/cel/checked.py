"""What the checker has learnt about an expression, in tables keyed by node id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policyengine.cel.ast import Ast
from policyengine.cel.functions import Function, Overload
from policyengine.cel.nodes import node
from policyengine.cel.types import MessageType, ObjectType, Type
from policyengine.values.messages import EnumValue

Maker = Callable[[Mapping[str, Any]], Any]
"""The value of a message literal by its fields; may raise `EvaluationError`."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """The names that an expression may use.

    `variables` may hold dotted names (`destination.ip`). `functions` is made by
    `policyengine.cel.functions.table`. `types` are the object types that may be named in the
    text. `container` is the namespace in which names are looked up first, inside out.
    `constants` are named values, such as the numbers of an enum. `makers` make the messages of
    literals, by the full name of their type, from what their fields are set to. `abbreviations`
    are last parts of qualified names of types and what they stand for, whatever the container.

    With `lenient` no mistake is reported: what has no meaning has the type `dyn` and is an error
    when it is evaluated. A name that was not declared is read from the bindings as it is.
    """

    variables: Mapping[str, Type]
    functions: Mapping[str, Function]
    types: Mapping[str, ObjectType | MessageType] = field(default_factory=dict)
    container: str = ""
    constants: Mapping[str, int | EnumValue] = field(default_factory=dict)
    makers: Mapping[str, Maker] = field(default_factory=dict)
    abbreviations: Mapping[str, str] = field(default_factory=dict)
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
    """A type used as a value: `int`, `google.protobuf.Timestamp`; or one that a literal is of.

    `make`, if there is one, gives the literal's value.
    """

    name: str
    make: Maker | None = None


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
    """A named number; on a `Select` the whole chain is its dotted name."""

    name: str
    value: int | EnumValue


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
