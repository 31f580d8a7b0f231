"""An object that is absent has no fields: the fast form, the reference and the walk agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyengine.cel import Environment, EvaluationError
from policyengine.cel.interpret import evaluate
from policyengine.cel.types import DYN, STRING, FieldType, ListType, MapType, ObjectType

ROLE = ObjectType("test.Role", {"name": FieldType(STRING)})
USER = ObjectType("test.User", {"org": FieldType(STRING), "role": FieldType(ROLE)})
ENVIRONMENT = Environment(
    {"user": USER, "labels": MapType(STRING, STRING), "any": DYN, "users": ListType(USER)},
    extensions=["optionals"],
)


@pytest.mark.parametrize(
    ("text", "bindings", "wanted"),
    [
        ("has(user.org)", {}, False),
        ("has(user.org)", {"user": None}, False),
        ("has(user.org)", {"user": {"org": "a"}}, True),
        ("has(user.role.name)", {}, False),
        ("has(user.org) && user.org == 'a'", {}, False),
        ("[1].exists(x, has(user.org))", {}, False),
        ("user.?org.orValue('none')", {}, "none"),
        ("user.?org.orValue('none')", {"user": {"org": "a"}}, "a"),
        ("has(user.org)", {"user": 5}, "type-mismatch"),
        ("user.org == 'a'", {}, "no-such-variable"),
        ("user == user", {}, "no-such-variable"),
        ("has(labels.a)", {}, "no-such-variable"),
        ("has(any.a)", {}, "no-such-variable"),
    ],
)
def test_absent(text: str, bindings: dict[str, Any], wanted: Any) -> None:
    program = ENVIRONMENT.compile(text)
    assert outcome(program.evaluate, bindings) == wanted
    assert outcome(program._reference, bindings) == wanted
    assert outcome(lambda given: evaluate(program.checked, given), bindings) == wanted


def outcome(evaluated: Callable[[dict[str, Any]], Any], bindings: dict[str, Any]) -> Any:
    try:
        return evaluated(bindings)
    except EvaluationError as error:
        return error.code
