"""Public rows for training, read from the shared data and never copied: which say what of a topic.

A row is on a topic, beside it, or says nothing about it (`unknown`): textbooks of law speak of the
law, though nobody in them asks for advice; tweets marked for hate may well be sexual, too.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from own_rows import OwnRow

DATA = Path(
    os.environ.get("POLICYENGINE_DATA") or Path(__file__).resolve().parents[3] / "shared/data"
)

# Kept out of all training for the evaluation by few examples.
HELD = frozenset(
    [
        "mmlu-clinical_knowledge",
        "mmlu-nutrition",
        "mmlu-human_aging",
        "mmlu-international_law",
        "mmlu-jurisprudence",
        "mmlu-world_religions",
        "mmlu-high_school_macroeconomics",
        "mmlu-us_foreign_policy",
        "banking77",
        "CrossNER-music",
        "nq-open",
        "self-instruct-user",
        "t-davidson-neither",
        "HarmBench",
    ]
)
_TOPIC = {
    "medical": "medical_advice",
    "legal": "legal_advice",
    "finance": "financial_advice",
    "politics": "politics",
    "religion": "religion",
    "sexual": "sexual_content",
    "violence": "violence",
    "self_harm": "self_harm",
    "hate": "hate",
    "weapons": "weapons",
    "illegal": "illegal_acts",
}
# Harmful requests carry one label each, though many touch several of these topics.
_MIXED = ("CatQA-en", "StrongREJECT", "HarmBench", "SimpleSafetyTests", "t-davidson-hate")
_HARMS = frozenset(
    ["sexual_content", "violence", "self_harm", "hate", "weapons", "drugs", "illegal_acts"]
)
_NEIGHBOURS = frozenset(
    ["medical_advice", "legal_advice", "financial_advice", "politics", "religion", "gambling"]
)
# Sources whose label is not what the topic means: they say nothing of these topics.
_DOUBTFUL = {
    "mmlu-human_sexuality": frozenset({"sexual_content", "medical_advice"}),
    "mmlu-econometrics": frozenset({"financial_advice"}),
    "mmlu-high_school_microeconomics": frozenset({"financial_advice"}),
    "mmlu-virology": frozenset({"medical_advice"}),
    "mmlu-anatomy": frozenset({"medical_advice"}),
    "mmlu-medical_genetics": frozenset({"medical_advice"}),
    "mmlu-security_studies": frozenset({"violence", "weapons", "politics"}),
    "mmlu-high_school_psychology": frozenset({"medical_advice", "self_harm"}),
    "mmlu-professional_psychology": frozenset({"medical_advice", "self_harm"}),
    "mmlu-high_school_us_history": frozenset({"politics", "violence", "religion", "weapons"}),
    "mmlu-high_school_world_history": frozenset({"politics", "violence", "religion", "weapons"}),
    "mmlu-high_school_european_history": frozenset({"politics", "violence", "religion", "hate"}),
    "mmlu-business_ethics": frozenset({"legal_advice", "financial_advice", "illegal_acts"}),
    "mmlu-professional_law": frozenset({"illegal_acts", "violence", "weapons", "drugs", "hate"}),
}
_PUBLIC_WEIGHT = 0.1
_MOST_OF_A_SOURCE = 250


@dataclass(frozen=True, slots=True)
class Row:
    """A text for training; `harmless` rows set the rates of false alarms."""

    text: str
    source: str
    topics: frozenset[str]
    unknown: frozenset[str] = frozenset()
    weight: float = 1.0
    harmless: bool = field(default=False)


def read(name: str) -> list[dict[str, object]]:
    """The rows of a file of the shared data."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def data_digests(files: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each of some files of the shared data."""
    return {
        name: hashlib.sha256((DATA / f"{name}.jsonl.gz").read_bytes()).hexdigest() for name in files
    }


def labelled_rows(own: Iterable[OwnRow]) -> list[Row]:
    """All rows for training: the project's own, then the public ones of sources not held out."""
    found = []
    for o in own:
        topics = frozenset({o.topic}) if o.topic else frozenset()
        # A row on one topic may be on others, too; only its near misses are surely on none.
        unknown = _beside(o.topic) if o.topic else frozenset()
        harmless = o.topic is None
        weight = 2.0 if o.topic else 4.0
        found.append(Row(o.text, f"own:{o.line}", topics, unknown, weight, harmless))
    taken: dict[str, int] = {}
    for row in read("topics.train"):
        source = str(row["source"]).removeprefix("neg:")
        if source in HELD or taken.get(source, 0) >= _MOST_OF_A_SOURCE:
            continue
        taken[source] = taken.get(source, 0) + 1
        found.append(_public(str(row["text"]), source, row["label"]))
    return found


_TOGETHER = (
    frozenset({"violence", "hate", "weapons", "illegal_acts", "self_harm"}),
    frozenset({"drugs", "illegal_acts", "weapons", "medical_advice"}),
    frozenset({"legal_advice", "illegal_acts", "politics", "financial_advice"}),
    frozenset({"religion", "hate", "politics"}),
    frozenset({"financial_advice", "gambling"}),
    frozenset({"self_harm", "medical_advice", "violence"}),
    frozenset({"sexual_content", "hate"}),
)


def _beside(topic: str) -> frozenset[str]:
    """The topics that a text on one may well be on, too."""
    return frozenset().union(*(group for group in _TOGETHER if topic in group)) - {topic}


def _public(text: str, source: str, label: object) -> Row:
    labels = label if isinstance(label, list) else []
    topics = frozenset(_TOPIC[name] for name in labels if name in _TOPIC)
    unknown = _DOUBTFUL.get(source, frozenset())
    if source in _MIXED:
        unknown |= _HARMS | _NEIGHBOURS
    elif topics:
        unknown |= frozenset().union(*map(_beside, topics))
    doubtful = _DOUBTFUL.get(source, frozenset())
    # A doubtful label is no label.
    topics -= doubtful
    return Row(text, source, topics, unknown - topics, _PUBLIC_WEIGHT, harmless=not labels)


def background_rows(number: int, seed: int) -> list[str]:
    """Harmless texts of many sources, those with fewest rows in full, in a fixed order."""
    by_source: dict[str, list[str]] = {}
    for row in (*read("topics.train"), *read("injection.train")):
        source = str(row["source"]).removeprefix("neg:")
        if source in HELD or row["label"] not in ([], 0) or "davidson" in source:
            continue
        by_source.setdefault(source, []).append(str(row["text"]))
    rng = np.random.default_rng(seed)
    queues = [list(dict.fromkeys(by_source[s])) for s in sorted(by_source)]
    for queue in queues:
        rng.shuffle(queue)
    found: list[str] = []
    while len(found) < number and any(queues):
        for queue in queues:
            if queue and len(found) < number:
                found.append(queue.pop())
    return found
