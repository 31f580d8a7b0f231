"""Running rules by their reference form, for generated functions of decision points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

from policyengine.errors import EvaluationError, FactError
from policyengine.values import failures
from policyengine.values.conform import UNSET, conform
from policyengine.values.references import References

Errors = list[tuple[int, EvaluationError]]

_POSITION = itemgetter(0)


def rule(
    position: int,
    references: References,
    arguments: tuple[Any, ...],
    matched: list[int],
    errors: Errors,
) -> None:
    """Notes a rule as matched or failed, by the reference form of its condition."""
    try:
        if _truth(references[position](*arguments)):
            matched.append(position)
    except EvaluationError as error:
        errors.append((position, without_frames(error)))
    except (RecursionError, MemoryError):
        errors.append((position, failures.too_deep(0)))


def without_frames(error: EvaluationError) -> EvaluationError:
    """The error without what holds the frames, and so the request, that it was raised in."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def rules(
    positions: Sequence[int],
    references: References,
    arguments: tuple[Any, ...],
    matched: list[int],
    errors: Errors,
) -> None:
    """`rule` for many rules, by their positions."""
    for position in positions:
        rule(position, references, arguments, matched, errors)


def failed(
    positions: Sequence[int],
    path: tuple[str, ...],
    kind: str,
    references: References,
    arguments: tuple[Any, ...],
    matched: list[int],
    errors: Errors,
) -> None:
    """Notes rules that fail alike, because the `path` that all of them read does.

    Its value is read as `kind`, and those before it as objects.
    """
    if positions:
        error = _failure(arguments[0], path, kind)
        if error is not None:
            errors.extend(zip(positions, repeat(error)))
        else:
            rules(positions, references, arguments, matched, errors)


def _failure(value: Any, path: tuple[str, ...], kind: str) -> EvaluationError | None:
    """Why a path of an object, whose value is no null, cannot be read."""
    for step in path:
        if value.__class__ is not dict:
            break
        value = value.get(step)
        if value is None:
            return failures.no_such_field(step)  # Which is what `read` raises, but slowly.
    else:
        try:
            conform(value, kind)
        except EvaluationError as error:
            return without_frames(error)
    return None


def may_hold(condition: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether a rule may match once its facts are known: only a plain false rules it out."""
    try:
        return _truth(condition(*arguments))
    except (EvaluationError, RecursionError, MemoryError):
        return True


def _truth(value: Any) -> bool:
    if value.__class__ is bool:
        return bool(value)
    raise failures.type_mismatch("bool", value)


def negation(value: Any) -> bool:
    """`!value`, for `unless`."""
    return not _truth(value)


def fact(value: Any) -> Any:
    """The findings of a fact; raises `EvaluationError` when its source failed."""
    if isinstance(value, FactError):
        raise EvaluationError(value.code, value.message)
    if value is UNSET:
        raise EvaluationError("fact-missing", "a fact was read before it was asked for")
    return value


def closed(
    matched: list[int], errors: Errors, denies: frozenset[int], failed: frozenset[int]
) -> bool:
    """Whether the verdict is settled as deny, so that no further fact can change it.

    `denies` are the rules that deny when they match, `failed` those that deny when they fail.
    """
    return not denies.isdisjoint(matched) or any(position in failed for position, _ in errors)


def in_order(errors: Errors) -> None:
    """Sorts errors by the positions of their rules."""
    if len(errors) > 1:
        errors.sort(key=_POSITION)
