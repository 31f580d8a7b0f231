"""`policyengine eval`: what does the policy decide about this request?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from policyengine.cli._console import Refusal, show
from policyengine.cli._deciding import bundle_argument, clock_option, clock_reading, point_type
from policyengine.cli._exits import Exit
from policyengine.cli._inputs import complain_about, is_many, read_requests
from policyengine.cli._options import format_option
from policyengine.output.reports import DecidedInput

if TYPE_CHECKING:
    from datetime import datetime

    from policyengine import Engine
    from policyengine.rules.model import CheckedBundle

_EPILOG = """\b
Examples:
  policyengine eval policies/gateway --point llm.request --input request.json
  cat request.json | policyengine eval policies/gateway --point llm.request --input -
  policyengine eval policies/gateway --input recorded/         a folder, with a summary
  policyengine eval policies/gateway --input requests.jsonl --format json

An input is a JSON object, or {"point": ..., "input": ...}. Exit code 7 when a
decision is not `allow` (so also for `require_approval`)."""


@click.command(epilog=_EPILOG)
@bundle_argument()
@click.option("--point", metavar="NAME", help="Decision point, unless the input names it.")
@click.option(
    "--input",
    "path",
    metavar="PATH",
    required=True,
    help="A JSON file, `-` for standard input, a folder, or a `.jsonl` file.",
)
@clock_option()
@format_option("decision")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the decision is.")
def command(
    bundle: str, point: str | None, path: str, clock: str | None, format: str, exit_zero: bool
) -> Exit:
    """Decide requests with a bundle, and say why."""
    import policyengine

    now = clock_reading(clock)
    checked = policyengine.check(policyengine.load(bundle))
    engine = policyengine.Engine(policyengine.compile(checked))
    decided = list(_decided(checked, engine, path, point, now))
    if is_many(path):
        show(format, "decisions", decided)
    else:
        show(format, "decision", decided[0].decision)
    allowed = all(one.decision.allowed for one in decided)
    return Exit.OK if allowed or exit_zero else Exit.DENIED


def _decided(
    checked: CheckedBundle, engine: Engine, path: str, point: str | None, now: datetime | None
) -> Iterator[DecidedInput]:
    for request in read_requests(path, point):
        if not request.point:
            raise Refusal(
                f"{request.name}: which decision point is this for?",
                f"name it with `--point`; the bundle has {', '.join(checked.points)}",
            )
        complain_about(request, point_type(checked, request.point))
        yield DecidedInput(request.name, engine.decide(request.point, request.input, now=now))
