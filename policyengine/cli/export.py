"""`policyengine export`: the tiers of a bundle as another router's configuration."""

from __future__ import annotations

import time
from pathlib import Path

import click

from policyengine.cli._bundles import bundles
from policyengine.cli._console import Refusal, complain, say, shown
from policyengine.cli._exits import Exit
from policyengine.output.text import line

_EPILOG = """\b
Examples:
  policyengine export litellm policies/routing --out litellm.yaml
  policyengine export portkey policies/routing
  policyengine export openrouter policies/routing

\b
  litellm      groups of models, fallbacks, strategies and cool-downs (YAML)
  portkey      a conditional config over tiers (JSON)
  openrouter   models and provider preferences for requests of each tier (JSON)

What the other router cannot say, such as the conditions of rules, is told on the
standard error stream and stands in the file: as comments, or under `notes`."""


@click.command(epilog=_EPILOG)
@click.argument("router", metavar="ROUTER")
@click.argument("bundle", required=False, default=".", type=click.Path())
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file.")
def command(router: str, bundle: str, out: str | None) -> Exit:
    """Write the tiers of a bundle as the configuration of another ROUTER."""
    from policyengine.exports import ExportError, Routing, exporter, exporters
    from policyengine.exports._text import as_json, as_yaml

    try:
        chosen = exporter(router)
    except KeyError:
        help = f"there are: {', '.join(exporters())}"
        raise Refusal(f"there is no export to `{router[:80]}`", help) from None
    path, *others = bundles([bundle])
    if others:
        raise Refusal(f"there are several bundles below `{shown(bundle)}`", "name one of them")
    import policyengine

    program = policyengine.compile(policyengine.check(policyengine.load(path)))
    try:
        routing = Routing.of(program, time.time())
    except ExportError as error:
        raise Refusal(str(error), "docs/routing.md shows what stands in it") from None
    exported = chosen.export(routing)
    title = f"Made by `policyengine export {router}` from {program.bundle} {program.version}."
    text = as_json(exported) if chosen.FORM == "json" else as_yaml(exported, title)
    if out is None:
        say(text.rstrip("\n"))
    else:
        _write(Path(out), text)
    for note in exported.notes:
        complain(line(f"note: {note}"))
    return Exit.OK


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"`{shown(path)}` cannot be written ({error.strerror})") from None
