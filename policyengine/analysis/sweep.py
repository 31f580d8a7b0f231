"""What a threshold would do: precision, recall and false positives at every score that occurs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from policyengine.analysis.rates import Counts, Rate

Scored = tuple[float, bool]
"""The score of a text, and whether it is what is looked for."""


@dataclass(frozen=True, slots=True)
class Step:
    """A threshold, and what a rule with it gets right and wrong."""

    threshold: float
    counts: Counts


@dataclass(frozen=True, slots=True)
class Sweep:
    """All thresholds that differ, from the highest score to the lowest."""

    steps: tuple[Step, ...]
    positives: int
    negatives: int

    @property
    def auc(self) -> float | None:
        """The area under the ROC curve: how often a hit scores above a harmless text."""
        if not self.positives or not self.negatives:
            return None
        area, before = 0.0, Counts()
        for step in self.steps:
            now = step.counts
            width = now.false_alarms - before.false_alarms
            area += width * (now.found + before.found) / 2
            before = now
        width = self.negatives - before.false_alarms
        area += width * (self.positives + before.found) / 2
        return area / (self.positives * self.negatives)

    def best(self, max_false_positives: float) -> Step | None:
        """The threshold that finds most within a rate of false positives; None if none does."""
        fitting = [
            step
            for step in self.steps
            if (step.counts.false_positive_rate.value or 0.0) <= max_false_positives
        ]
        # Of those that find as much the highest threshold, which raises the fewest alarms.
        return max(fitting, key=lambda step: step.counts.found, default=None)

    def least(self, min_recall: float) -> Step | None:
        """The threshold that matches least and still finds such a share; None if none does."""
        return next(
            (step for step in self.steps if (step.counts.recall.value or 0.0) >= min_recall), None
        )

    def at(self, threshold: float) -> Counts:
        """The counts at any threshold."""
        counts = Counts(0, self.positives, 0, self.negatives)
        for step in self.steps:
            if step.threshold < threshold:
                break
            counts = step.counts
        return counts


def sweep(scored: Iterable[Scored]) -> Sweep:
    """The sweep over scored texts.

    >>> found = sweep([(0.9, True), (0.6, False), (0.4, True)])
    >>> found.auc, found.best(0.0).threshold
    (0.5, 0.9)
    """
    ordered = sorted(scored, key=lambda one: -one[0])
    positives = sum(positive for _, positive in ordered)
    negatives = len(ordered) - positives
    steps = []
    found = alarms = 0
    for threshold, group in groupby(ordered, key=lambda one: one[0]):
        if threshold < 0:
            # What no threshold finds has no score.
            break
        for _, positive in group:
            found += positive
            alarms += not positive
        counts = Counts(found, positives - found, alarms, negatives - alarms)
        steps.append(Step(threshold, counts))
    return Sweep(tuple(steps), positives, negatives)


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts with scores from `low` to `high`: their mean score, and how many are what they seem."""

    low: float
    high: float
    mean: float
    right: Rate


def calibration(scored: Sequence[Scored], bins: int = 10) -> list[Bin]:
    """Whether a score of 0.8 means that 80 of 100 such texts are what they seem, by ranges.

    >>> [(b.low, b.right.hits, b.right.total) for b in calibration([(0.9, True), (0.95, False)])]
    [(0.9, 1, 2)]
    """
    found = []
    for i in range(bins):
        low, high = i / bins, (i + 1) / bins
        inside = [
            (score, positive)
            for score, positive in scored
            if low <= score < high or (score >= 1.0 and i == bins - 1)
        ]
        if inside:
            mean = sum(min(score, 1.0) for score, _ in inside) / len(inside)
            right = Rate(sum(positive for _, positive in inside), len(inside))
            found.append(Bin(low, high, mean, right))
    return found
