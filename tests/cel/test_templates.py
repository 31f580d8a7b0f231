"""A tree that is filled in again is the tree that parsing gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import MACROS, expressions

from policyengine.cel.ast import Ast
from policyengine.cel.lexer import tokenize
from policyengine.cel.macros import table
from policyengine.cel.parser import Limits, parse
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.source import Anchor, Text

# Trees are filled in again for the limits that everyone uses, not for others that are equal.
LIMITS = Limits()


def outcome(text: Text | str, limits: Limits | None) -> Ast | tuple[Diagnostic, ...]:
    try:
        return parse(text, macros=MACROS, limits=limits) if limits else parse(text, macros=MACROS)
    except CompileError as error:
        return tuple(error.diagnostics)


def agree(text: Text | str) -> None:
    found, wanted = outcome(text, None), outcome(text, LIMITS)
    assert found == wanted
    if isinstance(found, Ast) and isinstance(wanted, Ast):
        assert found.shape is wanted.shape
        assert found.text == wanted.text


LITERALS = st.sampled_from(
    [
        "1", "0x1F", "2u", "2.5", ".5", "1e3", "9223372036854775807", "9223372036854775808",
        "99999999999999999999u", "12abc", "1e999", "'a'", '"b"', "r'\\\\'", "b'c'", "'\\\\n'",
        "'''x'y'''", "'\\\\q'", "'open", "true", "null", "a",
    ]
)  # fmt: skip


@given(expressions(), st.data())
def test_generated_expressions(drawn: tuple[str, object], data: st.DataObject) -> None:
    tokens = tokenize(drawn[0])
    made = [
        data.draw(LITERALS) if kind in ("number", "string") else token
        for kind, token in zip(tokens.kinds, tokens.texts, strict=True)
    ]
    for text in (drawn[0], " ".join(made), "\n ".join(made), drawn[0]):
        agree(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "a.b",
                "(a)",
                "(1)",
                "-1",
                "- 1",
                "- -1",
                "-1u",
                "!a",
                "-a",
                "'x'",
                "[1, 'y']",
                "f(1)",
                "a.f('x', 2)",
                "a[0]",
                "a[?0]",
                "a.?b",
                "[?a]",
                "{1: 'x'}",
                "a.`b-c`",
                "has(a.b)",
                "[1].all(x, x > 0)",
                "cel.bind(x, 1, x)",
                "true",
                "null",
                ".a",
                "(a.b).c",
                "T{f: 1}",
            ]
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([" && ", " || ", " == ", " in ", " + ", " - ", " * "]),
)
def test_written_expressions(parts: list[str], operator: str) -> None:  # fmt: skip
    agree(operator.join(parts))
    agree(operator.join(parts).replace("1", "234").replace("'x'", "'longer'"))
    agree(operator.join(f"({part})" for part in parts))
    agree(operator.join(parts) + " ? 1 : 2")


def test_it_is_filled_in_again() -> None:
    macros = ("has",)
    parse("a.b == 1 && c in ['x']", macros=macros)
    (made,) = table(macros).templates.values()
    again = parse("a.b == 22 && c in ['yy']", macros=macros)
    assert again.shape is parse("a.b == 1 && c in ['x']", macros=macros).shape
    assert list(table(macros).templates.values()) == [made]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a == 'x'", "a == string"),
        ("a == 1", "a == number"),
        ("a == 1", "a == 1.0"),
        ("a == 1", "a == 'x'"),
        ("a == -1", "a == -1u"),
        ("a == 1", "a == 1x"),
        ("a.b", "a.`b`"),
        ("a == 1", "a = 1"),
    ],
)
def test_near_misses(first: str, second: str) -> None:
    agree(first)
    agree(second)
    agree(first)


def test_places_are_those_of_the_text() -> None:
    agree("a.b == 'x'")
    text = Text("a.b   == 'longer'", "p.yaml", (Anchor(0, 7, 9),))
    agree(text)
    ast = parse(text, macros=MACROS)
    assert str(ast.span(ast.root)) == "p.yaml:7:9"


def test_only_so_many_are_kept() -> None:
    macros = ("has", "all")
    for number in range(1100):
        parse(f"a{number} == 1", macros=macros)
    assert len(table(macros).templates) <= 1024
