"""Rules that ask the same besides what finds them share its code, and only those."""

from __future__ import annotations

import json
from typing import Any

import pytest

import policyengine
from policyengine.program import Program
from policyengine.rules.load import load_text

COUNT = 30


def program(*policies: dict[str, Any]) -> Program:
    files = {
        "bundle.yaml": "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: 1.0.0\n"
    }
    for number, policy in enumerate(policies):
        head = {
            "apiVersion": "policyengine.dev/v1",
            "kind": "Policy",
            "metadata": {"name": f"p{number}"},
            "on": ["llm.request"],
        }
        files[f"p{number}.yaml"] = json.dumps({**head, **policy})
    return policyengine.compile(policyengine.check(load_text(files)))


def rules(*rests: str, first: str = "r") -> list[dict[str, Any]]:
    """Rules by model, with these rests in turn."""
    made = []
    for number in range(COUNT):
        rest = rests[number % len(rests)]
        found = f'request.model == "m{number}"'
        when = {"when": f"{found} && {rest}"}
        if rest.startswith("!"):
            when = {"when": found, "unless": rest[1:]}
        made.append({"id": f"{first}{number}", "deny": "no", **when})
    return made


def matched(made: Program, model: int, **request: Any) -> list[str]:
    engine = policyengine.Engine(made)
    decision = engine.decide(
        "llm.request",
        {"request": {"model": f"m{model}", "messages": [], **request}, "subject": {"id": "me"}},
    )
    return [reason.rule for reason in decision.reasons if reason.rule]


def test_one_rest_for_all_is_written_once_and_in_place() -> None:
    made = program({"rules": rules("request.max_tokens + 1 > 5")})
    assert made.python.count("> 5") == 1
    assert "_tests_table" not in made.python
    assert matched(made, 7, max_tokens=5) == ["r7"]
    assert matched(made, 7, max_tokens=4) == []
    assert matched(made, 8, max_tokens=(1 << 63) - 1) == ["r8"]  # an overflow, by the reference


def test_what_cannot_be_found_by_the_fast_form_is_judged_for_the_rule_that_was_found() -> None:
    nested = "request.messages.exists(m, m.content.matches('^a+$'))"
    made = program({"rules": rules(nested)})
    for model in (3, 4):
        messages = [{"role": "user", "content": "aa"}]
        assert matched(made, model, messages=messages) == [f"r{model}"]
        assert matched(made, model, messages=[{"role": "user", "content": "ab"}]) == []


DIFFERENT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("unless", "request.stream", "!request.stream", {"stream": True}),
    ("constants", "request.max_tokens < 3", "request.max_tokens < 2", {"max_tokens": 2}),
    (
        "fewer",
        "request.max_tokens > 3",
        "request.max_tokens > 3 && request.stream",
        {"max_tokens": 4, "stream": False},
    ),
    ("fields", "has(request.system)", "has(request.stream)", {"system": "a"}),
    (
        "zeros",
        "1.0 / 0.0 > request.temperature",
        "1.0 / -0.0 > request.temperature",
        {"temperature": 1.0},
    ),
    ("lists", "size([1]) == 1", "size([1, 2]) == 1", {}),
    ("has", "has(request.max_tokens)", "request.max_tokens == 0", {"max_tokens": 3}),
    ("kinds", "type(1) == int", "type(1u) == int", {}),
    ("functions", "'a'.startsWith('a')", "'a'.endsWith('b')", {}),
    ("loops", "[1].all(x, x == 1)", "[1].all(x, x == 2)", {}),
    ("maps", "'a' in {'a': 1}", "'a' in {'b': 1}", {}),
    ("namespaces", "optional.of(1).hasValue()", "optional.none().hasValue()", {}),
]


@pytest.mark.parametrize(
    ("first", "second", "asked"), [case[1:] for case in DIFFERENT], ids=[c[0] for c in DIFFERENT]
)
def test_rests_that_differ_stay_apart(first: str, second: str, asked: dict[str, Any]) -> None:
    made = program({"rules": rules(first, second)})
    assert matched(made, 6, **asked) == ["r6"]
    assert matched(made, 7, **asked) == []


def test_a_variable_of_another_policy_is_another_one() -> None:
    made = program(
        {"variables": {"ok": "request.stream"}, "rules": rules("variables.ok", first="a")},
        {"variables": {"ok": "!request.stream"}, "rules": rules("variables.ok", first="b")},
    )
    assert matched(made, 9, stream=True) == ["a9"]
    assert matched(made, 9, stream=False) == ["b9"]
