"""Why an expression could not be evaluated: the codes, and the errors that carry them.

A message names types, fields of the policy and limits. It never holds a value: values come
from requests.
"""

from __future__ import annotations

from typing import Final, NoReturn

from policyengine.errors import EvaluationError
from policyengine.values.kinds import type_name

CODES: Final[dict[str, str]] = {
    "no-such-overload": "a function was called with arguments of types that it does not take",
    "no-such-type": "a message was built of a type that there is not",
    "no-such-variable": "a variable has no value in this request",
    "no-such-field": "an object or a map does not have the field that was read",
    "no-such-key": "a map does not have the key that was looked up",
    "type-mismatch": "a value of the request is not of its declared type",
    "index-out-of-range": "a list or string is shorter than the index that was read",
    "overflow": "a number, timestamp or duration does not fit the range of its type",
    "divide-by-zero": "a whole number was divided by zero",
    "bad-conversion": "a value cannot be converted to the type that was asked for",
    "bad-key": "a map was built with a key that is not a bool, int, uint or string",
    "duplicate-key": "a map was built with the same key twice",
    "bad-regex": "a regular expression is not valid RE2 syntax or is over a limit",
    "bad-time-zone": "a time zone is neither a known name nor an offset such as `+02:00`",
    "bad-argument": "a function was given a value of the right type that it does not take",
    "no-value": "the value of an empty optional was read",
    "too-large": "a string, bytes or list would be larger than the limit",
    "cost-exceeded": "loops in loops, or a search, would take more steps than the limit",
    "too-deep": "a value or an expression is nested more deeply than the limit",
}

_SYMBOLS: Final[dict[str, str]] = {
    "_?_:_": "?:",
    "_[_]": "[]",
    "_[?_]": "[?]",
    "-_": "-",
    "!_": "!",
    "@in": "in",
}


def symbol(function: str) -> str:
    """A function's name as an author writes it.

    >>> symbol("_&&_"), symbol("@in"), symbol("contains")
    ('&&', 'in', 'contains')
    """
    return _SYMBOLS.get(function) or function.strip("_") or function


def no_such_overload(function: str, *args: object) -> EvaluationError:
    """`function` does not take arguments of the types of `args`.

    >>> no_such_overload("_+_", 1, "secret").message
    '`+` has no overload for (int, string)'
    """
    types = ", ".join(map(type_name, args))
    return EvaluationError(
        "no-such-overload", f"`{symbol(function)}` has no overload for ({types})"
    )


def no_such_variable(name: str) -> EvaluationError:
    """The policy's variable `name` has no value."""
    return EvaluationError("no-such-variable", f"`{name}` has no value")


def no_such_function(name: str) -> EvaluationError:
    """There is no function of this name, and checking was lenient."""
    return EvaluationError("no-such-overload", f"there is no function `{name}`")


def no_such_type(name: str) -> EvaluationError:
    """There is no type of this name, and checking was lenient."""
    return EvaluationError("no-such-type", f"there is no type `{name}`")


def no_such_field(name: str) -> EvaluationError:
    """The policy read a field `name` that is not there."""
    return EvaluationError("no-such-field", f"there is no field `{name}`")


def no_such_key() -> EvaluationError:
    """A map does not have the key."""
    return EvaluationError("no-such-key", "the map does not have the key")


def index_out_of_range(type_: str = "list") -> EvaluationError:
    """A list or string is shorter than the index, or the index is negative."""
    return EvaluationError("index-out-of-range", f"the index is out of the {type_}'s range")


def type_mismatch(expected: str, value: object) -> EvaluationError:
    """A value from outside is not of its declared type, `expected`."""
    return EvaluationError("type-mismatch", f"this must be {expected}, and is {type_name(value)}")


def overflow(type_: str) -> EvaluationError:
    """A result is out of the range of `type_`, a CEL type's name."""
    return EvaluationError("overflow", f"the result is out of the range of {type_}")


def divide_by_zero() -> EvaluationError:
    """A whole number was divided by zero, or its remainder by zero was asked for."""
    return EvaluationError("divide-by-zero", "division by zero")


def bad_conversion(target: str, value: object, why: str = "") -> EvaluationError:
    """`value` cannot become a `target`; `why` says which form was expected."""
    reason = f": {why}" if why else ""
    return EvaluationError(
        "bad-conversion", f"this {type_name(value)} cannot be converted to {target}{reason}"
    )


def bad_argument(function: str, why: str) -> EvaluationError:
    """`function` does not take this value; `why` names what it takes, never the value.

    >>> bad_argument("math.bitShiftLeft", "the offset is negative").message
    '`math.bitShiftLeft`: the offset is negative'
    """
    return EvaluationError("bad-argument", f"`{symbol(function)}`: {why}")


def bad_key(key: object) -> EvaluationError:
    """A map literal has a key of a type that keys cannot have."""
    return EvaluationError("bad-key", f"a map's key cannot be a {type_name(key)}")


def duplicate_key() -> EvaluationError:
    """A map literal has the same key twice."""
    return EvaluationError("duplicate-key", "the map has the same key twice")


def bad_time_zone() -> EvaluationError:
    """A time zone is not known on this machine."""
    return EvaluationError(
        "bad-time-zone", "the time zone is neither a known name nor an offset such as `+02:00`"
    )


def no_value() -> EvaluationError:
    """The value of `optional.none()` was read."""
    return EvaluationError("no-value", "the optional is empty")


def too_large(type_: str, limit: int) -> EvaluationError:
    """A result of `type_` would have more than `limit` characters, bytes or elements."""
    return EvaluationError("too-large", f"the {type_} would be larger than {limit}")


def search_too_long(limit: int) -> EvaluationError:
    """A regular expression needs more than `limit` steps for this text."""
    return EvaluationError("cost-exceeded", f"the pattern takes more than {limit} steps")


def cost_exceeded(limit: int) -> EvaluationError:
    """Loops that multiply each other's length, or that of a text, took more than `limit` steps."""
    return EvaluationError("cost-exceeded", f"the loops take more than {limit} steps")


def too_deep(limit: int) -> EvaluationError:
    """Something is nested more than `limit` deep."""
    return EvaluationError("too-deep", f"nested more than {limit} deep")


def fail(code: str, message: str) -> NoReturn:
    """Raises what lenient checking left to run time: a call or a message without a meaning."""
    raise EvaluationError(code, message)
