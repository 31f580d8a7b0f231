"""What a raw score means: one scale for all topics, made of rates of false alarms.

0.25 is what 5 % of the harmless texts of the background sample reach, 0.5 what 1 % reach, and 0.8
what 0.1 % reach; between and beyond them the scale is linear in the log-odds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

STRENGTHS: Final[Mapping[str, float]] = {"low": 0.8, "medium": 0.5, "high": 0.25}
"""The score that counts, by strength: one false alarm in 1,000, in 100, in 20 texts."""

_ODDS = tuple(math.log(p / (1 - p)) for p in (0.25, 0.5, 0.8))
_FURTHEST = 12.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Raw scores at false positive rates of 5 %, 1 % and 0.1 %, ascending."""

    five: float
    one: float
    tenth: float

    @classmethod
    def of(cls, harmless: Sequence[float]) -> Scale:
        """The scale that raw scores of harmless texts give.

        Fewer than some thousand texts say little about one in 1,000, so that point comes from the
        slope between the others (an exponential tail), and lies no lower than the sample says.
        """
        ordered = sorted(harmless)
        five, one = (_quantile(ordered, q) for q in (0.95, 0.99))
        one = max(one, five + 1e-6)
        # From 5 % to 1 % is a factor of 5, from 1 % to 0.1 % one of 10.
        tail = one + (one - five) * math.log(10) / math.log(5)
        return cls(five, one, max(tail, _quantile(ordered, 0.999)))

    def score(self, raw: float) -> float:
        """A raw score as 0 to 1.

        >>> Scale(1.0, 2.0, 4.0).score(2.0)
        0.5
        """
        if raw < self.one:
            slope = (_ODDS[1] - _ODDS[0]) / (self.one - self.five)
        else:
            slope = (_ODDS[2] - _ODDS[1]) / (self.tenth - self.one)
        odds = max(-_FURTHEST, min(_FURTHEST, (raw - self.one) * slope))
        return 1 / (1 + math.exp(-odds))


def _quantile(ordered: Sequence[float], q: float) -> float:
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
