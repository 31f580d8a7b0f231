"""The fact `task`: what kind of work a request asks for.

    task: [code, translation]
    task: {any: [analysis, math], min_score: 0.7}

The last message of the user is judged. Rules come first: a verb and its object in the first or last
sentences, in seven languages (`_task/rules.py`); where they are not sure, a shipped classifier says
how likely each kind is (`_task/model.py`). `why` says which of the two it was, and what of the
prompt's form speaks for it; it never quotes. A prompt without text has no kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policyengine.guards._task.asked import Asked
from policyengine.guards._task.model import KINDS, shipped
from policyengine.guards._task.reading import Reading, asked_of_system
from policyengine.guards._task.shape import Shape
from policyengine.plugins import Finder, Finding

MIN_SCORE = 0.5
BY_RULE = 0.95
"""The score of what a rule is sure of."""
BY_SYSTEM = 0.8
"""The score of what the operator's words ask of every prompt."""

_KINDS = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "string", "enum": list(KINDS)},
}

READS: Literal["input"] = "input"
COST = 90
SCHEMA: Mapping[str, Any] = {
    "description": "What kind of work the request asks for.",
    "anyOf": [
        {"type": "string", "enum": list(KINDS)},
        _KINDS,
        {
            "type": "object",
            "required": ["any"],
            "additionalProperties": False,
            "properties": {
                "any": {**_KINDS, "description": "The kinds that count."},
                "min_score": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": f"Least score of a kind; {MIN_SCORE} where not said.",
                },
            },
        },
    ],
}
FINDING: Mapping[str, str] = {"type": "string", "score": "double", "why": "string"}


def normal(value: Any) -> dict[str, Any]:
    """The long form, kinds sorted.

    >>> normal("code")
    {'any': ['code'], 'min_score': 0.5}
    """
    if not isinstance(value, Mapping):
        value = {"any": [value] if isinstance(value, str) else value}
    return {
        "any": sorted(set(value["any"])),
        "min_score": float(value.get("min_score", MIN_SCORE)),
    }


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form.

    >>> find = build(normal(["code", "writing"]))
    >>> [found["type"] for found in find({"request": {"inputs": ["Write a haiku about rain"]}})]
    ['WRITING']
    """
    return _Finder(frozenset(config["any"]), config["min_score"])


@dataclass(frozen=True, slots=True)
class _Finder:
    wanted: frozenset[str]
    least: float

    def __call__(self, input: Any) -> Sequence[Finding]:
        """The wanted kinds that the request is likely to be, the likeliest first.

        Raises `FactError`: `unreadable-text`, `text-too-long`, or that there is no model.
        """
        asked = Asked.of(input)
        found = [
            {"type": kind.upper(), "score": round(score, 4), "why": why}
            for kind, score, why in kinds(asked)
            if kind in self.wanted and score >= self.least
        ]
        return sorted(found, key=lambda one: -one["score"])


def kinds(asked: Asked) -> list[tuple[str, float, str]]:
    """Each kind that a request may be, with its score and why; none where there is no text."""
    if not asked.prompt.strip():
        return []
    reading = Reading.of(asked.prompt)
    rule = reading.ruled()
    if rule is None or rule.kind == "question":
        operator = asked_of_system(asked) if asked.system else None
        if operator is not None:
            why = f"the system prompt {operator.why}"
            return [(operator.kind, BY_SYSTEM, why)]
    form = _form(reading.shape, asked)
    if rule is not None:
        return [(rule.kind, BY_RULE, f"{rule.why}{form}")]
    chances = shipped().chances(reading)
    return [
        (kind, chance, f"classifier{form}") for kind, chance in zip(KINDS, chances, strict=True)
    ]


def _form(shape: Shape, asked: Asked) -> str:
    """What of a prompt's form is worth telling."""
    told = [
        f"; {number:,} {name if number == 1 else f'{name}s'}"
        for number, name in (
            (shape.code_blocks, "code block"),
            (0 if shape.code_blocks else shape.code_lines, "code line"),
            (shape.formulas, "formula"),
        )
        if number
    ]
    if asked.earlier:
        told.append("; of an earlier message")
    return "".join(told)
