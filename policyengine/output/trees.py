"""An explanation as a tree of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from policyengine.output.decisions import finding
from policyengine.output.text import VERDICT_ROLES, Role, line, paint

if TYPE_CHECKING:
    from policyengine.explanation import ClauseTrace, Explanation, RuleTrace, Step

_RESULTS: dict[str, Role] = {"matched": "strong", "not matched": "dim", "error": "bad"}
_HOLDS: dict[bool | None, tuple[str, Role]] = {
    True: ("holds", "good"),
    False: ("does not hold", "caution"),
    None: ("could not be evaluated", "bad"),
}


def told(explanation: Explanation, color: bool) -> list[str]:
    """The verdict, then every rule with its conditions and the values that decided."""
    verdict = explanation.decision.verdict
    lines = [
        f"{paint(verdict.upper(), VERDICT_ROLES[verdict], color)}  "
        f"{line(explanation.decision.point)}"
    ]
    for rule in explanation.rules:
        lines += ["", *_rule(rule, color, _exceeded(explanation, rule))]
    if not explanation.rules:
        lines += ["", "no rules were asked"]
        lines += [f"  {line(reason.message)}" for reason in explanation.decision.reasons]
    return lines


def _exceeded(explanation: Explanation, rule: RuleTrace) -> list[str]:
    """What the limits of a rule found, as trees show findings by their number only."""
    decision = explanation.decision
    return [
        finding(found)
        for reason in (*decision.reasons, *decision.shadow)
        if (reason.policy, reason.rule) == (rule.policy, rule.rule)
        for found in reason.evidence
        if "meter" in found
    ]


def _rule(rule: RuleTrace, color: bool, exceeded: Iterable[str]) -> Iterator[str]:
    result = paint(rule.result, _RESULTS[rule.result], color)
    mode = f" ({rule.mode})" if rule.mode != "enforce" else ""
    place = paint(line(str(rule.span)), "place", color)
    yield f"{paint(line(rule.rule), 'strong', color)} ({line(rule.effect)}) {result}{mode}  {place}"
    yield f"  {line(rule.why)}"
    yield from (f"  {told}" for told in dict.fromkeys(exceeded))
    for clause in rule.clauses:
        yield from _clause(clause, color)


def _clause(clause: ClauseTrace, color: bool) -> Iterator[str]:
    told, role = _HOLDS[clause.holds]
    yield f"  {line(clause.clause)} {paint(told, role, color)}"
    yield from _step(_asked(clause), 2, color)


def _asked(clause: ClauseTrace) -> Step:
    """What a clause comes down to: of `size(pii([...])) > 0` that is `pii([...])`.

    That it finds something is what `holds` says already.
    """
    step = clause.step
    while step.text.startswith("size(") and len(step.parts) == 1:
        step = step.parts[0]
    return step if step.text.startswith(f"{clause.clause}(") else clause.step


def _step(step: Step, depth: int, color: bool) -> Iterator[str]:
    outcome = paint("not reached", "dim", color)
    if step.error:
        outcome = paint(line(step.error), "bad", color)
    elif step.reached:
        outcome = paint(line(step.value), "good", color)
    yield f"{'  ' * depth}{line(step.text)} = {outcome}"
    for part in step.parts:
        yield from _step(part, depth + 1, color)
