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

NEAR = 150
"""Characters around a window in which phrases count for it."""
_GROUP = {name: number for number, name in enumerate(GROUPS)}
FORM = ("window", "whole", "windows", "kinds", "phrases", "signals", "length")
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

    def rows(self) -> list[list[float]]:
        """The features of each window, in the order of `FEATURES`."""
        windows = self.scored.windows
        number = math.log2(max(len(windows), 1))
        length = math.log10(len(self.text) + 1)
        rows = []
        for window in windows:
            counts = [0.0] * len(GROUPS)
            near = {
                hit.number
                for hit in self.hits
                if hit.start < window.end + NEAR and hit.end > window.start - NEAR
            }
            for pattern in near:
                group = _GROUP[PATTERNS[pattern].group]
                counts[group] = min(counts[group] + 1.0, 2.0)
            kinds = sum(count > 0 for count in counts)
            rows.append(
                [
                    window.score,
                    self.scored.whole,
                    number,
                    float(min(max(kinds - 1, 0), 3)),
                    float(min(len(near), 5)),
                    float(min(self.signals, 2)),
                    length,
                    *counts,
                ]
            )
        return rows


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
            (
                _chance(self.bias + sum(map(float.__mul__, self.weights, row))),
                window.start,
                window.end,
            )
            for window, row in zip(reading.scored.windows, reading.rows(), strict=True)
        ]


def _chance(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds)) if odds > -60.0 else 0.0
