"""`policyengine analyze`: what would recorded requests have cost with this bundle?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from policyengine.cli._bundles import bundles
from policyengine.cli._console import Refusal, show, shown
from policyengine.cli._deciding import bundle_argument, clock_reading
from policyengine.cli._exits import Exit
from policyengine.cli._options import format_option

if TYPE_CHECKING:
    from policyengine.analysis.recorded import Recorded
    from policyengine.program import Program

_EPILOG = """\b
Examples:
  policyengine analyze policies/routing --requests recorded.jsonl
  policyengine analyze policies/routing --requests monday.jsonl --requests tuesday.jsonl.gz
  policyengine analyze policies/routing --base policies/gateway --requests recorded.jsonl
  policyengine analyze policies/routing --requests recorded.jsonl --format markdown > cost.md

A line is a request: {"time": "2026-01-15T12:00:00Z", "input": {...}, "model_used":
"gpt-5", "usage": {"input_tokens": 900, "output_tokens": 210}}. Without `usage` the
tokens are estimated, and counted apart. Optional are `point`, `latency_ms`, `task`
and `facts` (findings of guards by name, used instead of asking).

Requests are decided at their own times over a store that is empty at first. Without
--base they are compared with the models that served them, at the bundle's prices.
What is refused is not counted as saved, and what has no price not as free."""

# Requests that are all read at once.
_MOST = 1_000_000


@click.command(epilog=_EPILOG)
@bundle_argument()
@click.option(
    "--requests",
    "paths",
    metavar="FILE",
    multiple=True,
    required=True,
    help="Recorded requests, JSON lines; may be given more than once.",
)
@click.option("--base", metavar="BUNDLE", help="Compare with this bundle, not with what was.")
@click.option("--clock", metavar="TIME", help="The time of requests that have none (RFC 3339).")
@format_option("analysis")
def command(
    bundle: str, paths: tuple[str, ...], base: str | None, clock: str | None, format: str
) -> Exit:
    """Show what recorded requests cost, and would cost with a bundle."""
    from policyengine.analysis.savings import savings

    when = clock_reading(clock)
    program = _program(bundle)
    against = None if base is None else _program(base)
    requests = [one for path in paths for one in _read(path, when)]
    if len(requests) > _MOST:
        raise Refusal(f"there are more than {_MOST:,} requests", "analyse a part of them")
    show(format, "analysis", savings(program, requests, against, _with_progress))
    return Exit.OK


def _program(path: str) -> Program:
    import policyengine

    folder, *others = bundles((path,))
    if others:
        raise Refusal(f"there are several bundles below `{shown(path)}`", "name one of them")
    return policyengine.compile(policyengine.check(policyengine.load(folder)))


def _read(path: str, clock: datetime | None) -> Sequence[Recorded]:
    from policyengine.analysis.json_lines import MAX_BYTES
    from policyengine.analysis.recorded import RecordError, read_recorded

    try:
        with Path(path).open("rb") as file:
            # What is one byte too long is refused by who reads it.
            return read_recorded(file.read(MAX_BYTES + 1), shown(path), clock)
    except (FileNotFoundError, IsADirectoryError):
        raise Refusal(f"there is no file `{shown(path)}`") from None
    except RecordError as error:
        raise Refusal(str(error), "`policyengine analyze --help` shows a line") from None


def _with_progress(requests: Sequence[Recorded]) -> Iterator[Recorded]:
    """The requests one by one, with a bar on a terminal and nothing anywhere else."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(requests, label="deciding", file=sys.stderr, hidden=hidden) as bar:
        yield from bar
