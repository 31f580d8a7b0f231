"""Lenient checking: what has no meaning is an error of run time, alike in all three ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from strategies import DECLARATIONS, MACROS, expressions

from policyengine import cel
from policyengine.cel import interpret
from policyengine.cel import types as t
from policyengine.cel.checker import check
from policyengine.cel.parser import parse
from policyengine.values.compare import equal

ENVIRONMENT = cel.Environment(
    {"n": "int", "u": t.ObjectType("U", {"a": t.FieldType(t.STRING)}), "m": "map(int, string)"},
    extensions=("optionals", "bindings", "comprehensions"),
)
GIVEN: dict[str, Any] = {"n": 1, "u": {"a": "x"}, "m": {1: "one"}, "loose": {"f": [1]}}


def outcome(program: cel.Program, given: dict[str, Any]) -> Any:
    """The value, or the code of the error."""
    ways: list[Callable[[dict[str, Any]], Any]] = [
        program.evaluate,
        program._reference,
        lambda bound: interpret.evaluate(program.checked, bound),
    ]
    found = []
    for way in ways:
        try:
            found.append(way(given))
        except cel.EvaluationError as error:
            found.append(error.code)
    assert all(type(one) is type(found[0]) and equal(one, found[0]) for one in found), found
    return found[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Names that are not declared are read from the bindings.
        ("loose.f[0] + n", 2),
        ("loose.f.exists(x, x == 1)", True),
        (".loose.f.size()", 1),
        ("missing", "no-such-variable"),
        ("missing || true", True),
        ("missing.a.b && false", False),
        ("has(loose.g)", False),
        ("dyn", "no-such-variable"),
        # Calls of nothing, or of something else.
        ("f(1)", "no-such-overload"),
        ("f(missing) || true", True),
        ("n.f()", "no-such-overload"),
        ("a.b.f(1)", "no-such-overload"),
        ("size(1)", "no-such-overload"),
        ("size([1], 2)", "no-such-overload"),
        ("'a'.size('b')", "no-such-overload"),
        ("contains('a', 'b')", "no-such-overload"),
        ("'a' + 1", "no-such-overload"),
        ("'a' < 1", "no-such-overload"),
        ("-(1u)", "no-such-overload"),
        ("!0", "no-such-overload"),
        ("!'a' || true", True),
        ("'a' && false", False),
        ("'a' && true", "no-such-overload"),
        ("1 ? 2 : 3", "no-such-overload"),
        ("true ? 'a' : 1", "a"),
        ("1 == 'a'", False),
        ("1 in 2", "no-such-overload"),
        ("1[0]", "no-such-overload"),
        ("m['a']", "no-such-key"),
        ("m.a", "no-such-field"),
        ("n.a", "no-such-overload"),
        ("has(n.a)", "no-such-overload"),
        ("u.b", "no-such-field"),
        ("has(u.b)", False),
        (
            "u.?b",
            cel.Environment(extensions=("optionals",)).compile("optional.none()").evaluate({}),
        ),
        ("u.a.b", "no-such-overload"),
        # Macros.
        ("1.all(x, true)", "no-such-overload"),
        ("[1].all(x, x)", "no-such-overload"),
        ("[1].filter(x, 'a')", "no-such-overload"),
        ("[1].transformMapEntry(i, x, i)", "no-such-overload"),
        ("cel.block([1], 2)", "no-such-overload"),
        ("[1].all(x)", "no-such-overload"),
        ("cel.bind(x, 'a' + 1, true)", True),
        ("cel.bind(x, 'a' + 1, x)", "no-such-overload"),
        # Literals.
        ("[1, 'a']", [1, "a"]),
        ("[?1]", "no-such-overload"),
        ("{?'a': 1}", "no-such-overload"),
        ("{1.5: 1}", "bad-key"),
        ("{null: 1}", "bad-key"),
        ("T{a: 1}", "no-such-type"),
        ("T{a: missing}.a || true", True),
        ("google.protobuf.Int64Value{value: 'a'}", "bad-conversion"),
        ("google.protobuf.Int64Value{wrong: 1}", "no-such-field"),
        ("google.protobuf.Value{string_value: 1}", "bad-conversion"),
    ],
)
def test_what_has_no_meaning_shows_when_it_is_evaluated(text: str, value: Any) -> None:
    found = outcome(ENVIRONMENT.compile(text, check=False), GIVEN)
    assert type(found) is type(value)
    assert found == value


@pytest.mark.parametrize("text", ["1 +", "a b", "has(1)", "'", "1.all(1, true)"])
def test_mistakes_of_syntax_are_told(text: str) -> None:
    with pytest.raises(cel.CompileError):
        ENVIRONMENT.compile(text, check=False)


def test_no_type_of_a_mistake_is_claimed() -> None:
    checked = ENVIRONMENT.check("[n.a, f(1)]", lenient=True)
    assert checked.type == t.DYN
    assert t.ERROR not in checked.types.values()


@given(expressions())
def test_what_is_right_stays_as_it_was(drawn: tuple[str, t.Type]) -> None:
    ast = parse(drawn[0], macros=MACROS)
    strict, lenient = check(ast, DECLARATIONS), check(ast, replace(DECLARATIONS, lenient=True))
    assert strict == lenient
