"""Literals: values, ranges and escapes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.cel.ast import Constant
from policyengine.cel.literals import LiteralError, number, string, write_bytes, write_string
from policyengine.cel.parser import parse


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0", "int", 0),
        ("007", "int", 7),
        ("0x7fFF", "int", 0x7FFF),
        ("-0x10", "int", -16),
        ("9223372036854775807", "int", 2**63 - 1),
        ("-9223372036854775808", "int", -(2**63)),
        ("- 9223372036854775808", "int", -(2**63)),
        ("-0x8000000000000000", "int", -(2**63)),
        ("18446744073709551615u", "uint", 2**64 - 1),
        ("0xFFFFFFFFFFFFFFFFU", "uint", 2**64 - 1),
        ("0" * 5_000 + "1", "int", 1),
        ("1.5", "double", 1.5),
        (".5", "double", 0.5),
        ("1e3", "double", 1000.0),
        ("1.25E-2", "double", 0.0125),
        ("-1e+2", "double", -100.0),
        ("4.9e-324", "double", 5e-324),
        ("1e-999", "double", 0.0),
        ("true", "bool", True),
        ("null", "null", None),
        ("''", "string", ""),
        ('""""""', "string", ""),
        ('"""a"b""c"""', "string", 'a"b""c'),
        ("'''a\nb'''", "string", "a\nb"),
        ("r'\\d+'", "string", "\\d+"),
        ('R"\\"', "string", "\\"),
        ("b'é'", "bytes", "é".encode()),
        ("B'\\xff\\377'", "bytes", b"\xff\xff"),
        ("bR'\\xff'", "bytes", b"\\xff"),
        ("'\\xff\\377'", "string", "ÿÿ"),
        ("'\\u00e9\\U0001F62C'", "string", "é😬"),
        ("'\\ud83d\\ude2c'", "string", "😬"),
        ("'\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`'", "string", "\a\b\f\n\r\t\v\\?\"'`"),
        ("'// no comment'", "string", "// no comment"),
        ('"""\\""""""', None, None),
    ],
)
def test_value(text: str, kind: str | None, value: object) -> None:
    if kind is None:
        with pytest.raises(Exception, match="found"):
            parse(text)
        return
    node = parse(text).root
    assert isinstance(node, Constant)
    assert (node.kind, node.value) == (kind, value)
    assert type(node.value) is type(value)
    assert (node.start, node.end) == (0, len(text))


def test_minus_zero_keeps_its_sign() -> None:
    node = parse("-0.0").root
    assert isinstance(node, Constant)
    assert math.copysign(1.0, node.value) == -1.0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["1x", "0x", "0xg", "1u2", "1e", "9223372036854775808", "1e400", "1_000", "0X1", "1.5u"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(LiteralError):
        number(text)


@pytest.mark.parametrize(
    "text",
    [
        "'", "'a", '"""a""', "'''a'", r"'\'", r"'''\'''", "r'", "b'", r"'\q'", r"'\8'", r"'\400'",
        r"'\12'", r"'\x1'", r"'\u12'", r"'\U1234567'", r"'\U00110000'", r"'\uD800'",
        r"'\uDC00\uD800'",
        r"b'\u0041'", r"b'\U00000041'", r"'\ '", "'\\\n'",
    ],
)  # fmt: skip
def test_what_is_no_string(text: str) -> None:
    with pytest.raises(LiteralError) as refused:
        string(text)
    assert 0 <= refused.value.start < refused.value.end <= len(text)


characters = st.characters(exclude_categories=["Cs"])


@given(st.text(characters))
def test_strings_survive_writing(value: str) -> None:
    assert string(write_string(value)) == ("string", value)


@given(st.binary())
def test_bytes_survive_writing(value: bytes) -> None:
    assert string(write_bytes(value)) == ("bytes", value)


@given(st.text(st.sampled_from("\\'\"rbxuU01aé\n ")), st.sampled_from(["'", '"', "'''", '"""']))
def test_any_quoted_text_is_a_literal_or_an_error(value: str, quote: str) -> None:
    text = quote + value
    try:
        kind, _ = string(text)
    except LiteralError as error:
        kind, start, end = "string", error.start, error.end
    else:
        start, end = 0, len(text)
    assert kind == "string"
    assert 0 <= start < end <= len(text)
