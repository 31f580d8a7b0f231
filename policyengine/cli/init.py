"""`policyengine init`: a bundle to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from policyengine.cli._console import Refusal, say, shown
from policyengine.cli._exits import Exit
from policyengine.cli._starters import BLANK, files_of, starters

_EPILOG = """\b
Examples:
  policyengine init my-policies                      an empty bundle with one rule and one test
  policyengine init my-policies --starter gateway    models, banned words and tools of a gateway
  policyengine init my-policies --starter agents     what agents may run
  policyengine init .policy --starter repository     what a change to a repository needs

No file is ever overwritten."""


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False))
@click.option(
    "--starter",
    type=click.Choice(starters()),
    default=BLANK,
    show_default=True,
    help="What to begin with.",
)
def command(folder: str, starter: str) -> Exit:
    """Write a bundle to begin with: policies, and tests that pass."""
    files = files_of(starter)
    root = Path(folder)
    existing = [shown(root / name) for name in files if (root / name).exists()]
    if existing:
        raise Refusal(
            "these files exist already and are left as they are:\n  " + "\n  ".join(existing),
            "name another folder: `policyengine init my-policies`",
        )
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
        say(f"wrote {shown(path)}")
    where = shown(root)
    say(
        f"""
Next:
  policyengine check {where}
  policyengine test {where}
and then make the rules your own: each is a few lines of YAML."""
    )
    return Exit.OK
