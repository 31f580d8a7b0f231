from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values.conversions import (
    to_bool,
    to_bytes,
    to_double,
    to_duration,
    to_dyn,
    to_int,
    to_string,
    to_timestamp,
    to_uint,
)
from policyengine.values.kinds import NONE, TypeValue, UInt
from policyengine.values.times import SECOND, Duration, Timestamp

HUGE = "9" * 10_000


def code_of(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    assert HUGE not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("function", "value", "result"),
    [
        (to_int, 5, 5),
        (to_int, UInt(2**63 - 1), 2**63 - 1),
        (to_int, -7.9, -7),
        (to_int, 1.9, 1),
        (to_int, 2.0**62, 2**62),
        (to_int, "-9223372036854775808", -(2**63)),
        (to_int, "+42", 42),
        (to_int, "0" * 10_000 + "7", 7),
        (to_int, "-0", 0),
        (to_int, Timestamp(-1), -1),
        (to_int, Timestamp(1_999_999_999), 1),
        (to_uint, 5, UInt(5)),
        (to_uint, UInt(5), UInt(5)),
        (to_uint, 25.5, UInt(25)),
        (to_uint, -0.0, UInt(0)),
        (to_uint, "18446744073709551615", UInt(2**64 - 1)),
        (to_double, 1, 1.0),
        (to_double, UInt(2**64 - 1), 2.0**64),
        (to_double, "-84.32e7", -843200000.0),
        (to_double, ".5", 0.5),
        (to_double, "5.", 5.0),
        (to_double, "-inf", -math.inf),
        (to_double, "Infinity", math.inf),
        (to_double, HUGE[:300], 1e300),
        (to_bool, True, True),
        (to_bool, "t", True),
        (to_bool, "False", False),
        (to_bytes, "ÿ", b"\xc3\xbf"),
        (to_bytes, b"\xff", b"\xff"),
        (to_string, "a", "a"),
        (to_string, True, "true"),
        (to_string, -456, "-456"),
        (to_string, UInt(2**64 - 1), "18446744073709551615"),
        (to_string, b"\xc3\xbf", "ÿ"),
        (to_string, Timestamp(0), "1970-01-01T00:00:00Z"),
        (to_string, Duration(5400 * SECOND), "5400s"),
        (to_timestamp, 60, Timestamp(60 * SECOND)),
        (to_timestamp, Timestamp(1), Timestamp(1)),
        (to_timestamp, "1970-01-01T00:01:00Z", Timestamp(60 * SECOND)),
        (to_duration, Duration(1), Duration(1)),
        (to_duration, "1m", Duration(60 * SECOND)),
        (to_dyn, None, None),
    ],
)
def test_conversions(function: Any, value: Any, result: Any) -> None:
    converted = function(value)
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("function", "value", "code"),
    [
        (to_int, UInt(2**63), "overflow"),
        (to_int, 2.0**63, "overflow"),
        (to_int, -(2.0**63), "overflow"),
        (to_int, math.nan, "overflow"),
        (to_int, math.inf, "overflow"),
        (to_int, "9223372036854775808", "overflow"),
        (to_int, HUGE, "overflow"),
        (to_int, "", "bad-conversion"),
        (to_int, "-", "bad-conversion"),
        (to_int, " 1", "bad-conversion"),
        (to_int, "1\n", "bad-conversion"),
        (to_int, "1_000", "bad-conversion"),
        (to_int, "0x10", "bad-conversion"),
        (to_int, "1.0", "bad-conversion"),
        (to_int, "٣", "bad-conversion"),
        (to_uint, -1, "overflow"),
        (to_uint, -1.0, "overflow"),
        (to_uint, 2.0**64, "overflow"),
        (to_uint, math.nan, "overflow"),
        (to_uint, "18446744073709551616", "overflow"),
        (to_uint, HUGE, "overflow"),
        (to_uint, "-1", "bad-conversion"),
        (to_uint, "+1", "bad-conversion"),
        (to_double, "1e999", "overflow"),
        (to_double, HUGE, "overflow"),
        (to_double, "", "bad-conversion"),
        (to_double, "1_0", "bad-conversion"),
        (to_double, " 1", "bad-conversion"),
        (to_double, ".", "bad-conversion"),
        (to_double, "1e", "bad-conversion"),
        (to_double, "infinite", "bad-conversion"),
        (to_double, "٣", "bad-conversion"),
        (to_double, 10**400, "overflow"),
        (to_bool, "TrUe", "bad-conversion"),
        (to_bool, "yes", "bad-conversion"),
        (to_bool, "", "bad-conversion"),
        (to_bytes, "\ud800", "bad-conversion"),
        (to_string, b"\xff", "bad-conversion"),
        (to_timestamp, 253402300800, "overflow"),
        (to_timestamp, -62135596801, "overflow"),
        (to_timestamp, "yesterday", "bad-conversion"),
        (to_duration, "soon", "bad-conversion"),
    ],
)
def test_what_cannot_be_converted(function: Any, value: Any, code: str) -> None:
    assert code_of(function, value) == code


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (to_int, [True, b"1", None, [], Duration(1)]),
        (to_uint, [True, b"1", None, Timestamp(0)]),
        (to_double, [True, b"1", None]),
        (to_bool, [1, 0.0, None, b"true"]),
        (to_bytes, [1, None, [1]]),
        (to_string, [None, [], {}, TypeValue("int"), NONE]),
        (to_timestamp, [1.0, UInt(1), True, Duration(1), None]),
        (to_duration, [1, 1.0, Timestamp(1), None]),
    ],
)
def test_other_types_have_no_conversion(function: Any, values: list[Any]) -> None:
    for value in values:
        assert code_of(function, value) == "no-such-overload"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (123.456, "123.456"),
        (100000.0, "100000"),
        (123456.75, "123456.75"),
        (1e6, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00012, "0.00012"),
        (0.00001, "1e-05"),
        (-0.0045, "-0.0045"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_doubles_as_text(value: float, text: str) -> None:
    assert to_string(value) == text


@given(st.floats(allow_nan=False))
def test_a_double_reads_back_from_its_text(value: float) -> None:
    back = to_double(to_string(value))
    assert back == value
    assert math.copysign(1.0, back) == math.copysign(1.0, value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_int_reads_back_from_its_text(value: int) -> None:
    assert to_int(to_string(value)) == value


def outcome(function: Callable[[str], Any], text: str) -> str:
    try:
        function(text)
    except EvaluationError as error:
        return error.code
    return "converted"


@given(st.text() | st.text("0123456789.+-eE_TZ:hmsnif", max_size=30))
def test_any_text_is_a_value_or_a_clean_error(text: str) -> None:
    for function in (to_int, to_uint, to_double, to_bool, to_timestamp, to_duration):
        assert outcome(function, text) in {"converted", "bad-conversion", "overflow"}
