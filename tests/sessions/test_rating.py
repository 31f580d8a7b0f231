"""`rating`: comments of a category that people did not find helpful."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.charges import Event
from policyengine.errors import FactError
from tests.sessions.asking import found, watch

DAY = 86_400.0
NOW = 100 * DAY


def comment(category: Any = "style") -> dict[str, Any]:
    return {"comment": {"category": category}, "agent": {"id": "reviewer"}}


def rated(*amounts: float, category: str = "style", ago: float = DAY) -> list[Event]:
    return [Event(NOW - ago, "review.rating", category, amount=amount) for amount in amounts]


@pytest.mark.parametrize(
    ("value", "events", "types"),
    [
        ({"below": 6}, rated(*[5] * 10), ["RATING"]),
        ({"below": 6}, rated(*[6] * 10), []),
        ({"below": 6}, rated(*[5] * 9), []),
        ({"below": 6, "at_least": 9}, rated(*[5] * 9), ["RATING"]),
        ({"below": 6, "unrated": "drop"}, rated(*[9] * 9), ["UNRATED"]),
        ({"below": 6, "unrated": "drop"}, rated(*[9] * 10), []),
        ({"below": 6, "unrated": "drop"}, [], ["UNRATED"]),
        ({"below": 6}, rated(*[1] * 10, category="bug"), []),
        ({"below": 6}, rated(*[1] * 10, ago=31 * DAY), []),
        ({"below": 6, "within": "40d"}, rated(*[1] * 10, ago=31 * DAY), ["RATING"]),
        # What is no rating does not count.
        ({"below": 6}, [Event(NOW, "tool.call", "style")] * 10, []),
        ({"below": 6}, rated(*[11] * 5, *[-1] * 5), []),
        ({"below": 6}, rated(*[0, 10] * 5), ["RATING"]),
        ({"below": 0}, rated(*[0] * 10), []),
    ],
)
def test_what_is_found(value: Any, events: list[Event], types: list[str]) -> None:
    assert [f["type"] for f in found("rating", value, events, comment(), NOW)] == types


def test_what_a_finding_says() -> None:
    (finding,) = found("rating", {"below": 6, "at_least": 2}, rated(3, 4), comment(), NOW)
    assert finding == {
        "type": "RATING",
        "category": "style",
        "rating": 3.5,
        "count": 2,
        "why": "rated 3.5 of 10 by 2, which is below 6",
    }


def test_a_comment_is_no_rating() -> None:
    asked = watch("rating", {"below": 6})
    assert asked.event(comment(), NOW) is None
    assert asked.stream(comment()) == 'ratings [["agent.id","reviewer"]]'
    assert asked.stream(comment()) != watch("history", {"per": ["agent.id"]}).stream(comment())


@pytest.mark.parametrize("category", [None, "", 3, ["style"]])
def test_a_comment_without_a_category_cannot_be_judged(category: Any) -> None:
    with pytest.raises(FactError) as raised:
        found("rating", {"below": 6}, [], comment(category), NOW)
    assert raised.value.code == "no-scope"
