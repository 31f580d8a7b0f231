"""Many decisions in a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from policyengine.decision import Decision
from policyengine.output.reports import DecidedInput
from policyengine.program import VERDICTS


@dataclass(frozen=True, slots=True)
class Summary:
    """How many inputs got which verdict, and which rules matched how often.

    `verdicts` is in the order of strictness, `rules` the most frequent first. `errors` counts
    decisions in which some rule could not be evaluated.
    """

    total: int
    verdicts: dict[str, int]
    rules: dict[str, int]
    errors: int

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain JSON values."""
        return {
            "total": self.total,
            "verdicts": self.verdicts,
            "rules": self.rules,
            "errors": self.errors,
        }


def summary(decided: Sequence[DecidedInput]) -> Summary:
    """Counts over many decisions.

    >>> summary([]).to_dict()["verdicts"]
    {'allow': 0, 'require_approval': 0, 'deny': 0}
    """
    verdicts = Counter(d.decision.verdict for d in decided)
    rules = Counter(rule for d in decided for rule in matched_rules(d.decision))
    return Summary(
        total=len(decided),
        verdicts={verdict: verdicts[verdict] for verdict in VERDICTS},
        rules=dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        errors=sum(bool(d.decision.errors) for d in decided),
    )


def matched_rules(decision: Decision) -> list[str]:
    """The ids of the rules that bear on a decision, each once, in order."""
    return list(dict.fromkeys(reason.rule for reason in decision.reasons if reason.rule))
