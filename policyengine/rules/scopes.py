"""Fields of a point's input that questions name as text, such as the scopes of a budget."""

from __future__ import annotations

from collections.abc import Iterable

from policyengine.cel.suggestions import closest, listed
from policyengine.cel.types import BOOL, DYN, INT, STRING, MapType, ObjectType, Type, WrapperType
from policyengine.diagnostics import Diagnostic
from policyengine.program import TextPath
from policyengine.rules.model import Point
from policyengine.rules.points import builtin_points
from policyengine.source import Span

_PLAIN = (STRING, INT, BOOL, DYN)


def field_problem(field: str, point: Point, span: Span) -> Diagnostic | None:
    """What is wrong with a field that must be a plain value of the input, and no text of it."""
    steps = tuple(field.split("."))
    found: Type = point.input
    for number, step in enumerate(steps):
        if isinstance(found, MapType):
            found = found.value
            continue
        if found == DYN:
            break
        inner = found.fields.get(step) if isinstance(found, ObjectType) else None
        if inner is None:
            return _unknown(steps[: number + 1], found, point, span)
        found = inner.type
    if isinstance(found, WrapperType):
        found = found.value
    if found not in _PLAIN:
        message = f"`{field}` is {found}, and not a plain value"
        return Diagnostic("bad-scope", message, span, help="name a text or a number in it")
    if any(_is_text(steps, path) for path in point.texts):
        message = f"`{field}` is text of the request, which must not name a counter"
        return Diagnostic("bad-scope", message, span)
    return None


def _is_text(steps: tuple[str, ...], text: TextPath) -> bool:
    """Whether a field is a text, holds one, or lies below a place where all strings are texts."""
    *above, last = text
    below = last == "**" and steps[: len(above)] == tuple(above)
    return below or steps == text[: len(steps)]


def _unknown(steps: tuple[str, ...], around: Type, point: Point, span: Span) -> Diagnostic:
    field, outer = ".".join(steps), ".".join(steps[:-1])
    names: Iterable[str] = around.fields if isinstance(around, ObjectType) else ()
    elsewhere = [
        one.name
        for one in builtin_points().values()
        if len(steps) == 1 and steps[0] in one.input.fields
    ]
    message = f"`{field}` is not a field of `{point.name}`"
    meant = closest(steps[-1], names)
    if meant:
        whole = f"{outer}.{meant}" if outer else meant
        return Diagnostic("unknown-field", message, span, f"did you mean `{whole}`?")
    if elsewhere:
        return Diagnostic("unknown-field", message, span, help=f"it exists at {listed(elsewhere)}")
    help = f"there are {listed(names)}" if names else ""
    return Diagnostic("unknown-field", message, span, help=help)
