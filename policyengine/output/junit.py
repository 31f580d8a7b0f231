"""JUnit XML, as CI systems read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

# Only written, never parsed.
from xml.etree import ElementTree as ET

from policyengine.output.pretty import case_report
from policyengine.output.values import difference

if TYPE_CHECKING:
    from policyengine.testing.results import CaseResult, SuiteResults

# All that XML 1.0 forbids even as a character reference.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


def render_tests(results: SuiteResults, *, color: bool = False) -> str:
    """One `testsuite` for each suite, in order, inside `testsuites`.

    What stops tests from being read at all, and having none, are errors of a suite of their own:
    a reader that counts only cases must not see success.
    """
    root = ET.Element("testsuites", name="policyengine", time=_seconds(results.duration_ns))
    for name in dict.fromkeys(case.suite for case in results.cases):
        _suite(root, name, [case for case in results.cases if case.suite == name])
    problems = [(d.slug, str(d)) for d in results.diagnostics]
    if results.why_not:
        problems.append(("no-success", results.why_not))
    if problems:
        suite = ET.SubElement(root, "testsuite", name="policyengine", time="0.000")
        _totals(suite, tests=len(problems), failures=0, errors=len(problems), skipped=0)
        for slug, message in problems:
            case = ET.SubElement(suite, "testcase", classname="policyengine", name=slug)
            ET.SubElement(case, "error", type=slug, message=_legal(message))
    for total in ("tests", "failures", "errors", "skipped"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suite(root: ET.Element, name: str, cases: Sequence[CaseResult]) -> None:
    time = _seconds(sum(case.duration_ns for case in cases))
    suite = ET.SubElement(root, "testsuite", name=_legal(name), time=time)
    outcomes = [case.outcome for case in cases]
    _totals(
        suite,
        tests=len(cases),
        failures=outcomes.count("failed"),
        errors=outcomes.count("error"),
        skipped=outcomes.count("skipped"),
    )
    for case in cases:
        element = ET.SubElement(
            suite,
            "testcase",
            classname=_legal(name),
            name=_legal(case.name),
            file=_legal(case.span.path),
            line=str(case.span.line),
            time=_seconds(case.duration_ns),
        )
        if case.outcome in _ELEMENTS:
            told = ET.SubElement(element, _ELEMENTS[case.outcome], message=_legal(_headline(case)))
            if case.outcome != "skipped":
                told.text = _legal(case_report(case))


def _totals(suite: ET.Element, **totals: int) -> None:
    for name, number in totals.items():
        suite.set(name, str(number))


def _headline(case: CaseResult) -> str:
    return case.message or "; ".join(map(difference, case.differences))


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.3f}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda m: m.group().encode("unicode_escape").decode("ascii"), text)
