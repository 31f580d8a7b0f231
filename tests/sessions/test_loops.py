"""`loops`: the same calls again and again, against a slow model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.sessions.loops import turns
from tests.sessions.asking import call, watch


def asked(value: Any, calls: str, gap: float = 1.0) -> list[tuple[int, int]]:
    """Times and period of what is found at the last of some calls, one letter each."""
    question = watch("loops", value)
    events = []
    for i, letter in enumerate(calls[:-1]):
        event = question.event(call(f"tool-{letter.lower()}", q=letter), i * gap)
        assert event is not None
        events.append(event)
    this = call(f"tool-{calls[-1].lower()}", q=calls[-1])
    now = (len(calls) - 1) * gap
    return [(f["times"], f["period"]) for f in question.found(events, this, now)]


@pytest.mark.parametrize(
    ("value", "calls", "found"),
    [
        ({}, "AAA", [(3, 1)]),
        ({}, "AA", []),
        ({}, "XYAAA", [(3, 1)]),
        ({}, "AAAA", [(4, 1)]),
        ({}, "AAAB", []),
        ({}, "AABA", []),
        ({}, "ABABAB", [(3, 2)]),
        ({}, "BABAB", []),
        ({}, "XABABAB", [(3, 2)]),
        ({}, "ABCABCABC", [(3, 3)]),
        ({}, "ABCDABCDABCD", [(3, 4)]),
        ({}, "ABCDEABCDEABCDE", []),
        ({"cycle": 5}, "ABCDEABCDEABCDE", [(3, 5)]),
        ({"cycle": 1}, "ABABAB", []),
        ({"same": 2}, "AA", [(2, 1)]),
        ({"same": 2}, "ABAB", [(2, 2)]),
        (4, "AAA", []),
        (4, "AAAA", [(4, 1)]),
        # Lower and upper case are two calls of one tool.
        ({}, "AaA", []),
        ({}, "AaAaAa", [(3, 2)]),
        ({}, "A", []),
    ],
)
def test_what_is_a_loop(value: Any, calls: str, found: list[tuple[int, int]]) -> None:
    assert asked(value, calls) == found


def test_calls_long_ago_do_not_count() -> None:
    assert asked({"within": "10m"}, "AAA", gap=300.0) == [(3, 1)]
    assert asked({"within": "10m"}, "AAA", gap=301.0) == []


def test_other_events_between_do_not_hide_a_loop() -> None:
    question = watch("loops", {})
    events = []
    for i in range(2):
        for input in (call(q="a"), {"request": {"model": f"m{i}"}, "session": {"id": "s"}}):
            event = question.event(input, float(i))
            assert event is not None
            events.append(event)
    assert question.found(events, call(q="a"), 3.0)


def test_what_is_found() -> None:
    question = watch("loops", {})
    events = [question.event(call(q="secret"), at) for at in (5.0, 6.0)]
    (finding,) = question.found([e for e in events if e], call(q="secret"), 7.0)
    assert finding == {
        "type": "LOOP",
        "name": "shell",
        "times": 3,
        "period": 1,
        "since": "1970-01-01T00:00:05Z",
        "why": "the same call, 3 times now",
    }


def test_what_is_no_call_is_no_loop() -> None:
    question = watch("loops", {"per": []})
    step = {"step": {"kind": "model"}}
    event = question.event(step, 1.0)
    assert event is not None
    assert not question.found([event] * 9, step, 2.0)
    assert not question.found([event] * 9, {"door": 1}, 2.0)


def test_calls_that_the_host_gives() -> None:
    from policyengine.sessions import call_digest

    this = call(q="a")
    one = {
        "at": "1970-01-01T00:00:01Z",
        "kind": "tool.call",
        "name": "x",
        "same": call_digest(this),
    }
    this["session"]["events"] = [one, one]
    assert watch("loops", {"from": "input"}).found([], this, 5.0)[0]["times"] == 3
    this["session"]["events"] = [one, {**one, "same": "other"}]
    assert not watch("loops", {"from": "input"}).found([], this, 5.0)


def slow_turns(newest: str, period: int) -> int:
    """How often the first part stands at the beginning of the text."""
    part = newest[:period]
    times = 0
    while len(part) == period and newest[times * period :].startswith(part):
        times += 1
    return times


@given(st.text("ab", max_size=12), st.integers(1, 5))
def test_turns_against_a_slow_model(newest: str, period: int) -> None:
    assert turns(newest, period) == slow_turns(newest, period)


@given(st.text("ab", min_size=1, max_size=14), st.integers(2, 4), st.integers(1, 4))
def test_loops_against_a_slow_model(calls: str, same: int, cycle: int) -> None:
    newest = calls[::-1]
    wanted = [
        (slow_turns(newest, period), period)
        for period in range(1, cycle + 1)
        if slow_turns(newest, period) >= same
    ]
    assert asked({"same": same, "cycle": cycle}, calls) == wanted[:1]
