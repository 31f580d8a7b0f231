"""Every message of the type checker, one function each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from policyengine.cel.ast import OPERATORS, Comprehension
from policyengine.cel.functions import Overload
from policyengine.cel.suggestions import listed
from policyengine.cel.types import BOOL, MessageType, ObjectType, Primitive, Type
from policyengine.diagnostics import Diagnostic
from policyengine.source import Span

_MOST_SIGNATURES = 5


def undeclared_reference(span: Span, name: str, meant: str | None, hint: str = "") -> Diagnostic:
    """A name that stands for no variable and no type."""
    return Diagnostic(
        "undeclared-reference", f"`{name}` is not declared", span, _did_you_mean(meant), hint
    )


def unknown_enum_value(
    span: Span, name: str, enum: str, values: Iterable[str], meant: str | None
) -> Diagnostic:
    """A value that the enum does not have; both names are as they were written."""
    return Diagnostic(
        "unknown-enum-value",
        f"`{name}` is not a value of `{enum}`",
        span,
        _did_you_mean(meant),
        "" if meant else f"its values are {listed(values)}",
    )


def unknown_field(
    span: Span, path: str, type_: ObjectType | MessageType, meant: str | None
) -> Diagnostic:
    """A field that the object does not have; `path` is as it was written."""
    fields = listed(type_.fields)
    return Diagnostic(
        "unknown-field",
        f"`{path}` is not a field of `{type_}`",
        span,
        _did_you_mean(meant),
        "" if meant else f"its fields are {fields}" if fields else "it has no fields",
    )


def not_selectable(span: Span, type_: Type, field: str, hint: str = "") -> Diagnostic:
    """A field of something that has none."""
    return Diagnostic("not-selectable", f"`{type_}` has no field `{field}`", span, help=hint)


def unknown_function(span: Span, name: str, meant: str | None, hint: str = "") -> Diagnostic:
    """A call of what is not a function."""
    return Diagnostic(
        "unknown-function", f"there is no function `{name}`", span, _did_you_mean(meant), hint
    )


def macro_not_expanded(
    span: Span, name: str, given: int, libraries: Mapping[str, set[int]]
) -> Diagnostic:
    """A macro that is not enabled, or that has the wrong number of arguments.

    `libraries` are those that have a macro of this name, with the argument counts they take.
    """
    for library, counts in libraries.items():
        if given in counts:
            message = f"`{name}` is a macro of the library `{library}`, which is not enabled"
            return Diagnostic("unknown-function", message, span)
    wanted = _counts(set().union(*libraries.values()))
    message = f"the macro `{name}` takes {wanted} arguments, {given} given"
    return Diagnostic("no-matching-overload", message, span)


def _counts(wanted: set[int]) -> str:
    """`1 or 2`, and `1 to 32` where that is shorter."""
    ordered = sorted(wanted)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]} to {ordered[-1]}"
    return " or ".join(map(str, ordered))


def unknown_operator(span: Span, function: str) -> Diagnostic:
    """An operator of an extension that is not there."""
    sign = symbol(function)
    return Diagnostic("unknown-function", f"the operator `{sign}` is not available here", span)


def unknown_type(span: Span, name: str, meant: str | None) -> Diagnostic:
    """A message literal of a type that was not declared."""
    return Diagnostic("unknown-type", f"there is no type `{name}`", span, _did_you_mean(meant))


def wrong_operands(
    span: Span, function: str, types: Sequence[Type], overloads: Iterable[Overload], hint: str = ""
) -> Diagnostic:
    """An operator on types that it does not take."""
    sign = symbol(function)
    taken = _and([f"`{type_}`" for type_ in types])
    return Diagnostic(
        "no-matching-overload",
        f"`{sign}` does not take {taken}",
        span,
        help=hint or _takes(sign, overloads, types),
    )


def not_indexable(span: Span, operand: Type, index: Type, hint: str = "") -> Diagnostic:
    """`a[i]` where `a` has no such index."""
    return Diagnostic(
        "no-matching-overload", f"`{operand}` cannot be indexed by `{index}`", span, help=hint
    )


def wrong_arguments(
    span: Span, name: str, given: str, types: Sequence[Type], overloads: Iterable[Overload]
) -> Diagnostic:
    """A call with types that the function does not take; `given` is the call in types."""
    return Diagnostic(
        "no-matching-overload",
        f"`{name}` cannot be called as `{given}`",
        span,
        help=_takes(name, overloads, types),
    )


def wrong_argument_count(
    span: Span, name: str, given: int, overloads: Iterable[Overload]
) -> Diagnostic:
    """A call with more or fewer arguments than any overload has."""
    wanted = sorted({len(overload.args) - overload.receiver for overload in overloads})
    counts = " or ".join(map(str, wanted))
    noun = "argument" if wanted == [1] else "arguments"
    return Diagnostic(
        "no-matching-overload",
        f"`{name}` takes {counts} {noun}, {given} given",
        span,
        help=_takes(name, overloads),
    )


def wrong_call_style(
    span: Span, name: str, receiver: bool, instead: str, overloads: Iterable[Overload]
) -> Diagnostic:
    """A method called like a function, or the other way round."""
    style = "like a function" if receiver else "on a value"
    return Diagnostic(
        "no-matching-overload",
        f"`{name}` is called {style}",
        span,
        _did_you_mean(instead),
        "" if instead else _takes(name, overloads),
    )


def type_mismatch(
    span: Span, what: str, wanted: Type | str, given: Type, hint: str = ""
) -> Diagnostic:
    """Something that must have one type has another; `what` names the place in words."""
    return Diagnostic(
        "type-mismatch", f"{what} must be `{wanted}`, this is `{given}`", span, help=hint
    )


def condition_not_bool(span: Span, given: Type) -> Diagnostic:
    """A whole condition that is not a truth value."""
    return Diagnostic("condition-not-bool", f"a condition must be `bool`, this is `{given}`", span)


def macro_condition_not_bool(span: Span, macro: str, given: Type) -> Diagnostic:
    """The predicate of a comprehension that is not a truth value."""
    return type_mismatch(span, f"the condition of `{macro}`", BOOL, given)


def different_branches(span: Span, first: Type, second: Type) -> Diagnostic:
    """The two results of `?:` that no type covers."""
    return Diagnostic(
        "type-mismatch",
        f"both branches of `?:` must have one type, these are `{first}` and `{second}`",
        span,
        help="wrap one of them in `dyn(...)` if they are meant to differ",
    )


def not_a_list_or_map(span: Span, macro: str, given: Type) -> Diagnostic:
    """A comprehension over something without elements."""
    return Diagnostic(
        "not-a-list-or-map", f"`{macro}` works on a list or a map, this is `{given}`", span
    )


def bad_map_key(span: Span, given: Type) -> Diagnostic:
    """A map literal's key of a type that keys cannot have."""
    return Diagnostic(
        "bad-map-key",
        f"`{given}` cannot be the key of a map",
        span,
        help="keys are `bool`, `int`, `uint` or `string`",
    )


def type_too_large(span: Span, limit: int) -> Diagnostic:
    """An expression whose type has too many parts to be of use."""
    return Diagnostic(
        "type-too-large",
        f"the type of this has more than {limit} parts",
        span,
        help="wrap a part of it in `dyn(...)`",
    )


def macro_name(node: Comprehension) -> str:
    """A comprehension macro as it is written.

    `existsOne` and `exists_one` are the same macro; the older name is used for both.
    """
    first, *rest = node.kind.split("_")
    if first != "transform":
        return node.kind
    return first + "".join(map(str.capitalize, rest))


def symbol(function: str) -> str:
    """An operator as it is written; any other function's name is itself.

    >>> symbol("_&&_"), symbol("@in"), symbol("_[_]"), symbol("size")
    ('&&', 'in', '[]', 'size')
    """
    if function not in OPERATORS:
        return function
    return "in" if function == "@in" else function.replace("_", "")


def _did_you_mean(name: str | None) -> str:
    return f"did you mean `{name}`?" if name else ""


def _takes(sign: str, overloads: Iterable[Overload], types: Sequence[Type] = ()) -> str:
    """What a function takes, the overloads that agree with most of the given types first."""

    def differing(overload: Overload) -> int:
        pairs = zip(overload.args, types, strict=False)
        return sum(
            type(one) is not type(other) or (type(one) is Primitive and one != other)
            for one, other in pairs
        )

    ranked = sorted(overloads, key=differing)
    forms = list(dict.fromkeys(_form(sign, overload) for overload in ranked))
    if not forms:
        return ""
    shown = ", ".join(f"`{form}`" for form in forms[:_MOST_SIGNATURES])
    rest = len(forms) - _MOST_SIGNATURES
    return f"it takes {shown}" + (f" and {rest} more" if rest > 0 else "")


def _form(sign: str, overload: Overload) -> str:
    parts = [str(type_) for type_ in overload.args]
    if not sign[-1].isalnum() or sign == "in":
        return f" {sign} ".join(parts) if len(parts) == 2 else sign + "".join(parts)
    if overload.receiver:
        return f"{parts[0]}.{sign}({', '.join(parts[1:])})"
    return f"{sign}({', '.join(parts)})"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
