"""What a terminal would act on never reaches it."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.output.text import block, count, line, paint
from policyengine.output.values import short


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain äöü 漢字 🙂", "plain äöü 漢字 🙂"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb", "a\\rb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\x7f", "\\x7f"),
    ],
)
def test_hidden_characters_are_written_out(text: str, expected: str) -> None:
    assert line(text) == expected


def test_a_block_keeps_its_lines() -> None:
    assert block("a\n\tb\x07") == "a\n\tb\\x07"


@given(st.text())
def test_a_line_is_one_line_without_controls(text: str) -> None:
    shown = line(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    shown.encode()


def test_colours_only_where_wanted() -> None:
    assert paint("x", "bad", False) == "x"
    assert paint("x", "bad", True) != "x"
    assert click.unstyle(paint("x", "bad", True)) == "x"


def test_counts() -> None:
    assert [count(n, "rule") for n in (0, 1, 2000)] == ["0 rules", "1 rule", "2,000 rules"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "nothing"),
        ("deny", "deny"),
        (["a"], '["a"]'),
        ({"b": 1, "a": None}, '{"a": null, "b": 1}'),
        ("\x1b", "\\x1b"),
    ],
)
def test_values_are_short_and_safe(value: object, expected: str) -> None:
    assert short(value) == expected
    assert len(short("y" * 5000)) == 200
