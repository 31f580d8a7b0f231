"""From matched rules to a verdict and obligations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from policyengine.decision import (
    Approval,
    Notice,
    Obligation,
    Reason,
    Redaction,
    Routing,
    RuleError,
    Tagged,
    Triggered,
)
from policyengine.engine.redaction import Piece, merged
from policyengine.engine.transforms import Transforms
from policyengine.errors import EvaluationError, FactError
from policyengine.program import (
    RESTRICTING,
    VERDICTS,
    Allow,
    Deny,
    ObligationEffect,
    PointProgram,
    Redact,
    RequireApproval,
    Route,
    RuleInfo,
    Tag,
    Trigger,
    Verdict,
    VerdictEffect,
    Warn,
)
from policyengine.request import NAMES

# More evidence than this is counted, not listed.
MAX_EVIDENCE = 50

_VERDICT_OF: dict[type, Verdict] = {
    Allow: "allow",
    Deny: "deny",
    RequireApproval: "require_approval",
}
_NAMES: dict[type, str] = {
    Redact: "redact",
    Route: "route",
    Trigger: "trigger",
    Warn: "warn",
    Tag: "tag",
}


def _stricter(one: Verdict, other: Verdict) -> Verdict:
    return max(one, other, key=VERDICTS.index)


class Effects(Protocol):
    """What has effects: a rule, before compiling or after."""

    @property
    def verdict(self) -> VerdictEffect | None: ...

    @property
    def obligations(self) -> tuple[ObligationEffect, ...]: ...


def effect_of(rule: Effects) -> str:
    """What a rule asks for, in one word or several: `deny`, `redact, tag`."""
    if rule.verdict is not None:
        return _VERDICT_OF[type(rule.verdict)]
    return ", ".join(_NAMES[type(effect)] for effect in rule.obligations)


def plain_reason(rule: RuleInfo) -> Reason:
    """The reason that a matched rule gives when there is no evidence."""
    message, admin = "", ""
    if rule.verdict is not None:
        message, admin = rule.verdict.message, rule.verdict.admin
    else:
        message = next((e.message for e in rule.obligations if isinstance(e, Warn)), "")
    return Reason(
        code="rule",
        effect=effect_of(rule),
        rule=rule.id,
        policy=rule.policy,
        message=message,
        admin=admin,
        span=rule.span,
        mode=rule.mode,
        severity=rule.severity,
    )


def pieces(
    rule: RuleInfo, effect: Redact, findings: Iterable[Mapping[str, Any]]
) -> Iterator[Piece]:
    """What a rule wants replaced of its findings."""
    for found in findings:
        if "start" in found:
            kind = found.get("type", "")
            style = effect.types.get(kind, effect.style)
            end = found.get("end", 0)
            yield Piece(found.get("field", ""), found["start"], end, kind, style, rule.id)


class Outcome:
    """Gathers what the rules of one decision ask for."""

    def __init__(self, point: PointProgram, answers: Mapping[int, Any]) -> None:
        self._point = point
        self._answers = answers
        self.verdict: Verdict | None = None
        self._at_least: Verdict = "allow"
        self.reasons: list[Reason] = []
        self.shadow: list[Reason] = []
        self.errors: list[RuleError] = []
        self._others: list[Obligation] = []
        self._routes: list[Routing] = []
        self._triggers: dict[str, Triggered] = {}
        self._pieces: list[Piece] = []
        self._redacting: dict[str, RuleInfo] = {}
        self._redactions: list[Redaction] = []
        self.content: dict[str, str] = {}

    def match(self, position: int, reason: Reason) -> None:
        """Notes a rule whose condition holds."""
        rule = self._point.rules[position]
        evidence = self._evidence(rule)
        if evidence:
            reason = replace(reason, evidence=evidence)
        if rule.mode == "shadow":
            self.shadow.append(reason)
            return
        self.reasons.append(reason)
        if rule.mode == "warn":
            if reason.message:
                self._others.append(Notice(rule.id, reason.message))
            return
        if rule.verdict is not None:
            self._judge(rule)
        for effect in rule.obligations:
            self._oblige(rule, effect, evidence)

    def fail(self, position: int, error: EvaluationError) -> None:
        """Notes a rule that could not be evaluated; it may count as matched."""
        rule = self._point.rules[position]
        counts = rule.on_error == "match"
        self.errors.append(
            RuleError(
                rule.id, rule.policy, error.code, error.message, rule.span,
                "match" if counts else "skip",
            )
        )  # fmt: skip
        if not counts:
            return
        reason = replace(
            plain_reason(rule),
            code="rule-error",
            admin=f"the rule could not be evaluated ({error.code}) and counts as matched",
        )
        if rule.mode == "shadow":
            self.shadow.append(reason)
            return
        self.reasons.append(reason)
        if rule.mode == "warn":
            return
        if isinstance(rule.verdict, RESTRICTING):
            # INVARIANT: what failed adds to the default; only what holds stands in its place.
            self._at_least = _stricter(self._at_least, _VERDICT_OF[type(rule.verdict)])
            self._approve(rule)
        elif rule.verdict is not None:
            self._judge(rule)
        for effect in rule.obligations:
            if isinstance(effect, Redact):
                self._redacting[rule.id] = rule
                self._unredactable(rule.id)
            elif isinstance(effect, (*RESTRICTING, Route)):
                self._oblige(rule, effect, ())

    def redact(self, texts: Mapping[str, str], transforms: Transforms) -> None:
        """Replaces what was found in the texts, by field; denies where that cannot be done."""
        kept: list[Piece] = []
        for piece in self._pieces:
            if piece.style != "keep" and piece.field.endswith(NAMES):
                admin = "what was found stands in the name of a field, which cannot be replaced"
                self._unredactable(piece.rule, admin)
            elif 0 <= piece.start < piece.end <= len(texts.get(piece.field, "")):
                # What is refused gets no token: nothing of it is to be kept anywhere.
                refused = piece.style == "token" and self._is_refused
                kept.append(piece._replace(style="label") if refused else piece)
            else:
                self._unredactable(piece.rule)
        self._pieces = kept
        self._redactions, self.content, failures = merged(kept, texts, transforms)
        for failure in failures:
            admin = f"`{failure.style}` could not replace what was found: {failure.error.message}"
            for rule in failure.rules:
                self._unredactable(rule, admin)

    @property
    def _is_refused(self) -> bool:
        verdict = self._point.default if self.verdict is None else self.verdict
        return "deny" in (verdict, self._at_least)

    def settle(self) -> Verdict:
        """The verdict: the strictest that was asked for, else the point's default."""
        if self.verdict is None:
            self.verdict = self._point.default
            if _stricter(self.verdict, self._at_least) == self.verdict:
                self.reasons.append(self._by_default(self.verdict))
        self.verdict = _stricter(self.verdict, self._at_least)
        return self.verdict

    def _by_default(self, default: Verdict) -> Reason:
        name = self._point.name
        if default == "deny" and not self._point.rules:
            message = f"no policy decides `{name}`, so it is denied"
            return Reason(code="no-policy", effect=default, message=message)
        message = f"no rule decided, and the default of `{name}` is to {default.replace('_', ' ')}"
        return Reason(code="default", effect=default, message=message)

    def obligations(self) -> tuple[Obligation, ...]:
        """All obligations."""
        routes = sorted(self._routes, key=lambda route: -route.priority)[:1]
        triggers = list(self._triggers.values())
        return (*routes, *self._redactions, *triggers, *self._others)

    @property
    def redacts(self) -> bool:
        """Whether any text must be changed."""
        return bool(self._pieces)

    def _judge(self, rule: RuleInfo) -> None:
        verdict = _VERDICT_OF[type(rule.verdict)]
        self.verdict = _stricter(self.verdict or "allow", verdict)
        self._approve(rule)

    def _approve(self, rule: RuleInfo) -> None:
        if isinstance(rule.verdict, RequireApproval):
            self._others.append(Approval(rule.id, rule.verdict.approvers, rule.verdict.count))

    def _oblige(self, rule: RuleInfo, effect: Any, evidence: tuple[Any, ...]) -> None:
        match effect:
            case Redact():
                self._redacting[rule.id] = rule
                self._pieces.extend(pieces(rule, effect, self._findings(rule)))
            case Route(to=to, priority=priority):
                self._routes.append(Routing(to, rule.id, priority))
            case Trigger():
                self._trigger(rule, effect, evidence)
            case Warn(message=message):
                self._others.append(Notice(rule.id, message))
            case Tag(values=values):
                self._others.extend(Tagged(rule.id, key, text) for key, text in values.items())

    def _trigger(self, rule: RuleInfo, effect: Trigger, evidence: tuple[Any, ...]) -> None:
        key = json.dumps([effect.agent, effect.inputs], sort_keys=True)
        before = self._triggers.get(key)
        if before is None:
            self._triggers[key] = Triggered(
                effect.agent, effect.required, (rule.id,), effect.inputs, evidence
            )
            return
        self._triggers[key] = replace(
            before,
            required=before.required or effect.required,
            rules=(*before.rules, rule.id),
            evidence=(*before.evidence, *(e for e in evidence if e not in before.evidence)),
        )

    def _unredactable(self, name: str, admin: str = "") -> None:
        """Denies because of a rule, once, whose redaction is impossible."""
        rule = self._redacting.pop(name, None)
        if rule is None:
            return
        self._at_least = "deny"
        self.reasons.append(
            Reason(
                code="not-redactable",
                effect="deny",
                rule=rule.id,
                policy=rule.policy,
                message="the content could not be checked for what must be redacted",
                admin=admin,
                span=rule.span,
                severity=rule.severity,
            )
        )

    def _findings(self, rule: RuleInfo) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for fact in rule.facts:
            answer = self._answers.get(fact)
            if isinstance(answer, Sequence) and not isinstance(answer, FactError):
                found.extend(answer)
        return found

    def _evidence(self, rule: RuleInfo) -> tuple[Mapping[str, Any], ...]:
        return tuple(self._findings(rule)[:MAX_EVIDENCE]) if rule.facts else ()


__all__ = ["Outcome", "Redaction", "effect_of", "plain_reason"]
