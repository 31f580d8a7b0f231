"""What the gate found, as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from policyengine.analysis.rates import Counts
from policyengine.decision import Decision
from policyengine.diagnostics import Diagnostic
from policyengine.program import Verdict
from policyengine.source import Source, Span
from policyengine.testing import SuiteResults
from policyengine_ci.approvals import Requirement

Outcome = Literal[
    "allowed", "approval-missing", "denied", "tests-failed", "policy-invalid", "not-evaluated"
]

EXIT_CODES: dict[Outcome, int] = {
    "allowed": 0,
    "approval-missing": 7,
    "denied": 7,
    "tests-failed": 4,
    "policy-invalid": 3,
    "not-evaluated": 3,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the change could not be judged, and the way out. `exit_code` is the gate's."""

    code: str
    message: str
    help: str = ""
    exit_code: int = 3


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that fired: from which bundle, what it asks for, and the files that set it off.

    `files` gives the reason by path; it is empty for a rule about the change as a whole. A rule
    with a `mode` other than `enforce` does not bind.
    """

    bundle: str
    rule: str
    effect: str
    message: str
    mode: str
    files: Mapping[str, str]
    failed: str = ""


@dataclass(frozen=True, slots=True)
class RequiredRun:
    """An agent or check to start; a `required` one must succeed before the change may land."""

    agent: str
    required: bool
    rules: tuple[str, ...]
    files: tuple[str, ...]
    inputs: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one policy says of the change: the strictest verdict, and everything it asks for."""

    verdict: Verdict
    rules: tuple[FiredRule, ...]
    triggers: tuple[RequiredRun, ...]
    approvals: tuple[Requirement, ...]
    warnings: tuple[str, ...]
    tags: Mapping[str, str]
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class MovedRate:
    """What a rule gets right on labelled texts, before the change and after it.

    Both are measured on the texts of the change; `before` is None where the rule is new.
    """

    bundle: str
    test: str
    before: Counts | None
    after: Counts


@dataclass(frozen=True, slots=True)
class Proposed:
    """The policy that the change would bring: for information, and it must be in order.

    `differences` says in words what it would decide otherwise on this very change, `rates` how
    well its rules tell labelled texts apart.
    """

    status: Literal["in-order", "invalid", "tests-failed", "removed"]
    judgement: Judgement | None = None
    differences: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    tests: SuiteResults | None = None
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)
    rates: tuple[MovedRate, ...] = ()


@dataclass(frozen=True, slots=True)
class GateReport:
    """The answer of the gate.

    `outcome` is the one word, `judgement` what the policy of the base says (None where nothing
    was decided), `protected` the files that need approval whatever the policy says, `unseen` the
    files on which no rule fired, `proposed` the policy of the change where it touches it.
    """

    outcome: Outcome
    change: Mapping[str, Any]
    bundles: tuple[Mapping[str, str], ...] = ()
    judgement: Judgement | None = None
    protected: Mapping[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    proposed: Proposed | None = None
    problems: tuple[Problem, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)

    @property
    def allowed(self) -> bool:
        """Whether the change may land, as soon as its required agents have succeeded."""
        return self.outcome == "allowed"

    @property
    def exit_code(self) -> int:
        """What the process says: 0 only for `allowed`."""
        codes = [problem.exit_code for problem in self.problems]
        return max(codes, default=EXIT_CODES[self.outcome])

    @property
    def triggers(self) -> tuple[RequiredRun, ...]:
        """Agents and checks to start."""
        return self.judgement.triggers if self.judgement else ()

    @property
    def verdict(self) -> Verdict | None:
        """The verdict before approvals are counted; None where nothing was decided."""
        return self.judgement.verdict if self.judgement else None

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "outcome": self.outcome,
            "allowed": self.allowed,
            "exit_code": self.exit_code,
            "verdict": self.verdict,
            "triggers": _plain(self.triggers),
            **{
                f.name: _plain(getattr(self, f.name))
                for f in fields(self)
                if f.repr and f.name != "outcome"
            },
        }

    def to_json(self) -> str:
        """`to_dict()` as JSON for people to read."""
        return json.dumps(self.to_dict(), ensure_ascii=True, indent=2)


def _plain(value: Any) -> Any:
    match value:
        case Decision() | Diagnostic() | SuiteResults() | Counts():
            return value.to_dict()
        case Requirement():
            return {
                **{f.name: _plain(getattr(value, f.name)) for f in fields(value)},
                "met": value.met,
            }
        case Span():
            return {"path": value.path, "line": value.line, "column": value.column}
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.repr}
    return value
