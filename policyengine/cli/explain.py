"""`policyengine explain`: why did each rule match, or not?"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from policyengine.cli._console import Refusal, show
from policyengine.cli._deciding import (
    bundle_argument,
    clock_option,
    clock_reading,
    point_type,
)
from policyengine.cli._exits import Exit
from policyengine.cli._inputs import complain_about, is_many, read_requests
from policyengine.cli._options import format_option
from policyengine.cli._stores import opened_store, store_option

if TYPE_CHECKING:
    from policyengine.rules.model import CheckedBundle

_EPILOG = """\b
Examples:
  policyengine explain policies/gateway --point llm.request --input request.json
  policyengine explain policies/gateway --input request.json --rule banned-words
  policyengine explain policies/gateway --input request.json --format json
  policyengine explain policies/budgets --input request.json --store sqlite:state.db

Limits are explained with an empty store, or as they stand in `--store`; nothing is
held in it."""


@click.command(epilog=_EPILOG)
@bundle_argument()
@click.option("--point", metavar="NAME", help="Decision point, unless the input names it.")
@click.option("--input", "path", metavar="PATH", required=True, help="A JSON file, or `-`.")
@click.option("--rule", metavar="ID", help="Explain this rule only.")
@store_option("Ask this store how limits stand; nothing is held in it.")
@clock_option()
@format_option("explanation")
def command(
    bundle: str,
    point: str | None,
    path: str,
    rule: str | None,
    address: str | None,
    clock: str | None,
    format: str,
) -> Exit:
    """Show each rule's conditions with the values that decided."""
    from policyengine import Engine, check, compile, load
    from policyengine.explanation import explain

    if is_many(path):
        raise Refusal("one input at a time can be explained", "name a single `.json` file")
    now = clock_reading(clock)
    checked = check(load(bundle))
    (request,) = read_requests(path, point)
    if not request.point:
        raise Refusal(
            f"{request.name}: which decision point is this for?",
            f"name it with `--point`; the bundle has {', '.join(checked.points)}",
        )
    complain_about(request, point_type(checked, request.point))
    _known_rule(checked, request.point, rule)
    program = compile(checked)
    with opened_store(address) as store:
        engine = Engine(program, store=store)
        explanation = explain(checked, engine, request.point, request.input, now=now or request.now)
    if rule is not None:
        kept = tuple(e for e in explanation.rules if rule in (e.rule, f"{e.policy}/{e.rule}"))
        explanation = replace(explanation, rules=kept)
    show(format, "explanation", explanation)
    return Exit.OK


def _known_rule(checked: CheckedBundle, point: str, rule: str | None) -> None:
    rules = checked.points[point].rules if point in checked.points else ()
    ids = {name for r in rules for name in (r.rule.id, f"{r.policy.name}/{r.rule.id}")}
    if rule is not None and rule not in ids:
        close = get_close_matches(rule, sorted(ids), n=1)
        names = ", ".join(sorted({r.rule.id for r in rules}))
        hint = f"did you mean `{close[0]}`?" if close else f"there are: {names or 'none'}"
        raise Refusal(f"no rule `{rule[:80]}` speaks at `{point}`", hint)
