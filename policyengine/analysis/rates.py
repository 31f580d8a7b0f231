"""How often a rule is right: counts, and rates with the interval that the counts allow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

# The two-sided 95 % quantile of the normal distribution.
_Z: Final = 1.959963984540054
MEASURES: Final = ("precision", "recall", "false_positive_rate")


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of `total`, with its 95 % interval (Wilson, 1927). Of nothing it is not known."""

    hits: int
    total: int

    @property
    def value(self) -> float | None:
        """The share, None where there is nothing to have a share of."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies, in 95 of 100 cases.

        >>> [round(bound, 3) for bound in Rate(8, 10).interval]
        [0.49, 0.943]
        """
        if not self.total:
            return 0.0, 1.0
        share, square = self.hits / self.total, _Z * _Z / self.total
        middle = (share + square / 2) / (1 + square)
        reach = _Z * math.sqrt((share * (1 - share) + square / 4) / self.total) / (1 + square)
        # At shares of 0 and 1 a bound is the share itself, which rounding may miss by a little.
        return min(max(middle - reach, 0.0), share), max(min(middle + reach, 1.0), share)

    def __str__(self) -> str:
        if not self.total:
            return "unknown"
        low, high = self.interval
        return f"{self.hits / self.total:.3f} ({low:.3f}-{high:.3f})"


@dataclass(frozen=True, slots=True)
class Counts:
    """Texts by what they are and by whether the rule matched; `failed` could not be judged.

    What failed counts as matched, as it does in a decision.
    """

    found: int = 0
    missed: int = 0
    false_alarms: int = 0
    passed: int = 0
    failed: int = 0

    @classmethod
    def of(cls, judged: Iterable[tuple[bool, bool]], failed: int = 0) -> Counts:
        """The counts of pairs: is it what is looked for, did the rule match?

        >>> Counts.of([(True, True), (True, False), (False, False)])
        Counts(found=1, missed=1, false_alarms=0, passed=1, failed=0)
        """
        four = [0, 0, 0, 0]
        for positive, matched in judged:
            four[(0 if matched else 1) + (0 if positive else 2)] += 1
        found, missed, alarms, passed = four
        return cls(found, missed, alarms, passed, failed)

    @property
    def precision(self) -> Rate:
        """Of the matches, those that are right."""
        return Rate(self.found, self.found + self.false_alarms)

    @property
    def recall(self) -> Rate:
        """Of what is looked for, what is found: the true positive rate."""
        return Rate(self.found, self.found + self.missed)

    @property
    def false_positive_rate(self) -> Rate:
        """Of the harmless texts, those on which the rule matches."""
        return Rate(self.false_alarms, self.false_alarms + self.passed)

    @property
    def matched(self) -> Rate:
        """Of all texts, those on which the rule matches."""
        total = self.found + self.missed + self.false_alarms + self.passed
        return Rate(self.found + self.false_alarms, total)

    def to_dict(self) -> dict[str, Any]:
        """The counts and rates as plain JSON values."""
        rates = {name: getattr(self, name) for name in MEASURES}
        return {
            "found": self.found,
            "missed": self.missed,
            "false_alarms": self.false_alarms,
            "passed": self.passed,
            "failed": self.failed,
            **{
                name: {"value": rate.value, "interval": list(rate.interval)}
                for name, rate in rates.items()
            },
        }
