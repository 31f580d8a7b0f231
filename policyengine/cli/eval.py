"""`policyengine eval`: what does the policy decide, or an expression give, for this request?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from policyengine.cli._console import Refusal, say, show
from policyengine.cli._deciding import clock_option, clock_reading, point_type
from policyengine.cli._engines import engine_option, exit_of, report, second_opinion
from policyengine.cli._exits import Exit
from policyengine.cli._inputs import Request, complain_about, is_many, read_requests
from policyengine.cli._options import format_option
from policyengine.cli._stores import opened_store, store_option
from policyengine.diagnostics import CompileError
from policyengine.output.reports import DecidedInput

if TYPE_CHECKING:
    from datetime import datetime

    from policyengine import Engine
    from policyengine.rules.model import CheckedBundle
    from policyengine.testing.second_opinion import SecondOpinion

_EPILOG = """\b
Examples:
  policyengine eval policies/gateway --point llm.request --input request.json
  cat request.json | policyengine eval policies/gateway --point llm.request --input -
  policyengine eval policies/gateway --input recorded/         a folder, with a summary
  policyengine eval policies/gateway --input requests.jsonl --format json
  policyengine eval --expr 'size(tags) > 1' --var 'tags=["a", "b"]'
  policyengine eval --expr 'request.model in constants.small' policies/gateway \\
      --point llm.request --input request.json
  policyengine eval policies/budgets --input request.json --store redis://host:6379/0

An input is a JSON object, or {"point": ..., "input": ...}. Recorded requests as
`analyze` takes them are decided as at their `time`, where `--clock` says nothing. Exit
code 7 when a decision is not `allow` (so also for `require_approval`).

Limits count in an empty store that ends with the command: several inputs count one
another, as if all were under way at once. `--store` asks a real one how its budgets stand, such as
`sqlite:state.db` or `redis://host:6379/0`, and changes nothing in it; then each input
is decided as if it came alone. With `--reserve` it holds what is allowed, as a gateway
would, until that is settled or expires; the reservation is shown."""


@click.command(epilog=_EPILOG)
@click.argument("bundle", type=click.Path(), required=False)
@click.option("--point", metavar="NAME", help="Decision point, unless the input names it.")
@click.option(
    "--input",
    "path",
    metavar="PATH",
    help="A JSON file, `-` for standard input, a folder, or a `.jsonl` file.",
)
@click.option("--expr", metavar="CEL", help="Evaluate this expression instead of deciding.")
@click.option(
    "--var",
    "variables",
    metavar="NAME=JSON",
    multiple=True,
    help="A variable for the expression; may be given more than once.",
)
@store_option("Ask this store how limits stand; nothing is held in it without --reserve.")
@click.option("--reserve", is_flag=True, help="Hold in the store what allowed requests may take.")
@engine_option()
@clock_option()
@format_option("decision")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the decision is.")
def command(
    bundle: str | None,
    point: str | None,
    path: str | None,
    expr: str | None,
    variables: tuple[str, ...],
    address: str | None,
    reserve: bool,
    second: str | None,
    clock: str | None,
    format: str,
    exit_zero: bool,
) -> Exit:
    """Decide requests with a bundle, and say why; or evaluate an expression.

    An expression is typed by the point's schema where there is a point; else the input's fields
    may be of any type.
    """
    import policyengine

    now = clock_reading(clock)
    if reserve and address is None:
        raise Refusal("`--reserve` holds something in a store", "name it with `--store`")
    if expr is not None and address is not None:
        raise Refusal("an expression asks no store", "leave out `--store`")
    if expr is not None:
        return _expression(expr, bundle, point, path, variables, now, second, format)
    if bundle is None or path is None or variables:
        wrong = "`--var` is for `--expr`" if variables else "deciding takes a bundle and `--input`"
        raise Refusal(wrong, "`--expr` evaluates an expression without either")
    checked = policyengine.check(policyengine.load(bundle))
    program = policyengine.compile(checked)
    opinion = None if second is None else second_opinion(checked)
    hold = reserve or address is None
    with opened_store(address, spends=reserve) as store:
        engine = policyengine.Engine(program, store=store)
        # In a store of its own the same command says the same; elsewhere, ids have been there.
        key = (lambda request: request.name) if address is None else (lambda request: None)
        decided = list(_decided(checked, engine, path, point, now, opinion, hold, key))
    if is_many(path):
        show(format, "decisions", decided)
    else:
        show(format, "decision", decided[0].decision)
    allowed = all(one.decision.allowed for one in decided)
    code = Exit.OK if allowed or exit_zero else Exit.DENIED
    if opinion is None:
        return code
    report(opinion.found)
    return exit_of(code, opinion.found)


def _expression(
    text: str,
    bundle: str | None,
    point: str | None,
    path: str | None,
    variables: tuple[str, ...],
    now: datetime | None,
    second: str | None,
    format: str,
) -> Exit:
    import policyengine
    from policyengine.cli._trial import assigned, complain_of, trial_of
    from policyengine.output.literals import literal, plain

    if second is not None:
        raise Refusal("`--engine` asks about the rules of a bundle", "leave out `--expr`")
    if format not in ("pretty", "json"):
        raise Refusal(f"a value cannot be written as `{format}`", "there are: pretty, json")
    if path is not None and is_many(path):
        raise Refusal("an expression takes one input", "name a single `.json` file")
    checked = None if bundle is None else policyengine.check(policyengine.load(bundle))
    request = None if path is None else next(read_requests(path, point))
    now = now or (request.now if request else None)
    trial = trial_of(checked, (request.point or None) if request else point, now)
    if request is not None:
        if trial.point is not None:
            complain_about(request, trial.point.input)
        trial.load(request.input)
    for variable in variables:
        trial.let(*assigned(variable))
    try:
        tried = trial.value(text)
    except CompileError as error:
        complain_of(error, text)
        return Exit.INVALID_POLICY
    if format == "json":
        say(json.dumps({"type": tried.type, "value": plain(tried.value)}, ensure_ascii=False))
    else:
        say(literal(tried.value))
    return Exit.OK


def _decided(
    checked: CheckedBundle,
    engine: Engine,
    path: str,
    point: str | None,
    now: datetime | None,
    second: SecondOpinion | None,
    hold: bool,
    key: Callable[[Request], str | None],
) -> Iterator[DecidedInput]:
    for request in read_requests(path, point):
        if not request.point:
            raise Refusal(
                f"{request.name}: which decision point is this for?",
                f"name it with `--point`; the bundle has {', '.join(checked.points)}",
            )
        complain_about(request, point_type(checked, request.point))
        if second is not None:
            second.ask(engine, request.point, request.input, now=now or request.now)
        decision = engine.decide(
            request.point,
            request.input,
            now=now or request.now,
            idempotency_key=key(request),
            reserve=hold,
        )
        yield DecidedInput(request.name, decision)
