"""Expressions of one shape share their types, and only those."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import DECLARATIONS, MACROS, expressions

from policyengine.cel.ast import Ast
from policyengine.cel.checked import Declarations
from policyengine.cel.checker import check
from policyengine.cel.checks import Checks
from policyengine.cel.functions import table
from policyengine.cel.lexer import tokenize
from policyengine.cel.parser import parse
from policyengine.diagnostics import CompileError
from policyengine.rules.language import functions, macros

EVERY_MACRO = (*macros(), "cel.block", "cel.index", "cel.iterVar", "cel.accuVar")
EVERYTHING = Declarations(DECLARATIONS.variables, table(functions()))


def other_constants(text: str) -> str:
    """The expression with other ints and strings, and other blanks."""
    tokens = tokenize(text)
    made = [
        "7" if kind == "number" and token.isdigit() else "'other'" if kind == "string" else token
        for kind, token in zip(tokens.kinds, tokens.texts, strict=True)
    ]
    return "  ".join(made)


@given(expressions())
def test_what_is_shared_is_what_is_found(drawn: tuple[str, object]) -> None:
    checks = Checks(DECLARATIONS)
    for text in (drawn[0], other_constants(drawn[0])):
        try:
            ast = parse(text, macros=MACROS)
            found = check(ast, DECLARATIONS)
        except CompileError:
            continue
        shared = checks.check(ast)
        assert shared == found
        assert checks.check(ast) == found
        assert shared.ast is ast


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("n == 1", "  n   == 22 // more"),
        ("text == 'a'", 'text == """b"""'),
        ("text in ['a', 'b']", "text in ['', r'\\']"),
        ("[1, 2].all(x, x < 3)", "[5, 6].all(x, x < 7)"),
        ("n == -1", "n == -12"),
    ],
)
def test_one_shape(first: str, second: str) -> None:
    assert parse(first).shape is parse(second).shape


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("n == 1", "n == 1u"),
        ("n == 1", "n == 1.0"),
        ("n == 1", "n == -1"),
        ("n - 1", "n == -1"),
        ("'a' == text", "b'a' == text"),
        ("'a' == text", "text == 'a'"),
        ("request.model == ''", "request.`model` == ''"),
        ("n == 1", "N == 1"),
        ("true", "false"),
        ("[n]", "[?n]"),
        ("'' == ''", "int == ''"),
    ],
)
def test_other_shapes(first: str, second: str) -> None:
    assert parse(first).shape is not parse(second).shape


def test_a_number_that_becomes_a_name_gives_no_shape() -> None:
    def parsed(text: str) -> Ast:
        return parse(text, macros=EVERY_MACRO)

    assert parsed("cel.block([1, 'a'], cel.index(0) == 1)").shape is None
    assert parsed("cel.iterVar(0, 0)").shape is None
    assert parsed("cel.bind(x, 1, x)").shape is parsed("cel.bind(x, 2, x)").shape
    checks = Checks(EVERYTHING)
    assert str(checks.check(parsed("cel.block([1, 'a'], cel.index(0))")).type) == "int"
    assert str(checks.check(parsed("cel.block([1, 'a'], cel.index(1))")).type) == "string"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("duration('1h') > duration('1m')", "duration('1h') > duration('1x')"),
        ("text.matches('a+')", "text.matches('a++(')"),
        ("timestamp('2026-01-01T00:00:00Z') < now", "timestamp('never') < now"),
    ],
)
def test_constants_that_can_be_wrong_are_looked_at_each_time(good: str, bad: str) -> None:
    checks = Checks(EVERYTHING)
    assert checks.check(parse(good)).types is not checks.check(parse(good)).types
    with pytest.raises(CompileError):
        checks.check(parse(bad))


def test_another_expected_type_is_another_question() -> None:
    checks = Checks(EVERYTHING)
    bool_ = checks.check(parse("true")).type
    checks.check(parse("n"))
    with pytest.raises(CompileError):
        checks.check(parse("n"), bool_)


def test_a_mistake_is_reported_for_each_expression_at_its_place() -> None:
    checks = Checks(EVERYTHING)
    for text in ("n == 'a'", "   n == 'b'"):
        with pytest.raises(CompileError) as raised:
            checks.check(parse(text))
        assert raised.value.diagnostics[0].span.column == text.index("n") + 1


def test_macros_of_other_names_give_other_shapes() -> None:
    assert parse("a.b", macros=()).shape is not parse("a.b").shape
