"""A text read once for all questions about it: its windows, their vectors, and its phrases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policyengine.guards._topic.space import Tokens, space, vocabulary
from policyengine.guards._topic.tokens import WHOLE, pieces, words

Hits = Mapping[int, float]
"""How much the listed phrases speak for each topic, by its number; most have none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`spans[i]` is the range of window `i`, `hits[i]` its phrases, row `i` of `vectors` it."""

    spans: Sequence[tuple[int, int]]
    vectors: Any
    hits: Sequence[Hits]


def read(
    text: str,
    skipped: Skipped,
    phrases: Callable[[list[str]], Hits],
    check: Callable[[], None],
) -> Reading:
    """A text in windows; words that an exception names are left out."""
    known = vocabulary()
    ranges = [(0, len(text))] if len(text) <= WHOLE else list(pieces(text))
    hits: list[Hits] = []

    def tokens() -> Iterator[Tokens]:
        for start, end in ranges:
            found = skipped.without(words(text[start:end]))
            hits.append(phrases(found))
            yield known.of(found)

    vectors = space().windows(tokens(), check)
    if len(ranges) == 1:
        return Reading(ranges, vectors, hits)
    pairs = range(len(ranges) - 1)
    return Reading(
        [(ranges[i][0], ranges[i + 1][1]) for i in pairs],
        vectors,
        [_joined(hits[i], hits[i + 1]) for i in pairs],
    )


@dataclass(frozen=True, slots=True)
class Skipped:
    """Words and phrases that say nothing about a topic here, each a row of words."""

    phrases: tuple[tuple[str, ...], ...] = ()

    def without(self, found: list[str]) -> list[str]:
        """The words of a piece without the phrases.

        >>> Skipped((("insulin", "pump"),)).without(["the", "insulin", "pump", "api"])
        ['the', 'api']
        """
        if not self.phrases:
            return found
        heads: dict[str, list[tuple[str, ...]]] = {}
        for phrase in self.phrases:
            heads.setdefault(phrase[0], []).append(phrase)
        kept: list[str] = []
        i = 0
        while i < len(found):
            fitting = [p for p in heads.get(found[i], ()) if tuple(found[i : i + len(p)]) == p]
            if fitting:
                i += max(map(len, fitting))
            else:
                kept.append(found[i])
                i += 1
        return kept


def _joined(one: Hits, other: Hits) -> Hits:
    if not (one and other):
        return one or other
    return {topic: one.get(topic, 0.0) + other.get(topic, 0.0) for topic in {*one, *other}}
