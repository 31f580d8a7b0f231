from __future__ import annotations

import inspect

import pytest

from policyengine.errors import EvaluationError
from policyengine.values import failures

SECRET = "4111-1111-1111-1111"

ARGUMENTS = {
    "no_such_overload": ("_+_", 1, SECRET),
    "type_mismatch": ("int", SECRET),
    "no_such_variable": ("request",),
    "no_such_function": ("f",),
    "no_such_type": ("T",),
    "no_such_field": ("model",),
    "overflow": ("int",),
    "bad_conversion": ("int", SECRET),
    "bad_argument": ("format", "too few values"),
    "bad_key": (1.5,),
    "too_large": ("string", 10),
    "too_deep": (10,),
    "cost_exceeded": (10,),
    "search_too_long": (10,),
}

BUILDERS = sorted(
    name
    for name, function in inspect.getmembers(failures, inspect.isfunction)
    if inspect.signature(function).return_annotation == "EvaluationError"
)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_failure_has_a_known_code_and_quotes_no_value(name: str) -> None:
    error = getattr(failures, name)(*ARGUMENTS.get(name, ()))
    assert isinstance(error, EvaluationError)
    assert error.code in failures.CODES
    assert SECRET not in str(error)
    assert error.message[-1] != "."


def test_every_code_of_the_table_can_be_raised() -> None:
    raised = {getattr(failures, name)(*ARGUMENTS.get(name, ())).code for name in BUILDERS}
    # The regex package builds its own, with the position in the pattern.
    assert raised == set(failures.CODES) - {"bad-regex"}


def test_what_lenient_checking_found_is_raised_as_it_is() -> None:
    with pytest.raises(EvaluationError) as caught:
        failures.fail("no-such-type", "there is no type `T`")
    assert caught.value.code == failures.no_such_type("T").code
    assert caught.value.message == failures.no_such_type("T").message


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        ("_&&_", "&&"),
        ("_?_:_", "?:"),
        ("_[_]", "[]"),
        ("-_", "-"),
        ("_-_", "-"),
        ("@in", "in"),
        ("getHours", "getHours"),
    ],
)
def test_operators_are_named_as_an_author_writes_them(function: str, shown: str) -> None:
    assert failures.symbol(function) == shown
