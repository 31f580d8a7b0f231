"""cel-python's interface over this engine: what its users call, and what they get."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
from typing import Any

import pytest

from policyengine.compat import celpy
from policyengine.compat.celpy import celtypes


def evaluated(text: str, context: dict[str, Any] | None = None, **named: Any) -> Any:
    functions = named.pop("functions", None)
    environment = celpy.Environment(**named)
    return environment.program(environment.compile(text), functions).evaluate(context or {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2", celtypes.IntType(3)),
        ("1u", celtypes.UintType(1)),
        ("1.5", celtypes.DoubleType(1.5)),
        ("true", celtypes.BoolType(True)),
        ("'a'", celtypes.StringType("a")),
        ("b'a'", celtypes.BytesType(b"a")),
        ("[1]", celtypes.ListType([celtypes.IntType(1)])),
        ("{'a': 1}", celtypes.MapType({celtypes.StringType("a"): celtypes.IntType(1)})),
        ("duration('1h')", celtypes.DurationType("3600s")),
        ("timestamp('2020-01-01T00:00:00Z')", celtypes.TimestampType(2020, 1, 1)),
        ("null", None),
        ("type(1)", celtypes.IntType),
        ("type(null)", type(None)),
    ],
)
def test_results_are_of_celtypes(text: str, expected: Any) -> None:
    found = evaluated(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (celtypes.IntType(3), "x == 3 && type(x) == int"),
        (3, "x == 3 && type(x) == int"),
        (celtypes.UintType(3), "type(x) == uint"),
        (celtypes.BoolType(True), "x && type(x) == bool"),
        (True, "x && type(x) == bool"),
        (2.5, "x == 2.5"),
        ("a", "x == 'a'"),
        (b"a", "x == b'a'"),
        ([1, (2,)], "x == [1, [2]]"),
        ({"a": {"b": None}}, "x.a.b == null"),
        ({1: "a"}, "x[1] == 'a'"),
        (celtypes.MapType({celtypes.IntType(1): 1, celtypes.BoolType(True): 2}), "x[true] == 2"),
        (datetime.datetime(2020, 1, 1), "x == timestamp('2020-01-01T00:00:00Z')"),
        (datetime.timedelta(hours=1), "x == duration('1h')"),
        (celtypes.NullType(), "x == null"),
        (celtypes.IntType, "x == int"),
        (celpy.json_to_cel({"a": [1]}), "x.a[0] == 1"),
    ],
)
def test_values_of_plain_python_and_of_celtypes_are_taken(value: Any, text: str) -> None:
    assert evaluated(text, {"x": value}) == True  # noqa: E712


@pytest.mark.parametrize(
    ("text", "context", "package", "expected"),
    [
        ("a.b.c", {"a.b.c": 1}, None, 1),
        ("a.b.c", {"a.b": {"c": 2}}, None, 2),
        ("a.b.c", {"a": {"b": {"c": 3}}}, None, 3),
        ("a.b.c", {"a.b.c": 1, "a": {"b": {"c": 3}}}, None, 1),
        ("c", {"a.b.c": 1, "c": 2}, "a.b", 1),
        ("c", {"a.c": 1, "c": 2}, "a.b", 1),
        (".c", {"a.c": 1, "c": 2}, "a.b", 2),
        ("c + .d", {"jq": {"c": 1, "d": 2}}, "jq", 3),
        ("[1].map(x, x + y)", {"x": 9, "y": 1}, None, [2]),
        ("int", {"int": 5}, None, 5),
        ("type.name", {"type": {"name": 5}}, None, 5),
    ],
)
def test_names(text: str, context: dict[str, Any], package: str | None, expected: Any) -> None:
    assert evaluated(text, context, package=package) == expected


def test_one_program_serves_contexts_with_other_names() -> None:
    environment = celpy.Environment()
    runner = environment.program(environment.compile("a.b"))
    assert [runner.evaluate({"a.b": 1}), runner.evaluate({"a": {"b": 2}})] == [1, 2]
    with pytest.raises(celpy.CELEvalError):
        runner.evaluate({})
    assert runner.evaluate({"a.b": 3}) == 3


def double(value: Any) -> Any:
    assert isinstance(value, celtypes.IntType)
    return value * 2


@pytest.mark.parametrize("functions", [{"double": double}, [double]])
@pytest.mark.parametrize("runner", [celpy.InterpretedRunner, celpy.CompiledRunner])
@pytest.mark.parametrize("text", ["double(x)", "x.double()"])
def test_functions(text: str, runner: Any, functions: Any) -> None:
    assert evaluated(text, {"x": 4}, functions=functions, runner_class=runner) == 8


def test_a_function_hides_one_of_the_library() -> None:
    assert evaluated("size([1])", functions={"size": lambda value: 42}) == 42


def test_a_function_is_called_once() -> None:
    calls = []

    def effect(value: Any) -> Any:
        calls.append(value)
        return value

    assert evaluated("effect(1) == 1 && [1].all(x, x == dyn(1.0))", functions=[effect]) == True  # noqa: E712
    with pytest.raises(celpy.CELEvalError):
        evaluated("effect(2) / 0 == 1", functions=[effect])
    assert calls == [1, 2]


def fails(kind: type[Exception]) -> Any:
    def function(*_: Any) -> Any:
        raise kind("no")

    return function


@pytest.mark.parametrize("kind", [ValueError, TypeError, KeyError, ZeroDivisionError])
def test_what_functions_raise_is_an_error_of_cel(kind: type[Exception]) -> None:
    with pytest.raises(celpy.CELEvalError) as caught:
        evaluated("1 > 2 || f()", functions={"f": fails(kind)})
    assert caught.value.args[1] is kind
    assert (caught.value.line, caught.value.column) == (1, 10)
    assert evaluated("f() || 2 > 1", functions={"f": fails(kind)}) == True  # noqa: E712


def test_an_error_that_a_function_returns_is_raised() -> None:
    error = celpy.CELEvalError("told", ValueError)
    with pytest.raises(celpy.CELEvalError) as caught:
        evaluated("f()", functions={"f": lambda: error})
    assert caught.value is error


def test_other_exceptions_are_the_callers() -> None:
    with pytest.raises(RuntimeError, match="no"):
        evaluated("f()", functions={"f": fails(RuntimeError)})


@pytest.mark.parametrize(
    ("text", "class_", "column"),
    [
        ("1/0", ZeroDivisionError, 2),
        ("9223372036854775807 + 1", ValueError, 21),
        ("'a' + 1", TypeError, 5),
        ("x", KeyError, 1),
        ("{}.a", KeyError, 4),
        ("[1][2]", IndexError, 4),
        ("nope(1)", TypeError, 1),
        ("int('x')", ValueError, 1),
    ],
)
def test_errors_of_evaluation(text: str, class_: type, column: int) -> None:
    with pytest.raises(celpy.CELEvalError) as caught:
        evaluated(text)
    assert caught.value.args[1] is class_
    assert (caught.value.line, caught.value.column) == (1, column)


def test_errors_of_parsing_have_a_place_and_a_text() -> None:
    environment = celpy.Environment()
    with pytest.raises(celpy.CELParseError) as caught:
        environment.compile("a &&\n  || b")
    error = caught.value
    assert (error.line, error.column) == (2, 3)
    shown = environment.cel_parser.error_text(error.args[0], error.line, error.column)
    assert shown.splitlines()[1:] == ["    |   || b", "    | ..^"]


@pytest.mark.parametrize("value", [[], {}])
def test_values_that_hold_themselves_are_errors(value: Any) -> None:
    (value.append if isinstance(value, list) else lambda v: value.update(a=v))(value)
    with pytest.raises(celpy.CELEvalError, match="deep"):
        evaluated("x == x", {"x": value})


def test_numbers_out_of_range_are_errors() -> None:
    with pytest.raises(celpy.CELEvalError, match="overflow"):
        evaluated("x", {"x": 1 << 63})


def test_json_goes_round() -> None:
    text = '{"a": [1, 2.5, null, true, "s"]}'
    value = json.loads(text, cls=celpy.CELJSONDecoder)
    assert isinstance(value["a"][3], celtypes.BoolType)
    assert json.dumps(value, cls=celpy.CELJSONEncoder) == text


def test_an_evaluator_with_an_activation() -> None:
    environment = celpy.Environment(package="p")
    activation = celpy.Activation(package="p", vars={"p.x": 1}, functions={"f": lambda v: v + 1})
    assert celpy.Evaluator(environment.compile("f(x)"), activation).evaluate() == 2
    nested = activation.nested_activation(vars={"p.x": 5})
    assert celpy.Evaluator(environment.compile("f(x)"), nested).evaluate({}) == 6


def test_base_functions_are_functions_of_python() -> None:
    functions = celpy.base_functions
    assert functions["size"]("abc") == 3
    assert functions["_+_"](1, 2) == celtypes.IntType(3)
    assert isinstance(functions["_/_"](1, 0), celpy.CELEvalError)


def test_time_zones_have_further_names(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "timestamp('2020-07-01T12:00:00Z').getHours('home')"
    monkeypatch.setitem(celtypes.TimestampType.TZ_ALIASES, "home", "Europe/Berlin")
    assert evaluated(text) == 14
    assert celtypes.TimestampType("2020-07-01T12:00:00Z").getHours("home") == 14


def test_additions_of_cel_python() -> None:
    assert evaluated("['a'].contains('a') && {'k': 1}.contains('k')") == True  # noqa: E712
    assert evaluated("duration('1d') == duration('24h')") == True  # noqa: E712
    with pytest.raises(celpy.CELEvalError):
        evaluated("duration('1x')")
    with pytest.raises(celpy.CELEvalError):
        evaluated("duration('xd')")


NANOS = "2020-01-01T00:00:00.123456789Z"


def test_nanoseconds_survive_from_one_expression_to_the_next() -> None:
    moment = evaluated(f"timestamp('{NANOS}')")
    assert str(moment) == NANOS
    assert evaluated(f"x == timestamp('{NANOS}')", {"x": moment}) == True  # noqa: E712
    span = evaluated("duration('-1.000000001s')")
    assert str(span) == "-1.000000001s"
    assert evaluated("x == duration('-1.000000001s')", {"x": span}) == True  # noqa: E712
    assert str(moment + span) == "2019-12-31T23:59:59.123456788Z"
    assert moment - (moment + span) == -span


@pytest.mark.parametrize(
    "value",
    [
        celtypes.TimestampType("2020-01-01T00:00:00-05:00"),
        celtypes.DurationType("-90.5s"),
        celtypes.IntType(3),
        celtypes.MapType({"a": celtypes.ListType([celtypes.BoolType(True)])}),
    ],
)
def test_values_can_be_copied_and_pickled(value: Any) -> None:
    for other in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert other == value
        assert repr(other) == repr(value)


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda: celtypes.IntType(1 << 63), ValueError),
        (lambda: celtypes.IntType(float("inf")), ValueError),
        (lambda: celtypes.IntType(float("nan")), ValueError),
        (lambda: celtypes.UintType(-1), ValueError),
        (lambda: celtypes.UintType(1) - celtypes.UintType(2), ValueError),
        (lambda: -celtypes.UintType(1), TypeError),
        (lambda: -celtypes.BoolType(True), TypeError),
        (lambda: celtypes.BoolType("perhaps"), ValueError),
        (lambda: celtypes.DurationType("1d2"), ValueError),
        (lambda: celtypes.DurationType("1e999d"), ValueError),
        (lambda: celtypes.DurationType([]), TypeError),
        (lambda: celtypes.TimestampType("yesterday"), ValueError),
        (lambda: celtypes.TimestampType(1), TypeError),
        (lambda: celtypes.TimestampType("9999-12-31T23:59:59Z") + celtypes.DurationType("1s"),
         ValueError),
        (lambda: celtypes.MapType([("a", 1), ("a", 2)]), ValueError),
        (lambda: celtypes.MapType({})[[]], TypeError),
        (lambda: celtypes.ListType() < celtypes.ListType(), TypeError),
        (lambda: celpy.json_to_cel(object()), ValueError),
    ],
)  # fmt: skip
def test_what_is_no_value(made: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        made()
