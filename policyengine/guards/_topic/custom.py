"""Own topics: learnt from a name, a description and some examples when a bundle is built.

The vector of a topic is the mean of its examples' and its description's; the table of words was
whitened by harmless texts, so this is a linear discriminant against those. Its scale is what a
shipped background sample of harmless texts scores (`scale.py`). All of it is done in plain Python,
so that a bundle comes out the same on every machine.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from policyengine.errors import FactError
from policyengine.guards import _weights
from policyengine.guards._topic.reading import Skipped
from policyengine.guards._topic.scale import Scale
from policyengine.guards._topic.space import DIMENSIONS, dot, plain_space, unit, vocabulary
from policyengine.guards._topic.tokens import words

# How much a description counts beside an example.
_DESCRIPTION = 2.0
_LEVELS = 32767


def learnt(topic: Mapping[str, Any]) -> dict[str, Any]:
    """A topic as it is stored: its vector in 16 bits for each number, and its scale.

    Raises `ValueError` where an example says nothing that can be learnt from.
    """
    vector, raw = _vector(topic)
    largest = max(abs(x) for x in vector) or 1.0
    levels = [round(x / largest * _LEVELS) for x in vector]
    packed = b"".join(level.to_bytes(2, "little", signed=True) for level in levels)
    scale = Scale.of(raw)
    return {
        "name": topic["name"],
        "vector": b64encode(packed).decode("ascii"),
        "largest": largest,
        "scale": [round(x, 6) for x in (scale.five, scale.one, scale.tenth)],
    }


def unpacked(topic: Mapping[str, Any]) -> tuple[list[float], Scale]:
    """The vector and the scale of a stored topic; raises `ValueError` where they make no sense."""
    packed = b64decode(topic["vector"], validate=True)
    if len(packed) != 2 * DIMENSIONS:
        raise ValueError(f"the topic `{topic['name']}` is damaged")
    largest = float(topic["largest"])
    numbers = range(0, len(packed), 2)
    levels = [int.from_bytes(packed[i : i + 2], "little", signed=True) for i in numbers]
    five, one, tenth = map(float, topic["scale"])
    if not five < one < tenth:
        raise ValueError(f"the scale of the topic `{topic['name']}` is damaged")
    return [level * largest / _LEVELS for level in levels], Scale(five, one, tenth)


def vector_of(text: str, skipped: Skipped = Skipped()) -> Sequence[float]:  # noqa: B008
    """The unit vector of a short text, in plain Python."""
    tokens = vocabulary().of(skipped.without(words(text)))
    found: Sequence[float] = plain_space().windows([tokens], _no_check)[0]
    return found


def _no_check() -> None:
    """Building a bundle has no deadline."""


def _vector(topic: Mapping[str, Any]) -> tuple[Sequence[float], list[float]]:
    parts: list[tuple[Sequence[float], float]] = []
    for number, example in enumerate(topic["examples"], start=1):
        vector = vector_of(example)
        if not any(vector):
            raise ValueError(f"example {number} of `{topic['name']}` has no word that is known")
        parts.append((vector, 1.0))
    if description := topic.get("description"):
        parts.append((vector_of(description), _DESCRIPTION))
    vector = unit([sum(v[i] * weight for v, weight in parts) for i in range(DIMENSIONS)])
    return vector, [dot(row, vector) for row in background()]


@cache
def background() -> Sequence[Sequence[float]]:
    """Unit vectors of the harmless texts of the background sample."""
    numbers = memoryview(_weights.read("topics", "background.i8")).cast("b")
    if not numbers or len(numbers) % DIMENSIONS:
        raise FactError("model-damaged", "the background sample of `topics` has a wrong size")
    starts = range(0, len(numbers), DIMENSIONS)
    return [unit(numbers[i : i + DIMENSIONS]) for i in starts]
