"""Conversions between types: `int(x)`, `string(x)`, `timestamp(x)` and so on.

Each is a table from the class of its argument. Texts are read as Go's parsers read them, which is
what cel-go accepts, and numbers in a text are bounded before they are converted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from policyengine.values import failures
from policyengine.values.clock_text import (
    format_duration,
    format_timestamp,
    parse_duration,
    parse_timestamp,
)
from policyengine.values.kinds import INT_MAX, INT_MIN, UINT_MAX, UInt
from policyengine.values.times import SECOND, Duration, Timestamp

_Conversions = Mapping[type, Callable[[Any], Any]]

_INT_TEXT: Final = re.compile(r"[+-]?[0-9]+")
_UINT_TEXT: Final = re.compile(r"[0-9]+")
_DOUBLE_TEXT: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)",
    re.IGNORECASE | re.ASCII,
)
_BOOL_TEXTS: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}
# Both 2**63 and 2**64 have more digits than any number that fits; zeros in front are free.
_MAX_DIGITS: Final = 20


def _same(value: Any) -> Any:
    return value


def _whole_number(text: str, form: re.Pattern[str], target: str) -> int:
    if not form.fullmatch(text):
        raise failures.bad_conversion(target, text, "not a whole number in decimal digits")
    digits = text.lstrip("+-").lstrip("0") or "0"
    if len(digits) > _MAX_DIGITS:
        raise failures.overflow(target)
    return -int(digits) if text[0] == "-" else int(digits)


def _int(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return int(value)
    raise failures.overflow("int")


def _uint(value: int) -> UInt:
    if 0 <= value <= UINT_MAX:
        return UInt(value)
    raise failures.overflow("uint")


def _int_of_double(value: float) -> int:
    # The bounds themselves are left out: a double next to them may stand for a larger number.
    if -(2.0**63) < value < 2.0**63:
        return int(value)
    raise failures.overflow("int")


def _uint_of_double(value: float) -> UInt:
    if 0.0 <= value < 2.0**64:
        return UInt(int(value))
    raise failures.overflow("uint")


def _double_of_text(text: str) -> float:
    if not _DOUBLE_TEXT.fullmatch(text):
        raise failures.bad_conversion("double", text, "not a decimal number")
    result = float(text)
    if math.isinf(result) and "i" not in text.lower():
        raise failures.overflow("double")
    return result


def _double_of_whole(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise failures.overflow("double") from None


def _bool_of_text(text: str) -> bool:
    result = _BOOL_TEXTS.get(text)
    if result is None:
        raise failures.bad_conversion("bool", text, "neither `true` nor `false`")
    return result


def _bytes_of_text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise failures.bad_conversion("bytes", text, "it holds half of a surrogate pair") from None


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise failures.bad_conversion("string", value, "not valid UTF-8") from None


def _text_of_double(value: float) -> str:
    """A double as cel-go writes it: shortest form that reads back, exponents from six digits."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = _decimal(value)
    if not -4 <= exponent < 6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _decimal(value: float) -> tuple[str, str, int]:
    """Sign, shortest significant digits, and the power of ten of the first digit."""
    mantissa, _, power = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa[0] == "-" else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    exponent = len(whole) - 1 + int(power or 0)
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    return (sign, digits, exponent - leading) if digits else (sign, "0", 0)


def _timestamp_of_seconds(value: int) -> Timestamp:
    return Timestamp(value * SECOND)


_INT: Final[_Conversions] = {
    int: _same,
    UInt: _int,
    float: _int_of_double,
    str: lambda text: _int(_whole_number(text, _INT_TEXT, "int")),
    Timestamp: lambda timestamp: timestamp.nanoseconds // SECOND,
}
_UINT: Final[_Conversions] = {
    UInt: _same,
    int: _uint,
    float: _uint_of_double,
    str: lambda text: _uint(_whole_number(text, _UINT_TEXT, "uint")),
}
_DOUBLE: Final[_Conversions] = {
    float: _same,
    int: _double_of_whole,
    UInt: _double_of_whole,
    str: _double_of_text,
}
_BOOL: Final[_Conversions] = {bool: _same, str: _bool_of_text}
_BYTES: Final[_Conversions] = {bytes: _same, str: _bytes_of_text}
_STRING: Final[_Conversions] = {
    str: _same,
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    UInt: int.__repr__,
    float: _text_of_double,
    bytes: _text_of_bytes,
    Timestamp: format_timestamp,
    Duration: format_duration,
}
_TIMESTAMP: Final[_Conversions] = {
    Timestamp: _same,
    str: parse_timestamp,
    int: _timestamp_of_seconds,
}
_DURATION: Final[_Conversions] = {Duration: _same, str: parse_duration}


def _convert(name: str, conversions: _Conversions, value: Any) -> Any:
    conversion = conversions.get(value.__class__)
    if conversion is None:
        raise failures.no_such_overload(name, value)
    return conversion(value)


def to_int(value: Any) -> Any:
    """`int(value)`: doubles are cut off towards zero, a timestamp gives seconds since 1970.

    A class of an extension that has a number brings a method `cel_int`.

    >>> to_int("-42"), to_int(-7.9)
    (-42, -7)
    """
    conversion = _INT.get(value.__class__) or getattr(value.__class__, "cel_int", None)
    if conversion is None:
        raise failures.no_such_overload("int", value)
    return conversion(value)


def to_uint(value: Any) -> Any:
    """`uint(value)`."""
    return _convert("uint", _UINT, value)


def to_double(value: Any) -> Any:
    """`double(value)`."""
    return _convert("double", _DOUBLE, value)


def to_bool(value: Any) -> Any:
    """`bool(value)`: the texts `1 t true TRUE True` and `0 f false FALSE False`."""
    return _convert("bool", _BOOL, value)


def to_bytes(value: Any) -> Any:
    """`bytes(value)`: the UTF-8 of a string."""
    return _convert("bytes", _BYTES, value)


def to_string(value: Any) -> Any:
    """`string(value)`. A class of an extension that has a text brings a method `cel_string`.

    >>> to_string(-0.0045), to_string(Duration(5400 * SECOND)), to_string(Timestamp(0))
    ('-0.0045', '5400s', '1970-01-01T00:00:00Z')
    """
    conversion = _STRING.get(value.__class__) or getattr(value.__class__, "cel_string", None)
    if conversion is None:
        raise failures.no_such_overload("string", value)
    return conversion(value)


def to_timestamp(value: Any) -> Any:
    """`timestamp(value)`: an RFC 3339 text, or seconds since 1970."""
    return _convert("timestamp", _TIMESTAMP, value)


def to_duration(value: Any) -> Any:
    """`duration(value)`: a text such as `1h30m`, `1.5s` or `-1ns`."""
    return _convert("duration", _DURATION, value)


def to_dyn(value: Any) -> Any:
    """`dyn(value)`: the value itself; only the checker forgets its type."""
    return value
