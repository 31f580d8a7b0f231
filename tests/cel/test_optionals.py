"""Optionals, bindings and well-known messages: fast code, reference and interpreter agree.

Every expression meets good inputs and hostile ones; values, their classes and the codes of errors
must be the same three ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine import cel
from policyengine.cel import interpret
from policyengine.cel import types as t
from policyengine.cel.functions import Example, Function, library
from policyengine.values.compare import equal
from policyengine.values.kinds import NONE, OptionalValue, UInt
from policyengine.values.times import Timestamp

LIBRARIES = ("optionals", "comprehensions", "bindings", "block")
SUB = t.ObjectType(
    "Sub",
    {
        "k": t.FieldType(t.STRING),
        "n": t.FieldType(t.INT),
        "ratio": t.FieldType(t.DOUBLE),
        "at": t.FieldType(t.TIMESTAMP),
        "any": t.FieldType(t.DYN),
        "maybe": t.FieldType(t.WrapperType(t.INT)),
    },
)
USER = t.ObjectType("User", {"name": t.FieldType(t.STRING), "sub": t.FieldType(SUB)})
ENVIRONMENT = cel.Environment(
    {
        "u": USER,
        "m": t.MapType(t.STRING, t.INT),
        "deep": t.MapType(t.STRING, t.MapType(t.STRING, t.STRING)),
        "xs": t.ListType(t.STRING),
        "users": t.ListType(USER),
        "d": t.DYN,
        "o": t.OptionalType(t.INT),
        "ou": t.OptionalType(USER),
    },
    extensions=LIBRARIES,
)

EXPRESSIONS = (
    "u.?name.orValue('nobody')",
    "u.?sub.?k.orValue('none')",
    "u.?sub.k.orValue('none')",
    "u.sub.?n.orValue(7) + 1",
    "u.sub.?ratio.orValue(0.5) * 2.0",
    "u.sub.?at.orValue(timestamp(0)).getFullYear()",
    "u.sub.?any.orValue(1) == 1",
    "u.sub.?any",
    "u.sub.?maybe.orValue(3) == null",
    "u.sub.?maybe.hasValue()",
    "u.?sub.hasValue() && u.?sub.?n.hasValue()",
    "has(u.?sub.k)",
    "has(ou.name) || has(ou.sub.k)",
    "ou.name.orValue('x') + ou.?name.orValue('y')",
    "ou.sub.at.hasValue()",
    "m.?a.orValue(1) + m[?'b'].orValue(2)",
    "m.?a.or(m.?b).orValue(3)",
    "m.?a.or(m.?b).or(o).hasValue()",
    "m.?a.optMap(v, v + 1).orValue(0)",
    "deep.?a.?b.optFlatMap(v, optional.ofNonZeroValue(v)).orValue('z')",
    "deep.?a.b.or(deep.?b.?b).value()",
    "xs[?0].orValue('') + xs[?1].orValue('')",
    "xs[?-1].hasValue()",
    "xs.first().orValue('f') == xs.last().orValue('l')",
    "users[?0].name.orValue('first')",
    "users.map(x, x.?sub.?n).unwrapOpt()",
    "optional.unwrap(users.map(x, x.?name))",
    "users.map(x, x.?name.orValue('-'))",
    "users.filter(x, x.?sub.?n.orValue(0) > 1).size()",
    "users.exists(x, x.?name.orValue('a') == 'a')",
    "users.transformList(i, x, i + x.?sub.?n.orValue(10))",
    "[?u.?name, 'b', ?m.?a.optMap(v, 'n')]",
    "{?'name': u.?name, 'b': 'c', ?'d': deep.?a.?b}",
    "{?'a': m.?a}.?a == m.?a",
    "o.orValue(1) + o.value()",
    "o.or(optional.of(4)).value()",
    "[o, optional.of(1)][0].orValue(2)",
    "d.?a.orValue(1)",
    "d[?0].orValue(d)",
    "d.or(o)",
    "d.orValue(9)",
    "d.hasValue()",
    "has(d.a.b)",
    "optional.of(d).a.b.orValue(0)",
    "optional.ofNonZeroValue(d).hasValue()",
    "m.?a.orValue(1 / 0) > 0",
    "m.?a.or(optional.of(1 / 0)).hasValue() || true",
    "true || m.?a.orValue(1 / 0) > 0",
    "cel.bind(a, m.?a, a.hasValue() ? a.value() : a.orValue(0))",
    "cel.block([m.?a, cel.index(0).orValue(1)], cel.index(1) * cel.index(1))",
    "google.protobuf.Int32Value{value: m.?a.orValue(0)} + 1",
    "google.protobuf.Int32Value{?value: m.?a}",
    "google.protobuf.Value{number_value: u.sub.?ratio.orValue(1.0)}",
    "google.protobuf.Value{?string_value: u.?name, ?list_value: d[?0]}",
    "google.protobuf.Struct{fields: {'user': u, 'list': users}}",
    "google.protobuf.ListValue{values: [d, m, 1u, b'a', timestamp(0), duration('1s')]}",
    "google.protobuf.Timestamp{seconds: m.?a.orValue(1), nanos: 5}.getSeconds()",
    "google.protobuf.Any{}",
)
USERS: tuple[Any, ...] = (
    {},
    {"name": "a", "sub": {"k": "k", "n": 2, "ratio": 1.5, "at": Timestamp(10**9), "maybe": 1}},
    {"name": None, "sub": {"k": None, "n": 1, "ratio": 2, "at": "2024-02-29T12:00:00Z"}},
    {"sub": {"any": None, "maybe": None}},
    {"name": 1, "sub": []},
    {"sub": {"k": 1, "n": "x", "ratio": "x", "at": 5, "any": 1, "maybe": "x"}},
    [],
    None,
)
OTHERS: tuple[dict[str, Any], ...] = (
    {"m": {}, "deep": {}, "xs": [], "d": {}, "o": NONE, "ou": NONE},
    {
        "m": {"a": 1, "b": 2},
        "deep": {"a": {"b": "c"}, "b": {"b": "d"}},
        "xs": ["a", "b"],
        "d": {"a": {"b": 1}},
        "o": OptionalValue(True, 5),
        "ou": OptionalValue(True, USERS[1]),
    },
    {
        "m": {"a": "1", "b": None},
        "deep": {"a": {"b": 1}, "b": []},
        "xs": [1, None],
        "d": [[1]],
        "o": OptionalValue(True, "x"),
        "ou": OptionalValue(True, USERS[5]),
    },
    {"m": {"a": 2**70}, "deep": {"a": None}, "xs": (), "d": OptionalValue(True, 1), "o": 1},
    {"m": [], "deep": {"a": {}}, "xs": "ab", "d": OptionalValue(True, {"a": {}}), "ou": {}},
    {},
)


def ways(program: cel.Program) -> list[Callable[[dict[str, Any]], Any]]:
    return [
        program.evaluate,
        program._reference,
        lambda given: interpret.evaluate(program.checked, given),
    ]


def outcome(run: Callable[[dict[str, Any]], Any], given: dict[str, Any]) -> Any:
    try:
        return run(given)
    except cel.EvaluationError as error:
        return error


def agreed(program: cel.Program, given: dict[str, Any]) -> Any:
    """What all three ways give; an error by its code."""
    fast, *others = (outcome(run, given) for run in ways(program))
    for other in others:
        assert type(other) is type(fast), (fast, other)
        if isinstance(fast, cel.EvaluationError):
            assert fast.code == other.code, given
        else:
            assert equal(fast, other) or fast != fast, given
    return fast


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_all_ways_agree_on_any_input(text: str) -> None:
    program = ENVIRONMENT.compile(text)
    for user in USERS:
        for others in OTHERS:
            agreed(program, {"u": user, "users": [user, USERS[1]], **others})


@pytest.mark.parametrize("text", [text for text in EXPRESSIONS if "Any{}" not in text])
def test_each_expression_gives_a_value_somewhere(text: str) -> None:
    program = ENVIRONMENT.compile(text)
    given = [
        agreed(program, {"u": user, "users": [user], **others})
        for user in USERS
        for others in OTHERS
    ]
    assert not all(isinstance(value, cel.EvaluationError) for value in given)


EXAMPLES = [
    (function, example)
    for name in LIBRARIES
    for function in library(name).functions
    for example in function.examples
]


@pytest.mark.parametrize(
    ("function", "example"), EXAMPLES, ids=[example.expression for _, example in EXAMPLES]
)
def test_the_examples_of_the_libraries_hold(function: Function, example: Example) -> None:
    found = agreed(ENVIRONMENT.compile(example.expression), {})
    if example.error:
        assert isinstance(found, cel.EvaluationError)
        assert found.code == example.error
    else:
        assert equal(found, ENVIRONMENT.compile(example.result).evaluate({}))


def test_every_function_of_the_optionals_has_an_example_and_a_line() -> None:
    for function in library("optionals").functions:
        if function.name != "_[_]":
            assert function.examples, function.name
            assert function.doc.endswith(".")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("u.?name.orValue('nobody')", "nobody"),
        ("u.?sub.?n", NONE),
        ("xs[?2].or(xs[?0])", OptionalValue(True, "a")),
        ("optional.of(null)", OptionalValue(True, None)),
        ("optional.ofNonZeroValue(0u)", NONE),
        ("optional.ofNonZeroValue(1u)", OptionalValue(True, UInt(1))),
        ("optional.of(1).optMap(x, x + 1).optMap(x, x * 10)", OptionalValue(True, 20)),
        ("[?optional.none(), 1, ?optional.of(2)]", [1, 2]),
        ("{1: 2, ?3: optional.none()}", {1: 2}),
    ],
)
def test_what_optionals_give(text: str, value: Any) -> None:
    given = {"u": {"name": None}, "xs": ["a", "b"]}
    assert agreed(ENVIRONMENT.compile(text), given) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[?1]", "what follows `?` must be `optional_type`, this is `int`"),
        ("{?'a': 1}", "what follows `?` must be `optional_type`, this is `int`"),
        ("m.?a + 1", "`+` does not take `optional_type(int)` and `int`"),
        ("m.?a.orValue('x')", "`orValue` cannot be called as `optional_type(int).orValue(string)`"),
        ("u.?nmae.hasValue()", "`u.nmae` is not a field of `User`"),
        (
            "google.protobuf.Int64Value{valu: 1}",
            "`valu` is not a field of `google.protobuf.Int64Value`",
        ),
        ("google.protobuf.Int46Value{}", "there is no type `google.protobuf.Int46Value`"),
        (
            "google.protobuf.Int64Value{value: 1u}",
            "the field `value` must be `int`, this is `uint`",
        ),
    ],
)
def test_mistakes_are_told(text: str, message: str) -> None:
    with pytest.raises(cel.CompileError) as caught:
        ENVIRONMENT.compile(text)
    assert [found.message for found in caught.value.diagnostics] == [message]


def _of(value: Any) -> OptionalValue:
    return OptionalValue(True, value)


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | inner.map(_of),
    max_leaves=6,
)


@given(_ANYTHING)
def test_any_value_at_all_gets_an_answer(value: Any) -> None:
    for text in ("d.?a.orValue(0)", "d[?0].or(d)", "optional.ofNonZeroValue(d)", "d.value()"):
        agreed(ENVIRONMENT.compile(text), {"d": value})


def test_optionals_within_optionals_are_read_however_deep() -> None:
    deep: Any = {"a": 1}
    for _ in range(10_000):
        deep = OptionalValue(True, deep)
    for text, value in (
        ("d.?a.orValue(0)", 1),
        ("d[?'a'].value()", 1),
        ("d.?b.hasValue()", False),
        ("has(d.a)", True),
    ):
        assert agreed(ENVIRONMENT.compile(text), {"d": deep}) == value
