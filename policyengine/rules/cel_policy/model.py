"""CEL Policy files as values, before their expressions are parsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policyengine.rules.model import Variable
from policyengine.source import Span, Text


@dataclass(frozen=True, slots=True)
class Match:
    """One entry of `match` or `aggregate`: an output or a nested rule, under a condition.

    Without a condition it is always taken. `explanation` says why, in words.
    """

    span: Span
    condition: Text | None
    output: Text | None
    explanation: Text | None
    rule: PolicyRule | None
    # The expression must be false for the output to be given, as in a validation.
    negate: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule: its variables, then what it gives.

    With `aggregate` it gives the outputs of all matches that are taken as a list, else that of
    the first one.
    """

    span: Span
    id: str
    description: str
    variables: tuple[Variable, ...]
    matches: tuple[Match, ...]
    aggregate: bool


@dataclass(frozen=True, slots=True)
class CelPolicy:
    """A policy file. `imports` are qualified names of types."""

    path: str
    name: str
    description: str
    imports: tuple[str, ...]
    rule: PolicyRule


def rules(rule: PolicyRule) -> Iterator[PolicyRule]:
    """A rule and all that are nested in it, outermost first."""
    yield rule
    for match in rule.matches:
        if match.rule is not None:
            yield from rules(match.rule)
