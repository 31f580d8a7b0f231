"""What the facts `task` and `complexity` cost: prompts that a rule decides, and others.

    python benchmarks/run.py --only task

Each is asked for a whole request, as the engine does it: reading the messages is part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.guards import complexity, task

SECTION = "guards"
_PROSE = (
    "The committee met on Monday and heard three reports about the harbour, none of which said "
    "when the new crane would come; nobody knew whether the old one could be kept until spring. "
)
_CODE = "    total = total + prices[index] * amounts[index]\n"
TEXTS: Mapping[str, str] = {
    "200 characters, by a rule": ("Translate the following to Japanese: " + _PROSE)[:200],
    "200 characters, by the classifier": (_PROSE * 2)[:200],
    "4,000 characters, by the classifier": (_PROSE * 30)[:4_000],
    "200 lines of code": "Analyse these 200 lines for vulnerabilities:\n" + _CODE * 200,
}
TARGETS = {
    "200 characters, by a rule": Target(100e3, "ns"),
    "200 characters, by the classifier": Target(150e3, "ns"),
}
KIND, LEVEL = "task", "complexity"


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for one request, by prompt."""
    kinds = task.build(task.normal({"any": list(task.KINDS), "min_score": 0.0}))
    levels = complexity.build(complexity.normal({"level": "hard", "threshold": 0.0}))
    for title, text in TEXTS.items():
        name = f"{SECTION} task: {title}"
        if wanted and not any(word in name for word in wanted):
            continue
        progress(name)
        ways = {
            KIND: Way(lambda input: bool(kinds(input))),
            LEVEL: Way(lambda input: bool(levels(input))),
        }
        yield Race(
            SECTION,
            f"task: {title}",
            "The whole question on one request.",
            race(ways, [_request(text)], effort.longer()),
            target=TARGETS.get(title),
            judged=KIND,
        )


def _request(text: str) -> dict[str, Any]:
    return {"request": {"model": "m", "messages": [{"role": "user", "content": text}]}}
