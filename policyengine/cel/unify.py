"""Type variables, and the smallest type that covers two others.

`join` is what the checker needs everywhere: the elements of a list literal, the branches of `?:`
and the arguments of a call against an overload's parameters all ask whether two types agree and
what covers both. Like cel-go's checker, `dyn` agrees with everything and `null_type` agrees with
the types that may hold null; unlike it, a join never claims more than both sides guarantee.
"""

from __future__ import annotations

from policyengine.cel.types import (
    DURATION,
    DYN,
    ERROR,
    NULL,
    TIMESTAMP,
    AbstractType,
    ListType,
    MapType,
    MessageType,
    ObjectType,
    OptionalType,
    Primitive,
    Type,
    TypeParam,
    TypeType,
    WrapperType,
)

# A type of an expression has at most this many parts. Real ones have a handful; the limit keeps
# every walk over a type short, however a hostile expression nests or doubles it.
MAX_TYPE_PARTS = 64
# Steps for one walk: two types of the largest size, and the variables on the way.
_STEPS = 2 * MAX_TYPE_PARTS
# What agrees with every type.
_OPEN = (DYN, ERROR)


class Unifier:
    """The type variables of one check and what is known about them.

    `nulls` counts how often `null_type` was taken for a type that is not a wrapper: from there
    on, a value of that type may be null at run time.
    """

    __slots__ = ("_bindings", "_fresh", "_steps", "_trail", "nulls")

    def __init__(self) -> None:
        self._bindings: dict[str, Type] = {}
        self._trail: list[tuple[str, Type | None]] = []
        self._fresh = 0
        self._steps = 0
        self.nulls = 0

    def fresh(self) -> TypeParam:
        """A type variable that nothing is known about."""
        self._fresh += 1
        # A digit first: no parameter in a function's signature has such a name.
        return TypeParam(f"{self._fresh}T")

    @property
    def used(self) -> bool:
        """Whether any variable was made, so that types may have to be resolved."""
        return self._fresh > 0

    def find(self, type_: Type) -> Type:
        """What a variable stands for, as far as it is known; any other type is itself."""
        while type(type_) is TypeParam:
            bound = self._bindings.get(type_.name)
            if bound is None:
                return type_
            type_ = bound
        return type_

    def mark(self) -> int:
        """The present state, for `undo`."""
        return len(self._trail)

    def undo(self, mark: int) -> None:
        """Forget what was learnt since `mark`."""
        trail = self._trail
        while len(trail) > mark:
            name, before = trail.pop()
            if before is None:
                del self._bindings[name]
            else:
                self._bindings[name] = before

    def join(self, first: Type, second: Type) -> Type | None:
        """The smallest type that covers both, or None, with nothing learnt, if there is none."""
        if first is second:
            return first
        mark = len(self._trail)
        nulls = self.nulls
        self._steps = _STEPS
        joined = self._join(first, second)
        if joined is None:
            self.undo(mark)
            self.nulls = nulls
        return joined

    def resolve(self, type_: Type) -> Type:
        """The type with all known variables replaced; unknown ones stay."""
        if type(type_) is Primitive or not self._fresh:
            return type_
        self._steps = _STEPS
        return self._resolve(type_, final=False)

    def final(self, type_: Type) -> Type:
        """The type without any variable: one that nothing is known about is `dyn`."""
        if type(type_) is Primitive:
            return type_
        self._steps = _STEPS
        return self._resolve(type_, final=True)

    def fits(self, type_: Type) -> bool:
        """Whether a type stays within `MAX_TYPE_PARTS`."""
        if type(type_) is ObjectType:
            return True
        self._steps = MAX_TYPE_PARTS
        return self._walk(type_, absent=None)

    def _bind(self, name: str, type_: Type) -> None:
        self._trail.append((name, self._bindings.get(name)))
        self._bindings[name] = type_

    def _root(self, variable: TypeParam) -> TypeParam:
        """The last variable on the way from this one."""
        while True:
            bound = self._bindings.get(variable.name)
            if type(bound) is not TypeParam:
                return variable
            variable = bound

    def _join(self, first: Type, second: Type) -> Type | None:
        if first is second:
            return first
        self._steps -= 1
        if self._steps < 0:
            return None
        if type(first) is TypeParam:
            return self._join_variable(first, second)
        if type(second) is TypeParam:
            return self._join_variable(second, first)
        if type(first) is Primitive or type(second) is Primitive:
            return self._join_primitive(first, second)
        return self._join_same_kind(first, second)

    def _join_primitive(self, first: Type, second: Type) -> Type | None:
        """The join where at least one of the two has no parts."""
        if first in _OPEN or second in _OPEN:
            self._loosen(first)
            self._loosen(second)
            return ERROR if ERROR in (first, second) else DYN
        for one, other in ((first, second), (second, first)):
            if one == NULL and may_hold_null(other):
                self.nulls += type(other) is not WrapperType and other != NULL
                return other
            if type(one) is WrapperType and one.value == other:
                return one
        return first if first == second else None

    def _join_variable(self, variable: TypeParam, other: Type) -> Type | None:
        root = self._root(variable)
        known = self._bindings.get(root.name)
        if type(other) is TypeParam:
            other_root = self._root(other)
            if other_root.name == root.name:
                return root
            if known is None:
                return self._link(root, other_root)
            if other_root.name not in self._bindings:
                return self._link(other_root, root)
            other = self._bindings[other_root.name]
            joined = self._join(known, other)
            if joined is None:
                return None
            self._bind(other_root.name, root)
        else:
            joined = other if known is None else self._join(known, other)
        if joined is None or (type(joined) is not Primitive and self._mentions(joined, root)):
            return None
        if joined is not known:
            self._bind(root.name, joined)
        return root

    def _link(self, free: TypeParam, root: TypeParam) -> Type | None:
        """Let a free variable stand for another, unless it is a part of what that one holds."""
        if self._mentions(self._bindings.get(root.name, DYN), free):
            return None
        self._bind(free.name, root)
        return root

    def _join_same_kind(self, first: Type, second: Type) -> Type | None:
        match first, second:
            case ListType(), ListType():
                element = self._join(first.element, second.element)
                return None if element is None else ListType(element)
            case MapType(), MapType():
                key = self._join(first.key, second.key)
                value = None if key is None else self._join(first.value, second.value)
                return None if key is None or value is None else MapType(key, value)
            case OptionalType(), OptionalType():
                value = self._join(first.value, second.value)
                return None if value is None else OptionalType(value)
            case TypeType(), TypeType():
                return first if first == second else TypeType()
            case AbstractType(), AbstractType() if first.name == second.name:
                return self._join_abstract(first, second)
            case _:
                return first if first == second else None

    def _join_abstract(self, first: AbstractType, second: AbstractType) -> Type | None:
        if len(first.parameters) != len(second.parameters):
            return None
        parameters = []
        for one, other in zip(first.parameters, second.parameters, strict=True):
            joined = self._join(one, other)
            if joined is None:
                return None
            parameters.append(joined)
        return AbstractType(first.name, tuple(parameters))

    def _loosen(self, type_: Type) -> None:
        """Where a type met `dyn`, its variables can stand for anything from now on."""
        if type(type_) is Primitive:
            return
        self._steps -= 1
        if self._steps < 0:
            return
        if type(type_) is TypeParam:
            root = self._root(type_)
            if self._bindings.get(root.name) is not DYN:
                self._bind(root.name, DYN)
            return
        for part in parts(type_):
            self._loosen(part)

    def _mentions(self, type_: Type, variable: TypeParam) -> bool:
        left = self._steps
        self._steps = MAX_TYPE_PARTS
        found = not self._walk(type_, absent=variable)
        self._steps = left
        return found

    def _walk(self, type_: Type, absent: TypeParam | None) -> bool:
        """Whether a type is small enough and does not mention a variable."""
        self._steps -= 1
        if self._steps < 0:
            return False
        type_ = self.find(type_)
        if type(type_) is TypeParam:
            return absent is None or type_.name != absent.name
        for part in parts(type_):  # noqa: SIM110 - a generator would double the frames
            if not self._walk(part, absent):
                return False
        return True

    def _resolve(self, type_: Type, final: bool) -> Type:
        self._steps -= 1
        if self._steps < 0:
            return DYN
        type_ = self.find(type_)
        match type_:
            case TypeParam():
                return DYN if final else type_
            case ListType():
                return ListType(self._resolve(type_.element, final))
            case MapType():
                key = self._resolve(type_.key, final)
                return MapType(key, self._resolve(type_.value, final))
            case OptionalType():
                return OptionalType(self._resolve(type_.value, final))
            case TypeType():
                return TypeType(type_.value and self._resolve(type_.value, final))
            case AbstractType():
                return AbstractType(
                    type_.name, tuple([self._resolve(part, final) for part in type_.parameters])
                )
            case _:
                return type_


def may_hold_null(type_: Type) -> bool:
    """Whether `null` can be given where this type is asked for (cel-spec's legacy rule).

    >>> may_hold_null(TIMESTAMP), may_hold_null(Primitive("string"))
    (True, False)
    """
    if isinstance(type_, Primitive):
        return type_ in (NULL, TIMESTAMP, DURATION)
    return isinstance(type_, ObjectType | MessageType | OptionalType | WrapperType | AbstractType)


def without_null_claims(type_: Type) -> Type:
    """The type with `dyn` in place of every part that may in truth be null."""
    match type_:
        case ListType():
            return ListType(without_null_claims(type_.element))
        case MapType():
            return MapType(without_null_claims(type_.key), without_null_claims(type_.value))
        case WrapperType() | TypeType():
            return type_
        case _:
            return DYN if may_hold_null(type_) and type_ != NULL else type_


def has_variables(type_: Type) -> bool:
    """Whether a type parameter occurs in a type."""
    return type(type_) is TypeParam or any(map(has_variables, parts(type_)))


def instantiate(type_: Type, variables: dict[str, TypeParam], unifier: Unifier) -> Type:
    """A signature's type with a fresh variable for each parameter; `variables` is filled."""
    match type_:
        case TypeParam():
            variable = variables.get(type_.name)
            if variable is None:
                variable = variables[type_.name] = unifier.fresh()
            return variable
        case ListType():
            return ListType(instantiate(type_.element, variables, unifier))
        case MapType():
            key = instantiate(type_.key, variables, unifier)
            return MapType(key, instantiate(type_.value, variables, unifier))
        case OptionalType():
            return OptionalType(instantiate(type_.value, variables, unifier))
        case TypeType():
            return TypeType(type_.value and instantiate(type_.value, variables, unifier))
        case AbstractType():
            return AbstractType(
                type_.name, tuple([instantiate(p, variables, unifier) for p in type_.parameters])
            )
        case _:
            return type_


def parts(type_: Type) -> tuple[Type, ...]:
    """The types that a type is directly made of."""
    match type_:
        case ListType():
            return (type_.element,)
        case MapType():
            return (type_.key, type_.value)
        case OptionalType():
            return (type_.value,)
        case TypeType():
            return () if type_.value is None else (type_.value,)
        case AbstractType():
            return type_.parameters
        case _:
            return ()
