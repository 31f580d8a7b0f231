"""What small bundles become, for people to read: one golden for each idea of the code generator."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import policyengine
from policyengine.rules.check import check
from policyengine.rules.load import load_text

MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: golden
version: 1.0.0
constants: {teams: [search, ads]}
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: golden}
on: [llm.request]
"""
BUNDLES = {
    # Required fields are tested once, and rules that cannot fail need no way out.
    "required_fields": """\
rules:
  - id: no-opus
    when: request.model == "opus"
    deny: Not this one.
""",
    # One missing field slows only the rules that read it.
    "optional_fields": """\
rules:
  - id: free-tier
    when: subject.tier == "free" && request.model.startsWith("large-")
    deny: Too large.
  - id: team
    when: subject.team in constants.teams
    allow: true
""",
    # A rule that can fail has its own way out, to its reference form.
    "a_rule_that_can_fail": """\
rules:
  - id: sum
    when: request.max_tokens + 1 > 1000
    unless: has(subject.tier) && subject.tier == "gold"
    deny: Too many.
""",
    # A variable that is used twice is computed once, when it is first needed.
    "variables": """\
variables:
  big: request.max_tokens * 2 > 1000 && request.model != "small"
rules:
  - id: one
    when: variables.big && request.stream
    deny: one
  - id: two
    when: variables.big
    require_approval: two
""",
    # Many rules that ask for constants are looked up, not tried.
    "many_rules": "rules:\n"
    + "".join(
        f"  - {{id: m{number}, when: 'request.model == \"m{number}\"', deny: no}}\n"
        for number in range(24)
    ),
    # Facts are asked for last, the cheap conjuncts first, and not once a rule has denied.
    "facts": """\
rules:
  - id: plain
    when: request.model == "opus"
    deny: plain
  - id: words
    when: request.model != "small"
    words: [acme]
    deny: words
""",
}
IDLE = (
    r"def \w+\(i, now\):\n    matched = \[\]\n    errors = \[\]\n    sure = True\n    return .*\n+"
)
HEADER = "# What the policy below becomes. Renew with `make golden`.\n"


@pytest.mark.parametrize("name", BUNDLES)
def test_bundle(name: str, golden: Callable[[str, str], None]) -> None:
    files = {"bundle.yaml": MANIFEST, "policy.yaml": POLICY + BUNDLES[name]}
    python = policyengine.compile(check(load_text(files))).python
    shown = "".join(f"# {line}\n" for line in BUNDLES[name].splitlines())
    golden(f"{name}.txt", f"{HEADER}#\n{shown}{_without_idle(python)}\n")


def _without_idle(python: str) -> str:
    """The module without the functions of points that have no rules."""
    return re.sub(IDLE, "", python).strip()
