"""The fact `rating`: how people rated what an agent said in a category before.

    rating: {per: [agent.id], category: comment.category, below: 6, at_least: 10, within: 30d}

holds where the mean of the ratings is below 6. The host reports each rating as an event of the kind
`review.rating` whose name is the category and whose amount is 0 to 10. With fewer than `at_least`
ratings nothing is found, so that new agents and categories get a chance (`unrated: keep`), or
something of the type `UNRATED` is (`unrated: drop`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from policyengine.charges import MAX_NAME, Event
from policyengine.errors import FactError
from policyengine.plugins import Finding
from policyengine.sessions import _events as past

READS: Literal["events"] = "events"
COST: Final = 60
KIND: Final = "review.rating"
HIGHEST: Final = 10.0
KEEP: Final = 1_000

SCHEMA: Mapping[str, Any] = {
    "description": "How people rated what an agent said in a category before.",
    "type": "object",
    "additionalProperties": False,
    "required": ["below"],
    "properties": {
        "per": {**past.PER, "default": ["agent.id"]},
        "category": {
            **past.PER["items"],
            "default": "comment.category",
            "description": "The field of the input that names the category.",
        },
        "below": {
            "type": "number",
            "minimum": 0,
            "maximum": HIGHEST,
            "description": "Holds where the mean of the ratings, 0 to 10, is below this.",
        },
        "at_least": {
            "type": "integer",
            "minimum": 1,
            "maximum": KEEP,
            "default": 10,
            "description": "How many ratings it takes to judge.",
        },
        "within": {**past.SPAN, "default": "30d", "description": "How far back."},
        "unrated": {
            "enum": ["keep", "drop"],
            "default": "keep",
            "description": "With fewer ratings: find nothing, or let it count as too low.",
        },
        "from": past.FROM,
    },
}
FINDING: Mapping[str, str] = {
    "type": "string",
    "category": "string",
    "rating": "double",
    "count": "int",
    "why": "string",
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal({"below": 6})["category"]
    'comment.category'
    """
    return {
        "per": past.listed(value.get("per", ["agent.id"])),
        "category": value.get("category", "comment.category"),
        "below": float(value["below"]),
        "at_least": value.get("at_least", 10),
        "within": past.seconds(value.get("within", "30d")),
        "unrated": value.get("unrated", "keep"),
        "from": value.get("from", "store"),
    }


def fields(config: Any) -> Mapping[tuple[str | int, ...], str]:
    """The fields of the input that a question reads, by where they are named."""
    return {**past.scope_fields(config), ("category",): config["category"]}


def build(config: Any) -> _Rating:
    """The question, ready."""
    return _Rating(
        tuple(config["per"]),
        config["within"],
        config["from"] == "input",
        config["category"],
        config["below"],
        config["at_least"],
        config["unrated"] == "drop",
    )


@dataclass(frozen=True, slots=True)
class _Rating(past.Calls):
    category: str
    below: float
    least: int
    drops: bool

    @property
    def keep(self) -> int:
        """The most events that are looked at: the newest ratings of all categories."""
        return KEEP

    def wants(self, event: Event) -> bool:
        """Ratings only."""
        return event.kind == KIND

    def stream(self, input: Mapping[str, Any]) -> str:
        """A stream of ratings alone, so that what the agent does crowds none of them out."""
        return "" if self.given else past.stream("ratings", self.per, input)

    def event(self, input: Mapping[str, Any], now: float) -> None:
        """Nothing: a comment is no rating."""

    def found(
        self, events: Sequence[Event], input: Mapping[str, Any], now: float
    ) -> Sequence[Finding]:
        """One finding where the rating is too low, or where there is none and that counts."""
        category = past.value_at(input, self.category)
        if not isinstance(category, str) or not category:
            raise FactError("no-scope", f"`{self.category}` has no value, so nothing rates it")
        name = category[:MAX_NAME]
        amounts = [
            one.amount
            for one in self.known(events, input, now)
            if one.kind == KIND and one.name == name and 0 <= one.amount <= HIGHEST
        ]
        count = len(amounts)
        mean = sum(amounts) / count if count else 0.0
        if count < self.least:
            why = f"{count} ratings, and it takes {self.least} to judge"
            return [self._finding("UNRATED", name, mean, count, why)] if self.drops else []
        if mean >= self.below:
            return []
        why = f"rated {mean:.1f} of 10 by {count}, which is below {self.below:g}"
        return [self._finding("RATING", name, mean, count, why)]

    def _finding(self, type_: str, name: str, mean: float, count: int, why: str) -> Finding:
        return {"type": type_, "category": name, "rating": mean, "count": count, "why": why}
