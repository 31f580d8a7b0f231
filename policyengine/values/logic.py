"""The logical operators over values and error values: the reference for how `&&` absorbs errors.

An operand may be an `EvaluationError`, standing for an operand that failed. Neither side is
favoured: `false && error` and `error && false` are both false.
"""

from __future__ import annotations

from typing import Any

from policyengine.errors import EvaluationError
from policyengine.values import failures


def logical_and(left: Any, right: Any) -> bool:
    """`left && right`.

    >>> logical_and(failures.divide_by_zero(), False)
    False
    """
    if left is False or right is False:
        return False
    if left is True and right is True:
        return True
    raise _failure("_&&_", left, right)


def logical_or(left: Any, right: Any) -> bool:
    """`left || right`.

    >>> logical_or(failures.divide_by_zero(), True)
    True
    """
    if left is True or right is True:
        return True
    if left is False and right is False:
        return False
    raise _failure("_||_", left, right)


def logical_not(value: Any) -> bool:
    """`!value`."""
    if value.__class__ is bool:
        return not value
    raise _failure("!_", value)


def conditional(condition: Any, then: Any, otherwise: Any) -> Any:
    """`condition ? then : otherwise`; the branch that is not chosen may be an error."""
    if condition.__class__ is not bool:
        raise _failure("_?_:_", condition, then, otherwise)
    chosen = then if condition else otherwise
    if isinstance(chosen, EvaluationError):
        raise chosen
    return chosen


def _failure(operator: str, *operands: Any) -> EvaluationError:
    for operand in operands:
        if isinstance(operand, EvaluationError):
            return operand
    return failures.no_such_overload(operator, *operands)
