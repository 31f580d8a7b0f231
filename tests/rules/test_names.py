"""The names that an expression uses from outside."""

from __future__ import annotations

import pytest

from policyengine.cel.parser import parse
from policyengine.rules.language import macros
from policyengine.rules.names import place, uses


@pytest.mark.parametrize(
    ("text", "roots", "variables", "constants", "calls"),
    [
        ("b.c && a.b", ["b", "a"], [], [], ["_&&_"]),
        ("variables.x.y == constants.z[a]", ["a"], ["x"], ["z"], ["_==_", "_[_]"]),
        ("size(a) + a.size()", ["a"], [], [], ["_+_", "size"]),
        ("words({'k': [a, -b]})", ["a", "b"], [], [], ["words", "-_"]),
        ("a.all(a, a.b) || b.all(x, y == x)", ["a", "b", "y"], [], [], ["_||_", "_==_"]),
        ("cel.bind(a, a.b, a + c)", ["a", "c"], [], [], ["_+_"]),
        ("[1].map(variables, variables.x)", [], [], [], []),
        ("[variables.x].map(variables, variables.y) == 1", [], ["x"], [], ["_==_"]),
        ("variables", ["variables"], [], [], []),
        (".a.b", ["a"], [], [], []),
        ("a[?b].?c", ["a", "b"], [], [], ["_[?_]"]),
    ],
)
def test_free_names_in_the_order_of_the_text(
    text: str, roots: list[str], variables: list[str], constants: list[str], calls: list[str]
) -> None:
    found = uses(parse(text, macros=macros()))
    assert list(found.roots) == roots
    assert list(found.variables) == variables
    assert list(found.constants) == constants
    assert list(found.calls) == calls


def test_a_name_stands_where_it_stands_first() -> None:
    ast = parse("(b.x || a.x) && (a.y || variables.z) && variables.z")
    found = uses(ast)
    assert str(place(ast, found.roots["a"])) == "<expr>:1:9"
    assert str(place(ast, found.variables["z"])) == "<expr>:1:25"
