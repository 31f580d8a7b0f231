"""The shipped topics: direction, phrases and scale of each, made by `classifiers/topics`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards import _weights
from policyengine.guards._topic.reading import Hits, Reading
from policyengine.guards._topic.scale import Scale
from policyengine.guards._topic.space import space

TOPICS: Final = (
    "sexual_content",
    "religion",
    "politics",
    "medical_advice",
    "legal_advice",
    "financial_advice",
    "violence",
    "self_harm",
    "hate",
    "weapons",
    "drugs",
    "illegal_acts",
    "gambling",
)
"""The names of the shipped topics; a phrase's topic is a place in this row."""

_NOTHING: Final[Mapping[int, float]] = {}


@dataclass(frozen=True, slots=True)
class Phrases:
    """Words and phrases that speak for topics; `starts` has the longest phrase by first word."""

    weights: Mapping[str, Mapping[int, float]]
    starts: Mapping[str, int]

    @classmethod
    def of(cls, listed: Mapping[str, Mapping[str, float]]) -> Phrases:
        """The phrases of a list: for each what it weighs for which topics."""
        starts: dict[str, int] = {}
        for phrase in listed:
            first, *others = phrase.split(" ")
            starts[first] = max(starts.get(first, 0), 1 + len(others))
        weights = {
            phrase: {TOPICS.index(topic): float(weight) for topic, weight in found.items()}
            for phrase, found in listed.items()
        }
        return cls(weights, starts)

    def hits(self, words: list[str]) -> Hits:
        """The sum of what the phrases of a piece weigh, by topic."""
        starts = self.starts
        found: dict[int, float] = {}
        for i, word in enumerate(words):
            if word not in starts:
                continue
            for length in range(1, min(starts[word], len(words) - i) + 1):
                phrase = word if length == 1 else " ".join(words[i : i + length])
                for topic, weight in self.weights.get(phrase, _NOTHING).items():
                    found[topic] = found.get(topic, 0.0) + weight
        return found


@dataclass(frozen=True, slots=True)
class Shipped:
    """What was learnt for all shipped topics.

    A window's raw score is its product with the topic's head, plus `phrase` for each unit that the
    phrases weigh, held between `least` and `most`: no flood of harmless words outweighs the rest.
    """

    heads: Any
    phrase: Sequence[float]
    least: float
    most: float
    scales: Sequence[Scale]

    def raw(self, reading: Reading) -> list[list[float]]:
        """For each window the raw score of each topic."""
        found = space().scores(reading.vectors, self.heads)
        for row, hits in zip(found, reading.hits, strict=True):
            for topic, weight in hits.items():
                row[topic] += self.phrase[topic] * max(self.least, min(self.most, weight))
        return found


@cache
def _model() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(_weights.read("topics", "heads.json"))
    if tuple(found["topics"]) != TOPICS:
        raise FactError("model-damaged", "the model `topics` is made for other topics")
    return found


@cache
def phrases() -> Phrases:
    """The listed phrases; raises `FactError` where the model is missing or damaged."""
    return Phrases.of(json.loads(_weights.read("topics", "phrases.json")))


@cache
def shipped() -> Shipped:
    """The shipped topics; raises `FactError` where the model is missing or damaged."""
    model = _model()
    return Shipped(
        space().heads(model["heads"]),
        tuple(model["phrase"]),
        float(model["least"]),
        float(model["most"]),
        tuple(Scale(*row) for row in model["scales"]),
    )
