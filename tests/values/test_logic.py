from __future__ import annotations

from typing import Any

import pytest

from policyengine.errors import EvaluationError
from policyengine.values.failures import divide_by_zero
from policyengine.values.logic import conditional, logical_and, logical_not, logical_or

FAILED = "failed"
ROWS = [
    (False, False, False, False),
    (False, True, False, True),
    (True, True, True, True),
    (False, FAILED, False, FAILED),
    (True, FAILED, FAILED, True),
    (FAILED, FAILED, FAILED, FAILED),
    (False, 1, False, "no-such-overload"),
    (True, "x", "no-such-overload", True),
    (None, FAILED, FAILED, FAILED),
    (1, 0, "no-such-overload", "no-such-overload"),
]


def outcome(function: Any, *operands: Any) -> Any:
    given = [divide_by_zero() if operand is FAILED else operand for operand in operands]
    try:
        return function(*given)
    except EvaluationError as error:
        return FAILED if error.code == "divide-by-zero" else error.code


@pytest.mark.parametrize(("left", "right", "both", "either"), ROWS)
def test_neither_side_is_favoured(left: Any, right: Any, both: Any, either: Any) -> None:
    assert outcome(logical_and, left, right) == outcome(logical_and, right, left) == both
    assert outcome(logical_or, left, right) == outcome(logical_or, right, left) == either


def test_not() -> None:
    assert outcome(logical_not, True) is False
    assert outcome(logical_not, 0) == "no-such-overload"
    assert outcome(logical_not, FAILED) == FAILED


def test_conditional_looks_at_the_chosen_branch_only() -> None:
    assert outcome(conditional, True, 1, FAILED) == 1
    assert outcome(conditional, False, 1, FAILED) == FAILED
    assert outcome(conditional, FAILED, 1, 2) == FAILED
    assert outcome(conditional, 1, 1, 2) == "no-such-overload"
