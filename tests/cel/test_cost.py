"""The static cost of expressions: figures by hand, and bounds that hold for what is evaluated."""

from __future__ import annotations

from random import Random

import pytest
from celfuzz.generate import SHARED, VARIABLES, Generator

from policyengine.cel.cost import MAX_COST, Cost, Sizes, costliest, estimate, quick_bound
from policyengine.cel.environment import Environment
from policyengine.diagnostics import CompileError

ENVIRONMENT = Environment(
    {"xs": "list(int)", "words": "list(string)", "text": "string", "n": "int", "ok": "bool"},
    extensions=["lists", "strings", "math", "bindings", "comprehensions", "optionals"],
)
SIZES = Sizes(elements=10, characters=100)


@pytest.mark.parametrize(
    ("expression", "least", "most"),
    [
        ("1", 0, 0),
        ("n", 1, 1),
        ("n == 1", 2, 2),
        ("n == 1 && ok", 2, 4),
        ("ok ? n : n + 1", 3, 4),
        ("text == 'abc'", 2, 2),
        ("text.contains('abc')", 3, 13),
        ("text.matches('abc')", 2, 12),
        ("text.matches('a{8,10}b{1,2}')", 2, 32),
        ("n in xs", 3, 13),
        ("xs.size()", 2, 2),
        ("xs.exists(x, x == n)", 1, 41),
        ("xs.filter(x, x == n).size() > 0", 3, 43),
        ("xs.exists(x, xs.exists(y, x == y))", 1, 421),
        ("[1, 2].all(x, x > n)", 14, 18),
        ("cel.bind(q, xs + xs, q.exists(x, x > 1))", 1, 84),
        ("math.greatest(n, 1)", 2, 2),
        ("{'a': n}", 31, 31),
    ],
)
def test_figures(expression: str, least: int, most: int) -> None:
    assert estimate(ENVIRONMENT.check(expression), SIZES) == Cost(least, most)


def test_the_costliest_part_is_named() -> None:
    text = "ok && xs.all(x, ok || xs.exists(y, xs.exists(z, x + y == z)))"
    checked = ENVIRONMENT.check(text)
    node = costliest(checked, 600, SIZES)
    assert text[node.start : node.end] == "xs.exists(y, xs.exists(z, x + y == z))"
    assert costliest(checked, 10**9, SIZES) is checked.ast.root


def test_a_cost_beyond_all_bounds_is_a_number_still() -> None:
    text = "cel.bind(a, lists.range(n), a.all(x, a.all(y, a.all(z, a.all(w, x + y == z + w)))))"
    assert estimate(ENVIRONMENT.check(text)).most == MAX_COST


def test_random_expressions_have_a_range_that_the_glance_agrees_with() -> None:
    environment = Environment(VARIABLES, extensions=SHARED)
    generator = Generator(Random(5))
    glanced = 0
    for _ in range(400):
        text = generator.expression().text()
        try:
            checked = environment.check(text)
        except CompileError:
            continue
        least, most = estimate(checked)
        assert 0 <= least <= most, text
        bound = quick_bound(checked)
        if bound is not None:
            glanced += 1
            assert most <= bound, text
        node = costliest(checked, most)
        assert node is checked.ast.root
    assert glanced > 50
