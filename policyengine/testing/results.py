"""What became of policy tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from policyengine.analysis.rates import Counts
from policyengine.decision import Decision
from policyengine.diagnostics import Diagnostic
from policyengine.explanation import Explanation
from policyengine.source import Source, Span

Outcome = Literal["passed", "failed", "error", "skipped"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "error", "skipped")


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that was not met; `span` is where it stands in the test's file."""

    what: str
    expected: Any
    actual: Any
    span: Span


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one test (or one combination of its matrix).

    `failed` has differences. `error` means that the test itself is wrong, and `message` says how;
    for `skipped` it is the reason, and for a test of several steps that failed, where. `step` is
    the number of that step, from 1 on. The decision and its explanation are kept for failures.
    `rates` is what was measured, for a test of rates.
    """

    suite: str
    name: str
    outcome: Outcome
    span: Span
    message: str = ""
    differences: tuple[Difference, ...] = ()
    decision: Decision | None = None
    explanation: Explanation | None = None
    duration_ns: int = field(default=0, compare=False)
    rates: Counts | None = None
    step: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {
            "suite": self.suite,
            "name": self.name,
            "outcome": self.outcome,
            "path": self.span.path,
            "line": self.span.line,
            "message": self.message,
            "differences": [
                {
                    "what": d.what,
                    "expected": d.expected,
                    "actual": d.actual,
                    "line": d.span.line,
                    "column": d.span.column,
                }
                for d in self.differences
            ],
            "decision": None if self.decision is None else self.decision.to_dict(),
            "explanation": None if self.explanation is None else self.explanation.to_dict(),
            "duration_ns": self.duration_ns,
            **({} if self.rates is None else {"rates": self.rates.to_dict()}),
            **({} if self.step is None else {"step": self.step}),
        }


@dataclass(frozen=True, slots=True)
class SuiteResults:
    """What became of all tests of a run.

    `diagnostics` are what is wrong with test files; those with errors did not run. `unselected`
    counts the tests that a filter left out, `not_run` those that an early stop did.
    """

    cases: tuple[CaseResult, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    unselected: int = 0
    not_run: int = 0
    shuffle_seed: int | None = None
    duration_ns: int = field(default=0, compare=False)
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many tests had which outcome."""
        outcomes = [case.outcome for case in self.cases]
        return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}

    @property
    def why_not(self) -> str:
        """Why a run without a failing test is no success: nothing was tested. Else empty."""
        if self.diagnostics or any(case.outcome != "skipped" for case in self.cases):
            return ""
        if self.cases:
            return "every test is skipped, so nothing was tested"
        if self.unselected:
            return f"the filter matches none of {self.unselected:,} tests, so nothing was tested"
        return "there are no tests; put a test suite into the bundle's `tests/` folder"

    @property
    def ok(self) -> bool:
        """Whether at least one test ran, none failed, and every file of tests could be read."""
        bad = any(case.outcome in ("failed", "error") for case in self.cases)
        broken = any(found.severity == "error" for found in self.diagnostics)
        return not (bad or broken or self.why_not)

    def to_dict(self) -> dict[str, Any]:
        """The results as plain JSON values."""
        return {
            "ok": self.ok,
            "why_not": self.why_not,
            "counts": self.counts,
            "unselected": self.unselected,
            "not_run": self.not_run,
            "shuffle_seed": self.shuffle_seed,
            "duration_ns": self.duration_ns,
            "diagnostics": [found.to_dict() for found in self.diagnostics],
            "cases": [case.to_dict() for case in self.cases],
        }
