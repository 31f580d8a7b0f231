from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.cel import Environment, functions, interpret
from policyengine.cel.ast import OPERATORS
from policyengine.cel.checked import FunctionRef
from policyengine.cel.functions import Example, Function, Overload, library, table
from policyengine.cel.macros import LIBRARIES
from policyengine.cel.types import (
    AbstractType,
    ListType,
    MapType,
    OptionalType,
    Primitive,
    Type,
    TypeParam,
)
from policyengine.errors import EvaluationError
from policyengine.values.compare import equal
from policyengine.values.failures import CODES
from policyengine.values.kinds import NONE, OptionalValue, TypeValue, UInt
from policyengine.values.network import CIDR, IP
from policyengine.values.times import Duration, Timestamp

NAMES = sorted(
    module.name for module in iter_modules(functions.__path__) if not module.name.startswith("_")
)
EXTENSIONS = [name for name in NAMES if name != "standard"]
# All of them at once: rows of one name in two libraries have to agree.
FUNCTIONS = table(row for name in NAMES for row in library(name).functions)
ENVIRONMENT = Environment(extensions=EXTENSIONS)
OVERLOADS = [(function, row) for function in FUNCTIONS.values() for row in function.overloads]
BY_ID = pytest.mark.parametrize(
    ("function", "row"), OVERLOADS, ids=[f"{f.name}-{row.id}" for f, row in OVERLOADS]
)
EXAMPLES = [(function, example) for function in FUNCTIONS.values() for example in function.examples]

STRINGS = st.text("aé🐱0:+-.Z19TtrueUTC", max_size=6) | st.sampled_from(
    ["", "2009-02-13T23:31:30Z", "1h30m", "UTC", "+02:00", "12", "true", "\ud800"]
)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    "uint": (st.integers(0, 2**64 - 1) | st.integers(0, 3)).map(UInt),
    "double": st.floats(),
    "bool": st.booleans(),
    "string": STRINGS,
    "bytes": st.binary(max_size=4),
    "google.protobuf.Timestamp": st.integers(-62135596800 * 10**9, 253402300800 * 10**9 - 1).map(
        Timestamp
    ),
    "google.protobuf.Duration": st.integers(-(2**63), 2**63 - 1).map(Duration),
}


def optionals(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(NONE) | st.builds(OptionalValue, st.just(True), inner)


ADDRESSES = st.builds(IP, st.just(4), st.integers(0, 2**32 - 1)) | st.builds(
    IP, st.just(6), st.integers(0, 2**128 - 1)
)
OPAQUE: dict[str, st.SearchStrategy[Any]] = {
    "net.IP": ADDRESSES,
    "net.CIDR": st.builds(CIDR, ADDRESSES, st.integers(0, 32)),
}
ANYTHING = st.recursive(
    st.one_of(*PRIMITIVES.values(), *OPAQUE.values(), st.none(), st.just(TypeValue("int"))),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(STRINGS, inner, max_size=2) | optionals(inner)
    ),
    max_leaves=4,
)


def values(type_: Type, bound: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Values of a type whose parameters stand for what `bound` says."""
    match type_:
        case Primitive():
            return ANYTHING if type_.name == "dyn" else PRIMITIVES[type_.name]
        case TypeParam():
            return bound[type_.name]
        case ListType():
            return st.lists(values(type_.element, bound), max_size=3)
        case MapType():
            entries = values(type_.value, bound)
            return st.dictionaries(values(type_.key, bound), entries, max_size=3)
        case OptionalType():
            return optionals(values(type_.value, bound))
        case AbstractType():
            return OPAQUE[type_.name]
        case _:
            raise AssertionError(type_)


def callable_of(name: str | Callable[..., Any]) -> Callable[..., Any]:
    assert isinstance(name, str)
    module, _, attribute = name.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(f"policyengine.values.{module}"), attribute)
    return found


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except EvaluationError as error:
        return error


def test_every_operator_has_a_row() -> None:
    assert set(OPERATORS) <= set(FUNCTIONS)
    for name, count in OPERATORS.items():
        for row in FUNCTIONS[name].overloads:
            assert len(row.args) == count
            assert not row.receiver


@pytest.mark.parametrize("name", NAMES)
def test_a_library_is_found_by_its_name(name: str) -> None:
    found = library(name)
    assert found.name == name
    assert found.doc.endswith(".")
    assert found.macros == LIBRARIES.get(name, ())


def test_nothing_else_is_a_library() -> None:
    for private in ("_operators", "_rows", "nothing", "os.path"):
        with pytest.raises(KeyError):
            library(private)


def test_overload_ids_are_unique() -> None:
    ids = [row.id for _, row in OVERLOADS]
    assert len(set(ids)) == len(ids)


def test_overloads_of_a_function_do_not_overlap() -> None:
    for function in FUNCTIONS.values():
        signatures = [(row.receiver, row.args) for row in function.overloads]
        assert len(set(signatures)) == len(signatures)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_every_function_is_described(function: Function) -> None:
    assert function.doc.endswith(".")
    assert function.examples
    # What can fail has an example that does.
    fails = any(row.can_fail for row in function.overloads)
    with_zone_only = function.name.startswith("get") or function.name == "bytes"
    if fails and not with_zone_only:
        assert any(example.error for example in function.examples)
    assert callable(callable_of(function.impl))


@BY_ID
@settings(max_examples=20)
@given(data=st.data())
def test_an_overload_keeps_its_word(function: Function, row: Overload, data: st.DataObject) -> None:
    keys = data.draw(st.sampled_from([PRIMITIVES[name] for name in ("int", "string", "bool")]))
    bound = {"A": keys, "B": ANYTHING}
    args = [data.draw(values(type_, bound)) for type_ in row.args]
    result = outcome(callable_of(function.impl), *args)
    if isinstance(result, EvaluationError):
        assert row.can_fail
        assert result.code in CODES
        assert result.code != "no-such-overload"
    if row.fast is not None:
        quick = outcome(callable_of(row.fast), *args)
        if isinstance(result, EvaluationError):
            assert (quick.code, quick.message) == (result.code, result.message)
        else:
            assert type(quick) is type(result)
            assert equal(quick, result) or repr(quick) == repr(result)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
@settings(max_examples=40)
@given(data=st.data())
def test_a_function_is_total(function: Function, data: st.DataObject) -> None:
    count = data.draw(st.sampled_from([len(row.args) for row in function.overloads]))
    args = [data.draw(ANYTHING) for _ in range(count)]
    result = outcome(callable_of(function.impl), *args)
    if isinstance(result, EvaluationError):
        assert result.code in CODES


@pytest.mark.parametrize(
    ("function", "example"), EXAMPLES, ids=[f"{f.name}-{e.expression}" for f, e in EXAMPLES]
)
def test_examples(function: Function, example: Example) -> None:
    """They hold in generated code, in its reference form and in the interpreter."""
    program = ENVIRONMENT.compile(example.expression)
    named = program.checked.references.values()
    assert any(isinstance(r, FunctionRef) and r.function.name == function.name for r in named)
    for run in (
        program.evaluate,
        program._reference,
        lambda bindings: interpret.evaluate(program.checked, bindings),
    ):
        if example.error:
            with pytest.raises(EvaluationError) as caught:
                run({})
            assert caught.value.code == example.error
        else:
            result, expected = run({}), ENVIRONMENT.compile(example.result).evaluate({})
            assert equal(result, expected)
            assert type(result) is type(expected)
