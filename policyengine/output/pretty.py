"""Text for people: what happened, where, and the way out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from policyengine.decision import Decision
from policyengine.diagnostics.render import render
from policyengine.output import decisions, savings, trees
from policyengine.output.amounts import seconds
from policyengine.output.reports import CheckReport, DecidedInput
from policyengine.output.summary import matched_rules, summary
from policyengine.output.text import VERDICT_ROLES, Role, block, count, line, paint
from policyengine.output.values import short

if TYPE_CHECKING:
    from policyengine.analysis.savings import Savings
    from policyengine.explanation import Explanation
    from policyengine.testing.results import CaseResult, SuiteResults

_MARKS: dict[str, tuple[str, Role]] = {
    "passed": ("ok", "good"),
    "failed": ("FAIL", "bad"),
    "error": ("ERROR", "bad"),
    "skipped": ("skip", "caution"),
}

# Inputs named one by one at the end of a long run; all of them are in the JSON.
_LISTED = 20


def render_check(reports: Sequence[CheckReport], *, color: bool = False) -> str:
    """Every finding with its line of the file, then one line for each bundle."""
    parts = [render(r.diagnostics, r.sources, color=color) for r in reports if r.diagnostics]
    return "\n\n".join([*parts, "\n".join(_checked(report, color) for report in reports)])


def _checked(report: CheckReport, color: bool) -> str:
    mark, role = _MARKS["failed" if report.errors else "passed"]
    what = line(f"{report.name} {report.version}".strip() or report.path)
    said = [f"{count(report.policies, 'policy').replace('policys', 'policies')}"]
    said.append(count(report.rules, "rule"))
    found = [count(report.errors, "error")] if report.errors else said
    if report.warnings:
        found.append(count(report.warnings, "warning"))
    where = paint(f" ({line(report.path)})", "dim", color) if report.name else ""
    return f"{paint(mark.ljust(4), role, color)}  {what}: {', '.join(found)}{where}"


def render_decision(decision: Decision, *, color: bool = False) -> str:
    """The verdict, then what led to it and what it asks for."""
    return decisions.told(decision, color)


def render_decisions(decided: Sequence[DecidedInput], *, color: bool = False) -> str:
    """One line for each input, then how many got which verdict and through which rules."""
    width = max((len(line(d.name)) for d in decided), default=0)
    lines = [_decided(d, min(width, 60), color) for d in decided]
    total = summary(decided)
    lines += ["", paint(f"{count(total.total, 'input')} decided", "strong", color)]
    for verdict, number in total.verdicts.items():
        told = paint(verdict.ljust(16), VERDICT_ROLES[verdict], color)
        lines.append(f"  {told} {number:>6,}")
    if total.errors:
        lines.append(f"  {paint('with errors'.ljust(16), 'bad', color)} {total.errors:>6,}")
    if total.rules:
        lines.append("matched rules")
        lines += [f"  {number:>6,}  {line(r)}" for r, number in list(total.rules.items())[:_LISTED]]
    return "\n".join(lines)


def _decided(decided: DecidedInput, width: int, color: bool) -> str:
    verdict = decided.decision.verdict
    told = paint(verdict.ljust(16), VERDICT_ROLES[verdict], color)
    rules = ", ".join(map(line, matched_rules(decided.decision)))
    route, wait = decided.decision.route, decided.decision.retry_after
    to = f"  -> {line(route.model or route.to)}" if route is not None else ""
    later = f"  room again in {seconds(wait)}" if wait is not None else ""
    return f"{told}  {line(decided.name).ljust(width)}  {rules}{to}{later}".rstrip()


def render_tests(results: SuiteResults, *, color: bool = False) -> str:
    """Each test that failed with its difference and explanation, the skipped, and the totals."""
    parts = [render(results.diagnostics, results.sources, color=color)]
    parts += [case_report(c, color) for c in results.cases if c.outcome in ("failed", "error")]
    skipped = [_skipped(case, color) for case in results.cases if case.outcome == "skipped"]
    rates = [_rates(case, color) for case in results.cases if case.rates is not None]
    whole = [*parts, "\n".join(rates), "\n".join(skipped), _totals(results, color)]
    return "\n\n".join(filter(None, whole))


def case_report(case: CaseResult, color: bool = False) -> str:
    """One test that failed: its place, the difference, and the explanation of the decision."""
    mark, role = _MARKS[case.outcome]
    lines = [f"{paint(mark, role, color)}  {paint(line(case.name), 'strong', color)}"]
    lines.append(f"  --> {paint(line(str(case.span)), 'place', color)}")
    if case.message:
        lines += [f"  {told}" for told in block(case.message).splitlines()]
    for difference in case.differences:
        where = paint(f"(line {difference.span.line})", "dim", color)
        lines.append(f"  {paint(line(difference.what), 'strong', color)} {where}")
        lines.append(f"    expected {paint(short(difference.expected), 'good', color)}")
        lines.append(f"    but got  {paint(short(difference.actual), 'bad', color)}")
    if case.explanation is not None:
        lines += [
            "",
            *(f"  {told}".rstrip() for told in trees.told(_telling(case, case.explanation), color)),
        ]
    return "\n".join(lines)


def _telling(case: CaseResult, explanation: Explanation) -> Explanation:
    """The explanation of the rules that bear on a failure: all rules would bury them."""
    wanted = json.dumps([d.expected for d in case.differences], default=str)
    rules = [r for r in explanation.rules if r.result != "not matched" or f'"{r.rule}"' in wanted]
    return replace(explanation, rules=tuple(rules or explanation.rules[:_LISTED]))


def _rates(case: CaseResult, color: bool) -> str:
    """What was measured, also where it is good enough."""
    mark, role = _MARKS[case.outcome]
    counts = case.rates
    assert counts is not None
    told = f"recall {counts.recall}, false positives {counts.false_positive_rate}"
    failed = f", {count(counts.failed, 'text')} could not be judged" if counts.failed else ""
    return f"{paint(mark, role, color)}  {line(case.name)}: {told}{failed}"


def _skipped(case: CaseResult, color: bool) -> str:
    mark, role = _MARKS["skipped"]
    return f"{paint(mark, role, color)}  {line(case.name)}: {line(case.message)}"


def _totals(results: SuiteResults, color: bool) -> str:
    roles: dict[str, Role] = {name: role for name, (_, role) in _MARKS.items()}
    said = [
        paint(f"{number:,} {name}", roles[name], color)
        for name, number in results.counts.items()
        if number or name == "passed"
    ]
    seed = (
        f", shuffled with seed {results.shuffle_seed}" if results.shuffle_seed is not None else ""
    )
    total = f"{', '.join(said)} in {results.duration_ns / 1e9:.2f} s{seed}"
    if results.why_not:
        return f"{total}\n{paint('FAIL', 'bad', color)}  {block(results.why_not)}"
    return total


def render_explanation(explanation: Explanation, *, color: bool = False) -> str:
    """Every rule of the point: matched or not, and the conditions with the values that decided."""
    return "\n".join(trees.told(explanation, color))


def render_analysis(found: Savings, *, color: bool = False) -> str:
    """A table for each view of the costs, and what is assumed."""
    parts = [paint(savings.title(found), "strong", color)]
    parts += [_table(table, color) for table in savings.tables(found)]
    parts.append("\n".join(f"* {note}" for note in savings.notes(found)))
    return "\n\n".join(parts)


def _table(table: savings.Table, color: bool) -> str:
    rows = [(table.title, *table.heads[1:]), *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.heads))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    lines[0] = paint(lines[0], "strong", color)
    return "\n".join([*lines, paint(table.note, "dim", color)] if table.note else lines)
