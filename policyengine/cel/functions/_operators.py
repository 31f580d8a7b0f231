"""The operators of CEL, by the names of `policyengine.cel.ast.OPERATORS`."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Overload
from policyengine.cel.functions._rows import A, B, risky, safe
from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    Type,
)

_LOGIC = (
    Function(
        "_?_:_",
        (safe("conditional", (BOOL, A, A), A),),
        "logic.conditional",
        "The second operand where the first is true, else the third; the other is not evaluated.",
        (Example("1 < 2 ? 'yes' : 'no'", "'yes'"), Example("true ? 1 : 1 / 0", "1")),
    ),
    Function(
        "_&&_",
        (safe("logical_and", (BOOL, BOOL), BOOL),),
        "logic.logical_and",
        "True where both operands are; false where either is, even if the other one fails.",
        (
            Example("true && false", "false"),
            Example("1 / 0 > 1 && false", "false"),
            Example("1 / 0 > 1 && true", error="divide-by-zero"),
        ),
    ),
    Function(
        "_||_",
        (safe("logical_or", (BOOL, BOOL), BOOL),),
        "logic.logical_or",
        "True where either operand is, even if the other one fails; false where both are.",
        (
            Example("true || false", "true"),
            Example("1 / 0 > 1 || true", "true"),
            Example("1 / 0 > 1 || false", error="divide-by-zero"),
        ),
    ),
    Function(
        "!_",
        (safe("logical_not", (BOOL,), BOOL),),
        "logic.logical_not",
        "True where the operand is false.",
        (Example("!true", "false"), Example("!dyn(1)", error="no-such-overload")),
    ),
)

_EQUALITY = (
    Function(
        "_==_",
        (safe("equals", (A, A), BOOL),),
        "compare.equal",
        "Whether two values are equal. Numbers of different types compare by value; values of "
        "other different types are unequal.",
        (
            Example("[1, 2] == [1, 2]", "true"),
            Example("dyn(1) == 1.0", "true"),
            Example("dyn(1) == true", "false"),
            Example("double('nan') == double('nan')", "false"),
        ),
    ),
    Function(
        "_!=_",
        (safe("not_equals", (A, A), BOOL),),
        "compare.not_equal",
        "Whether two values are not equal.",
        (Example("'a' != 'b'", "true"), Example("{'a': 1} != {'a': 1}", "false")),
    ),
)

# How cel-go names each ordered type, and the pairs of types that compare.
_ORDERED_NAMES: tuple[tuple[str, Type, Type], ...] = (
    ("bool", BOOL, BOOL),
    ("int64", INT, INT),
    ("int64_double", INT, DOUBLE),
    ("int64_uint64", INT, UINT),
    ("uint64", UINT, UINT),
    ("uint64_double", UINT, DOUBLE),
    ("uint64_int64", UINT, INT),
    ("double", DOUBLE, DOUBLE),
    ("double_int64", DOUBLE, INT),
    ("double_uint64", DOUBLE, UINT),
    ("string", STRING, STRING),
    ("bytes", BYTES, BYTES),
    ("timestamp", TIMESTAMP, TIMESTAMP),
    ("duration", DURATION, DURATION),
)


def _ordering(name: str, verb: str, word: str, doc: str, *examples: Example) -> Function:
    overloads = tuple(
        # A whole number has to become a double before it is compared with one.
        Overload(
            f"{verb}_{types}",
            (left, right),
            BOOL,
            fast=None if DOUBLE in (left, right) and left != right else f"typed.{word}",
        )
        for types, left, right in _ORDERED_NAMES
    )
    return Function(name, overloads, f"compare.{word}", doc, examples)


_ORDER = (
    _ordering(
        "_<_",
        "less",
        "less",
        "Whether the first value comes before the second. Strings compare by code point.",
        Example("1 < 2", "true"),
        Example("1 < 0.5", "false"),
        Example("'a' < 'B'", "false"),
        Example("dyn(1) < 'a'", error="no-such-overload"),
    ),
    _ordering(
        "_<=_",
        "less_equals",
        "less_equal",
        "Whether the first value comes before the second or equals it.",
        Example("2u <= 2", "true"),
        Example("duration('1m') <= duration('59s')", "false"),
    ),
    _ordering(
        "_>_",
        "greater",
        "greater",
        "Whether the first value comes after the second.",
        Example("2.5 > 2", "true"),
        Example("b'a' > b'b'", "false"),
    ),
    _ordering(
        "_>=_",
        "greater_equals",
        "greater_equal",
        "Whether the first value comes after the second or equals it.",
        Example("true >= false", "true"),
        Example("timestamp(0) >= timestamp(1)", "false"),
    ),
)

_ARITHMETIC = (
    Function(
        "_+_",
        (
            risky("add_int64", (INT, INT), INT, fast="typed.add_int"),
            risky("add_uint64", (UINT, UINT), UINT, fast="typed.add_uint"),
            safe("add_double", (DOUBLE, DOUBLE), DOUBLE, fast="typed.add_double"),
            risky("add_string", (STRING, STRING), STRING, fast="typed.concatenate"),
            risky("add_bytes", (BYTES, BYTES), BYTES, fast="typed.concatenate"),
            risky("add_list", (ListType(A), ListType(A)), ListType(A)),
            risky("add_duration_duration", (DURATION, DURATION), DURATION),
            risky("add_timestamp_duration", (TIMESTAMP, DURATION), TIMESTAMP),
            risky("add_duration_timestamp", (DURATION, TIMESTAMP), TIMESTAMP),
        ),
        "numbers.add",
        "The sum of two numbers of one type, of durations, or of a timestamp and a duration; "
        "strings, bytes and lists are put together.",
        (
            Example("1 + 2", "3"),
            Example("'a' + 'b'", "'ab'"),
            Example("[1] + [2, 3]", "[1, 2, 3]"),
            Example("timestamp(0) + duration('1h')", "timestamp(3600)"),
            Example("9223372036854775807 + 1", error="overflow"),
            Example("dyn(1) + 1.0", error="no-such-overload"),
        ),
    ),
    Function(
        "_-_",
        (
            risky("subtract_int64", (INT, INT), INT, fast="typed.subtract_int"),
            risky("subtract_uint64", (UINT, UINT), UINT, fast="typed.subtract_uint"),
            safe("subtract_double", (DOUBLE, DOUBLE), DOUBLE, fast="typed.subtract_double"),
            risky("subtract_duration_duration", (DURATION, DURATION), DURATION),
            risky("subtract_timestamp_duration", (TIMESTAMP, DURATION), TIMESTAMP),
            risky("subtract_timestamp_timestamp", (TIMESTAMP, TIMESTAMP), DURATION),
        ),
        "numbers.subtract",
        "The difference of two numbers of one type, of durations or of timestamps, or a "
        "timestamp moved back by a duration.",
        (
            Example("5 - 7", "-2"),
            Example("timestamp(60) - timestamp(0)", "duration('1m')"),
            Example("5u - 7u", error="overflow"),
        ),
    ),
    Function(
        "_*_",
        (
            risky("multiply_int64", (INT, INT), INT, fast="typed.multiply_int"),
            risky("multiply_uint64", (UINT, UINT), UINT, fast="typed.multiply_uint"),
            safe("multiply_double", (DOUBLE, DOUBLE), DOUBLE, fast="typed.multiply_double"),
        ),
        "numbers.multiply",
        "The product of two numbers of one type.",
        (
            Example("6 * 7", "42"),
            Example("0.5 * 4.0", "2.0"),
            Example("9223372036854775807 * 2", error="overflow"),
        ),
    ),
    Function(
        "_/_",
        (
            risky("divide_int64", (INT, INT), INT, fast="typed.divide_int"),
            risky("divide_uint64", (UINT, UINT), UINT, fast="typed.divide_uint"),
            safe("divide_double", (DOUBLE, DOUBLE), DOUBLE, fast="typed.divide_double"),
        ),
        "numbers.divide",
        "The quotient of two numbers of one type. Whole numbers round towards zero.",
        (
            Example("7 / -2", "-3"),
            Example("7.0 / 2.0", "3.5"),
            Example("1.0 / 0.0 > 1.0", "true"),
            Example("1 / 0", error="divide-by-zero"),
        ),
    ),
    Function(
        "_%_",
        (
            risky("modulo_int64", (INT, INT), INT, fast="typed.modulo_int"),
            risky("modulo_uint64", (UINT, UINT), UINT, fast="typed.modulo_uint"),
        ),
        "numbers.modulo",
        "The remainder of a division of whole numbers, with the sign of the first.",
        (
            Example("-7 % 2", "-1"),
            Example("7u % 2u", "1u"),
            Example("7 % 0", error="divide-by-zero"),
        ),
    ),
    Function(
        "-_",
        (
            risky("negate_int64", (INT,), INT, fast="typed.negate_int"),
            safe("negate_double", (DOUBLE,), DOUBLE, fast="typed.negate_double"),
        ),
        "numbers.negate",
        "The negative of a number.",
        (Example("-(2 + 3)", "-5"), Example("-(-9223372036854775808)", error="overflow")),
    ),
)

_PARTS = (
    Function(
        "@in",
        (
            Overload("in_list", (A, ListType(A)), BOOL),
            Overload("in_map", (A, MapType(A, B)), BOOL),
        ),
        "containers.contains_in",
        "Whether a list has an equal element, or a map the key.",
        (
            Example("2 in [1, 2, 3]", "true"),
            Example("'b' in {'a': 1}", "false"),
            Example("dyn(1) in [true]", "false"),
        ),
    ),
    Function(
        "_[_]",
        (
            risky("index_list", (ListType(A), INT), A),
            risky("index_map", (MapType(A, B), A), B),
        ),
        "containers.index",
        "The element of a list at a position from 0, or the value of a map's key.",
        (
            Example("['a', 'b'][1]", "'b'"),
            Example("{'a': 1}['a']", "1"),
            Example("[1][1]", error="index-out-of-range"),
            Example("{'a': 1}['b']", error="no-such-key"),
        ),
    ),
)

FUNCTIONS: tuple[Function, ...] = (*_LOGIC, *_EQUALITY, *_ORDER, *_ARITHMETIC, *_PARTS)
