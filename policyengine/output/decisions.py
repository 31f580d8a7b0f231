"""A decision in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from policyengine.decision import (
    Approval,
    Decision,
    FactUse,
    Notice,
    Obligation,
    Reason,
    Redaction,
    Routing,
    RuleError,
    Tagged,
    Triggered,
)
from policyengine.output.text import VERDICT_ROLES, count, line, paint

# What stands for the rule's name where no rule spoke.
_CODES = {
    "default": "no rule matched, so the default counts",
    "no-bundle": "there is no bundle",
    "no-policy": "the bundle has no policy for this point",
    "unknown-point": "the bundle does not know this point",
    "invalid-input": "the input does not fit the point's schema",
    "not-redactable": "something was found where it cannot be redacted",
}


def told(decision: Decision, color: bool) -> str:
    """The whole decision over several lines."""
    verdict = paint(decision.verdict.upper(), VERDICT_ROLES[decision.verdict], color)
    bundle = line(f"{decision.bundle} {decision.version}".strip()) or "no bundle"
    lines = [f"{verdict}  {line(decision.point)}  {paint(f'({bundle})', 'dim', color)}"]
    lines += _section("reasons", (_reason(r, color) for r in decision.reasons), color)
    lines += _section("obligations", ([_obligation(o)] for o in decision.obligations), color)
    lines += _section("errors", (_error(e, color) for e in decision.errors), color)
    lines += _section("facts", ([_fact(f)] for f in decision.facts), color)
    lines += _section("shadow (not enforced)", (_reason(r, color) for r in decision.shadow), color)
    return "\n".join(lines)


def _section(title: str, items: Iterable[list[str]], color: bool) -> list[str]:
    lines = [f"  {text}" for item in items for text in item]
    return ["", paint(title, "strong", color), *lines] if lines else []


def _reason(reason: Reason, color: bool) -> list[str]:
    effect = paint(reason.effect, VERDICT_ROLES.get(reason.effect, "strong"), color)
    if not reason.rule:
        head = f"{effect}  {line(reason.message or _CODES.get(reason.code, reason.code))}"
        return [head, *(f"  found: {_finding(finding)}" for finding in reason.evidence)]
    place = paint(line(str(reason.span)), "place", color) if reason.span else ""
    notes: list[str] = [reason.mode] if reason.mode != "enforce" else []
    notes += ["could not be evaluated"] if reason.code == "rule-error" else []
    note = f" ({', '.join(notes)})" if notes else ""
    head = f"{effect}  {line(reason.rule)}{note}  {place}".rstrip()
    lines = [head]
    lines += [f"  {line(text)}" for text in reason.message.splitlines()]
    lines += [f"  operator: {line(text)}" for text in reason.admin.splitlines()]
    lines += [f"  found: {_finding(finding)}" for finding in reason.evidence]
    return lines


def _finding(finding: Mapping[str, Any]) -> str:
    kind = finding.get("type", "")
    where = finding.get("field") or finding.get("path") or ""
    span = ""
    if "start" in finding and "end" in finding:
        span = f" {finding['start']}-{finding['end']}"
    return line(f"{kind} {where}{span}".strip())


def _obligation(obligation: Obligation) -> str:
    match obligation:
        case Approval():
            who = ", ".join(obligation.approvers) or "anyone"
            text = f"approval  {obligation.count} of {who}  ({obligation.rule})"
        case Redaction():
            where = f"{obligation.field} {obligation.start}-{obligation.end}"
            rules = ", ".join(obligation.rules)
            text = f"redact  {where} becomes {obligation.told!r}  ({rules})"
        case Routing():
            text = f"route  {obligation.to}  ({obligation.rule})"
        case Triggered():
            kind = "required" if obligation.required else "optional"
            text = f"trigger  {obligation.agent}, {kind}  ({', '.join(obligation.rules)})"
        case Notice():
            text = f"warn  {obligation.message}  ({obligation.rule})"
        case Tagged():
            text = f"tag  {obligation.key}={obligation.value}  ({obligation.rule})"
        case _:
            assert_never(obligation)
    return line(text)


def _error(error: RuleError, color: bool) -> list[str]:
    counted = "counts as matched" if error.counted_as == "match" else "does not count"
    place = paint(line(str(error.span)), "place", color)
    return [f"{line(error.rule)} {counted}  {place}", f"  {error.code}: {line(error.message)}"]


def _fact(fact: FactUse) -> str:
    said = count(fact.findings, "finding") if fact.status == "used" else fact.status
    return line(f"{fact.fact}  {said}" + (f": {fact.why}" if fact.why else ""))
