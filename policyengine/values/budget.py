"""What loops within loops may cost: steps that are counted where they could multiply.

A loop over the input is linear in it and is not counted. What is: a loop that another loop starts
again and again, and a text or list that is read as a whole in each turn of a loop, where these are
not a new part of the input each time (`policyengine.cel.charges` says which). So a hostile input of
two long lists ends in `cost-exceeded` instead of running for hours.

Each outermost loop has a budget. Those of all rules of one decision draw on an allowance besides,
so that a thousand rules with such loops cannot take a thousand times as long.
"""

from __future__ import annotations

from typing import Any, Final

from policyengine.errors import EvaluationError
from policyengine.values import failures
from policyengine.values.conform import Unsure
from policyengine.values.kinds import OptionalValue
from policyengine.values.maps import MixedMap
from policyengine.values.messages import Message

# All pairs of about five hundred elements.
MAX_STEPS: Final = 1 << 18
# What all loops of a decision may take together: eight that use up their own.
MAX_STEPS_OF_DECISION: Final = 1 << 21
# An element counts as much as so many characters, as a power of two.
_ELEMENT: Final = 4
# A byte of a message, as protobuf writes it, counts half as much: a field takes two or more.
_BYTE: Final = 3

_COUNTED: Final = frozenset({list, tuple, dict, MixedMap})
_TEXTS: Final = frozenset({str, bytes})
_LISTS: Final = frozenset({list, tuple})


class Allowance:
    """The steps that all loops of one decision have left."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS_OF_DECISION


class Budget:
    """The steps that one outermost loop has left, at most what its decision has."""

    __slots__ = ("_allowance", "_left")

    def __init__(self, allowance: Allowance | None = None) -> None:
        self._left = MAX_STEPS
        self._allowance = allowance

    def paid(self, value: Any, shift: int, deep: bool = False) -> Any:
        """The value, its size taken from the budget.

        `1 << shift` characters or bytes are one step, and so are a sixteenth as many elements. With
        `deep` what is in the elements counts too. Raises `EvaluationError` (`cost-exceeded`).

        >>> Budget().paid([1, 2], 4)
        [1, 2]
        """
        steps = _deep_size(value, shift, self._left) if deep else _size(value, shift)
        if not self._take(steps):
            raise failures.cost_exceeded(MAX_STEPS if self._left < 0 else MAX_STEPS_OF_DECISION)
        return value

    def reserve(self, turns: Any, *repeated: tuple[Any, int]) -> None:
        """Takes what each turn of a loop over `turns` pays for the same values, at once.

        The loop may end early and pay less. So where it does not suffice, `Unsure` is raised, and
        the reference counts.
        """
        each = sum(_size(value, shift) for value, shift in repeated)
        if not self._take(len(turns) * each):
            raise Unsure

    def _take(self, steps: int) -> bool:
        """Takes steps, if there are as many."""
        self._left -= steps
        if self._left < 0:
            return False
        allowance = self._allowance
        if allowance is None:
            return True
        if steps > allowance.left:
            return False
        allowance.left -= steps
        return True


def absorbed(before: EvaluationError | None, error: EvaluationError) -> EvaluationError:
    """The first of the errors that another operand or element may still make up for.

    Raises `error` where its budget is used up: then there is no going on to the next one.
    """
    if error.code == "cost-exceeded":
        raise error
    return before or error


def _size(value: Any, shift: int) -> int:
    kind = value.__class__
    if kind in _COUNTED:
        return (len(value) << _ELEMENT) >> shift
    if isinstance(value, Message):
        return (value.size() << _BYTE) >> shift
    return len(value) >> shift if kind in _TEXTS else 0


def _deep_size(value: Any, shift: int, enough: int) -> int:
    """The size with all parts; what is in two places counts once, as comparing looks once."""
    total = 0
    seen: set[int] = set()
    pending = [value]
    while pending and total <= enough:
        part = pending.pop()
        if part.__class__ is OptionalValue:
            part = part.value
        total += _size(part, shift)
        if part.__class__ not in _COUNTED or id(part) in seen:
            continue
        seen.add(id(part))
        pending.extend(part if part.__class__ in _LISTS else part.values())
    return total
