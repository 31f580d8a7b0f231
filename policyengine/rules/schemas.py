"""JSON Schemas for everything that is written in files, so that editors complete and check it.

    python -m policyengine.rules.schemas DIR

writes them to a folder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from policyengine.plugins import FactProvider
from policyengine.rules.cel_policy.reading import RuleFile
from policyengine.rules.clauses import providers
from policyengine.rules.data_files import data_schemas
from policyengine.rules.documents import EFFECTS, ON_EXCEED, BundleFile, PolicyFile
from policyengine.rules.points import builtin_points

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, Any]]:
    """All schemas by name: files, each plug-in's clause, effects, and the decision points' inputs.

    >>> sorted(json_schemas())[:2]
    ['bundle', 'cel-policy']
    """
    found = dict(file_schemas())
    for name, provider in providers().items():
        found[f"clause.{name}"] = {"$schema": DIALECT, "title": name, **provider.SCHEMA}
    rule = found["policy"]["$defs"]["RuleForm"]["properties"]
    for name in EFFECTS:
        found[f"effect.{name}"] = _effect(name, rule[name], found["policy"]["$defs"])
    for name, point in builtin_points().items():
        found[f"point.{name}"] = dict(point.schema)
    for name, schema in data_schemas().items():
        found[f"data.{name}"] = {**schema, "$schema": DIALECT, "title": f"data.{name}"}
    return found


def file_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of a bundle's manifest, of policy files and of CEL Policy files."""
    policy = _schema(PolicyFile, "policy")
    rule = policy["$defs"]["RuleForm"]
    effects = {name: rule["properties"][name] for name in EFFECTS}
    rule["properties"].update(
        {name: _clause(provider, effects) for name, provider in providers().items()}
    )
    rule["additionalProperties"] = False
    rule["anyOf"] = [{"required": [name]} for name in EFFECTS]
    rule["anyOf"] += [
        {"required": [name], "properties": {name: {"required": [ON_EXCEED]}}}
        for name, provider in providers().items()
        if provider.READS == "charges"
    ]
    return {
        "bundle": _schema(BundleFile, "bundle"),
        "policy": policy,
        "cel-policy": _schema(RuleFile, "cel-policy"),
    }


def _clause(provider: FactProvider, effects: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a clause in a rule; that of a limit may hold effects."""
    schema = dict(provider.SCHEMA)
    if provider.READS != "charges":
        return schema
    exceeding = {
        "type": "object",
        "description": "Effects of the rule, written where the limit stands.",
        "properties": dict(effects),
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {**schema, "properties": {**schema.get("properties", {}), ON_EXCEED: exceeding}}


def _schema(shape: type[BaseModel], title: str) -> dict[str, Any]:
    made = _tidy(shape.model_json_schema(by_alias=True))
    return {"$schema": DIALECT, **made, "title": title}


def _effect(name: str, schema: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    """An effect's schema with the definitions that it refers to."""
    wanted = {
        key: value for key, value in shared.items() if f'"#/$defs/{key}"' in json.dumps(schema)
    }
    made = {"$schema": DIALECT, "title": name, **schema}
    return {**made, "$defs": wanted} if wanted else made


def _tidy(node: Any, *, names: bool = False) -> Any:
    """A generated schema without made-up titles, and without null: a key has a value or is not
    there. `names` says that the keys of this object are names and not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _tidy(value) for key, value in node.items()}
    node = {key: value for key, value in node.items() if key != "title"}
    forms = [form for form in node.get("anyOf", ()) if form != {"type": "null"}]
    if len(forms) < len(node.get("anyOf", ())):
        rest = {k: v for k, v in node.items() if k != "anyOf" and (k, v) != ("default", None)}
        # What the author's key is described as goes before what its shape is described as.
        node = {**forms[0], **rest} if len(forms) == 1 else {"anyOf": forms, **rest}
    return {key: _tidy(value, names=key in ("properties", "$defs")) for key, value in node.items()}


def write(folder: Path) -> list[Path]:
    """Write all schemas to a folder, one file each, and say which."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in json_schemas().items():
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m policyengine.rules.schemas FOLDER")
    sys.stdout.writelines(f"wrote {path}\n" for path in write(Path(sys.argv[1])))
