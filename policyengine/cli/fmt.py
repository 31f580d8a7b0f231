"""`policyengine fmt`: one layout for all policy files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import click

from policyengine.cli._console import (
    Refusal,
    colorful,
    complain,
    say,
    show_diagnostics,
    shown,
)
from policyengine.cli._exits import Exit
from policyengine.cli._inputs import STDIN
from policyengine.cli._replacing import replace
from policyengine.diagnostics import CompileError
from policyengine.output.text import line

_SUFFIXES = (".yaml", ".yml")

_EPILOG = """\b
Examples:
  policyengine fmt policies                  format all YAML files in a folder
  policyengine fmt --check --diff policies   show what would change, change nothing
  policyengine fmt - < rule.yaml             format standard input to standard output

Comments and CEL stay as they are, and a file never changes its meaning: where that
cannot be kept, it is left alone. Exit code 3 when `--check` finds unformatted files."""


@click.command(epilog=_EPILOG)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--check", is_flag=True, help="Change nothing; fail if something would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> Exit:
    """Format policy files: order of keys, indentation, quotes."""
    if STDIN in paths:
        if len(paths) > 1:
            raise Refusal("`-` stands alone: standard input has one output")
        return _standard_input(check, diff)
    counts = {"formatted": 0, "unchanged": 0, "refused": 0}
    for file in _files(paths):
        counts[_format_file(file, write=not (check or diff), diff=diff)] += 1
    _sum_up(counts, changing=not (check or diff))
    if counts["refused"] or (check and counts["formatted"]):
        return Exit.INVALID_POLICY
    return Exit.OK


def _files(paths: tuple[str, ...]) -> Iterator[Path]:
    seen: set[Path] = set()
    for given in map(Path, paths):
        if not given.exists():
            raise Refusal(f"`{shown(given)}` does not exist")
        found = _below(given) if given.is_dir() else [given]
        for path in found:
            if path not in seen:
                seen.add(path)
                yield path


def _below(folder: Path) -> list[Path]:
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        found += [Path(root, n) for n in sorted(names) if n.endswith(_SUFFIXES) and n[0] != "."]
    return found


def _format_file(path: Path, *, write: bool, diff: bool) -> str:
    from policyengine.rules.format import FormatRefusedError, formatted
    from policyengine.rules.yaml import decode

    name = shown(path)
    data = path.read_bytes()
    try:
        source = decode(name, data)
        text = formatted(source)
    except CompileError as error:
        show_diagnostics(error.diagnostics)
        return "refused"
    except FormatRefusedError as error:
        complain(line(f"warning: {error}"))
        return "refused"
    if text.encode() == data:
        return "unchanged"
    if diff:
        _show_diff(name, source.text, text)
    elif write:
        replace(path, text)
        say(line(f"formatted {name}"))
    else:
        say(line(f"would format {name}"))
    return "formatted"


def _show_diff(name: str, before: str, after: str) -> None:
    from policyengine.output.text import Role, paint

    roles: dict[str, Role] = {"+": "good", "-": "bad", "@": "place"}
    color = colorful(sys.stdout)
    lines = unified_diff(
        before.split("\n"), after.split("\n"), f"{name}", f"{name} (formatted)", lineterm=""
    )
    for text in lines:
        role = roles.get(text[:1])
        say(paint(line(text), role, color) if role else line(text))


def _standard_input(check: bool, diff: bool) -> Exit:
    from policyengine.rules.format import FormatRefusedError, formatted
    from policyengine.rules.yaml import decode

    source = decode("<stdin>", sys.stdin.buffer.read())
    try:
        text = formatted(source)
    except FormatRefusedError as error:
        raise Refusal(str(error), code=Exit.INVALID_POLICY) from None
    if diff:
        _show_diff("<stdin>", source.text, text)
    elif not check:
        say(text.removesuffix("\n"))
    return Exit.INVALID_POLICY if check and text != source.text else Exit.OK


def _sum_up(counts: dict[str, int], *, changing: bool) -> None:
    verbs = {"formatted": "formatted" if changing else "would be formatted"}
    said = [f"{n} {verbs.get(what, what)}" for what, n in counts.items() if n]
    complain(", ".join(said) or "no YAML files found")
