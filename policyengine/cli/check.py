"""`policyengine check`: is the policy valid?"""

from __future__ import annotations

from collections.abc import Mapping

import click

from policyengine.cli._bundles import bundles
from policyengine.cli._console import complain, show, sources_of
from policyengine.cli._exits import Exit
from policyengine.cli._options import bundles_argument, format_option
from policyengine.diagnostics import CompileError, Diagnostic, ordered
from policyengine.output.reports import CheckReport
from policyengine.output.text import block
from policyengine.source import Source

_EPILOG = """\b
Examples:
  policyengine check                         every bundle in and below this folder
  policyengine check policies/gateway        one bundle
  policyengine check --format github .       annotations in a workflow of GitHub Actions
  policyengine check --strict policies       warnings fail too
  policyengine check --advice policies       what guards say of their questions, such
                                             as harmless texts near to an own topic

Exit code 3 when a bundle is invalid."""


@click.command(epilog=_EPILOG)
@bundles_argument()
@format_option("check")
@click.option("--strict", is_flag=True, help="Let warnings fail the check too.")
@click.option("--advice", is_flag=True, help="Show what guards say of the questions of rules.")
def command(paths: tuple[str, ...], format: str, strict: bool, advice: bool) -> Exit:
    """Check that bundles are valid: YAML, names, types, conditions and effects.

    Reports everything that is wrong, each with its line and a way out.
    """
    reports = [_checked(path) for path in bundles(paths or (".",))]
    show(format, "check", reports)
    if advice:
        for report in reports:
            _advise(report)
    bad = any(report.errors or (strict and report.warnings) for report in reports)
    return Exit.INVALID_POLICY if bad else Exit.OK


def _advise(report: CheckReport) -> None:
    """What guards say of a bundle's questions, on the standard error stream."""
    import policyengine
    from policyengine.errors import FactError
    from policyengine.plugins import fact_provider

    if report.errors:
        return
    program = policyengine.compile(policyengine.check(policyengine.load(report.path)))
    told: dict[str, None] = {}
    for point in program.points.values():
        for fact in point.facts:
            advise = getattr(fact_provider(fact.provider), "advice", None)
            try:
                told.update(dict.fromkeys(advise(fact.config) if advise else ()))
            except FactError as error:
                told[f"{fact.provider}: {error.message}"] = None
    for text in told:
        complain(block(text))


def _checked(path: str) -> CheckReport:
    import policyengine

    warnings: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, Source] = {}
    try:
        bundle = policyengine.load(path)
        warnings, sources = bundle.warnings, bundle.sources
        checked = policyengine.check(bundle)
        warnings += checked.warnings
        policyengine.compile(checked)
    except CompileError as error:
        found = ordered((*error.diagnostics, *warnings))
        return CheckReport(path, found, sources={**sources_of(found), **sources})
    return CheckReport(
        path,
        ordered(warnings),
        bundle.name,
        bundle.version,
        len(bundle.policies),
        sum(len(policy.rules) for policy in bundle.policies),
        sources,
    )
