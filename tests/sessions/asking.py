"""Asking questions about the past without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from policyengine.charges import Event, Watch, decoded, encoded
from policyengine.plugins import Finding, fact_provider


def watch(name: str, value: Any) -> Watch:
    """A question as the engine builds it from a clause's value."""
    provider = fact_provider(name)
    Draft202012Validator(provider.SCHEMA).validate(value)
    built: Any = provider.build(provider.normal(value))
    found: Watch = built
    return found


def found(
    name: str, value: Any, events: Sequence[Event], input: Mapping[str, Any], now: float
) -> list[Finding]:
    """What a question finds, with the fields that it declares and no others."""
    asked = watch(name, value)
    kept = [decoded(encoded(event)) for event in events]
    findings = asked.found([event for event in kept if event], input, now)
    declared = fact_provider(name).FINDING
    for finding in findings:
        assert set(finding) == set(declared)
    return list(findings)


def call(tool: str = "shell", session: str = "s", **arguments: Any) -> dict[str, Any]:
    """A call of a tool, as the input of `tool.call`."""
    return {"tool": {"name": tool, "arguments": arguments}, "session": {"id": session}}
