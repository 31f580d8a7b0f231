"""`policyengine test`: does the policy do what its tests say?"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

import policyengine
from policyengine.cli._bundles import bundles
from policyengine.cli._console import complain, say, show, shown
from policyengine.cli._engines import engine_option, exit_of, report, second_opinion
from policyengine.cli._exits import Exit
from policyengine.cli._options import bundles_argument, format_option
from policyengine.output import renderer
from policyengine.testing import CaseResult, SuiteResults, run, together

if TYPE_CHECKING:
    from policyengine.testing.second_opinion import SecondOpinion

_EPILOG = """\b
Examples:
  policyengine test                              every bundle in and below this folder
  policyengine test policies/gateway             one bundle
  policyengine test --filter 'premium !eu'       tests with `premium` but without `eu`
  policyengine test --filter 'models/*'          all tests of the suite `models`
  policyengine test --format junit --output r.xml
  policyengine test --engine cel-python          ask another CEL engine as well

Tests are YAML files in the folder `tests/` of a bundle. Exit code 4 when a test
fails, and when there is none: what is not tested is not known to work."""

# Runs that last longer than this show how far they are.
_PATIENCE_NS = 500_000_000


@click.command(epilog=_EPILOG)
@bundles_argument()
@format_option("tests")
@click.option("--output", type=click.Path(dir_okay=False), help="Write the result to this file.")
@click.option("--filter", "expression", metavar="EXPR", help="Run the tests whose names fit.")
@click.option("--fail-fast", is_flag=True, help="Stop after the first test that fails.")
@engine_option()
@click.option("--shuffle", metavar="SEED", type=int, help="Run in another order, by this number.")
def command(
    paths: tuple[str, ...],
    format: str,
    output: str | None,
    expression: str | None,
    fail_fast: bool,
    shuffle: int | None,
    second: str | None,
) -> Exit:
    """Run the policy tests of bundles.

    A test that fails shows the difference and why the rules matched or did not.
    """
    found = bundles(paths or (".",))
    results: list[SuiteResults] = []
    opinions: list[SecondOpinion] = []
    with _Progress() as progress:
        for path in found:
            checked = policyengine.check(policyengine.load(path))
            if second is not None:
                opinions.append(second_opinion(checked))
            results.append(
                run(
                    checked,
                    filter=expression,
                    shuffle_seed=shuffle,
                    fail_fast=fail_fast,
                    on_result=progress,
                    second=opinions[-1] if opinions else None,
                )
            )
            if fail_fast and _stopped(results[-1]):
                break
    whole = together(results)
    if output is None:
        show(format, "tests", whole)
    else:
        _write(Path(output), renderer(format, "tests")(whole, color=False))
        say(f"{_counts(whole)}; written to {shown(output)}")
    untested = [path for path, one in zip(found, results, strict=False) if _is_empty(one)]
    if expression is None:
        for path in untested if len(found) > 1 else ():
            complain(f"FAIL  {path} has no tests")
    passed = whole.ok and not (untested and expression is None)
    code = Exit.OK if passed else Exit.TESTS_FAILED
    return _with_opinions(code, opinions) if opinions else code


def _with_opinions(code: Exit, asked: list[SecondOpinion]) -> Exit:
    from policyengine.testing.second_opinion import together

    opinion = together([each.found for each in asked])
    report(opinion)
    return exit_of(code, opinion)


def _stopped(results: SuiteResults) -> bool:
    return any(case.outcome in ("failed", "error") for case in results.cases)


def _is_empty(results: SuiteResults) -> bool:
    return not (results.cases or results.unselected or results.diagnostics)


def _counts(results: SuiteResults) -> str:
    return ", ".join(f"{number} {name}" for name, number in results.counts.items())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def _is_watched() -> bool:
    return sys.stderr.isatty()


class _Progress:
    """One line on a terminal that says how far a long run is; nothing anywhere else."""

    def __init__(self) -> None:
        self._began = time.monotonic_ns()
        self._drawn = False
        self._wanted = _is_watched()

    def __enter__(self) -> _Progress:
        return self

    def __call__(self, result: CaseResult, done: int, total: int) -> None:
        if self._wanted and time.monotonic_ns() - self._began > _PATIENCE_NS:
            self._drawn = True
            click.echo(f"\r\x1b[K{done:,} of {total:,} tests", nl=False, err=True)

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            click.echo("\r\x1b[K", nl=False, err=True)
