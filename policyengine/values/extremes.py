"""`math.greatest` and `math.least`, of one number, of two, or of a list of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.compare import less
from policyengine.values.kinds import UInt

_NUMBERS: Final = (int, UInt, float)
_NONE: Final = object()


def greatest(first: Any, second: Any = _NONE) -> Any:
    """`math.greatest(first, second)`; the first of two that are equal.

    Numbers compare by value, whatever their types. Raises `EvaluationError` (`bad-argument`) for
    an empty list and for NaN among several numbers.

    >>> greatest(1, 2.5), greatest([3, UInt(7), 5.5])
    (2.5, 7)
    """
    return _extreme("math.greatest", lambda held, other: less(held, other), first, second)


def least(first: Any, second: Any = _NONE) -> Any:
    """`math.least(first, second)`, the opposite of `greatest`.

    >>> least(1, 2.5), least([3, UInt(7), 5.5])
    (1, 3)
    """
    return _extreme("math.least", lambda held, other: less(other, held), first, second)


def _extreme(function: str, better: Callable[[Any, Any], bool], first: Any, second: Any) -> Any:
    numbers: Sequence[Any]
    if second is not _NONE:
        numbers = (first, second)
    elif first.__class__ is list or first.__class__ is tuple:
        numbers = first
        if not numbers:
            raise failures.bad_argument(function, "the list is empty")
    else:
        numbers = (first,)
    for number in numbers:
        if number.__class__ not in _NUMBERS:
            raise failures.no_such_overload(function, number)
        if number != number and len(numbers) > 1:
            raise failures.bad_argument(function, "NaN is not ordered")
    held = numbers[0]
    for number in numbers[1:]:
        if better(held, number):
            held = number
    return held
