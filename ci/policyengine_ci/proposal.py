"""The policy that a change brings with it: is it in order, and what would it decide?

It is data all the way: loaded, checked and tested in this process. It never has a say in the
verdict on its own change, except that a broken one may not land.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policyengine.testing import run, together
from policyengine_ci.approvals import Approver
from policyengine_ci.judging import judge
from policyengine_ci.policies import CommitPolicy
from policyengine_ci.report import Judgement, Proposed


def proposal(
    policy: CommitPolicy,
    change: Mapping[str, Any],
    given: Sequence[Approver],
    present: Judgement | None,
) -> Proposed:
    """Try the policy of the head; `present` is what the base's policy said."""
    if policy.problems:
        return Proposed("invalid", diagnostics=policy.problems, sources=policy.sources)
    if not policy.judges:
        told = ("no rule would judge changes any more, and the gate would refuse every one",)
        return Proposed("removed", differences=told, sources=policy.sources)
    parts = [run(bundle.checked, files=bundle.files) for bundle in policy.bundles]
    tests = together(parts)
    judgement = judge(policy.judges, change, given)
    return Proposed(
        "in-order" if all(part.ok for part in parts) else "tests-failed",
        judgement,
        tuple(_differences(present, judgement)),
        tests.diagnostics,
        tests,
        {**policy.sources, **tests.sources},
    )


def _differences(before: Judgement | None, after: Judgement) -> Iterator[str]:
    if before is None:
        return
    if before.verdict != after.verdict:
        yield f"the verdict would be {after.verdict}, not {before.verdict}"
    for kind, old, new in (
        ("rule", _rules(before), _rules(after)),
        ("agent", _agents(before), _agents(after)),
    ):
        for name in sorted(old - new):
            yield f"{kind} {name} would no longer {'fire' if kind == 'rule' else 'run'}"
        for name in sorted(new - old):
            yield f"{kind} {name} would {'fire' if kind == 'rule' else 'run'} as well"


def _rules(judgement: Judgement) -> set[str]:
    return {f"{rule.bundle}/{rule.rule} ({rule.effect})" for rule in judgement.rules}


def _agents(judgement: Judgement) -> set[str]:
    return {f"{t.agent}{' (required)' * t.required}" for t in judgement.triggers}
