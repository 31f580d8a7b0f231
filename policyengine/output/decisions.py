"""A decision in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from policyengine.output.amounts import held, seconds
from policyengine.output.text import VERDICT_ROLES, count, line, paint

# What stands for the rule's name where no rule spoke.
_CODES = {
    "default": "no rule matched, so the default counts",
    "no-bundle": "there is no bundle",
    "no-policy": "the bundle has no policy for this point",
    "unknown-point": "the bundle does not know this point",
    "invalid-input": "the input does not fit the point's schema",
    "not-redactable": "something was found where it cannot be redacted",
    "no-route": "no model of the tier may serve the request",
}
# The way out of errors that are not the rule's own.
_HELP = {
    "unknown-price": "give the model its prices in `data/prices.json`; "
    "`policyengine import prices` takes them over from a price list",
    "outdated-price": "renew `data/prices.json`: its dates `valid_from` and `valid_until` "
    "are those of its prices",
    "no-scope": "the input lacks a field that the clause names in `per`; "
    "`has(...)` in `when` leaves such requests out",
    "no-max-tokens": "`missing_max_tokens` in the clause says what counts where `max_tokens` "
    "is missing",
    "no-store": "give the engine a store; `policyengine eval --store` takes one",
    "store-failed": "the limit's rule decides what holds meanwhile, by `on_error`",
    "store-unreachable": "the limit's rule decides what holds meanwhile, by `on_error`",
}
# So many models that were rejected are named; all of them are in the JSON.
_LISTED = 5


def told(decision: Decision, color: bool) -> str:
    """The whole decision over several lines."""
    verdict = paint(decision.verdict.upper(), VERDICT_ROLES[decision.verdict], color)
    bundle = line(f"{decision.bundle} {decision.version}".strip()) or "no bundle"
    lines = [f"{verdict}  {line(decision.point)}  {paint(f'({bundle})', 'dim', color)}"]
    wait = decision.retry_after
    if wait is not None:
        lines.append(
            paint(f"room again in {seconds(wait)} (retry after {wait:,} s)", "caution", color)
        )
    lines += _section("reasons", (_reason(r, color) for r in decision.reasons), color)
    lines += _section("obligations", map(_obligation, decision.obligations), color)
    if decision.reservation is not None:
        lines += _section("held", [[*held(decision.reservation)]], color)
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
        return [head, *_operator(reason), *(f"  {finding(found)}" for found in reason.evidence)]
    place = paint(line(str(reason.span)), "place", color) if reason.span else ""
    notes: list[str] = [reason.mode] if reason.mode != "enforce" else []
    notes += ["could not be evaluated"] if reason.code == "rule-error" else []
    note = f" ({', '.join(notes)})" if notes else ""
    head = f"{effect}  {line(reason.rule)}{note}  {place}".rstrip()
    lines = [head]
    lines += [f"  {line(text)}" for text in reason.message.splitlines()]
    lines += _operator(reason)
    lines += [f"  {finding(found)}" for found in reason.evidence]
    return lines


def _operator(reason: Reason) -> list[str]:
    return [f"  operator: {line(text)}" for text in reason.admin.splitlines()]


def finding(found: Mapping[str, Any]) -> str:
    """A finding on one line: what and where, or for limits and the past the sentence about it.

    >>> finding({"type": "RATE", "meter": "m", "why": "2 requests a minute: 2 used, 1 asked"})
    'exceeded: 2 requests a minute: 2 used, 1 asked  (m)'
    """
    kind, why = found.get("type", ""), found.get("why", "")
    if "meter" in found:
        return line(f"exceeded: {why or kind}  ({found['meter']})")
    where = found.get("field") or found.get("path") or ""
    if not where and why:
        return line(f"found: {kind}: {why}")
    span = f" {found['start']}-{found['end']}" if "start" in found and "end" in found else ""
    return line(f"found: {f'{kind} {where}{span}'.strip()}")


def _obligation(obligation: Obligation) -> list[str]:
    match obligation:
        case Approval():
            who = ", ".join(obligation.approvers) or "anyone"
            text = f"approval  {obligation.count} of {who}  ({obligation.rule})"
        case Redaction():
            where = f"{obligation.field} {obligation.start}-{obligation.end}"
            rules = ", ".join(obligation.rules)
            text = f"redact  {where} becomes {obligation.told!r}  ({rules})"
        case Routing():
            return list(_route(obligation))
        case Triggered():
            kind = "required" if obligation.required else "optional"
            text = f"trigger  {obligation.agent}, {kind}  ({', '.join(obligation.rules)})"
        case Notice():
            text = f"warn  {obligation.message}  ({obligation.rule})"
        case Tagged():
            text = f"tag  {obligation.key}={obligation.value}  ({obligation.rule})"
        case _:
            assert_never(obligation)
    return [line(text)]


def _route(route: Routing) -> Iterator[str]:
    models = ", then ".join(filter(None, (route.model, *route.fallbacks)))
    by = route.rule or "the default tier"
    yield line(f"route  {route.to}{f': {models}' if models else ''}  ({by})")
    if route.why:
        yield line(f"  why: {route.why}")
    for model, why in route.rejected[:_LISTED]:
        yield line(f"  not {model}: {why}")
    if len(route.rejected) > _LISTED:
        yield f"  and {len(route.rejected) - _LISTED:,} more models cannot serve it"


def _error(error: RuleError, color: bool) -> list[str]:
    counted = "counts as matched" if error.counted_as == "match" else "does not count"
    place = paint(line(str(error.span)), "place", color)
    told = [f"{line(error.rule)} {counted}  {place}", f"  {error.code}: {line(error.message)}"]
    return [*told, f"  help: {_HELP[error.code]}"] if error.code in _HELP else told


def _fact(fact: FactUse) -> str:
    said = count(fact.findings, "finding") if fact.status == "used" else fact.status
    return line(f"{fact.fact}  {said}" + (f": {fact.why}" if fact.why else ""))
