"""Kinds of events in questions that are nearly the name of a decision point, and find nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from policyengine.diagnostics import Diagnostic
from policyengine.program import FactInfo
from policyengine.rules.clauses import providers
from policyengine.rules.model import CheckedPoint

# Hosts record kinds of their own; only what differs in a letter or two is taken for a mistake.
_ALIKE = 0.9


def misspelt_kinds(points: Mapping[str, CheckedPoint]) -> Iterator[Diagnostic]:
    """Kinds of events that no decision point has, where one is called nearly so.

    A host may record events of that kind, so these are warnings.
    """
    for point in points.values():
        for rule in point.rules:
            for condition in rule.conditions:
                for kind in _kinds(condition.facts.values()):
                    near = [] if kind in points else get_close_matches(kind, points, 1, _ALIKE)
                    if near:
                        message = f"no decision point is called `{kind[:80]}`"
                        note = f"did you mean `{near[0]}`?"
                        help = "events of other kinds are there only where the host records them"
                        yield Diagnostic(
                            "unknown-kind", message, condition.span, note, help, severity="warning"
                        )


def _kinds(facts: Iterable[FactInfo]) -> Iterator[str]:
    for fact in facts:
        if providers()[fact.provider].READS == "events" and isinstance(fact.config, Mapping):
            asked = fact.config.get("kind", ())
            yield from (kind for kind in asked if isinstance(kind, str))
