"""Workflow commands of GitHub Actions: findings become annotations on the changed lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyengine.diagnostics import Diagnostic
from policyengine.output.reports import CheckReport
from policyengine.output.text import block, count, line
from policyengine.output.values import difference

if TYPE_CHECKING:
    from policyengine.testing.results import SuiteResults

# https://docs.github.com/actions/reference/workflow-commands-for-github-actions: data escapes
# three characters, properties two more. `%` comes first.
_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))

Properties = dict[str, str | int]


def render_check(reports: Sequence[CheckReport], *, color: bool = False) -> str:
    """One annotation for each finding, and a plain line of summary."""
    lines = [_annotation(found) for report in reports for found in report.diagnostics]
    errors, warnings = sum(r.errors for r in reports), sum(r.warnings for r in reports)
    lines.append(
        f"{count(len(reports), 'bundle')} checked: "
        f"{count(errors, 'error')}, {count(warnings, 'warning')}"
    )
    return "\n".join(lines)


def render_tests(results: SuiteResults, *, color: bool = False) -> str:
    """One annotation for each test that failed, and a plain line of summary."""
    lines = [_annotation(found) for found in results.diagnostics]
    for case in results.cases:
        if case.outcome not in ("failed", "error"):
            continue
        what = [difference(d) for d in case.differences]
        place: Properties = {
            "file": line(case.span.path),
            "line": case.span.line,
            "col": case.span.column,
        }
        message = "\n".join([case.message, *what] if case.message else what)
        lines.append(
            command("error", block(message), {**place, "title": f"test {line(case.name)}"})
        )
    if results.why_not:
        lines.append(command("error", results.why_not, {}))
    lines.append(", ".join(f"{number} {name}" for name, number in results.counts.items()))
    return "\n".join(lines)


def _annotation(found: Diagnostic) -> str:
    message = "\n".join(part for part in (found.message, found.note, found.help) if part)
    span = found.span
    place: Properties = {
        "file": line(span.path),
        "line": span.line,
        "endLine": span.end_line,
        "col": span.column,
    }
    # GitHub ignores columns over several lines, and says so in a warning.
    if span.end_line == span.line and span.end_column > span.column:
        place["endColumn"] = span.end_column
    return command(found.severity, block(message), {**place, "title": found.slug})


def command(name: str, message: str, properties: Properties) -> str:
    r"""A workflow command on one line, whatever its texts hold.

    >>> command("error", "50% of\nall", {"file": "a,b.yaml", "line": 3})
    '::error file=a%2Cb.yaml,line=3::50%25 of%0Aall'
    """
    said = ",".join(f"{key}={_escaped(str(value), _PROPERTY)}" for key, value in properties.items())
    return f"::{name}{' ' if said else ''}{said}::{_escaped(message, _DATA)}"


def _escaped(text: str, table: tuple[tuple[str, str], ...]) -> str:
    for character, escape in table:
        text = text.replace(character, escape)
    return text
