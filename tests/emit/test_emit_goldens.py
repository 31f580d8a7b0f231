"""What expressions become, for people to read: one golden for each idea of the emitters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policyengine.cel import types as t
from policyengine.cel.environment import Environment

USER = t.ObjectType(
    "User",
    {
        "name": t.FieldType(t.STRING, required=True),
        "age": t.FieldType(t.INT),
        "tags": t.FieldType(t.ListType(t.STRING)),
    },
)
ENVIRONMENT = Environment(
    variables={
        "user": USER,
        "model": "string",
        "n": "int",
        "ratio": "double",
        "at": "timestamp",
        "any": "dyn",
        "words": "list(string)",
    }
)
EXPRESSIONS = {
    "comparison": "model == 'opus' || n >= 10",
    "member_of_constants": "model in ['opus', 'haiku'] && user.name != 'root'",
    "optional_field": "has(user.age) && user.age > 17",
    "arithmetic_that_may_overflow": "n + 1 > 10 || n * 2 < 0",
    "double_and_timestamp": "ratio > 0.5 && at > timestamp('2024-01-01T00:00:00Z')",
    "dynamic_value": "any == 1 || any.size() > 2",
    "loop": "words.exists(w, w.startsWith('a') && size(w) > 3)",
    "regex": "model.matches('^claude-[0-9]+$')",
    "conditional": "(has(user.age) ? user.age : 0) > 17",
}
HEADER = "# What the expression below becomes. Renew with `make golden`.\n"


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression(name: str, golden: Callable[[str, str], None]) -> None:
    text = EXPRESSIONS[name]
    golden(f"{name}.txt", f"{HEADER}# {text}\n{ENVIRONMENT.compile(text).python}\n")
