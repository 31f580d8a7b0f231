"""What the author of an own topic wants to know: which harmless texts lie nearest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from policyengine.guards import _weights
from policyengine.guards._topic import custom
from policyengine.guards._topic.space import dot


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A harmless text and the score (0 to 1) that it would be found with."""

    text: str
    score: float


def nearest(topic: Mapping[str, Any], number: int = 5) -> list[Neighbour]:
    """The harmless texts that score highest on an own topic, highest first.

    The texts are the project's own (`classifiers/topics/own`). Where one of them scores 0.5 or
    more, the topic's examples are too broad, or the text belongs under `except`. A topic is an
    entry of `custom`, as written or as prepared. Raises `ValueError` for one that can't be
    learnt, `FactError` without the model.

    >>> tea = {"name": "tea", "examples": ["which tea is best", "green tea or black", "brew tea"]}
    >>> len(nearest(tea, 3))
    3
    """
    stored = topic if "vector" in topic else custom.learnt(topic)
    vector, scale = custom.unpacked(stored)
    scored = [(scale.score(dot(row, vector)), text) for text, row in _harmless()]
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return [Neighbour(text, round(score, 4)) for score, text in scored[:number]]


def examples_scored(topic: Mapping[str, Any]) -> list[Neighbour]:
    """Each example of an own topic with the score that it gets when learnt from all others.

    A low one is an outlier: mistaken, or a second topic. Needs at least three examples.
    """
    examples: Sequence[str] = topic["examples"]
    found = []
    for i, example in enumerate(examples):
        others = [*examples[:i], *examples[i + 1 :]]
        vector, scale = custom.unpacked(custom.learnt({**topic, "examples": others}))
        score = scale.score(dot(custom.vector_of(example), vector))
        found.append(Neighbour(example, round(score, 4)))
    return found


@cache
def _harmless() -> Sequence[tuple[str, Sequence[float]]]:
    texts = _weights.read("topics", "harmless.txt").decode("utf-8").split("\n")
    return [(text, custom.vector_of(text)) for text in texts]
