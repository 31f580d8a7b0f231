"""What sets some functions apart when they are called."""

from __future__ import annotations

from collections.abc import Mapping

from policyengine.cel.functions import Function
from policyengine.cel.types import TypeParam

# Functions whose last argument is evaluated only if needed, and their forms that take it as a
# function.
LAZY: Mapping[object, str] = {
    "optionals.or_optional": "optionals.or_optional_lazily",
    "optionals.or_value": "optionals.or_value_lazily",
}


def gives_part(function: Function) -> bool:
    """Whether the result may be a part of an argument, as in `list[0]`.

    The type of a part is only declared, so it has to be looked at.
    """
    return any(isinstance(overload.result, TypeParam) for overload in function.overloads)
