from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values import text_format
from policyengine.values.kinds import NONE, TypeValue, UInt
from policyengine.values.maps import make_map
from policyengine.values.text_format import _CLAUSE, format
from policyengine.values.times import Duration, Timestamp

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def code(text: str, values: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        format(text, values)
    assert "secret" not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        ("", [], ""),
        ("%%%s%%", ["x"], "%x%"),
        ("%s", ["%d"], "%d"),
        ("%s-%s", ["a", "b", "left over"], "a-b"),
        ("%s", [1.0], "1"),
        ("%s", [1e21], "1000000000000000000000"),
        ("%s", [1e-7], "0.0000001"),
        ("%s", [-0.0], "-0"),
        ("%s", [UInt(7)], "7"),
        ("%s", [b"\xc3\xa9"], "é"),
        ("%s", [TypeValue("net.IP")], "net.IP"),
        ("%s", [Timestamp(0)], "1970-01-01T00:00:00Z"),
        ("%s", [Duration(1_500_000_000)], "1.5s"),
        ("%s", [make_map([(True, 1), (1, None), ("a", (1,))])], "{1: null, a: [1], true: 1}"),
        ("%d %d %d", [-5, UInt(5), 5.5], "-5 5 5.5"),
        ("%.0f|%.1f|%f", [2.5, -0.25, 1], "2|-0.2|1.000000"),
        ("%.2e", [12345.678], "1.23e+04"),
        ("%f %e", [float("inf"), float("nan")], "Infinity NaN"),
        ("%b %b %b", [5, UInt(6), False], "101 110 0"),
        ("%b %o %x", [-5, -9, -255], "-101 -11 -ff"),
        ("%o", [UInt(8)], "10"),
        ("%x %X %x", [255, "é", b"\x01z"], "ff C3A9 017a"),
    ],
)
def test_format(text: str, values: list[Any], result: str) -> None:
    assert format(text, values) == result


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("%", ["secret"], "bad-argument"),
        ("%s %", ["secret"], "bad-argument"),
        ("%a", ["secret"], "bad-argument"),
        ("%E", [1.5], "bad-argument"),
        ("%.s.f", ["secret"], "bad-argument"),
        ("%.", [1.5], "bad-argument"),
        ("%5d", [1], "bad-argument"),
        ("%s %s", ["secret"], "bad-argument"),
        ("%.101f", [1.5], "bad-argument"),
        ("%.9999999999f", [1.5], "bad-argument"),
        ("%d", ["secret"], "bad-argument"),
        ("%d", [True], "bad-argument"),
        ("%f", [None], "bad-argument"),
        ("%b", [1.5], "bad-argument"),
        ("%o", [True], "bad-argument"),
        ("%x", [1.5], "bad-argument"),
        ("%s", [NONE], "bad-argument"),
        ("%s", [["secret", {"secret": NONE}]], "bad-argument"),
        ("%s", [b"\xff"], "bad-conversion"),
        ("%x", ["\ud800"], "bad-conversion"),
        ("%s", "secret", "no-such-overload"),
    ],
)
def test_format_refuses(text: str, values: Any, expected: str) -> None:
    assert code(text, values) == expected


@given(FINITE)
def test_doubles_read_back_without_an_exponent(value: float) -> None:
    written = format("%s", [value])
    assert set(written) <= set("-.0123456789")
    assert struct.pack("d", float(written)) == struct.pack("d", value)
    assert format("%d", [value]) == written


@given(FINITE, st.integers(0, 100))
def test_fixed_and_scientific_have_the_digits_asked_for(value: float, digits: int) -> None:
    assert format(f"%.{digits}f", [value]) == f"{value:.{digits}f}"
    assert format(f"%.{digits}e", [value]) == f"{value:.{digits}e}"


@given(
    st.text("%sdfexbo.15a", max_size=12), st.lists(st.integers() | st.text(max_size=3), max_size=3)
)
def test_format_is_total(text: str, values: list[Any]) -> None:
    if _CLAUSE.sub("", text).count("%"):
        assert code(text, values) == "bad-argument"
    else:
        with suppress(EvaluationError):
            assert isinstance(format(text, values), str)


def test_results_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_format, "MAX_SIZE", 1000)
    assert len(format("%s" * 10, ["a" * 100] * 10)) == 1000
    assert code("%s" * 11, ["a" * 100] * 11) == "too-large"
    shared: list[Any] = []
    for _ in range(60):
        shared = [shared, shared]
    assert code("%s", [shared]) == "too-large"


def test_nesting_is_bounded() -> None:
    nested: list[Any] = []
    for _ in range(text_format.MAX_DEPTH):
        nested = [nested]
    assert format("%s", [nested]) == str(nested)
    assert code("%s", [[nested]]) == "too-deep"
    nested.append(nested)
    assert code("%s", [nested]) == "too-deep"
