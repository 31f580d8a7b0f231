"""What a `pii` clause says: its schema, its long form, and which entities it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from policyengine.guards._pii import names, presidio
from policyengine.guards._pii.custom import VALIDATORS
from policyengine.guards._pii.entity import Entity
from policyengine.guards._pii.table import ALIASES, ELSEWHERE, ENTITIES, GROUPS

MIN_SCORE: Final = 0.5
MAX_LIST: Final = 200
MAX_ENTRY: Final = 500

_SCORE: Final = {"type": "number", "minimum": 0, "maximum": 1}
_STRINGS: Final = {
    "type": "array",
    "maxItems": MAX_LIST,
    "items": {"type": "string", "minLength": 1, "maxLength": MAX_ENTRY},
}
_ALLOW: Final = {
    **_STRINGS,
    "description": "Texts that are no finding: the whole of it, or `@example.com` for a host.",
}
_ENTITIES: Final = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_LIST,
    "items": {"type": "string", "minLength": 1, "maxLength": 80},
    "description": "Entities (EMAIL_ADDRESS), groups (common, financial, all) or regions (DE).",
}
_CUSTOM: Final = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "pattern": "^[A-Z][A-Z0-9_]{0,79}$",
            "description": "The type of its findings.",
        },
        "regex": {"type": "string", "maxLength": 2000, "description": "RE2; where it matches."},
        "validator": {
            "type": "string",
            "enum": sorted(VALIDATORS),
            "description": "What the letters and digits of a match must pass.",
        },
        "context": {**_STRINGS, "description": "Words; one near a match lifts its score."},
        "score": {**_SCORE, "description": "Without a context word; 0.6 where not said."},
        "allow": _ALLOW,
        "deny": {**_STRINGS, "description": "Words and phrases that are always found."},
    },
}
SCHEMA: Final[Mapping[str, Any]] = {
    "description": "Personal data in the texts of a request.",
    "anyOf": [
        _ENTITIES,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "entities": _ENTITIES,
                "min_score": {**_SCORE, "description": "The least score; 0.5 where not said."},
                "min_scores": {
                    "type": "object",
                    "additionalProperties": _SCORE,
                    "description": "The least score of some entities.",
                },
                "allow": _ALLOW,
                "deny": {**_STRINGS, "description": "Texts that are always found, as DENIED."},
                "custom": {
                    "type": "array",
                    "maxItems": 100,
                    "items": _CUSTOM,
                    "description": "Entities of your own.",
                },
                "overlaps": {
                    "type": "string",
                    "enum": ["best", "all"],
                    "description": "Of several types in one place, the likeliest or all.",
                },
                "names": names.SCHEMA,
                "presidio": presidio.SCHEMA,
            },
        },
    ],
}


def normal(value: Any) -> dict[str, Any]:
    """The long form of a clause's value.

    >>> normal(["EMAIL", "US_SSN"])["entities"]
    ['EMAIL_ADDRESS', 'US_SSN']
    """
    if not isinstance(value, Mapping):
        value = {"entities": list(value)}
    custom = [_normal_custom(each) for each in value.get("custom", ())]
    entities = value.get("entities")
    if entities is None:
        entities = [] if custom or value.get("deny") else ["common"]
    entities = sorted({ALIASES.get(name, name) for name in entities})
    scores = {ALIASES.get(name, name): each for name, each in value.get("min_scores", {}).items()}
    if "min_score" not in value:
        scores = {**names.least_scores(value.get("names"), entities), **scores}
    backends = {
        key: form(value[key])
        for key, form in (("names", names.normal), ("presidio", presidio.normal))
        if key in value
    }
    return {
        "entities": entities,
        "min_score": float(value.get("min_score", MIN_SCORE)),
        "min_scores": {name: float(scores[name]) for name in sorted(scores)},
        "allow": sorted(set(value.get("allow", ()))),
        "deny": sorted(set(value.get("deny", ()))),
        "custom": sorted(custom, key=lambda each: str(each["name"])),
        "overlaps": value.get("overlaps", "best"),
        **backends,
    }


def _normal_custom(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": value["name"],
        "regex": value.get("regex", ""),
        "validator": value.get("validator", ""),
        "context": sorted(set(value.get("context", ()))),
        "score": float(value.get("score", 0.6)),
        "allow": sorted(set(value.get("allow", ()))),
        "deny": sorted(set(value.get("deny", ()))),
    }


def chosen(wanted: Iterable[str]) -> list[Entity]:
    """The entities that some names, groups and regions stand for.

    Raises `ValueError` for a name that there is not, with the nearest one that there is.
    """
    found: dict[str, Entity] = {}
    for name in wanted:
        for member in _members(name):
            found[member] = ENTITIES[member]
    return list(found.values())


def _hint(name: str) -> str:
    return "; say which, as in `names: shipped`" if name in names.ENTITIES else ""


def _members(name: str) -> Iterable[str]:
    if name in ENTITIES:
        return (name,)
    if name in GROUPS:
        return GROUPS[name]
    if name in ELSEWHERE:
        raise ValueError(f"`{name}` has no form of its own: {ELSEWHERE[name]}{_hint(name)}")
    near = get_close_matches(name.upper(), [*ENTITIES, *ALIASES], 1) or get_close_matches(
        name, GROUPS, 1
    )
    hint = f"; did you mean `{near[0]}`?" if near else ""
    raise ValueError(f"there is no entity or group `{name}`{hint}")
