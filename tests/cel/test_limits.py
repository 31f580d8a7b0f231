"""Huge expressions and huge inputs: an answer or a clean diagnostic, in all three ways to run."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.cel.environment import Environment, Program
from policyengine.cel.interpret import evaluate
from policyengine.cel.parser import Limits, parse
from policyengine.diagnostics import CompileError
from policyengine.errors import EvaluationError

ENVIRONMENT = Environment(
    {
        "xs": "list(int)", "words": "list(string)", "m": "map(string, int)", "d": "dyn",
        "t": "string", "n": "int", "ok": "bool",
    },
    extensions=["strings", "lists", "sets", "bindings", "comprehensions", "regex", "encoders"],
)  # fmt: skip
SMALL: dict[str, Any] = {
    "xs": [1], "words": ["a"], "m": {}, "d": {"a": [0]}, "t": "a", "n": 1, "ok": True,
}  # fmt: skip
MANY = 200_000
LARGE: dict[str, Any] = {
    "xs": list(range(MANY)),
    "words": [f"w{i}" for i in range(MANY)],
    "m": {str(i): i for i in range(MANY)},
    "d": {"a": list(range(MANY))},
    "t": "ab" * MANY,
    "n": 1,
    "ok": True,
}


def outcomes(program: Program, inputs: dict[str, Any]) -> set[Any]:
    """What the three ways give, values or codes of errors."""
    found: set[Any] = set()
    for run in (
        program.evaluate,
        program._reference,
        lambda given: evaluate(program.checked, given),
    ):
        try:
            found.add(run(inputs))
        except EvaluationError as error:
            found.add(error.code)
    return found


def bound(first: str, step: str, count: int) -> str:
    """`cel.bind(v0, first, cel.bind(v1, step of v0, ...))`."""
    text = f"v{count}"
    for i in range(count, 0, -1):
        text = f"cel.bind(v{i}, {step.replace('@', f'v{i - 1}')}, {text})"
    return f"cel.bind(v0, {first}, {text})"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        (" + ".join(["n"] * 5_000), "expression-too-deep"),
        ("d" + ".a" * 5_000, "expression-too-deep"),
        ("d" + "[0]" * 5_000, "expression-too-deep"),
        ("!" * 5_000 + "ok", "expression-too-deep"),
        ("-" * 5_000 + "n", "expression-too-deep"),
        ("(" * 5_000 + "n" + ")" * 5_000, "expression-too-deep"),
        ("ok ? n : " * 5_000 + "n", "expression-too-deep"),
        ("[" * 5_000 + "]" * 5_000, "expression-too-deep"),
        ("size(" * 5_000 + "t" + ")" * 5_000, "expression-too-deep"),
        ("xs.all(a, " * 5_000 + "ok" + ")" * 5_000, "expression-too-deep"),
        ("t == '" + "a" * 100_000 + "'", "expression-too-long"),
        (bound("{'a': 1}", "{'x': @, 'y': @}", 40) + " == {}", "type-too-large"),
    ],
    ids=lambda value: value[:24],
)
def test_too_large_expressions_are_refused(text: str, slug: str) -> None:
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile(text)
    assert [each.slug for each in caught.value.diagnostics] == [slug]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" && ".join(["ok"] * 5_000), True),
        (" || ".join(["n == 2"] * 5_000), False),
        (" || ".join(["t == 'b'"] * 7_600), False),
        ("n in [" + ", ".join(map(str, range(5_000))) + "]", True),
        ("t == '" + "a" * 99_000 + "'", False),
        ("{" + ", ".join(f"{i}: n" for i in range(2_000)) + "}.size() == 2000", True),
    ],
    ids=lambda value: str(value)[:24],
)
def test_long_expressions_have_a_value(text: str, value: bool) -> None:
    assert outcomes(ENVIRONMENT.compile(text), SMALL) == {value}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("xs.all(x, x >= 0)", True),
        ("xs.map(x, x + 1).filter(x, x > 5).size() > 0", True),
        ("-1 in xs", False),
        ("xs == xs && d == d", True),
        ("m.all(k, m[k] >= 0)", True),
        ("xs.distinct().size() == xs.size()", True),
        ("sets.contains(xs, xs) && sets.equivalent(words, words)", True),
        ("words.join(',').size() > 0", True),
        ("t.split('').size() > 0 && t.reverse().size() > 0", True),
        ("t.replace('', t).size() > 0", "too-large"),
        ("t.matches('(a|b)*c') || t.matches('(x+x+)+y')", False),
        ("regex.extractAll(t, 'a').size() > 0", True),
        ("int(t) > 0", "bad-conversion"),
        ("timestamp(t) > timestamp(0)", "bad-conversion"),
        ("lists.range(9223372036854775807).size() > 0", "too-large"),
        ("lists.range(n * 1000000).size() == 1000000", True),
        ("('%.2000000000f' + '').format([1.5]) == ''", "bad-argument"),
        ("words.exists(w, t.contains(w))", "cost-exceeded"),
        ("xs.all(x, xs.all(y, x == y || x != y))", "cost-exceeded"),
        (bound("t", "@ + @", 40) + ".size() > 0", "too-large"),
        (bound("xs", "@ + @", 40) + ".size() > 0", "too-large"),
        (bound("[1]", "[@, @]", 20) + " == " + bound("[1]", "[@, @]", 20), True),
        ("'%s'.format([" + bound("[1]", "[@, @]", 30) + "]) == ''", "too-large"),
        ("[" + bound("[1]", "[@, @]", 30) + "].distinct().size() == 1", True),
    ],
)
def test_large_inputs_have_an_outcome(text: str, outcome: Any) -> None:
    """Values that share their parts, too: what they would be without sharing has no room."""
    assert outcomes(ENVIRONMENT.compile(text), LARGE) == {outcome}


def test_loops_in_loops_are_limited() -> None:
    def nested(count: int) -> str:
        opened = "".join(f"[1].all(v{i}, " for i in range(count))
        return opened + "ok" + ")" * count

    assert outcomes(ENVIRONMENT.compile(nested(8)), SMALL) == {True}
    with pytest.raises(CompileError) as caught:
        ENVIRONMENT.compile(nested(9))
    (problem,) = caught.value.diagnostics
    assert problem.slug == "loops-too-deep"
    assert problem.span.column == 1 + nested(8).index("ok")
    in_a_row = "xs" + ".map(x, x)" * 20 + ".all(x, ok)"
    assert outcomes(ENVIRONMENT.compile(in_a_row), SMALL) == {True}


def test_limits_can_be_set() -> None:
    assert parse("[1].all(a, [2].all(b, a == b))", limits=Limits(loops=2)).size > 5
    with pytest.raises(CompileError):
        parse("[1].all(a, [2].all(b, a == b))", limits=Limits(loops=1))
