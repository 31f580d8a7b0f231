"""Judging a change to a repository.

The policy that judges is read from the tip of the base; nothing of the change is executed, and
what could not be judged does not pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from policyengine.changes.git import change_in
from policyengine.changes.repository import TIMEOUT, ChangeError, opened
from policyengine_ci.approvals import Approver, approver, counted, requirement
from policyengine_ci.judging import judge
from policyengine_ci.policies import CommitPolicy, LoadedBundle, policy_at
from policyengine_ci.proposal import proposal
from policyengine_ci.protected import MESSAGE, POLICY, RULE, protected_by
from policyengine_ci.report import FiredRule, GateReport, Judgement, Outcome, Problem, Proposed

# What the caller can put right is a matter of usage; what went wrong inside git is not.
_OUR_FAULT = frozenset({"git-failed", "git-timeout", "unreadable-diff"})

_BOOTSTRAP = (
    "The base has no rule that judges changes; this change would bring the first. "
    "Until it has landed, the built-in rule asks for an approval."
)
_HOW_TO_START = (
    "open a change that adds a bundle with rules on `change.proposed`, for example with "
    "`policyengine init policies/repository`; it can land with one approval"
)


@dataclass(frozen=True, slots=True)
class Stated:
    """Facts of a change that git does not know; empty ones are taken from git where it can."""

    id: str = ""
    repository: str = ""
    title: str = ""
    author: str = ""
    labels: tuple[str, ...] = ()
    draft: bool = False


def gate(
    repo: Path,
    base: str,
    head: str,
    *,
    bundles: Sequence[str] | None = None,
    approvals: Sequence[str] = (),
    stated: Stated | None = None,
    timeout: float = TIMEOUT,
) -> GateReport:
    """Judge the change that would bring `head` onto `base`, by the policy of `base`.

    `bundles` are folders that hold bundles, by default the whole repository. `approvals` are
    those who approved, as `NAME` or `NAME=GROUP,GROUP`. `timeout` is in seconds for each git
    command. What cannot be judged gives a report whose outcome says so; raises `ValueError` for
    an approver without a name.
    """
    approvers = [approver(text) for text in approvals]
    known = asdict(stated or Stated())
    try:
        with opened(Path(repo), timeout) as repository:
            facts = change_in(repository, base, head, **known)
            before = policy_at(repository, facts["base"], bundles)
            after = policy_at(repository, facts["head"], bundles)
    except ChangeError as error:
        exit_code = 1 if error.code in _OUR_FAULT else 2
        problem = Problem(error.code, error.message, error.help, exit_code)
        return GateReport(
            "not-evaluated", _about(base_ref=base, head_ref=head), problems=(problem,)
        )
    authors = [facts["author"], *(commit["author"] for commit in facts["commits"])]
    given = counted(approvers, authors)
    change = {**facts, "approvals": [one.name for one in given]}
    return _judged(change, before, after, given, bundles or ())


def _judged(
    change: Mapping[str, Any],
    before: CommitPolicy,
    after: CommitPolicy,
    given: Sequence[Approver],
    named: Sequence[str],
) -> GateReport:
    protected = protected_by(change["files"], (*before.folders, *after.folders, *named))
    touched = POLICY in protected.values()
    start = GateReport(
        outcome="not-evaluated",
        change=_about(**change),
        bundles=tuple(map(_bundle, before.judges)),
        protected=protected,
        diagnostics=before.problems,
        sources=before.sources,
    )
    problem = _obstacle(before, touched and bool(after.judges or after.problems))
    if problem:
        return replace(start, problems=(problem,))
    present = judge(before.judges, change, given) if before.judges else None
    proposed = proposal(before, after, change, given, present) if touched else None
    judgement = _with_built_in_rule(present, protected, given)
    fired = {path for rule in judgement.rules for path in rule.files}
    return replace(
        start,
        outcome=_outcome(judgement, proposed),
        judgement=judgement,
        unseen=tuple(f["path"] for f in change["files"] if f["path"] not in fired),
        proposed=proposed,
        notes=() if present else (_BOOTSTRAP,),
    )


def _about(**change: Any) -> dict[str, Any]:
    """What the report says of the change itself; the files are only counted."""
    names = ("id", "repository", "base_ref", "head_ref", "base", "head", "title", "author")
    about = {name: change.get(name, "") for name in names}
    numbers = {name: change.get(name, 0) for name in ("additions", "deletions")}
    return {**about, **numbers, "files": len(change.get("files", ()))}


def _bundle(bundle: LoadedBundle) -> dict[str, str]:
    program = bundle.program
    return {
        "folder": bundle.folder or ".",
        "name": program.bundle,
        "version": program.version,
        "digest": program.digest,
    }


def _obstacle(before: CommitPolicy, brings_policy: bool) -> Problem | None:
    """Why the base cannot judge this change, if it cannot."""
    if before.problems:
        return Problem(
            "base-policy-invalid",
            "the policy of the base is invalid, so nothing can be judged by it",
            "repair the policy on the base branch itself; if a folder is no policy of yours, "
            "name those that are with --policies",
        )
    if before.judges or brings_policy:
        return None
    if before.folders:
        message = "no bundle of the base has a rule on `change.proposed`"
    else:
        message = "the base has no policy bundle"
    return Problem("no-policy", message, _HOW_TO_START)


def _with_built_in_rule(
    present: Judgement | None, protected: Mapping[str, str], given: Sequence[Approver]
) -> Judgement:
    """Add what no policy can take away."""
    judgement = present or Judgement("require_approval", (), (), (), (), {}, ())
    if not protected:
        return judgement
    fired = FiredRule("gate", RULE, "require_approval", MESSAGE, "enforce", dict(protected))
    asked = requirement(f"gate/{RULE}", MESSAGE, (), 1, given)
    return replace(
        judgement,
        verdict="deny" if judgement.verdict == "deny" else "require_approval",
        rules=(fired, *judgement.rules),
        approvals=(asked, *judgement.approvals),
    )


def _outcome(judgement: Judgement, proposed: Proposed | None) -> Outcome:
    """The one word; where several are true, the one to be put right first."""
    if proposed is not None and proposed.status == "invalid":
        return "policy-invalid"
    if proposed is not None and proposed.status == "tests-failed":
        return "tests-failed"
    if judgement.verdict == "deny":
        return "denied"
    # INVARIANT: the verdict `require_approval` never passes without a requirement that is met.
    if judgement.verdict == "require_approval" and not judgement.approvals:
        return "approval-missing"
    if not all(asked.met for asked in judgement.approvals):
        return "approval-missing"
    return "allowed"
