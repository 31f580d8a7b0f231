"""Where a value from outside meets its declared type.

The declared type of a variable, field or element is a promise of the caller, not a fact. It is
checked when the value is first read, one level deep: a value of another class is the error
`type-mismatch`, so that no rule quietly compares a list with a string.
"""

from __future__ import annotations

from typing import Any, Final

from policyengine.errors import EvaluationError
from policyengine.values import failures
from policyengine.values.containers import innermost
from policyengine.values.conversions import to_timestamp
from policyengine.values.kinds import (
    INT_MAX,
    INT_MIN,
    NONE,
    UINT_MAX,
    OptionalValue,
    TypeValue,
    UInt,
)
from policyengine.values.maps import MISSING, MixedMap
from policyengine.values.times import Duration, Timestamp

EMPTY: Final[dict[str, Any]] = {}
UNSET: Final = object()


class Unsure(Exception):  # noqa: N818
    """Fast code met something that it leaves to the reference to judge."""


def unsure() -> Any:
    """Leaves the answer to the reference, from the middle of an expression."""
    raise Unsure


_CLASSES: Final[dict[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "double": (float,),
    "string": (str,),
    "bytes": (bytes,),
    "null_type": (type(None),),
    "list": (list, tuple),
    "map": (dict, MixedMap),
    "timestamp": (Timestamp,),
    "duration": (Duration,),
    "optional_type": (OptionalValue,),
    "type": (TypeValue,),
    "uint": (UInt,),
}


def conform(value: Any, kind: str) -> Any:
    """The value, if it is of the kind (a CEL type's name without parameters).

    What JSON cannot say is converted: a whole number becomes a double or a uint, an RFC 3339
    string a timestamp, and a string of a class that Python derives from `str` (a `StrEnum`) a plain
    one: such a class must compare and hash as `str` does. A kind with a `?` behind it also takes
    null; `dyn` takes everything. Raises `EvaluationError("type-mismatch")`.

    >>> conform(1, "double"), conform("a", "string"), conform(None, "string?")
    (1.0, 'a', None)
    """
    if kind == "dyn" or (value is None and kind[-1] == "?"):
        return value
    kind = kind.rstrip("?")
    found = value.__class__
    if found in _CLASSES.get(kind, ()):
        return value
    if found is int:
        if kind == "int" and INT_MIN <= value <= INT_MAX:
            return value
        if kind == "uint" and 0 <= value <= UINT_MAX:
            return UInt(value)
        if kind == "double" and INT_MIN <= value <= UINT_MAX:
            return float(value)
    if isinstance(value, str) and kind in ("string", "timestamp"):
        text = str.__str__(value)
        return to_timestamp(text) if kind == "timestamp" else text
    if kind.startswith("message ") and kind[8:] == getattr(found, "CEL_TYPE", None):
        return value
    raise failures.type_mismatch(kind, value)


def read(operand: Any, field: str, kind: str) -> Any:
    """A declared field of an object, conforming.

    Null stands for an absent field unless the kind takes null. Raises `EvaluationError`
    (`no-such-field`, `no-such-overload`, `type-mismatch`).
    """
    if operand.__class__ is not dict:
        raise failures.no_such_overload("_._", operand)
    value = operand.get(field, MISSING)
    if value is MISSING or (value is None and not takes_null(kind)):
        raise failures.no_such_field(field)
    return conform(value, kind)


def read_optional(operand: Any, field: str, kind: str) -> OptionalValue:
    """`operand.?field` of a declared field: empty where the field, or an optional operand, is.

    Raises `EvaluationError` (`no-such-overload`, `type-mismatch`).
    """
    inner = innermost(operand)
    if inner is MISSING or not present(inner, field, kind):
        return NONE
    return OptionalValue(True, read(inner, field, kind))


def present(operand: Any, field: str, kind: str) -> bool:
    """`has()` of a declared field of an object, or of an optional one."""
    operand = innermost(operand)
    if operand is MISSING:
        return False
    if operand.__class__ is not dict:
        raise failures.no_such_overload("has", operand)
    value = operand.get(field, MISSING)
    return value is not MISSING and (value is not None or takes_null(kind))


def takes_null(kind: str) -> bool:
    """Whether null is a value of the kind."""
    return kind == "dyn" or kind == "null_type" or kind[-1] == "?"


def part(operand: Any, field: str) -> Any:
    """An object inside an object, for `has()` of a field further down; absent is empty."""
    if operand.__class__ is not dict:
        raise failures.no_such_overload("has", operand)
    value = operand.get(field)
    return EMPTY if value is None else conform(value, "map")


def maybe(value: Any, kind: str) -> Any:
    """The conforming value, or what is there, for the reference to judge when it is read."""
    try:
        return conform(value, kind)
    except EvaluationError:
        return value


def variable(bindings: Any, name: str, kind: str) -> Any:
    """A declared variable of the bindings, conforming; raises `EvaluationError`."""
    value = bindings.get(name, MISSING)
    if value is MISSING:
        raise failures.no_such_variable(name)
    return conform(value, kind)


def condition(value: Any) -> bool:
    """The value of a condition; raises `EvaluationError` when it is no bool."""
    if value.__class__ is bool:
        return bool(value)
    raise EvaluationError("type-mismatch", "a condition must be bool")
