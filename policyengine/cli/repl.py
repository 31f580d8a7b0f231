"""`policyengine repl`: try expressions, one after the other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from policyengine.cli._console import say
from policyengine.cli._deciding import clock_option, clock_reading
from policyengine.cli._exits import Exit
from policyengine.cli._inputs import complain_about, read_requests
from policyengine.cli._trial import assigned, trial_of

if TYPE_CHECKING:
    from policyengine.cli._trial import Trial

_EPILOG = """\b
Examples:
  policyengine repl
  policyengine repl policies/gateway --point llm.request --input request.json
  echo 'size("abc") == 3' | policyengine repl

At a terminal there are a history and, with Tab, completion. Lines are kept in the user's folder
for state, readable by nobody else; a line that begins with a space is not kept, and none are with
--no-history or POLICYENGINE_HISTORY=0. From a pipe, exit code 2 when an expression was wrong."""


@click.command(epilog=_EPILOG)
@click.argument("bundle", type=click.Path(), required=False)
@click.option("--point", metavar="NAME", help="Type the input as this decision point does.")
@click.option("--input", "path", metavar="PATH", help="A JSON file with the input.")
@click.option(
    "--var", "variables", metavar="NAME=JSON", multiple=True, help="A variable of one's own."
)
@click.option("--no-history", is_flag=True, help="Neither read nor keep lines.")
@clock_option()
def command(
    bundle: str | None,
    point: str | None,
    path: str | None,
    variables: tuple[str, ...],
    no_history: bool,
    clock: str | None,
) -> Exit:
    """Try CEL expressions over an input, and see values, types and mistakes at once."""
    import policyengine
    from policyengine.cli._completion import completions
    from policyengine.cli._history import history_file
    from policyengine.cli._lines import Piped, Terminal
    from policyengine.cli._session import NAMES, Session

    now = clock_reading(clock)
    checked = None if bundle is None else policyengine.check(policyengine.load(bundle))
    session = Session(
        trial_of(checked, point, now), _load, lambda name: trial_of(checked, name, now)
    )
    if path is not None:
        _load(session.trial, path)
    for variable in variables:
        session.trial.let(*assigned(variable))
    if not sys.stdin.isatty():
        session.run(Piped())
        return Exit.USAGE if session.failed else Exit.OK
    say("`:help` lists the commands, Ctrl-D leaves.")
    history = None if no_history else history_file()
    with Terminal(lambda typed: completions(session.trial, typed, NAMES), history) as terminal:
        session.run(terminal)
    return Exit.OK


def _load(trial: Trial, path: str) -> None:
    name = trial.point.name if trial.point else None
    request = next(read_requests(path, name))
    if trial.point is not None:
        complain_about(request, trial.point.input)
    trial.load(request.input)
