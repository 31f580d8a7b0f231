"""`policyengine schema`: the JSON Schemas of files and of decision points."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from policyengine.cli._console import Refusal, say, shown
from policyengine.cli._exits import Exit

_EPILOG = """\b
Examples:
  policyengine schema                        the names of all schemas
  policyengine schema policy                 the schema of policy files
  policyengine schema llm.request            what an input of this point looks like
  policyengine schema --write .schemas       one file each, for an editor

To let an editor complete and check a file, write as its first line:
  # yaml-language-server: $schema=.schemas/policy.schema.json"""


@click.command(epilog=_EPILOG)
@click.argument("name", required=False)
@click.option("--bundle", type=click.Path(), help="Show the decision points of this bundle too.")
@click.option("--write", "folder", type=click.Path(file_okay=False), help="Write to this folder.")
def command(name: str | None, bundle: str | None, folder: str | None) -> Exit:
    """Print the JSON Schema of a kind of file or of a decision point's input."""
    schemas = _schemas(bundle)
    if name is not None and name not in schemas:
        # A point may be called by its own name.
        name = _found(f"point.{name}" if f"point.{name}" in schemas else name, schemas)
    chosen = schemas if name is None else {name: schemas[name]}
    if folder is not None:
        _write(Path(folder), chosen)
    elif name is not None:
        say(_text(schemas[name]))
    else:
        for known, schema in schemas.items():
            first_line = str(schema.get("description", "")).split("\n", 1)[0]
            say(f"{known.ljust(24)} {first_line}".rstrip())
    return Exit.OK


def _schemas(bundle: str | None) -> dict[str, Mapping[str, Any]]:
    from policyengine.rules.schemas import json_schemas
    from policyengine.testing import json_schema

    schemas: dict[str, Mapping[str, Any]] = {**json_schemas(), "test-suite": json_schema()}
    if bundle is not None:
        from policyengine import load

        points = load(bundle).points
        schemas |= {f"point.{name}": point.schema for name, point in points.items()}
    return dict(sorted(schemas.items()))


def _found(name: str, schemas: Mapping[str, Mapping[str, Any]]) -> str:
    if name in schemas:
        return name
    close = get_close_matches(name, schemas, n=1) or get_close_matches(f"point.{name}", schemas)
    hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(schemas)}"
    raise Refusal(f"there is no schema `{name[:80]}`", hint)


def _write(folder: Path, schemas: Mapping[str, Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas.items():
        path = folder / f"{name}.schema.json"
        path.write_text(_text(schema) + "\n", encoding="utf-8")
        say(f"wrote {shown(path)}")


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
