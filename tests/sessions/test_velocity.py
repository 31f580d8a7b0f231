"""`velocity`: speed against an agent's own past."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.velocity import KINDS, measured
from policyengine.charges import Event
from policyengine.errors import FactError
from policyengine.plugins import fact_provider
from policyengine.sessions._robust import count_of, transformed, usual
from tests.sessions.asking import found, watch

HOUR, DAY = 3_600.0, 86_400.0
# Monday, 5 January 1970, 0 o'clock.
MONDAY = 4 * DAY


def call(agent: str = "a", **tool: Any) -> dict[str, Any]:
    return {"tool": {"name": "t", "arguments": {}, **tool}, "agent": {"id": agent}}


def calls(*counts: int, bucket: float = 300.0, begin: float = MONDAY) -> list[Event]:
    """So many calls in each bucket, at even distances."""
    return [
        Event(begin + i * bucket + bucket * k / max(count, 1), "tool.call", "t", "x")
        for i, count in enumerate(counts)
        for k in range(count)
    ]


USUAL = [10, 12, 8, 10, 9, 11, 10, 13, 10]


@pytest.mark.parametrize(
    ("counts", "present", "is_found"),
    [
        (USUAL, 10, False),
        (USUAL, 20, False),
        (USUAL, 60, True),
        # One outbreak of the past excuses nothing.
        ([*USUAL, 300], 60, True),
        # Seven buckets are too few, and so are 19 events.
        (USUAL[:7], 500, False),
        ([2] * 9, 1, False),
        ([2] * 10, 60, True),
        # A second call breaks no quiet baseline.
        ([1] * 30, 3, False),
        ([1] * 30, 30, True),
        # Nights do not make the morning look fast.
        ([*USUAL, *[0] * 200], 12, False),
    ],
)
def test_volume(counts: list[int], present: int, is_found: bool) -> None:
    before = calls(*counts)
    begin = MONDAY + len(counts) * 300
    now = calls(present - 1, begin=begin)
    findings = found("velocity", "volume", [*before, *now], call(), begin + 299)
    assert bool(findings) is is_found
    for finding in findings:
        assert finding["observed"] == present
        assert finding["expected"] <= finding["limit"] < present


def test_what_a_finding_says() -> None:
    before = calls(*USUAL)
    now = calls(60, begin=MONDAY + 9 * 300)
    (finding,) = found("velocity", "volume", [*before, *now], call(), MONDAY + 10 * 300 - 1)
    assert finding == {
        "type": "VELOCITY",
        "of": "volume",
        "observed": 61.0,
        "expected": 10.0,
        "limit": 32.4,
        "baseline": 9,
        "why": "61 calls in 5m, usual are 10 and no more than 32",
    }


def test_sensitivity() -> None:
    before = calls(*USUAL)
    now = calls(30, begin=MONDAY + 9 * 300)
    for sensitivity, count in ((3, 1), (4, 0)):
        value = {"sensitivity": sensitivity}
        assert len(found("velocity", value, [*before, *now], call(), MONDAY + 3_000 - 1)) == count


def fortnight(*present: int, batch: int = 0, nights: int = 0) -> bool:
    """Whether something is found after days of 20 even buckets, on some with a batch at the end."""
    before = [
        event
        for day in range(6)
        for event in calls(*[10] * 20, batch * (day < nights), begin=MONDAY + day * DAY)
    ]
    begin = MONDAY + 6 * DAY
    now = begin + len(present) * 300 - 1
    return bool(found("velocity", "volume", [*before, *calls(*present, begin=begin)], call(), now))


def test_a_long_push_is_found_before_a_single_bucket_would_be() -> None:
    assert not fortnight(10, 10, 19)
    assert fortnight(22, 22, 22)
    assert not fortnight(10, 10, 22)


@pytest.mark.parametrize(("nights", "is_found"), [(0, True), (1, True), (2, False), (5, False)])
def test_what_ran_on_two_earlier_days_is_a_habit(nights: int, is_found: bool) -> None:
    assert fortnight(10, 10, 80, batch=80, nights=nights) is is_found
    # More than the habit is found all the same.
    assert fortnight(10, 10, 160, batch=80, nights=nights)


def test_a_pace_counts_where_counts_alone_say_too_little() -> None:
    before = calls(*[12] * 30)
    begin = MONDAY + 30 * 300
    # As many calls, once evenly spread and once within a minute.
    for gap, is_found in ((12.0, False), (2.0, True)):
        now = [Event(begin + i * gap, "tool.call", "t", "x") for i in range(23)]
        (*_, last) = now
        findings = found("velocity", "volume", [*before, *now], call(), last.at + gap)
        assert bool(findings) is is_found
        assert all(
            one["why"].endswith("one each 2.0 s where one each 25.0 s is usual") for one in findings
        )


def test_events_in_the_future_are_of_now() -> None:
    before = calls(*USUAL)
    later = calls(60, begin=MONDAY + 20 * 300)
    assert found("velocity", "volume", [*before, *later], call(), MONDAY + 9 * 300 + 1)


def touched(*names: str) -> dict[str, Any]:
    return call(paths=list(names))


def test_scope() -> None:
    asked = watch("velocity", {"of": "scope", "at_least": 8})
    events = []
    for i in range(10):
        for k in range(4):
            event = asked.event(touched(f"{k}.py"), MONDAY + i * 900 + k)
            assert event is not None
            events.append(event)
    now = MONDAY + 10 * 900.0
    assert not asked.found(events, touched("9.py", "8.py", "7.py"), now)
    names = [f"other/{i}.py" for i in range(40)]
    (finding,) = asked.found(events, touched(*names), now)
    # Forty files, the tool, and what does not fit into one event is counted all the same.
    assert finding["observed"] == 41
    assert "other/1.py" not in str(asked.event(touched(*names), now))


def test_agents() -> None:
    asked = watch("velocity", {"of": "agents", "per": ["subject.team"], "at_least": 8})

    def of(agent: str) -> dict[str, Any]:
        return {**call(agent), "subject": {"team": "t"}}

    events = [
        event
        for i in range(10)
        for k in range(3)
        if (event := asked.event(of(f"agent-{k}"), MONDAY + i * HOUR + k))
    ]
    now = MONDAY + 10 * HOUR
    new = [e for k in range(30) if (e := asked.event(of(f"new-{k}"), now + k))]
    assert not asked.found(events, of("agent-9"), now)
    assert not asked.found([*events, *new[:3]], of("agent-9"), now + 60)
    assert asked.found([*events, *new], of("agent-9"), now + 60)
    assert asked.event({"tool": {"name": "t"}, "subject": {"team": "t"}}, now) is None


def worked(days: int, *hours: int) -> list[Event]:
    return [
        Event(MONDAY + day * DAY + hour * HOUR + 60, "velocity.hours")
        for day in range(days)
        if day % 7 < 5
        for hour in hours
    ]


@pytest.mark.parametrize(
    ("days", "at", "is_found"),
    [
        (14, 14 * DAY + 10 * HOUR, False),
        (14, 14 * DAY + 3 * HOUR, True),
        # The hour before and after, for clocks that change.
        (14, 14 * DAY + 8 * HOUR, False),
        (14, 14 * DAY + 7 * HOUR, True),
        # Six working days say too little; so do two weekends.
        (8, 8 * DAY + 3 * HOUR, False),
        (14, 13 * DAY + 10 * HOUR, False),
        (28, 27 * DAY + 10 * HOUR, True),
    ],
)
def test_hours(days: int, at: float, is_found: bool) -> None:
    before = [one for one in worked(days, 9, 10, 11, 15) if one.at < MONDAY + at]
    asked = {"of": "hours", "at_least": 10}
    assert bool(found("velocity", asked, before, call(), MONDAY + at)) is is_found


def test_trend() -> None:
    def kept(*counts: int) -> list[Event]:
        made = calls(*counts, bucket=DAY)
        return [event._replace(kind="velocity.trend") for event in made]

    def judged(*counts: int) -> bool:
        now = MONDAY + len(counts) * DAY - 1
        return bool(found("velocity", "trend", kept(*counts), call(), now))

    flat = [20, 22, 19, 21, 20, 23, 18, 20, 21, 20]
    assert not judged(*flat)
    assert judged(*flat, 40, 60, 80, 110, 150)
    # One outbreak is none.
    assert not judged(*flat, 20, 60, 20, 21, 19)
    assert not judged(*flat, 400)
    assert not judged(*flat, 400, 20)
    assert judged(*flat, 40, 60)
    # The first calls of a day say nothing yet.
    assert not judged(*flat, 60, 60, 1)
    # The other way is none either.
    assert not judged(*flat, 18, 14, 10, 6, 4)
    assert not judged(5, 40, 60, 80, 110)


def test_a_trend_keeps_one_call_in_eight() -> None:
    asked = watch("velocity", "trend")
    kept = sum(asked.event(call(), i * 0.37) is not None for i in range(4_000))
    assert 400 < kept < 600


@pytest.mark.parametrize("of", ["scope", "hours", "agents"])
def test_what_the_stream_has_already_is_not_added_again(of: str) -> None:
    asked = watch("velocity", of)
    this = touched("a.py", "b.py")
    first = asked.event(this, MONDAY)
    assert first is not None
    # Nobody has seen it in the store yet.
    assert asked.event(this, MONDAY + 1) == first._replace(at=MONDAY + 1)
    asked.found([first], this, MONDAY + 2)
    assert asked.event(this, MONDAY + 3) is None
    assert asked.event(this, MONDAY + 5 * HOUR) is not None
    assert asked.event({**this, "agent": {"id": "other"}}, MONDAY + 3) is not None
    if of == "scope":
        assert asked.event(touched("a.py", "c.py"), MONDAY + 3) is not None


@pytest.mark.parametrize(
    "value",
    [
        {"bucket": "1d", "baseline": "7d"},
        {"bucket": "1s", "baseline": "7d"},
        {"of": "hours", "bucket": "5m"},
        {"of": "scope", "from": "input"},
        {"of": "trend", "from": "input"},
        {"baseline": "900d"},
    ],
)
def test_what_makes_no_sense(value: Any) -> None:
    provider = fact_provider("velocity")
    with pytest.raises(ValueError, match=r"`"):
        provider.build(provider.normal(value))


def test_nobody_in_particular_is_an_error() -> None:
    with pytest.raises(FactError):
        found("velocity", "volume", [], {"tool": {"name": "t"}}, 1.0)


def test_events_that_the_host_gives() -> None:
    listed = [
        {"at": f"1970-01-05T00:{m:02}:{s:02}Z", "kind": "tool.call"}
        for m in range(0, 45, 5)
        for s in range(10)
    ]
    input = call()
    input["session"] = {"events": listed}
    now = MONDAY + 45 * 60
    asked = watch("velocity", {"from": "input"})
    assert not asked.found([], input, now)
    listed += [{"at": "1970-01-05T00:45:01Z", "kind": "tool.call"}] * 60
    assert asked.found([], input, now + 2)
    assert asked.event(input, now) is None


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40), st.floats(1, 10))
def test_a_limit_is_where_the_finding_begins(counts: list[int], sensitivity: float) -> None:
    known = usual(counts)
    limit = known.limit(sensitivity)
    assert known.above(limit * 1.001 + 0.01) > sensitivity
    assert known.above(max(limit * 0.999 - 0.01, 0)) <= max(sensitivity, known.above(0))
    assert known.scale >= 1


@given(st.floats(0, 1e9))
def test_counts_come_back(count: float) -> None:
    assert math.isclose(count_of(transformed(count)), count, rel_tol=1e-9, abs_tol=1e-6)


@given(st.lists(st.integers(0, 50), min_size=8, max_size=40), st.integers(0, 8))
def test_outbreaks_move_what_is_usual_by_little(counts: list[int], outbreaks: int) -> None:
    """Less than half of the counts may be anything; the middle stays among the others."""
    outbreaks = min(outbreaks, (len(counts) - 1) // 2)
    spoilt = [*counts[outbreaks:], *[10**6] * outbreaks]
    assert usual(spoilt).typical <= max(counts) + 1e-6


HOSTILE = st.builds(
    Event,
    at=st.floats(-1e17, 1e17),
    kind=st.sampled_from(["tool.call", "velocity.scope", "velocity.agents", "velocity.hours"]),
    name=st.just(""),
    same=st.just(""),
    cost=st.just(0),
    amount=st.just(0.0),
    ok=st.just(True),
    attributes=st.dictionaries(
        st.sampled_from(["items", "more"]),
        st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.floats(-1e9, 1e9)),
    ),
)


@pytest.mark.parametrize("of", ["volume", "scope", "agents", "trend"])
@given(st.lists(HOSTILE, max_size=30))
def test_no_event_of_a_store_crashes(of: str, events: list[Event]) -> None:
    asked = watch("velocity", {"of": of, "at_least": 1})
    asked.found(events, call(), 1e6)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=40))
def test_no_hours_crash(times: list[int]) -> None:
    events = [Event(float(at), "velocity.hours") for at in times]
    watch("velocity", {"of": "hours", "at_least": 1}).found(events, call(), 5e6)


# A quick form of the table in docs/agents.md: seeded, so it says the same each time.
LEAST = {"volume": 4, "scope": 5, "hours": 4, "trend": 3, "agents": 5}


@pytest.mark.parametrize("of", KINDS)
def test_simulated_agents(of: str) -> None:
    row = measured(of, agents=5, seed=3)
    assert row.found >= LEAST[of]
    assert row.false <= 2
