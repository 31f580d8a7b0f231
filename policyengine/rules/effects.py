"""From the effects of a rule as written to the effects of the engine."""

from __future__ import annotations

from policyengine.program import (
    Allow,
    Deny,
    ObligationEffect,
    Redact,
    RequireApproval,
    Route,
    Tag,
    Trigger,
    VerdictEffect,
    Warn,
)
from policyengine.rules.documents import RuleForm


def verdict_of(form: RuleForm) -> VerdictEffect | None:
    """The verdict that a rule asks for, if it asks for one."""
    if form.deny is not None:
        return Deny(form.deny.message, form.deny.admin or "")
    if form.require_approval is not None:
        wanted = form.require_approval
        return RequireApproval(
            wanted.message, wanted.admin or "", tuple(wanted.approvers), wanted.count
        )
    if form.allow is not None:
        return Allow(form.allow.message or "", form.allow.admin or "")
    return None


def obligations_of(form: RuleForm) -> tuple[ObligationEffect, ...]:
    """What else a rule asks for, in a fixed order."""
    found: list[ObligationEffect] = []
    if form.redact is not None:
        found.append(Redact(form.redact.style, dict(form.redact.types)))
    if form.route is not None:
        found.append(Route(form.route.to, form.route.priority))
    if form.trigger is not None:
        trigger = form.trigger
        found.append(Trigger(trigger.agent, trigger.required, dict(trigger.inputs)))
    if form.warn is not None:
        found.append(Warn(form.warn.message))
    if form.tag is not None:
        found.append(Tag(dict(form.tag)))
    return tuple(found)
