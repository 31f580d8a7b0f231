"""What the bundles of one commit say of a change, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import policyengine
from policyengine.decision import Approval, Decision, Notice, Reason, Triggered
from policyengine.program import VERDICTS
from policyengine_ci.approvals import Approver, Requirement, requirement
from policyengine_ci.policies import POINT, LoadedBundle
from policyengine_ci.report import FiredRule, Judgement, RequiredRun

Decide = Callable[[LoadedBundle, Mapping[str, Any]], Decision]


def decide(bundle: LoadedBundle, change: Mapping[str, Any]) -> Decision:
    """One bundle's decision on a change."""
    subject = {"id": change["author"]}
    return policyengine.Engine(bundle.program).decide(POINT, {"change": change, "subject": subject})


def judge(
    bundles: Sequence[LoadedBundle], change: Mapping[str, Any], given: Sequence[Approver]
) -> Judgement:
    """Ask every bundle; the strictest verdict wins and what they ask for adds up.

    `bundles` must not be empty: nothing asked is nothing decided.
    """
    if not bundles:
        raise ValueError("no bundle judges the change")
    decisions = tuple(decide(bundle, change) for bundle in bundles)
    rules = tuple(
        _fired(decision, reason)
        for decision in decisions
        for reason in (*decision.reasons, *decision.shadow)
    )
    return Judgement(
        verdict=max((d.verdict for d in decisions), key=VERDICTS.index),
        rules=rules,
        triggers=_triggers(decisions),
        approvals=tuple(r for d in decisions for r in _requirements(d, given)),
        warnings=tuple(
            dict.fromkeys(
                o.message for d in decisions for o in d.obligations if isinstance(o, Notice)
            )
        ),
        tags={key: value for d in decisions for key, value in d.tags.items()},
        decisions=decisions,
    )


def name_of(decision: Decision, rule: str) -> str:
    """A rule's name over all bundles."""
    return f"{decision.bundle}/{rule}" if rule else decision.bundle


def _fired(decision: Decision, reason: Reason) -> FiredRule:
    failed = next((e.message for e in decision.errors if e.rule == reason.rule), "")
    return FiredRule(
        bundle=decision.bundle,
        rule=reason.rule or reason.code,
        effect=reason.effect,
        message=reason.message,
        mode=reason.mode,
        files=_files(reason.evidence),
        failed=failed if reason.code == "rule-error" else "",
    )


def _files(evidence: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(f["path"]): str(f.get("why", "")) for f in evidence if "path" in f}


def _triggers(decisions: Sequence[Decision]) -> tuple[RequiredRun, ...]:
    """One entry for each agent: required where any rule requires it."""
    wanted: dict[str, list[tuple[Decision, Triggered]]] = {}
    for decision in decisions:
        for trigger in decision.triggers:
            wanted.setdefault(trigger.agent, []).append((decision, trigger))
    return tuple(
        RequiredRun(
            agent=agent,
            required=any(t.required for _, t in asked),
            rules=tuple(dict.fromkeys(name_of(d, r) for d, t in asked for r in t.rules)),
            files=tuple(sorted({path for _, t in asked for path in _files(t.evidence)})),
            inputs=tuple(t.inputs for _, t in asked if t.inputs),
        )
        for agent, asked in sorted(wanted.items())
    )


def _requirements(decision: Decision, given: Sequence[Approver]) -> list[Requirement]:
    said = {reason.rule: reason.message for reason in decision.reasons}
    found = [
        requirement(name_of(decision, o.rule), said.get(o.rule, ""), o.approvers, o.count, given)
        for o in decision.obligations
        if isinstance(o, Approval)
    ]
    if decision.verdict == "require_approval" and not found:
        message = "No rule allows this change, and the bundle's default asks for approval."
        found.append(requirement(name_of(decision, "default"), message, (), 1, given))
    return found
