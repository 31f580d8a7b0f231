"""Decision points from JSON Schema: the types of their input, and where text stands in it.

The part of draft 2020-12 that has a meaning for CEL: `type` (one, or one and `null`),
`properties`, `required`, `additionalProperties`, `items`, `format: date-time`, `enum`, `$ref` to
`#/$defs/...` or to `common.json#/$defs/...`. Three words are ours: `x-text` marks text to scan
(`true` for this string or every string of this list, `"deep"` for every string below), `x-origin`
says whose words the text below is (`user`, `tool`, `document` ..., or `{"field": "role"}` where the
input says so), `x-facts` lists the facts about the whole input that exist here, such as `paths`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from policyengine.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    FieldType,
    ListType,
    MapType,
    ObjectType,
    Primitive,
    Type,
    WrapperType,
)
from policyengine.plugins import ORIGINS
from policyengine.program import Origin, TextPath
from policyengine.rules.model import Point

POINT_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Names that CEL gives another meaning.
RESERVED = frozenset({"variables", "constants", "now"})
_RESERVED_WORDS = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function",
    "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
_KEYWORDS = frozenset({
    "$schema", "$id", "$defs", "$ref", "$comment", "title", "description", "type", "properties",
    "required", "additionalProperties", "items", "format", "enum", "examples", "default",
    "x-text", "x-origin", "x-facts",
})  # fmt: skip
_SCALARS: Mapping[str, Primitive] = {
    "string": STRING, "integer": INT, "number": DOUBLE, "boolean": BOOL, "null": NULL,
}  # fmt: skip
_MAX_DEPTH = 24
_MAX_NODES = 5_000
COMMON = "common.json"


class SchemaError(ValueError):
    """A schema that is not in the part of JSON Schema that has a meaning here."""


class _Folder(Protocol):
    def joinpath(self, name: str, /) -> Any: ...


@cache
def builtin_points() -> Mapping[str, Point]:
    """The decision points that come with the library, by name.

    >>> sorted(builtin_points())[0]
    'agent.step'
    """
    folder = files("policyengine.rules") / "points"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json"))
    stems = [name.removesuffix(".json") for name in names if name != COMMON]
    return {stem: point_from(stem, _json(folder, f"{stem}.json"), common()) for stem in stems}


@cache
def common() -> Mapping[str, Any]:
    """The schema with the definitions that decision points share."""
    schema: Mapping[str, Any] = _json(files("policyengine.rules") / "points", COMMON)
    return schema


def _json(folder: _Folder, name: str) -> Any:
    return json.loads(folder.joinpath(name).read_text("utf-8"))


def point_from(name: str, schema: Any, shared: Mapping[str, Any]) -> Point:
    """The decision point that a schema declares.

    `shared` is what references to `common.json` mean. Raises `SchemaError` with what is wrong
    and where in the schema.

    >>> point = point_from("door.opened", {
    ...     "type": "object",
    ...     "properties": {"note": {"type": "string", "x-text": True}},
    ... }, {})
    >>> point.input.fields["note"].type == STRING, point.texts
    (True, (('note',),))
    """
    whole = _Resolver(schema, shared).resolved(schema, "", 0, ())
    if not isinstance(whole, dict) or whole.get("type") != "object" or not whole.get("properties"):
        raise SchemaError("the schema of a decision point is an object with `properties`")
    for field in sorted(RESERVED & set(whole["properties"])):
        raise SchemaError(f"`{field}` has another meaning in rules and cannot be a field")
    type_ = _type(whole, name)
    if not isinstance(type_, ObjectType):
        raise SchemaError("the schema of a decision point is an object with `properties`")
    texts = dict(_texts(whole, (), "unknown"))
    origins = tuple(texts.values())
    return Point(name, whole.get("description", ""), type_, tuple(texts), whole, origins)


def facts_about_input(point: Point) -> frozenset[str]:
    """The providers of facts about the whole input that exist at a decision point."""
    return frozenset(point.schema.get("x-facts", ()))


class _Resolver:
    """Puts definitions in place of references, so that later steps see one plain tree."""

    def __init__(self, own: Any, shared: Mapping[str, Any]) -> None:
        self.own = own
        self.shared = shared
        self.nodes = 0

    def resolved(self, schema: Any, where: str, depth: int, path: tuple[str, ...]) -> Any:
        self.nodes += 1
        if depth > _MAX_DEPTH:
            raise SchemaError(f"`{where}` is nested deeper than {_MAX_DEPTH} levels")
        if self.nodes > _MAX_NODES:
            raise SchemaError(f"the schema has more than {_MAX_NODES} parts")
        if schema is True:
            return {}
        if not isinstance(schema, dict):
            raise SchemaError(f"{_at(where)} must be an object")
        if "$ref" in schema:
            name = schema["$ref"]
            if not isinstance(name, str) or name in path:
                raise SchemaError(f"{_at(where)} refers to itself")
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            target = self.resolved(self.target(name, where), where, depth + 1, (*path, name))
            return {**target, **rest}
        _keywords(schema, where)
        result = {key: value for key, value in schema.items() if key != "$defs"}
        if "properties" in schema:
            result["properties"] = {
                key: self.resolved(value, f"{where}.{key}".lstrip("."), depth + 1, path)
                for key, value in _object(schema["properties"], where).items()
            }
        for key in ("items", "additionalProperties"):
            if key in schema and schema[key] is not False:
                result[key] = self.resolved(schema[key], f"{where}[]", depth + 1, path)
        return result

    def target(self, name: str, where: str) -> Any:
        file, _, pointer = name.partition("#")
        found: Any = {"": self.own, COMMON: self.shared}.get(file)
        steps = pointer.split("/")[1:]
        for step in steps:
            found = found.get(step) if isinstance(found, dict) else None
        if found is None or steps[:1] != ["$defs"]:
            raise SchemaError(f"{_at(where)} refers to `{name[:80]}`, which does not exist")
        return found


def _at(where: str) -> str:
    return f"`{where}`" if where else "the schema"


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SchemaError(f"`properties` of {_at(where)} must be an object")
    for name in value:
        if not _FIELD_NAME.match(name) or name in _RESERVED_WORDS:
            raise SchemaError(f"`{name[:80]}` is not a name that CEL can say")
    return value


def _keywords(schema: dict[str, Any], where: str) -> None:
    for key in schema:
        if key not in _KEYWORDS:
            raise SchemaError(f"`{key[:80]}` of {_at(where)} is not supported")
    required = schema.get("required", [])
    fields = schema.get("properties", {})
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise SchemaError(f"`required` of {_at(where)} must be a list of names")
    if isinstance(fields, dict) and not set(required) <= set(fields):
        raise SchemaError(f"`required` of {_at(where)} names a field that is not in `properties`")
    for key in ("description", "format"):
        if not isinstance(schema.get(key, ""), str):
            raise SchemaError(f"`{key}` of {_at(where)} must be a string")
    if schema.get("x-text", True) not in (True, "deep"):
        raise SchemaError(f'`x-text` of {_at(where)} must be true or "deep"')
    origin = schema.get("x-origin", "unknown")
    by_field = isinstance(origin, dict) and _origin_field(schema)
    if not by_field and (not isinstance(origin, str) or origin not in ORIGINS):
        raise SchemaError(
            f"`x-origin` of {_at(where)} must be one of {', '.join(ORIGINS)}, or "
            '`{"field": "<a field with text>"}`'
        )
    facts = schema.get("x-facts", [])
    if not isinstance(facts, list) or not all(isinstance(name, str) for name in facts):
        raise SchemaError(f"`x-facts` of {_at(where)} must be a list of names")


def _type(schema: Mapping[str, Any], name: str) -> Type:
    """The CEL type of a schema; `name` is what an object type is called."""
    kinds = schema.get("type")
    if not isinstance(kinds, list):
        return _type_of(kinds, schema, name)
    others = [kind for kind in kinds if kind != "null"]
    if len(others) != 1:
        return DYN
    type_ = _type_of(others[0], schema, name)
    if len(others) == len(kinds):
        return type_
    return WrapperType(type_) if type_ in (STRING, INT, DOUBLE, BOOL) else DYN


def _type_of(kind: Any, schema: Mapping[str, Any], name: str) -> Type:
    match kind:
        case "string" if schema.get("format") == "date-time":
            return TIMESTAMP
        case "string" | "integer" | "number" | "boolean" | "null":
            return _SCALARS[kind]
        case "array":
            items = schema.get("items")
            return ListType(_type(items, f"{name}[]") if items else DYN)
        case "object":
            return _object_type(schema, name)
        case None:
            return DYN
        case _:
            raise SchemaError(f"`{name}` has the unknown type `{str(kind)[:80]}`")


def _object_type(schema: Mapping[str, Any], name: str) -> Type:
    properties = schema.get("properties")
    if properties:
        required = frozenset(schema.get("required", ()))
        return ObjectType(
            name,
            {
                key: FieldType(
                    _type(value, f"{name}.{key}"), key in required, value.get("description", "")
                )
                for key, value in properties.items()
            },
        )
    values = schema.get("additionalProperties")
    return MapType(STRING, _type(values, f"{name}{{}}") if values else DYN)


def _origin_field(schema: Mapping[str, Any]) -> str:
    """The field that says whose words the texts of an object are, where there is one."""
    field = schema["x-origin"].get("field")
    fields = schema.get("properties")
    known = isinstance(fields, dict) and isinstance(field, str) and field in fields
    return field if known else ""


def _texts(
    schema: Mapping[str, Any], path: TextPath, origin: Origin
) -> Iterator[tuple[TextPath, Origin]]:
    """The paths of all texts below a schema, and whose words they are."""
    mark = schema.get("x-text")
    match schema.get("x-origin"):
        case str(said):
            origin = said
        case dict():
            origin = f"{len(path)}.{_origin_field(schema)}"
    kinds = schema.get("type")
    kind = next((k for k in kinds if k != "null"), None) if isinstance(kinds, list) else kinds
    if mark == "deep":
        yield (*path, "**"), origin
        return
    if mark is True:
        if kind not in ("string", "array"):
            raise SchemaError(f"`x-text` of `{'.'.join(path)}` stands on what is not text")
        yield (*path, "[]") if kind == "array" else path, origin
        return
    for name, field in schema.get("properties", {}).items():
        yield from _texts(field, (*path, name), origin)
    if isinstance(schema.get("items"), Mapping):
        yield from _texts(schema["items"], (*path, "[]"), origin)
    if isinstance(schema.get("additionalProperties"), Mapping) and any(
        _texts(schema["additionalProperties"], path, origin)
    ):
        raise SchemaError(f'`{".".join(path)}` needs `x-text: "deep"` for its values')
