"""Which overloads of a function a call leaves open, and what it gives.

As in cel-go: every overload of the right style and number of arguments is tried; those that fit
stay open, and if they disagree about the result, it is `dyn`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policyengine.cel.checked import FunctionRef
from policyengine.cel.functions import Function, Overload
from policyengine.cel.types import (
    DYN,
    ERROR,
    MessageType,
    ObjectType,
    Primitive,
    Type,
    TypeParam,
)
from policyengine.cel.unify import Unifier, has_variables, instantiate, parts


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a call means and gives.

    `nulls` says that the result may hold a null that its type does not show.
    """

    reference: FunctionRef
    result: Type
    nulls: bool


@dataclass(frozen=True, slots=True)
class _Signature:
    """An overload, with what is asked of it again and again."""

    overload: Overload
    has_variables: bool
    result_has_variables: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A function's overloads by style and number of arguments, and the calls already resolved.

    A call is kept if its argument types have no variables, so that nothing is learnt from it, and
    its result no object type: those are equal by name only, and another check has its own.
    """

    function: Function
    signatures: dict[tuple[bool, int], list[_Signature]]
    resolved: dict[tuple[Type, ...], Resolution] = field(default_factory=dict)
    resolved_receiver: dict[tuple[Type, ...], Resolution] = field(default_factory=dict)


# By identity: a `Function` is a long value, and hashing it costs more than resolving a call. The
# entry holds the function, so its id stays its own.
_PREPARED: dict[int, _Prepared] = {}
_MAX_PREPARED = 4096
_MAX_RESOLVED = 1024


def resolve_call(
    unifier: Unifier, function: Function, arguments: tuple[Type, ...], receiver: bool
) -> Resolution | None:
    """The overloads that these argument types leave open, or None if there is none.

    For a receiver style call the first argument is the receiver.
    """
    prepared = _PREPARED.get(id(function)) or _prepare(function)
    known = prepared.resolved_receiver if receiver else prepared.resolved
    closed = True
    for argument in arguments:
        if type(argument) is not Primitive and not _is_closed(argument):
            closed = False
            break
    if closed and (resolution := known.get(arguments)) is not None:
        return resolution
    found = _resolve(unifier, prepared, arguments, receiver)
    if found is not None and closed and _is_closed(found.result, objects=False):
        if len(known) >= _MAX_RESOLVED:
            known.clear()
        known[arguments] = found
    return found


def _is_closed(type_: Type, *, objects: bool = True) -> bool:
    """Whether a type has no variables, and no object types unless they may be there."""
    match type_:
        case Primitive():
            return True
        case TypeParam():
            return False
        case ObjectType() | MessageType():
            return objects
        case _:
            for part in parts(type_):  # noqa: SIM110 - a generator would double the frames
                if not _is_closed(part, objects=objects):
                    return False
            return True


def _prepare(function: Function) -> _Prepared:
    signatures: dict[tuple[bool, int], list[_Signature]] = {}
    for overload in function.overloads:
        in_result = has_variables(overload.result)
        generic = in_result or any(map(has_variables, overload.args))
        row = _Signature(overload, generic, in_result)
        signatures.setdefault((overload.receiver, len(overload.args)), []).append(row)
    if len(_PREPARED) >= _MAX_PREPARED:
        _PREPARED.clear()
    prepared = _PREPARED[id(function)] = _Prepared(function, signatures)
    return prepared


def _resolve(
    unifier: Unifier, prepared: _Prepared, arguments: tuple[Type, ...], receiver: bool
) -> Resolution | None:
    open_: list[Overload] = []
    result: Type | None = None
    nulls = False
    for signature in prepared.signatures.get((receiver, len(arguments)), ()):
        before = unifier.nulls
        given = _try(unifier, signature, arguments)
        if given is None:
            continue
        open_.append(signature.overload)
        nulls |= signature.result_has_variables and unifier.nulls != before
        if result is None:
            result = given
        elif result != given:
            result = ERROR if ERROR in arguments else DYN
    if result is None:
        return None
    return Resolution(FunctionRef(prepared.function, tuple(open_)), result, nulls)


def _try(unifier: Unifier, signature: _Signature, arguments: tuple[Type, ...]) -> Type | None:
    """The result of one overload, or None, with nothing learnt, if it does not fit."""
    overload = signature.overload
    variables: dict[str, TypeParam] = {}
    mark = unifier.mark()
    for argument, parameter in zip(arguments, overload.args, strict=True):
        if signature.has_variables:
            parameter = instantiate(parameter, variables, unifier)
        if unifier.join(argument, parameter) is None:
            unifier.undo(mark)
            return None
    if not signature.result_has_variables:
        return overload.result
    return unifier.resolve(instantiate(overload.result, variables, unifier))
