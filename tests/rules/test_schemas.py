"""JSON Schemas: valid, never stale, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from policyengine.cel.types import ObjectType
from policyengine.diagnostics import CompileError
from policyengine.rules.load import load_text
from policyengine.rules.points import SchemaError, builtin_points, point_from
from policyengine.rules.schemas import json_schemas, write

DOCS = Path(__file__).parents[2] / "docs" / "schemas"
HEAD = "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: 1.0.0\n"


def test_the_schemas_in_docs_are_fresh(tmp_path: Path) -> None:
    """`python -m policyengine.rules.schemas docs/schemas` renews them."""
    written = {path.name: path.read_text("utf-8") for path in write(tmp_path)}
    assert written == {path.name: path.read_text("utf-8") for path in DOCS.glob("*.json")}


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(json_schemas()[name])


RULES: list[tuple[dict[str, Any], bool]] = [
    ({"deny": "no"}, True),
    ({"deny": {"message": "no", "admin": "x"}, "when": True}, True),
    ({"allow": True, "models": ["a"]}, True),
    ({"require_approval": {"message": "m", "from": ["x"], "count": 2}}, True),
    ({"redact": {"with": "label"}, "words": ["a"]}, True),
    ({"route": "a", "tag": ["a", "b"]}, True),
    ({"trigger": {"agent": "a", "inputs": {"x": None}}}, True),
    ({"warn": "w", "tag": {"a": "b"}}, True),
    ({}, False),
    ({"deny": 5}, False),
    ({"deny": ""}, False),
    ({"deny": "a", "wehn": "b"}, False),
    ({"deny": "a", "when": None}, False),
    ({"allow": False}, False),
    ({"tag": {"a": 1}}, False),
    ({"deny": "a", "words": []}, False),
    ({"deny": "a", "words": {"any": ["a"], "zzz": 1}}, False),
    ({"route": {"to": "a", "priority": "high"}}, False),
    ({"deny": "a", "mode": "block"}, False),
]


@pytest.mark.parametrize(("rule", "valid"), RULES)
def test_the_schema_and_the_loader_agree(rule: dict[str, Any], valid: bool) -> None:
    policy = {
        "apiVersion": "policyengine.dev/v1", "kind": "Policy", "metadata": {"name": "p"},
        "on": ["llm.request"], "rules": [{"id": "a", **rule}],
    }  # fmt: skip
    assert Draft202012Validator(json_schemas()["policy"]).is_valid(policy) is valid
    try:
        load_text({"bundle.yaml": HEAD, "p.yaml": json.dumps(policy)})
        loaded = True
    except CompileError:
        loaded = False
    assert loaded is valid


@pytest.mark.parametrize("name", sorted(builtin_points()))
def test_everything_in_a_point_is_described(name: str) -> None:
    def undescribed(node: Any, path: str) -> list[str]:
        found = [] if node.get("description") else [path]
        for key, value in node.get("properties", {}).items():
            found += undescribed(value, f"{path}.{key}")
        items = node.get("items")
        if isinstance(items, dict) and items.get("properties"):
            found += undescribed(items, f"{path}[]")
        return found

    point = builtin_points()[name]
    assert undescribed(point.schema, name) == []
    assert point.description


def test_texts_of_the_points() -> None:
    texts = {name: [".".join(path) for path in p.texts] for name, p in builtin_points().items()}
    assert texts == {
        "agent.step": [],
        "change.proposed": [],
        "ci.failed": ["failure.log"],
        "llm.request": [
            "request.system", "request.messages.[].content",
            "request.messages.[].tool_calls.[].arguments", "request.inputs.[]",
            "request.documents.[].title", "request.documents.[].content", "request.memory.[]",
            "request.tools.[].description",
        ],
        "llm.response": [
            "response.choices.[].content", "response.choices.[].tool_calls.[].arguments",
        ],
        "review.comment": ["comment.body", "comment.suggestion"],
        "tool.call": ["tool.arguments.**", "tool.command"],
        "tool.result": ["result.content.[]", "result.structured.**"],
    }  # fmt: skip


def test_whose_words_the_texts_of_the_points_are() -> None:
    assert {name: p.origins for name, p in builtin_points().items()} == {
        "agent.step": (),
        "change.proposed": (),
        "ci.failed": ("tool",),
        "llm.request": (
            "system", "3.role", "3.role", "user", "document", "document", "memory", "tool",
        ),
        "llm.response": ("assistant", "assistant"),
        "review.comment": ("assistant", "assistant"),
        "tool.call": ("assistant", "assistant"),
        "tool.result": ("tool", "tool"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "origin", ["nobody", 3, [], {}, {"field": "missing"}, {"field": 1}], ids=str
)
def test_an_unknown_origin_is_an_error(origin: object) -> None:
    schema = {
        "type": "object",
        "properties": {"note": {"type": "string", "x-text": True}},
        "x-origin": origin,
    }
    with pytest.raises(SchemaError, match="`x-origin` of the schema must be one of user,"):
        point_from("door.opened", schema, {})


def test_only_what_every_input_has_is_required() -> None:
    def required(type_: ObjectType, path: str) -> set[str]:
        found = set()
        for name, field in type_.fields.items():
            inner = field.type
            while hasattr(inner, "element"):
                inner = inner.element
            if field.required:
                found.add(f"{path}{name}")
            if isinstance(inner, ObjectType):
                found |= required(inner, f"{path}{name}.")
        return found

    points = builtin_points().values()
    found = {f"{p.name} {path}" for p in points for path in required(p.input, "")}
    assert found == {
        "agent.step step", "agent.step step.kind", "ci.failed build", "ci.failed build.job",
        "ci.failed failure", "ci.failed failure.kind", "review.comment comment",
        "review.comment comment.category",
        "change.proposed change", "change.proposed change.files",
        "change.proposed change.files.path", "change.proposed change.files.status",
        "llm.request request", "llm.request request.model", "llm.request request.messages.role",
        "llm.request request.tools.name", "llm.response request", "llm.response request.model",
        "llm.response response", "tool.call tool", "tool.call tool.name", "tool.result tool",
        "tool.result tool.name", "tool.result result",
    }  # fmt: skip
