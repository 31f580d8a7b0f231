"""Single typed expressions beside the Python that a person would write for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from harness import Result, race
from peers import activation, evaluators

from policyengine import cel
from policyengine.rules.points import builtin_points

INPUT: dict[str, Any] = {
    "request": {
        "endpoint": "chat.completions",
        "model": "claude-sonnet-4-5",
        "max_tokens": 4000,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of Peru?"},
            {"role": "assistant", "content": "Lima."},
            {"role": "user", "content": "And of Chile?"},
        ],
        "stream": False,
    },
    "subject": {"id": "ada", "tier": "pro", "team": "platform", "groups": ["dev", "oncall"]},
    "route": {"tier": "standard", "provider": "anthropic", "region": "eu"},
}

RULE = (
    'request.model.startsWith("claude-") && subject.tier in ["free", "pro"]'
    ' && request.max_tokens > 2000 && route.region != "us"'
)


def rule(i: dict[str, Any]) -> bool:
    request = i["request"]
    return (
        request["model"].startswith("claude-")
        and i["subject"]["tier"] in ("free", "pro")
        and request["max_tokens"] > 2000
        and i["route"]["region"] != "us"
    )


def exists(i: dict[str, Any]) -> bool:
    return any(
        message["role"] == "user" and "Chile" in message["content"]
        for message in i["request"]["messages"]
    )


def arithmetic(i: dict[str, Any]) -> bool:
    return i["request"]["max_tokens"] * 3 + 500 <= 20000


CASES: tuple[tuple[str, str, Callable[[dict[str, Any]], bool]], ...] = (
    ("one typed rule", RULE, rule),
    (
        "`exists` over 4 messages",
        'request.messages.exists(m, m.role == "user" && m.content.contains("Chile"))',
        exists,
    ),
    ("arithmetic with overflow checks", "request.max_tokens * 3 + 500 <= 20000", arithmetic),
)


def results() -> Iterator[Result]:
    """Each expression beside hand-written Python and cel-python."""
    fields = builtin_points()["llm.request"].input.fields
    environment = cel.Environment(variables={name: f.type for name, f in fields.items()})
    active = activation(INPUT)
    for title, text, by_hand in CASES:
        contestants = {
            "hand-written Python": partial(by_hand, INPUT),
            "policyengine": partial(environment.compile(text).evaluate, INPUT),
        }
        for name, evaluate in evaluators(text).items():
            contestants[name] = partial(evaluate, active)
        yield race(title, f"`{text}`", contestants)
