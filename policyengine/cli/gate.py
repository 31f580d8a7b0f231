"""`policyengine gate`: may this change to a repository land?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from policyengine.cli._console import Refusal, colorful, complain, say, shown
from policyengine.cli._exits import Exit

_EPILOG = """\b
Examples:
  policyengine gate --base origin/main --head HEAD
  policyengine gate --base origin/main --head HEAD --approved-by ada
  policyengine gate --base main --head work --format json --output gate.json

The policy is read from the base, nothing of the change is executed, and a change
that cannot be judged does not pass. Exit codes: 0 allowed, 7 denied or approval
missing, 3 policy invalid or absent, 4 tests of the proposed policy fail."""


@click.command(epilog=_EPILOG)
@click.option("--base", required=True, metavar="REF", help="The branch that it would land on.")
@click.option("--head", required=True, metavar="REF", help="The last commit of the change.")
@click.option("--repo", default=".", type=click.Path(), show_default=True, help="The repository.")
@click.option(
    "--policies",
    multiple=True,
    metavar="DIR",
    help="Folder in the repository with bundles; every bundle counts where none is given.",
)
@click.option(
    "--approved-by",
    multiple=True,
    metavar="NAME[=GROUP,...]",
    help="Who approved, and for which groups.",
)
@click.option("--author", default="", help="Who proposes it; from the last commit where not given.")
@click.option("--title", default="", help="Its title; from the last commit where not given.")
@click.option("--id", "id", default="", help="Its number, such as that of the pull request.")
@click.option("--label", "labels", multiple=True, help="A label of the pull request.")
@click.option("--draft", is_flag=True, help="It is a draft.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["pretty", "json"]),
    default="pretty",
    show_default=True,
    help="How to write the report.",
)
@click.option("--output", type=click.Path(dir_okay=False), help="Write the report to this file.")
def command(
    base: str,
    head: str,
    repo: str,
    policies: tuple[str, ...],
    approved_by: tuple[str, ...],
    author: str,
    title: str,
    id: str,
    labels: tuple[str, ...],
    draft: bool,
    format: str,
    output: str | None,
) -> Exit:
    """Judge a change in git: what it needs before it may land.

    Says which agents must run, which approvals are missing and what is denied, with the files
    that are the reason. A change of the policy itself is judged by the policy that it replaces.
    """
    from policyengine_ci.gate import Stated, gate
    from policyengine_ci.text import text

    stated = Stated(id=id, title=title, author=author, labels=labels, draft=draft)
    try:
        report = gate(
            Path(repo), base, head, bundles=policies or None, approvals=approved_by, stated=stated
        )
    except ValueError as error:
        raise Refusal(str(error)) from None
    if output is None:
        say(report.to_json() if format == "json" else text(report, color=colorful(sys.stdout)))
        return Exit(report.exit_code)
    written = report.to_json() if format == "json" else text(report)
    target = Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(written + "\n", encoding="utf-8")
    complain(f"{report.outcome}; the report is in {shown(output)}")
    return Exit(report.exit_code)
