"""What rules and the tiers of `data/tiers.yaml` must agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policyengine.cel.suggestions import closest, listed
from policyengine.diagnostics import Diagnostic
from policyengine.program import Route
from policyengine.routing.tiers import kinds
from policyengine.rules.clauses import providers
from policyengine.rules.documents import ON_EXCEED
from policyengine.rules.model import Bundle, CheckedPoint, CheckedRule, Rule
from policyengine.source import Span

_REQUESTS = "llm.request"


def unknown_tiers(
    rules: Iterable[CheckedRule], tiers: Mapping[str, Any] | None
) -> Iterator[Diagnostic]:
    """Routes to tiers that a bundle with `data/tiers.yaml` does not have."""
    known = (tiers or {}).get("tiers", {})
    for checked in rules if known else ():
        for effect in checked.rule.obligations:
            if isinstance(effect, Route) and effect.to not in known:
                span = _place(checked.rule)
                meant = closest(effect.to, known)
                note = f"did you mean `{meant}`?" if meant else ""
                help = "" if meant else f"`data/tiers.yaml` has {listed(known)}"
                message = f"there is no tier `{effect.to[:80]}`"
                yield Diagnostic("unknown-tier", message, span, note, help)


def _place(rule: Rule) -> Span:
    """Where a rule names its tier: as its effect, or inside of a limit."""
    inside = (clause.spans.get((ON_EXCEED, "route")) for clause in rule.clauses)
    return rule.spans.get(("route",)) or next(filter(None, inside), rule.span)


def unasked_kinds(bundle: Bundle, points: Mapping[str, CheckedPoint]) -> Iterator[Diagnostic]:
    """Data that models are denied and no rule looks for: nobody would know of it."""
    tiers = bundle.data.get("tiers")
    point = points.get(_REQUESTS)
    if not tiers or point is None:
        return
    conditions = [c for rule in point.rules for c in rule.conditions]
    conditions += [c for named in point.variables.values() for c in named.values()]
    asked = {fact.provider for condition in conditions for fact in condition.facts.values()}
    file = next((path for path in bundle.sources if "data/tiers." in path), bundle.root)
    denied = {(kind, str(path[1])) for path, kind in kinds(tiers).items()}
    for kind, model in sorted(denied):
        if kind in providers() and kind not in asked:
            message = f"`{model}` is denied `{kind}`, but no rule at `{_REQUESTS}` looks for it"
            help = f"add a rule with the clause `{kind}`, such as one that tags what it finds"
            yield Diagnostic(
                "unasked-data", message, Span.start_of(file), help=help, severity="warning"
            )
