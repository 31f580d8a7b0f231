"""The fact `complexity`: whether a request is routine, or hard.

    complexity: hard
    complexity: {level: hard, threshold: 0.35}
    complexity: {level: routine, threshold: 0.35, min_code_lines: 150}

Features of the request give points (`_task/demands.py`): its length, its code, what demanding work
its words ask for, and what comes along with it. The points over 100 are the score, and from
`threshold` on a request is hard. A `min_...` makes it hard whatever the score, where it has as many
of that feature. Each request with text is either routine or hard.

No learning is behind it: what is hard for one model is not for another. `policyengine tune` finds
the threshold on recorded requests of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policyengine.guards._task.asked import Asked
from policyengine.guards._task.demands import FEATURES, counts, points, score, told
from policyengine.guards._task.reading import Reading
from policyengine.plugins import Finder, Finding

THRESHOLD = 0.4
LEVELS = ("routine", "hard")

READS: Literal["input"] = "input"
COST = 40
SCHEMA: Mapping[str, Any] = {
    "description": "Whether the request is routine, or hard.",
    "anyOf": [
        {"type": "string", "enum": list(LEVELS)},
        {
            "type": "object",
            "required": ["level"],
            "additionalProperties": False,
            "properties": {
                "level": {"type": "string", "enum": list(LEVELS), "description": "Which of both."},
                "threshold": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": f"Least score of a hard request; {THRESHOLD} where not said.",
                },
                **{
                    f"min_{feature.name}": {
                        "type": "integer",
                        "minimum": 1,
                        "description": f"So many {feature.said} make any request hard.",
                    }
                    for feature in FEATURES
                },
            },
        },
    ],
}
FINDING: Mapping[str, str] = {"type": "string", "score": "double", "why": "string"}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal("hard")
    {'level': 'hard', 'threshold': 0.4}
    """
    if not isinstance(value, Mapping):
        value = {"level": value}
    least = {f"min_{one.name}": value.get(f"min_{one.name}") for one in FEATURES}
    return {
        "level": value["level"],
        "threshold": float(value.get("threshold", THRESHOLD)),
        **{name: number for name, number in least.items() if number is not None},
    }


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form.

    >>> find = build(normal("routine"))
    >>> [one["type"] for one in find({"request": {"inputs": ["What time is it in Tokyo?"]}})]
    ['ROUTINE']
    """
    return _finder(config)


def _finder(config: Any) -> _Finder:
    names = [f"min_{feature.name}" for feature in FEATURES]
    least = {name: config[name] for name in names if name in config}
    return _Finder(config["level"], config["threshold"], least)


def scored(config: Any, input: Any) -> float | None:
    """The highest threshold at which a request is hard, by a question's configuration.

    None where the request has no text, so that it is neither routine nor hard.

    Raises `FactError` where the request cannot be read.

    >>> scored(normal({"level": "hard", "min_turns": 1}), {"request": {"inputs": ["hi"]}})
    0.0
    """
    judged = _finder(config).judge(input)
    return None if judged is None else 1.0 if judged.forced else judged.score


@dataclass(frozen=True, slots=True)
class _Judged:
    """A request's score, why, and what of it makes it hard whatever the score."""

    score: float
    why: str
    forced: str


@dataclass(frozen=True, slots=True)
class _Finder:
    level: str
    threshold: float
    least: Mapping[str, int]

    def __call__(self, input: Any) -> Sequence[Finding]:
        """One finding where the request is of the wanted level, none else.

        Raises `FactError`: `unreadable-text` or `text-too-long`.
        """
        judged = self.judge(input)
        if judged is None:
            return []
        hard = judged.score >= self.threshold or bool(judged.forced)
        if hard != (self.level == "hard"):
            return []
        why = f"{judged.forced}; {judged.why}" if judged.forced else judged.why
        return [{"type": self.level.upper(), "score": judged.score, "why": why}]

    def judge(self, input: Any) -> _Judged | None:
        """What there is to say of a request, or None where it has no text."""
        asked = Asked.of(input)
        if not asked.prompt.strip():
            return None
        reading = Reading.of(asked.prompt)
        counted = counts(asked, reading)
        parts = points(reading, counted)
        reached = [
            f for f in FEATURES if counted[f.name] >= self.least.get(f"min_{f.name}", _NEVER)
        ]
        forced = ", ".join(f"{counted[f.name]:,} {f.said}" for f in reached)
        return _Judged(score(parts), told(parts), forced)


_NEVER = float("inf")
