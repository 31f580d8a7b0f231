"""How the effects of rules go together: ties, errors, and rules that give and take at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from policyengine.diagnostics import Diagnostic, Related
from policyengine.program import RESTRICTING, Allow, Route
from policyengine.rules.model import CheckedRule, Policy, Rule
from policyengine.source import Span


def restricts(rule: Rule) -> bool:
    """Whether a rule takes something away."""
    if isinstance(rule.verdict, RESTRICTING):
        return True
    return any(isinstance(effect, RESTRICTING) for effect in rule.obligations)


def on_error_of(rule: Rule, *, limits: bool = False) -> Literal["match", "skip"]:
    """What a rule counts as when it cannot be evaluated.

    One that `limits` what may be spent restricts whatever its effect is, say a cheaper tier.
    INVARIANT: unless its author says otherwise, an error never widens access.
    """
    if rule.on_error is not None:
        return rule.on_error
    restricting = restricts(rule) or (limits and not isinstance(rule.verdict, Allow))
    return "match" if restricting else "skip"


def split(rule: Rule) -> list[Rule]:
    """A rule that allows and also restricts, as two: on an error one must match, one must not."""
    taking = tuple(e for e in rule.obligations if isinstance(e, RESTRICTING))
    if rule.on_error is not None or not isinstance(rule.verdict, Allow) or not taking:
        return [rule]
    giving = tuple(e for e in rule.obligations if not isinstance(e, RESTRICTING))
    return [
        replace(rule, obligations=giving),
        replace(rule, verdict=None, obligations=taking),
    ]


def rule_warnings(parts: Iterable[Policy]) -> Iterator[Diagnostic]:
    """Rules whose `on_error` lets an error widen access."""
    for part in parts:
        for rule in part.rules:
            if rule.on_error is None:
                continue
            skips = rule.on_error == "skip" and restricts(rule)
            grants = rule.on_error == "match" and isinstance(rule.verdict, Allow)
            if skips or grants:
                what = "does not restrict" if skips else "allows"
                yield Diagnostic(
                    "widening-on-error",
                    f"rule `{rule.id}` {what} when it cannot be evaluated",
                    rule.spans.get(("on_error",), rule.span),
                    severity="warning",
                )


def tied_routes(rules: Iterable[CheckedRule]) -> Iterator[Diagnostic]:
    """Routes of equal priority to different tiers: which one wins must not be chance."""
    first: dict[int, tuple[str, Span, str]] = {}
    for checked in rules:
        if checked.mode == "shadow":
            continue
        for effect in checked.rule.obligations:
            if not isinstance(effect, Route):
                continue
            span = checked.rule.spans.get(("route",), checked.rule.span)
            to, before, name = first.setdefault(effect.priority, (effect.to, span, checked.rule.id))
            if to != effect.to:
                message = (
                    f"`{checked.rule.id}` and `{name}` route to `{effect.to}` and `{to}` "
                    f"with the same priority {effect.priority}"
                )
                yield Diagnostic(
                    "route-tie", message, span, help="give one of them a higher `priority`",
                    related=(Related(before, f"`{name}` routes to `{to}`"),),
                )  # fmt: skip
