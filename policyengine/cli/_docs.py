"""The command line as Markdown, made from the verbs themselves.

python -m policyengine.cli._docs > docs/cli.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from policyengine.cli import main
from policyengine.cli._exits import MEANINGS

_WIDTH = 90
_HEAD = """\
# Command line

<!-- Made by `python -m policyengine.cli._docs > docs/cli.md`; a test fails when it is stale. -->

`policyengine` and `python -m policyengine` are the same. Results go to the standard output, what
is wrong goes to the standard error stream.
"""


def markdown() -> str:
    """The page: exit codes, then the help of every verb."""
    return "\n".join([_HEAD, *_exit_codes(), *_verbs()]) + "\n"


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in MEANINGS.items():
        yield f"| {int(code)} | {meaning} |"
    yield ""


def _verbs() -> Iterator[str]:
    root = main.make_context("policyengine", [], resilient_parsing=True, terminal_width=_WIDTH)
    yield _section("policyengine", main, root)
    for name in main.list_commands(root):
        verb = main.get_command(root, name)
        if verb is not None:
            context = verb.make_context(
                name, [], parent=root, resilient_parsing=True, terminal_width=_WIDTH
            )
            yield _section(f"policyengine {name}", verb, context)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {title}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
