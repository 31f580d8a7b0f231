"""The reference evaluator, against CEL's rules for errors, laziness and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from policyengine.cel import types as t
from policyengine.cel.ast import Call, Expr
from policyengine.cel.checked import CheckedExpression, Declarations
from policyengine.cel.checker import check
from policyengine.cel.functions import Function, Overload, library, table
from policyengine.cel.interpret import Outcome, evaluate
from policyengine.cel.macros import LIBRARIES
from policyengine.cel.parser import parse
from policyengine.cel.unparse import unparse
from policyengine.errors import EvaluationError
from policyengine.values.kinds import TypeValue, UInt

MACROS = [name for names in LIBRARIES.values() for name in names]
USER = t.ObjectType(
    "User",
    {"name": t.FieldType(t.STRING), "age": t.FieldType(t.INT), "score": t.FieldType(t.DOUBLE)},
)
VARIABLES: Mapping[str, t.Type] = {
    "x": t.INT,
    "d": t.DYN,
    "m": t.MapType(t.STRING, t.DYN),
    "user": USER,
    "users": t.ListType(USER),
    "a.b": t.STRING,
    "n.x": t.INT,
}
WORDS = Function(
    "words", (Overload("words", (t.ListType(t.STRING),), t.BOOL),), "unused.words", fact=True
)


def checked(text: str, container: str = "") -> CheckedExpression:
    functions = table((*library("standard").functions, WORDS))
    return check(parse(text, macros=MACROS), Declarations(VARIABLES, functions, {}, container))


def value(text: str, container: str = "", **bindings: Any) -> Any:
    return evaluate(checked(text, container), bindings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0 > 0 || true", True),
        ("true || 1 / 0 > 0", True),
        ("1 / 0 > 0 && false", False),
        ("dyn(1) || true", True),
        ("dyn('a') && false", False),
        ("true ? 1 : 1 / 0", 1),
        ("false ? 1 / 0 : 2", 2),
        ("[1, 2, 0].exists(e, 4 / e == 2)", True),
        ("[0, 2].exists(e, 4 / e == 2)", True),
        ("[0, 3].all(e, 4 / e == 4)", False),
        ("[].all(e, 1 / 0 == e)", True),
        ("[1, 2, 2].exists_one(e, e == 1)", True),
        ("[1, 2, 3].map(e, e > 1, e * e)", [4, 9]),
        ("[1, 2, 3].filter(e, e != 2)", [1, 3]),
        ("{'a': 1, 'b': 2}.map(k, k)", ["a", "b"]),
        ("{'a': 1}.all(k, v, k == 'a' && v == 1)", True),
        ("[5, 6].transformList(i, v, i + v)", [5, 7]),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 2)", {"b": 4}),
        ("[7].transformMapEntry(i, v, {v: i})", {7: 0}),
        ("[[1], [2]].map(x, x.map(x, x + 1))", [[2], [3]]),
        ("cel.bind(y, 1 / 0, 5)", 5),
        ("cel.bind(y, 2, [1, 2].map(e, e * y))", [2, 4]),
        ("[1, 2].map(e, cel.bind(y, e * 10, y + y))", [20, 40]),
        ("cel.block([1, cel.index(0) + 1], cel.index(1) * 10)", 20),
        ("has({'a': 1}.a) && !has({'a': 1}.b)", True),
        ("{'a': {'b': 1}}.a.b", 1),
        ("5u", UInt(5)),
        ("type(1) == int", True),
        ("int", TypeValue("int")),
        ("'a' in {'a': 1} && 2 in [1, 2]", True),
        ("b'\\xff' + b'a'", b"\xffa"),
        ("!(1 == 2)", True),
    ],
)
def test_value(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 / 0 > 0 || false", "divide-by-zero"),
        ("true && 1 / 0 > 0", "divide-by-zero"),
        ("dyn(1) || false", "no-such-overload"),
        ("dyn(1) ? 2 : 3", "no-such-overload"),
        ("(1 / 0 > 0) ? 2 : 3", "divide-by-zero"),
        ("[1, 0].all(e, 4 / e == 4)", "divide-by-zero"),
        ("[1, 0].exists(e, 4 / e == 1)", "divide-by-zero"),
        ("[1, 0, 1].exists_one(e, 4 / e == 4)", "divide-by-zero"),
        ("[1, 0].map(e, 4 / e)", "divide-by-zero"),
        ("[1, 0].filter(e, 4 / e > 5)", "divide-by-zero"),
        ("[1].exists(e, dyn(e))", "no-such-overload"),
        ("dyn(1).exists(e, true)", "no-such-overload"),
        ("[1, 2].transformMapEntry(i, v, {'k': v})", "duplicate-key"),
        ("{'a': 1, 'a': 2}", "duplicate-key"),
        ("{'a': 1}.b", "no-such-field"),
        ("{'a': 1}['b']", "no-such-key"),
        ("[1][1]", "index-out-of-range"),
        ("dyn(1).a", "no-such-overload"),
        ("has(dyn(1).a)", "no-such-overload"),
        ("cel.bind(y, 1 / 0, [1, 2].exists(e, e == y))", "divide-by-zero"),
        ("x", "no-such-variable"),
    ],
)
def test_error(text: str, code: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        value(text)
    assert raised.value.code == code


def test_variables_and_fields() -> None:
    assert value("x + 1", x=2) == 3
    assert value("user.name", user={"name": "ada"}) == "ada"
    assert value("users.exists(u, u.age > 40)", users=[{"age": 1}, {"age": 41}]) is True
    assert value("m.k[0]", m={"k": [7]}) == 7
    assert value("a.b + '!'", **{"a.b": "hi"}) == "hi!"
    assert value("x", "n", **{"n.x": 1, "x": 2}) == 1
    assert value(".x", "n", **{"n.x": 1, "x": 2}) == 2
    assert value("[3].map(x, x)", x=1) == [3]


def test_declared_types_are_checked_when_read() -> None:
    with pytest.raises(EvaluationError) as raised:
        value("x == 1", x="1")
    assert raised.value.code == "type-mismatch"
    assert value("user.score", user={"score": 1}) == 1.0
    assert value("has(user.name)", user={"name": None}) is False
    assert value("x == 1 || true", x="1") is True


def test_facts_are_asked_for() -> None:
    asked: list[str] = []

    def facts(call: Call) -> bool:
        asked.append(call.function)
        return True

    assert evaluate(checked("words(['a', 'b'])"), {}, facts=facts) is True
    assert asked == ["words"]
    with pytest.raises(ValueError, match="words"):
        evaluate(checked("words(['a'])"), {})


def test_a_callable_can_be_the_implementation() -> None:
    double = Function("twice", (Overload("twice", (t.INT,), t.INT),), lambda number: number * 2)
    tree = check(parse("twice(4)"), Declarations({}, table((double,))))
    assert evaluate(tree, {}) == 8


def test_the_trace_tells_what_was_evaluated() -> None:
    seen: list[tuple[str, object]] = []

    def trace(node: Expr, outcome: Outcome) -> None:
        told = outcome.value if outcome.error is None else outcome.error.code
        seen.append((unparse(node), told))

    tree = checked("x / 0 > 1 || (x == 1 ? true : false) || x == 2")
    assert evaluate(tree, {"x": 1}, trace=trace) is True
    assert seen == [
        ("x", 1),
        ("0", 0),
        ("x / 0", "divide-by-zero"),
        ("x / 0 > 1", "divide-by-zero"),
        ("x", 1),
        ("1", 1),
        ("x == 1", True),
        ("true", True),
        ("x == 1 ? true : false", True),
        ("x / 0 > 1 || (x == 1 ? true : false)", True),
        ("x / 0 > 1 || (x == 1 ? true : false) || x == 2", True),
    ]


def test_a_bound_value_is_evaluated_once() -> None:
    seen: list[str] = []
    tree = checked("cel.bind(y, x + 1, y * y + y)")
    evaluate(tree, {"x": 1}, trace=lambda node, outcome: seen.append(unparse(node)))
    assert seen.count("x + 1") == 1


def test_the_deepest_expression_is_evaluated() -> None:
    assert value("+".join("1" * 128)) == 128
    assert value("(" * 60 + "1" + ")" * 60) == 1
    assert value(" && ".join(["true"] * 5_000)) is True
