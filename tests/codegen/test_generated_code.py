"""Goldens of generated code: what a person reads in `program.python`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import policyengine
from policyengine import cel
from policyengine.rules.load import load_text

MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: shown
version: 1.0.0
constants:
  small: [gpt-5-mini, claude-haiku-4-5]
"""

POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: shown}
on: [llm.request]
"""

BUNDLES = {
    "one-typed-rule": """\
rules:
  - id: no-opus-on-free
    when: request.model == "opus" && subject.tier == "free"
    deny: Upgrade.
""",
    "optional-fields-and-arithmetic": """\
rules:
  - id: long-answers
    when: has(request.max_tokens) && request.max_tokens * 2 > 8000
    unless: request.model in constants.small
    warn: That is long.
  - id: streams
    when: request.stream
    tag: {kind: stream}
""",
    "a-variable-in-two-rules": """\
variables:
  late_system: request.messages.exists(i, m, i > 0 && m.role == "system")
rules:
  - id: no-late-system-prompt
    when: variables.late_system && request.model.startsWith("gpt-")
    deny: The system prompt comes first.
  - id: mark
    when: variables.late_system
    tag: [odd]
""",
    "facts-when-nothing-cheaper-decides": """\
rules:
  - id: not-the-house-model
    when: request.model == "house"
    deny: Not for you.
  - id: code-names
    words: [Project Heron]
    unless: route.tier == "on-prem"
    redact: label
""",
    "many-rules-by-their-constants": "rules:\n"
    + "".join(
        f"  - {{id: m{number}, when: 'request.model == \"m{number}\"', deny: no}}\n"
        for number in range(24)
    ),
}

EXPRESSIONS = {
    "comparisons": 'model == "opus" && tier in ["free", "trial"] && tokens < 4000',
    "a-loop": 'messages.exists(m, m.role == "user" && m.content.contains("x"))',
    "an-overflow-check": "tokens + 1 > limit",
    "nothing-is-known": "any.a.b == 1 || any.c",
}
VARIABLES = {
    "model": "string",
    "tier": "string",
    "tokens": "int",
    "limit": "int",
    "messages": "list(map(string, string))",
    "any": "dyn",
}


@pytest.mark.parametrize("name", BUNDLES)
def test_the_code_of_a_bundle(name: str, golden: Callable[[str, str], None]) -> None:
    files = {"bundle.yaml": MANIFEST, "shown.yaml": POLICY + BUNDLES[name]}
    program = policyengine.compile(policyengine.check(load_text(files)))
    golden(f"{name}.py.txt", program.python)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_code_of_an_expression(name: str, golden: Callable[[str, str], None]) -> None:
    program = cel.Environment(variables=VARIABLES).compile(EXPRESSIONS[name])
    golden(f"{name}.py.txt", program.python)
