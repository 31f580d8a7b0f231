"""JSON for programs: one object with a `format` number, then what was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from policyengine.decision import Decision
from policyengine.output.reports import JSON_FORMAT, CheckReport, DecidedInput
from policyengine.output.summary import summary

if TYPE_CHECKING:
    from policyengine.testing.results import SuiteResults


def render_check(reports: Sequence[CheckReport], *, color: bool = False) -> str:
    """`{"format", "ok", "errors", "warnings", "bundles": [{"path", "diagnostics", ...}]}`."""
    bundles = [
        {
            "path": report.path,
            "name": report.name,
            "version": report.version,
            "policies": report.policies,
            "rules": report.rules,
            "errors": report.errors,
            "warnings": report.warnings,
            "diagnostics": [found.to_dict() for found in report.diagnostics],
        }
        for report in reports
    ]
    errors = sum(report.errors for report in reports)
    warnings = sum(report.warnings for report in reports)
    said = {"ok": errors == 0, "errors": errors, "warnings": warnings, "bundles": bundles}
    return _dumped("check", said)


def render_tests(results: SuiteResults, *, color: bool = False) -> str:
    """`{"format", "ok", "counts", "cases": [...]}`, as `SuiteResults.to_dict()` has it."""
    return _dumped("tests", results.to_dict())


def render_decision(decision: Decision, *, color: bool = False) -> str:
    """The decision, as `Decision.to_dict()` has it, and `retry_after` where time helps."""
    return _dumped("decision", _decision(decision))


def render_decisions(decided: Sequence[DecidedInput], *, color: bool = False) -> str:
    """`{"format", "summary", "decisions": [{"input": name, ...}]}`."""
    decisions = [{"input": d.name, **_decision(d.decision)} for d in decided]
    return _dumped("decisions", {"summary": summary(decided).to_dict(), "decisions": decisions})


def render_explanation(explanation: Any, *, color: bool = False) -> str:
    """The tree of conditions, as `Explanation.to_dict()` has it."""
    return _dumped("explanation", explanation.to_dict())


def render_analysis(found: Any, *, color: bool = False) -> str:
    """What recorded requests cost, as `Savings.to_dict()` has it."""
    return _dumped("analysis", found.to_dict())


def _decision(decision: Decision) -> dict[str, Any]:
    wait = decision.retry_after
    return {**decision.to_dict(), **({} if wait is None else {"retry_after": wait})}


def _dumped(kind: str, said: dict[str, Any]) -> str:
    # ASCII only: JSON escapes are the one form in which every control character is harmless.
    return json.dumps({"format": JSON_FORMAT, "kind": kind, **said}, indent=2)
