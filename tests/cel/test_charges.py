"""What loops within loops may cost: which parts are paid for, and what happens at the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyengine.cel.ast import Comprehension, Expr, children
from policyengine.cel.charges import charged
from policyengine.cel.environment import Environment, Program
from policyengine.cel.interpret import evaluate
from policyengine.cel.types import BOOL, STRING, FieldType, ListType, ObjectType
from policyengine.errors import EvaluationError
from policyengine.values.budget import Budget

PART = ObjectType("test.Part", {"text": FieldType(STRING, required=True)})
MESSAGE = ObjectType(
    "test.Message",
    {"text": FieldType(STRING, required=True), "parts": FieldType(ListType(PART), required=True)},
)
ENVIRONMENT = Environment(
    {
        "messages": ListType(MESSAGE),
        "xs": "list(int)",
        "ys": "list(int)",
        "words": "list(string)",
        "text": "string",
        "things": "list(dyn)",
        "by": "map(string, int)",
        "n": "int",
    },
    extensions=["lists", "strings", "regex", "comprehensions", "bindings"],
    types={"test.Message": MESSAGE, "test.Part": PART},
)


def nodes(root: Expr) -> dict[int, Expr]:
    found: dict[int, Expr] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        found[node.id] = node
        pending.extend(children(node))
    return found


def paid_for(expression: str) -> list[str]:
    """The texts of the charged nodes of the first outermost loop."""
    checked = ENVIRONMENT.check(expression)
    by_id = nodes(checked.ast.root)
    loop = next(node for node in by_id.values() if isinstance(node, Comprehension))
    return sorted(expression[by_id[i].start : by_id[i].end] for i in charged(checked, loop))


@pytest.mark.parametrize(
    "expression",
    [
        "xs.exists(x, x > n)",
        "words.exists(w, w.contains('a') && w.matches('a+') && w == text)",
        "words.exists(w, w in ['a', 'b'] || w in by)",
        "messages.exists(m, m.text == text && m.parts.exists(p, p.text.contains('x')))",
        "messages.filter(m, m.text != '').exists(m, m.parts.all(p, p.text.startsWith('x')))",
        "messages.exists(m, cel.bind(q, m.parts, q.exists(p, p.text == 'x')))",
        "messages.map(m, m.text).exists(t, t.contains('x'))",
        "messages.filter(m, m.text != '').map(m, m.parts).all(p, p.exists(q, q.text == 'x'))",
        "xs.map(x, ys[0] + x).size() > 0",
        "words.exists(w, text.startsWith(w) || text == w || text < w)",
    ],
)
def test_what_is_linear_in_the_input_is_free(expression: str) -> None:
    assert paid_for(expression) == []


@pytest.mark.parametrize(
    ("expression", "paid"),
    [
        ("xs.all(x, ys.all(y, x != y))", ["ys"]),
        ("xs.all(x, x in ys)", ["ys"]),
        ("words.exists(w, text.contains(w))", ["text"]),
        ("words.exists(w, text.matches('a+'))", ["text"]),
        ("words.map(w, text + w)", ["text"]),
        ("xs.map(x, lists.range(x))", ["lists.range(x)"]),
        ("messages.all(m, messages.all(o, o.text != m.text))", ["messages"]),
        ("messages.all(m, m.parts.all(p, m.text.contains(p.text)))", ["m.text"]),
        ("messages.all(m, m.parts.all(p, m.parts.all(q, p.text != q.text)))", ["m.parts"]),
        ("xs.map(x, text).all(t, t.contains('b'))", ["t"]),
        ("messages.map(m, text).all(t, t.contains('b'))", ["t"]),
        (
            "messages.all(m, xs.map(x, m.text).all(t, t.contains('b')))",
            ["t", "xs", "xs.map(x, m.text)"],
        ),
        ("[ys, ys].all(l, l.all(y, y > 0))", ["l"]),
        ("cel.bind(q, ys, xs.all(x, x in q))", ["q"]),
        ("xs.all(x, [1, 2, 3].all(y, y > x))", ["[1, 2, 3]"]),
        ("xs.all(x, things == things)", ["things", "things"]),
    ],
)
def test_what_multiplies_is_paid_for(expression: str, paid: list[str]) -> None:
    assert paid_for(expression) == paid


STEPS = 1 << 12
LARGE = list(range(200))
INPUT: dict[str, Any] = {
    "xs": LARGE,
    "ys": LARGE,
    "words": ["w"] * 500,
    "text": "a" * 40_000,
    "things": [[1]] * 200,
    "messages": [{"text": "", "parts": [{"text": "a"}] * 100}] * 100,
    "by": {},
    "n": 0,
}


@pytest.fixture(autouse=True)
def _small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyengine.values.budget.MAX_STEPS", STEPS)


def ways(program: Program) -> list[Callable[[], Any]]:
    return [
        lambda: program.evaluate(INPUT),
        lambda: program._reference(INPUT),
        lambda: evaluate(program.checked, INPUT),
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "xs.all(x, ys.all(y, x + y >= 0))",
        "xs.all(x, ys.all(y, x + y >= 0) || n > 0)",
        "xs.all(x, x in ys.map(y, y)) && xs.all(x, ys.all(y, x + y >= 0))",
        "xs.exists(x, ys.exists(y, xs.exists(z, x + y + z < 0)))",
        "words.exists(w, text.contains(w))",
        "words.exists(w, text.matches(w))",
        "words.map(w, text + w).size() == 0",
        "xs.map(x, text).all(t, !t.contains('b'))",
        "xs.map(x, ys).all(l, l.all(y, y >= 0))",
        "xs.all(x, things == things || n > 0)",
        "xs.all(x, lists.range(100000).size() > 0)",
        "xs.transformMap(i, x, ys.map(y, y + x)).size() > 0",
        "xs.filter(x, text.contains('b')).size() > 0",
        "xs.all(x, xs.all(a, xs.all(b, xs.all(c, a + b + c + x >= 0)))) || true",
    ],
)
def test_hostile_input_ends_in_an_error(expression: str) -> None:
    for run in ways(ENVIRONMENT.compile(expression)):
        with pytest.raises(EvaluationError) as caught:
            run()
        assert caught.value.code == "cost-exceeded"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("messages.all(m, m.parts.all(p, p.text == 'a'))", True),
        ("xs.all(x, x >= 0 && x in [0, 1] || x > 1)", True),
        ("xs.exists(x, ys.exists(y, x + y == 0))", True),
        ("xs.all(x, x in ys)", True),
        ("xs.slice(0, 20).all(x, ys.all(y, x + y >= 0))", True),
        ("words.exists(w, text.contains('b') || w == 'w')", True),
        ("n == 0 || xs.all(x, ys.all(y, x + y >= 0))", True),
    ],
)
def test_large_input_within_the_limit_has_its_value(expression: str, expected: bool) -> None:
    """What is linear in the input, and what ends before it costs too much."""
    program = ENVIRONMENT.compile(expression)
    assert program.type == BOOL
    for run in ways(program):
        assert run() is expected


def test_a_budget_counts_elements_and_characters() -> None:
    budget = Budget()
    budget.paid([0] * (STEPS - 2), 4)
    budget.paid("a" * 32, 4)
    with pytest.raises(EvaluationError):
        budget.paid("a" * 16, 4)


def test_a_deep_value_counts_once_wherever_it_stands() -> None:
    value: list[Any] = [1]
    for _ in range(100):
        value = [value, value]
    Budget().paid(value, 4, True)
    with pytest.raises(EvaluationError):
        Budget().paid([[i] for i in range(STEPS)], 4, True)
