"""The functions that turn a value of one type into one of another."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function
from policyengine.cel.functions._rows import A, risky, safe
from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    TypeType,
)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "bool",
        (
            safe("bool_to_bool", (BOOL,), BOOL),
            risky("string_to_bool", (STRING,), BOOL),
        ),
        "conversions.to_bool",
        "The bool of a string: `1`, `t`, `true`, `TRUE`, `True` and their opposites.",
        (
            Example("bool('true')", "true"),
            Example("bool('0')", "false"),
            Example("bool('yes')", error="bad-conversion"),
        ),
    ),
    Function(
        "bytes",
        (
            safe("bytes_to_bytes", (BYTES,), BYTES),
            risky("string_to_bytes", (STRING,), BYTES),
        ),
        "conversions.to_bytes",
        "The UTF-8 bytes of a string.",
        (Example("bytes('ÿ')", "b'\\303\\277'"),),
    ),
    Function(
        "double",
        (
            safe("double_to_double", (DOUBLE,), DOUBLE),
            safe("int64_to_double", (INT,), DOUBLE),
            safe("uint64_to_double", (UINT,), DOUBLE),
            risky("string_to_double", (STRING,), DOUBLE),
        ),
        "conversions.to_double",
        "The double nearest to a number, or the number that a string holds.",
        (
            Example("double(3)", "3.0"),
            Example("double('-0.5e1')", "-5.0"),
            Example("double('1,5')", error="bad-conversion"),
        ),
    ),
    Function(
        "int",
        (
            safe("int64_to_int64", (INT,), INT),
            risky("uint64_to_int64", (UINT,), INT),
            risky("double_to_int64", (DOUBLE,), INT),
            risky("string_to_int64", (STRING,), INT),
            safe("timestamp_to_int64", (TIMESTAMP,), INT),
        ),
        "conversions.to_int",
        "The int of a number, cut off towards zero, or of a string of digits; the seconds since "
        "1970 of a timestamp.",
        (
            Example("int(-7.9)", "-7"),
            Example("int('42')", "42"),
            Example("int(timestamp('1970-01-01T00:01:00Z'))", "60"),
            Example("int(1e99)", error="overflow"),
            Example("int('4_2')", error="bad-conversion"),
        ),
    ),
    Function(
        "uint",
        (
            safe("uint64_to_uint64", (UINT,), UINT),
            risky("int64_to_uint64", (INT,), UINT),
            risky("double_to_uint64", (DOUBLE,), UINT),
            risky("string_to_uint64", (STRING,), UINT),
        ),
        "conversions.to_uint",
        "The uint of a number, cut off towards zero, or of a string of digits.",
        (
            Example("uint(3.9)", "3u"),
            Example("uint('300')", "300u"),
            Example("uint(-1)", error="overflow"),
        ),
    ),
    Function(
        "string",
        (
            safe("string_to_string", (STRING,), STRING),
            safe("bool_to_string", (BOOL,), STRING),
            safe("int64_to_string", (INT,), STRING),
            safe("uint64_to_string", (UINT,), STRING),
            safe("double_to_string", (DOUBLE,), STRING),
            risky("bytes_to_string", (BYTES,), STRING),
            safe("timestamp_to_string", (TIMESTAMP,), STRING),
            safe("duration_to_string", (DURATION,), STRING),
        ),
        "conversions.to_string",
        "A value as text: bytes are read as UTF-8, timestamps written as RFC 3339, durations in "
        "seconds.",
        (
            Example("string(1.50)", "'1.5'"),
            Example("string(duration('1h30m'))", "'5400s'"),
            Example("string(timestamp(0))", "'1970-01-01T00:00:00Z'"),
            Example("string(b'\\xff')", error="bad-conversion"),
        ),
    ),
    Function(
        "timestamp",
        (
            safe("timestamp_to_timestamp", (TIMESTAMP,), TIMESTAMP),
            risky("string_to_timestamp", (STRING,), TIMESTAMP),
            risky("int64_to_timestamp", (INT,), TIMESTAMP),
        ),
        "conversions.to_timestamp",
        "The timestamp of an RFC 3339 text or of seconds since 1970, in the years 0001 to 9999.",
        (
            Example("timestamp('1970-01-01T01:00:00+01:00')", "timestamp(0)"),
            Example("timestamp('2023-02-29' + 'T00:00:00Z')", error="bad-conversion"),
            Example("timestamp(253402300800)", error="overflow"),
        ),
    ),
    Function(
        "duration",
        (
            safe("duration_to_duration", (DURATION,), DURATION),
            risky("string_to_duration", (STRING,), DURATION),
        ),
        "conversions.to_duration",
        "The duration of a text with the units `h`, `m`, `s`, `ms`, `us` and `ns`.",
        (
            Example("duration('1h30m') == duration('5400s')", "true"),
            Example("duration('1.5s') - duration('500ms')", "duration('1s')"),
            Example("duration('1' + ' day')", error="bad-conversion"),
        ),
    ),
    Function(
        "dyn",
        (safe("to_dyn", (A,), DYN),),
        "conversions.to_dyn",
        "The value itself, of a type that is known only at run time.",
        (Example("dyn('a') == 'a'", "true"),),
    ),
    Function(
        "type",
        (safe("type", (A,), TypeType(A)),),
        "kinds.type_of",
        "The type of a value.",
        (Example("type(1) == int", "true"), Example("type(1u) == int", "false")),
    ),
)
