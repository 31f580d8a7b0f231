"""Explanations show what decided, and never a text of the request or what was made of one."""

from __future__ import annotations

import json
from typing import Any

import pytest

import policyengine
from policyengine.explanation import explain
from policyengine.rules.check import check
from policyengine.rules.load import load_text

MANIFEST = "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: 1.0.0\n"
SECRET = "4111111111111111"


def explained(condition: str, input: Any) -> Any:
    policy = (
        "apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata: {name: p}\non: [llm.request]\n"
        f"rules:\n  - id: r\n    when: {json.dumps(condition)}\n    deny: r\n"
    )
    checked = check(load_text({"bundle.yaml": MANIFEST, "p.yaml": policy}))
    engine = policyengine.Engine(policyengine.compile(checked))
    return explain(checked, engine, "llm.request", input).to_dict()


@pytest.mark.parametrize(
    "condition",
    [
        "request.system == 'x'",
        "request.system + '!' == 'x'",
        "int(request.system) > 5",
        "bytes(request.system) == b'x'",
        "[request.system, 'a'] == ['x']",
        "request.messages.map(m, m.content) == ['x']",
        "request.messages.filter(m, m.content.size() > 3).map(m, m.content + '1') == ['x']",
        "{'k': request.system}.k == 'x'",
        "cel.bind(t, request.system, t == 'x')",
    ],
)
@pytest.mark.parametrize("readable", [True, False])
def test_no_text_is_shown(condition: str, readable: bool) -> None:
    message = {"role": "user", "content": SECRET}
    messages = [message] if readable else [message, {"role": "user", "content": 5}]
    input = {"request": {"model": "m", "system": SECRET, "messages": messages}}
    assert SECRET not in json.dumps(explained(condition, input))


def test_what_is_no_text_is_shown() -> None:
    input = {"request": {"model": "opus", "system": SECRET}, "subject": {"tier": "free"}}
    found = json.dumps(explained("request.model == 'x' || subject.tier == 'gold'", input))
    assert "opus" in found
    assert "free" in found
