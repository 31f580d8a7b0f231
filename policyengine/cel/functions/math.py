"""The `math` extension, as cel-spec and cel-go define it."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library, Overload
from policyengine.cel.functions._rows import risky, safe
from policyengine.cel.types import BOOL, DOUBLE, DYN, INT, UINT, ListType, Type

_NUMBERS: tuple[tuple[str, Type], ...] = (("double", DOUBLE), ("int", INT), ("uint", UINT))
_WHOLE: tuple[tuple[str, Type], ...] = (("int", INT), ("uint", UINT))


def _extremes(verb: str) -> tuple[Overload, ...]:
    pairs = [
        # NaN has no place in an order.
        Overload(
            f"math_@{verb}_{one}_{two}",
            (left, right),
            left if left == right else DYN,
            can_fail=DOUBLE in (left, right),
        )
        for one, left in _NUMBERS
        for two, right in _NUMBERS
    ]
    return (
        *(safe(f"math_@{verb}_{name}", (type_,), type_) for name, type_ in _NUMBERS),
        *pairs,
        # `dyn`, since the elements of a declared list are of its type only once they are read.
        *(risky(f"math_@{verb}_list_{name}", (ListType(type_),), DYN) for name, type_ in _NUMBERS),
    )


def _of_double(name: str, result: Type, impl: str, doc: str, *examples: Example) -> Function:
    row = safe(f"math_{name}_double", (DOUBLE,), result)
    return Function(f"math.{name}", (row,), f"rounding.{impl}", doc, examples)


def _of_bits(name: str, impl: str, doc: str, *examples: Example) -> Function:
    rows = tuple(
        safe(f"math_{name}_{type_name}_{type_name}", (type_, type_), type_)
        for type_name, type_ in _WHOLE
    )
    return Function(f"math.{name}", rows, f"bits.{impl}", doc, examples)


def _shift(name: str, impl: str, doc: str, *examples: Example) -> Function:
    rows = tuple(
        risky(f"math_{name}_{type_name}_int", (type_, INT), type_) for type_name, type_ in _WHOLE
    )
    return Function(f"math.{name}", rows, f"bits.{impl}", doc, examples)


_COMPARING = (
    Function(
        "math.greatest",
        _extremes("max"),
        "extremes.greatest",
        "The greatest of some numbers, or of a list of numbers, whatever their types.",
        (
            Example("math.greatest(1, 2.5)", "2.5"),
            Example("math.greatest(3, 9u, 4, -1)", "9u"),
            Example("math.greatest([3, 5, 4])", "5"),
            Example("math.greatest(dyn([]))", error="bad-argument"),
        ),
    ),
    Function(
        "math.least",
        _extremes("min"),
        "extremes.least",
        "The least of some numbers, or of a list of numbers, whatever their types.",
        (
            Example("math.least(1, 2.5)", "1"),
            Example("math.least(3, 9u, 4, -1)", "-1"),
            Example("math.least(1.0, double('nan'))", error="bad-argument"),
        ),
    ),
)

_ROUNDING = (
    _of_double(
        "ceil",
        DOUBLE,
        "ceil",
        "The smallest whole number that is not below.",
        Example("math.ceil(1.2)", "2.0"),
        Example("math.ceil(-1.2)", "-1.0"),
    ),
    _of_double(
        "floor",
        DOUBLE,
        "floor",
        "The largest whole number that is not above.",
        Example("math.floor(1.2)", "1.0"),
        Example("math.floor(-1.2)", "-2.0"),
    ),
    _of_double(
        "round",
        DOUBLE,
        "round",
        "The nearest whole number; halves go away from zero.",
        Example("math.round(2.5)", "3.0"),
        Example("math.round(-1.5)", "-2.0"),
    ),
    _of_double(
        "trunc",
        DOUBLE,
        "trunc",
        "The whole part.",
        Example("math.trunc(-1.7)", "-1.0"),
    ),
    Function(
        "math.abs",
        (
            safe("math_abs_double", (DOUBLE,), DOUBLE),
            risky("math_abs_int", (INT,), INT),
            safe("math_abs_uint", (UINT,), UINT),
        ),
        "rounding.absolute",
        "The number without its sign.",
        (
            Example("math.abs(-11)", "11"),
            Example("math.abs(-1.5)", "1.5"),
            Example("math.abs(-9223372036854775808)", error="overflow"),
        ),
    ),
    Function(
        "math.sign",
        tuple(safe(f"math_sign_{name}", (type_,), type_) for name, type_ in _NUMBERS),
        "rounding.sign",
        "-1, 0 or 1, of the type of the number; NaN for NaN.",
        (Example("math.sign(-7)", "-1"), Example("math.sign(0.5)", "1.0")),
    ),
    Function(
        "math.sqrt",
        tuple(safe(f"math_sqrt_{name}", (type_,), DOUBLE) for name, type_ in _NUMBERS),
        "rounding.sqrt",
        "The square root; NaN of a negative number.",
        (Example("math.sqrt(81)", "9.0"), Example("math.isNaN(math.sqrt(-1))", "true")),
    ),
    _of_double(
        "isNaN",
        BOOL,
        "is_nan",
        "Whether a double is NaN, not a number.",
        Example("math.isNaN(0.0 / 0.0)", "true"),
    ),
    _of_double(
        "isInf",
        BOOL,
        "is_inf",
        "Whether a double is infinite, either way.",
        Example("math.isInf(-1.0 / 0.0)", "true"),
    ),
    _of_double(
        "isFinite",
        BOOL,
        "is_finite",
        "Whether a double is neither infinite nor NaN.",
        Example("math.isFinite(1.5)", "true"),
        Example("math.isFinite(1.0 / 0.0)", "false"),
    ),
)

_BITS = (
    _of_bits(
        "bitAnd",
        "bit_and",
        "The bits that are set in both of two ints or two uints.",
        Example("math.bitAnd(6, 3)", "2"),
    ),
    _of_bits(
        "bitOr",
        "bit_or",
        "The bits that are set in one or both of two ints or two uints.",
        Example("math.bitOr(4u, 1u)", "5u"),
    ),
    _of_bits(
        "bitXor",
        "bit_xor",
        "The bits that are set in one, but not in both, of two ints or two uints.",
        Example("math.bitXor(3, 1)", "2"),
    ),
    Function(
        "math.bitNot",
        tuple(safe(f"math_bitNot_{name}_{name}", (type_,), type_) for name, type_ in _WHOLE),
        "bits.bit_not",
        "The opposite of each of the 64 bits.",
        (Example("math.bitNot(1)", "-2"), Example("math.bitNot(0u)", "18446744073709551615u")),
    ),
    _shift(
        "bitShiftLeft",
        "shift_left",
        "The bits moved to the left; those that leave the 64 bits are lost.",
        Example("math.bitShiftLeft(1, 3)", "8"),
        Example("math.bitShiftLeft(1u, 64)", "0u"),
        Example("math.bitShiftLeft(1, -1)", error="bad-argument"),
    ),
    _shift(
        "bitShiftRight",
        "shift_right",
        "The bits moved to the right; zeros come in, for negative ints too.",
        Example("math.bitShiftRight(1024, 2)", "256"),
        Example("math.bitShiftRight(-1024, 3)", "2305843009213693824"),
        Example("math.bitShiftRight(1u, -1)", error="bad-argument"),
    ),
)

LIBRARY = Library(
    name="math",
    functions=(*_COMPARING, *_ROUNDING, *_BITS),
    macros=("math.greatest", "math.least"),
    doc="Extremes, rounding, signs and bits of numbers.",
)
