"""The policy that a change brings with it: is it in order, and what would it decide?

It is data all the way: loaded, checked and tested in this process. It never has a say in the
verdict on its own change, except that a broken one may not land.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import policyengine
from policyengine.analysis.rates import Counts
from policyengine.testing import SuiteResults, run, together
from policyengine.testing.rates import all_rates
from policyengine_ci.approvals import Approver
from policyengine_ci.judging import judge
from policyengine_ci.policies import CommitPolicy
from policyengine_ci.report import Judgement, MovedRate, Proposed


def proposal(
    base: CommitPolicy,
    policy: CommitPolicy,
    change: Mapping[str, Any],
    given: Sequence[Approver],
    present: Judgement | None,
) -> Proposed:
    """Try the policy of the head; `present` is what the policy of the `base` said."""
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
        tuple(_moved(base, policy, parts)),
    )


def _moved(
    base: CommitPolicy, policy: CommitPolicy, parts: Sequence[SuiteResults]
) -> Iterator[MovedRate]:
    """What the tests of rates say of both policies, on the texts that the change brings."""
    earlier = {bundle.folder: bundle for bundle in base.bundles}
    for bundle, results in zip(policy.bundles, parts, strict=True):
        measured = [case for case in results.cases if case.rates is not None]
        before: Mapping[tuple[str, str], Counts] = {}
        if measured and bundle.folder in earlier:
            engine = policyengine.Engine(earlier[bundle.folder].program)
            before = all_rates(engine, bundle.files)
        for case in measured:
            assert case.rates is not None
            known = before.get((case.suite, case.name))
            yield MovedRate(bundle.program.bundle, case.name, known, case.rates)


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
