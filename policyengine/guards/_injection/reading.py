"""What the classifier looks at in one text, and how a head turns it into a score.

A text is read window by window: the linear model's score of the window and of the whole, the groups
of phrases near the window, and a few things about form. A head is a logistic regression over these
few features; there is one for users' prompts and one for what tools and documents say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policyengine.guards._injection.patterns import GROUPS, PATTERNS, Hit, hits, words_of
from policyengine.guards._injection.spelling import Speller
from policyengine.guards._injection.views import View, rewritten
from policyengine.guards._linear import Linear, Scored

NEAR = 40
"""Characters around a window in which phrases count for it."""
_GROUP = {name: number for number, name in enumerate(GROUPS)}
_COMMON = frozenset({"task", "exfiltrate", "tool", "output"})
"""Groups of phrases that harmless work is full of; they count where others stand beside them."""
FORM = ("window", "whole", "windows", "signals", "kinds", "phrases")
FEATURES: Sequence[str] = (*FORM, *GROUPS)
"""The features of a window, by their place in a row."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Reading:
    """A plain text in lower case with steering words put right, and what was found in it."""

    text: str
    words: frozenset[str]
    view: View | None
    hits: Sequence[Hit]
    scored: Scored
    signals: int

    @classmethod
    def of(cls, plain: str, model: Linear, speller: Speller, signals: int) -> Reading:
        """The reading of a plain text in which so many signals were found."""
        text = plain.lower()
        words = words_of(text)
        fixes = speller.fixes(words)
        view = None
        if fixes:
            view = rewritten("spelling", text, _WORD, lambda word: fixes.get(word, word))
            text = view.text
            words = words.union(fixes.values())
        return cls(text, words, view, hits(text, words), model.scored(text), signals)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The range of the plain text that a range of the read text stands for."""
        return (start, end) if self.view is None else self.view.place(start, end)

    def near(self) -> list[frozenset[int]]:
        """For each window the patterns that were found near it."""
        if not self.hits:
            return [_NONE] * len(self.scored.windows)
        return [
            frozenset(
                hit.number
                for hit in self.hits
                if hit.start < window.end + NEAR and hit.end > window.start - NEAR
            )
            for window in self.scored.windows
        ]

    def rows(self) -> list[list[float]]:
        """The features of each window, in the order of `FEATURES`."""
        rows = []
        for window, near in zip(self.scored.windows, self.near(), strict=True):
            rows.append([window.score, *self._same(), *_phrases(near)])
        return rows

    def _same(self) -> tuple[float, float, float]:
        """Features that all windows of a text share: the whole, their number, signals."""
        number = math.log2(max(len(self.scored.windows), 1))
        return self.scored.whole, min(number, 5.0), float(min(self.signals, 2))

    def odds(self, weights: Sequence[float]) -> list[float]:
        """For each window the sum of its features by weight."""
        same = sum(map(float.__mul__, self._same(), weights[1:4]))
        sums: dict[frozenset[int], float] = {_NONE: 0.0}
        odds = []
        for window, near in zip(self.scored.windows, self.near(), strict=True):
            if near not in sums:
                sums[near] = sum(map(float.__mul__, _phrases(near), weights[4:]))
            odds.append(weights[0] * window.score + same + sums[near])
        return odds


_NONE: frozenset[int] = frozenset()


def _phrases(near: frozenset[int]) -> list[float]:
    """Features of the patterns near a window; none of them is less for more patterns."""
    counts = [0.0] * len(GROUPS)
    telling = 0
    for pattern in near:
        group = PATTERNS[pattern].group
        telling += group not in _COMMON
        counts[_GROUP[group]] = min(counts[_GROUP[group]] + 1.0, 2.0)
    kinds = sum(count > 0 for count in counts)
    return [float(min(max(kinds - 1, 0), 3)), float(min(telling, 5)), *counts]


@dataclass(frozen=True, slots=True)
class Head:
    """A weight for each feature, and a bias."""

    weights: Sequence[float]
    bias: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Head:
        """The head that a file says; raises `ValueError` or `KeyError` where it lacks a feature."""
        return cls(tuple(float(data["weights"][name]) for name in FEATURES), float(data["bias"]))

    def scores(self, reading: Reading) -> list[tuple[float, int, int]]:
        """For each window its score, a calibrated chance from 0 to 1, and its range."""
        return [
            (_chance(odds + self.bias), window.start, window.end)
            for window, odds in zip(reading.scored.windows, reading.odds(self.weights), strict=True)
        ]


def _chance(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds)) if odds > -60.0 else 0.0
