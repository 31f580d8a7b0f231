"""`history`: what was done before, counted, against a slow model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.charges import Event
from policyengine.errors import FactError
from tests.sessions.asking import call, found, watch

SHELL, READ = "shell", "fs.read"
EVENTS = [
    Event(100.0, "tool.call", SHELL, "a", cost=1_000_000, amount=2.0),
    Event(200.0, "tool.call", READ, "b", cost=500_000, ok=False),
    Event(300.0, "llm.request", "gpt", "c", amount=0.5),
    Event(400.0, "tool.call", SHELL, "a"),
]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ({}, 4),
        ("tool.call", 3),
        ({"kind": "llm.request"}, 1),
        ({"kind": ["llm.request", "tool.call"]}, 4),
        ({"kind": "tool.result"}, 0),
        ({"name": "shell"}, 2),
        ({"name": "she*"}, 2),
        ({"name": "*"}, 4),
        ({"name": "sh"}, 0),
        ({"name": ["fs.*", "gpt"]}, 2),
        ({"within": "100s"}, 1),
        ({"within": "200s"}, 2),
        ({"within": "99s"}, 0),
        ({"ok": True}, 3),
        ({"ok": False}, 1),
        ({"kind": "tool.call", "at_least": 3}, 3),
        ({"kind": "tool.call", "at_least": 4}, 0),
        ({"kind": "tool.call", "more_than": 2}, 3),
        ({"kind": "tool.call", "more_than": 3}, 0),
        ({"more_than": 0}, 4),
    ],
)
def test_what_counts(value: Any, count: int) -> None:
    findings = found("history", value, EVENTS, call(), 500.0)
    assert [finding["count"] for finding in findings] == [count] * bool(count)


def test_sums() -> None:
    (finding,) = found("history", {}, EVENTS, call(), 500.0)
    assert finding == {
        "type": "HISTORY",
        "count": 4,
        "sum": 2.5,
        "cost_usd": 1.5,
        "failed": 1,
        "distinct": 3,
        "first": "1970-01-01T00:01:40Z",
        "last": "1970-01-01T00:06:40Z",
        "why": "4 such events, 1 of which failed",
    }


def test_only_equal_calls() -> None:
    asked = watch("history", {"same": True})
    one, other = call(path="a", limit=3), call(path="b", limit=3)
    events = [asked.event(each, 1.0) for each in (one, other, call(limit=3, path="a"), call(SHELL))]
    known = [event for event in events if event]
    assert asked.found(known, one, 2.0)[0]["count"] == 2
    assert asked.found(known, other, 2.0)[0]["count"] == 1
    assert not asked.found(known, call("other", path="a"), 2.0)
    assert not asked.found(known, {"step": {"kind": "model"}, "session": {"id": "s"}}, 2.0)


def test_digests_of_two_streams_have_nothing_in_common() -> None:
    asked = watch("history", {})
    one, two = (asked.event(call(session=name, path="a"), 1.0) for name in ("s", "t"))
    assert one
    assert two
    assert one.same != two.same


@pytest.mark.parametrize(
    ("input", "kind", "name", "ok"),
    [
        (call("read"), "tool.call", "read", True),
        ({"tool": {"name": "read"}, "result": {"is_error": True}}, "tool.result", "read", False),
        ({"tool": {"name": "read"}, "result": {}}, "tool.result", "read", True),
        ({"request": {"model": "m"}}, "llm.request", "m", True),
        ({"request": {"model": "m"}, "response": {"model": "n"}}, "llm.response", "n", True),
        ({"step": {"kind": "tool", "tool": "t"}}, "agent.step", "t", True),
        ({"step": {"kind": "model"}}, "agent.step", "model", True),
        ({"comment": {"category": "bug"}, "change": {}}, "review.comment", "bug", True),
        ({"failure": {}, "build": {"job": "unit"}}, "ci.failed", "unit", False),
        ({"change": {"repository": "r"}}, "change.proposed", "r", True),
    ],
)
def test_the_event_of_a_request(input: dict[str, Any], kind: str, name: str, ok: bool) -> None:
    event = watch("history", {"per": []}).event(input, 7.0)
    assert event is not None
    assert event[:3] == (7.0, kind, name)
    assert event.ok is ok


def test_the_event_holds_no_text_of_the_request() -> None:
    event = watch("history", {}).event(call(command="rm -rf hush"), 7.0)
    assert "hush" not in str(event)


def test_a_point_of_ones_own_adds_nothing() -> None:
    assert watch("history", {"per": []}).event({"door": {"open": True}}, 1.0) is None


@pytest.mark.parametrize("session", [None, {}, {"id": None}, {"id": ""}, {"id": []}, "s", 3])
def test_a_past_that_is_nobodys_is_an_error(session: Any) -> None:
    with pytest.raises(FactError) as raised:
        watch("history", {}).stream({"session": session})
    assert raised.value.code == "no-scope"


def test_streams_of_different_values_differ() -> None:
    asked = watch("history", {"per": ["subject.id", "agent.id"]})
    names = {
        asked.stream({"subject": {"id": one}, "agent": {"id": two}})
        for one in ("a", 'a"', "a,b", "b" * 300, "b" * 301, 1, "1", True)
        for two in ("a", "b")
    }
    assert len(names) == 16
    assert max(map(len, names)) < 600
    swapped = watch("history", {"per": ["agent.id", "subject.id"]})
    input = {"subject": {"id": "x"}, "agent": {"id": "y"}}
    assert swapped.stream(input) == asked.stream(input)


def test_a_clock_that_was_set_back_forgets_nothing() -> None:
    (finding,) = found("history", {"within": "1m"}, EVENTS, call(), 50.0)
    assert finding["count"] == 4


def given_events(*events: Any) -> dict[str, Any]:
    return {**call(), "session": {"id": "s", "events": list(events)}}


def test_events_that_the_host_gives() -> None:
    input = given_events(
        {"at": "1970-01-01T00:10:00Z", "kind": "tool.call", "name": "shell", "cost_usd": 0.25},
        {"at": "1970-01-01T01:09:00.5+01:00", "kind": "tool.call", "ok": False, "amount": 3},
    )
    asked = watch("history", {"from": "input", "within": "10m"})
    assert asked.stream({}) == ""
    assert asked.event(input, 1_000.0) is None
    (finding,) = asked.found([], input, 1_000.0)
    assert finding["count"] == 2
    assert (finding["cost_usd"], finding["sum"], finding["failed"]) == (0.25, 3.0, 1)
    assert finding["first"] == "1970-01-01T00:09:00.500000Z"


@pytest.mark.parametrize(
    "events",
    [
        None,
        "x",
        {},
        [1],
        [{}],
        [{"kind": "a"}],
        [{"at": "yesterday", "kind": "a"}],
        [{"at": "2026-13-01T00:00:00Z", "kind": "a"}],
        [{"at": "2026-01-01T00:00:00", "kind": "a"}],
        [{"at": "2026-01-01T00:00:00Z"}],
        [{"at": "2026-01-01T00:00:00Z", "kind": 1}],
        [{"at": "2026-01-01T00:00:00Z", "kind": "a", "cost_usd": "1"}],
        [{"at": "2026-01-01T00:00:00Z", "kind": "a", "amount": float("nan")}],
        [{"at": "2026-01-01T00:00:00Z", "kind": "a"}] * 10_001,
    ],
)
def test_events_that_cannot_be_read_are_an_error(events: Any) -> None:
    input = {"session": {"id": "s", "events": events}}
    with pytest.raises(FactError) as raised:
        watch("history", {"from": "input"}).found([], input, 1.0)
    assert raised.value.code == "unreadable-events"


def test_arguments_that_are_no_json_are_an_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    asked = watch("history", {})
    for arguments in (deep, {1, 2}, float):
        with pytest.raises(FactError):
            asked.event({**call(), "tool": {"name": "t", "arguments": arguments}}, 1.0)


TIMES = st.integers(0, 50).map(float)
ONE = st.builds(
    Event,
    at=TIMES,
    kind=st.sampled_from(["tool.call", "llm.request"]),
    name=st.sampled_from(["a", "ab", "b"]),
    same=st.sampled_from(["", "x", "y"]),
    cost=st.integers(0, 10**9),
    amount=st.floats(-10, 10),
    ok=st.booleans(),
    attributes=st.just({}),
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["tool.call", "llm.request"]),
        "name": st.sampled_from(["a", "a*", "b"]),
        "within": st.sampled_from(["1s", "10s", "1m"]),
        "ok": st.booleans(),
        "at_least": st.integers(1, 4),
        "more_than": st.integers(0, 4),
    },
)


def slow_count(value: dict[str, Any], events: list[Event], now: float) -> list[Event]:
    left = []
    for event in events:
        if "kind" in value and event.kind != value["kind"]:
            continue
        name = value.get("name", "*")
        if name != event.name and not (name[-1] == "*" and event.name.startswith(name[:-1])):
            continue
        if "within" in value and event.at < now - {"1s": 1, "10s": 10, "1m": 60}[value["within"]]:
            continue
        if "ok" in value and event.ok != value["ok"]:
            continue
        left.append(event)
    enough = len(left) >= max(value.get("at_least", 1), value.get("more_than", -1) + 1, 1)
    return left if enough else []


@given(VALUES, st.lists(ONE, max_size=12), TIMES)
def test_against_a_slow_model(value: dict[str, Any], events: list[Event], now: float) -> None:
    wanted = slow_count(value, events, now)
    findings = found("history", value, events, call(), now)
    assert len(findings) == bool(wanted)
    for finding in findings:
        assert finding["count"] == len(wanted)
        assert finding["failed"] == len([e for e in wanted if not e.ok])
        assert finding["cost_usd"] == pytest.approx(sum(e.cost for e in wanted) / 1e6)
        assert finding["sum"] == pytest.approx(sum(e.amount for e in wanted))
        last = datetime.fromtimestamp(max(e.at for e in wanted), UTC)
        assert datetime.fromisoformat(finding["last"]) == last
