"""Questions about the past in whole decisions: what is kept, what is not, and what rules see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policyengine import Engine, check, compile
from policyengine.charges import Event
from policyengine.decision import Decision
from policyengine.diagnostics import CompileError
from policyengine.errors import FactError, StateError
from policyengine.rules.load import load_text
from policyengine.state.memory import MemoryStore
from policyengine.state.sqlite import SqliteStore

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
BUNDLE = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 0.1.0
defaults: {tool.call: allow, tool.result: allow, review.comment: allow}
"""
HEAD = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
"""


class House:
    """An engine over some rules, with a clock that only the test moves."""

    def __init__(self, rules: str, store: Any = None, on: str = "[tool.call]") -> None:
        self.now = NOW
        bundle = load_text({"bundle.yaml": BUNDLE, "p.yaml": f"{HEAD}on: {on}\nrules:\n{rules}"})
        program = compile(check(bundle))
        self.engine = Engine(program, store=store, clock=lambda: self.now)

    def call(self, tool: str = "shell", session: str = "s", **arguments: Any) -> Decision:
        self.now += timedelta(seconds=1)
        return self.engine.decide("tool.call", call(tool, session, **arguments))


def call(tool: str = "shell", session: str = "s", **arguments: Any) -> dict[str, Any]:
    return {
        "tool": {"name": tool, "arguments": arguments},
        "session": {"id": session},
        "agent": {"id": "a"},
    }


def rules_of(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.reasons if reason.rule]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "state.db")
    yield made
    made.close()


def test_a_clause_counts_what_was_allowed(store: Any) -> None:
    house = House(
        "- {id: r, tools: [shell], history: {name: shell, at_least: 3}, deny: Enough.}\n", store
    )
    assert [house.call().verdict for _ in range(5)] == ["allow"] * 3 + ["deny"] * 2
    assert house.call("other").verdict == "allow"
    assert house.call(session="t").verdict == "allow"
    house.now += timedelta(days=2)
    assert house.call().verdict == "allow"


def test_short_forms(store: Any) -> None:
    house = House(
        """\
- id: count
  when: history.count({"name":"shell"}) >= 2
  warn: a
- id: last
  when: now - history.last({"name":"shell"}) < duration("10s")
  warn: b
- id: within
  when: 'history.within("10s", {"name":"shell"})'
  warn: c
- id: cost
  when: history.cost_usd({}) > 0.5 && history.sum({}) == 2.0 && history.failed({}) == 1
  warn: d
- id: distinct
  when: history.distinct("tool.call") == 2
  warn: e
""",
        store,
    )
    assert rules_of(house.call()) == []
    assert rules_of(house.call()) == ["last", "within"]
    assert rules_of(house.call("read")) == ["count", "last", "within"]
    house.now += timedelta(minutes=1)
    assert rules_of(house.call("read")) == ["count", "distinct"]
    event = Event(house.now.timestamp(), "job", cost=600_000, amount=2.0, ok=False)
    assert house.engine.record("tool.call", call(), event) == 1
    assert rules_of(house.call("read", session="u")) == []
    assert rules_of(house.call("read")) == ["count", "cost", "distinct"]


def test_loops_and_ratings_keep_to_their_own_streams(store: Any) -> None:
    house = House(
        "- {id: loop, loops: 3, deny: Again.}\n"
        "- {id: fast, velocity: volume, warn: Fast.}\n"
        "- {id: wide, velocity: scope, warn: Wide.}\n",
        store,
    )
    assert [house.call(q="a").verdict for _ in range(3)] == ["allow", "allow", "deny"]
    rated = House(
        "- {id: r, rating: {below: 6, at_least: 2}, deny: No.}\n", store, "[review.comment]"
    )
    comment = {"comment": {"category": "style"}, "agent": {"id": "a"}}
    assert rated.engine.decide("review.comment", comment).verdict == "allow"
    at = NOW.timestamp()
    # A call is no rating, and finds no stream.
    assert rated.engine.record("review.comment", comment, Event(at, "tool.call")) == 0
    for _ in range(2):
        rating = Event(at, "review.rating", "style", amount=1)
        assert rated.engine.record("review.comment", comment, rating) == 1
    assert rated.engine.decide("review.comment", comment).verdict == "deny"


def test_events_of_the_host_need_no_store() -> None:
    house = House("- {id: r, history: {from: input, at_least: 2}, deny: Enough.}\n")
    input = call()
    event = {"at": "2026-03-02T09:00:00Z", "kind": "tool.call"}
    for count, verdict in ((1, "allow"), (2, "deny")):
        input["session"]["events"] = [event] * count
        decision = house.engine.decide("tool.call", input)
        assert (decision.verdict, decision.errors) == (verdict, ())
    input["session"]["events"] = "none"
    decision = house.engine.decide("tool.call", input)
    assert (decision.verdict, decision.errors[0].code) == ("deny", "unreadable-events")


def test_without_a_store_a_rule_restricts() -> None:
    decision = House("- {id: r, history: {at_least: 2}, deny: Enough.}\n").call()
    assert (decision.verdict, decision.errors[0].code) == ("deny", "no-store")


def test_a_session_without_a_name_restricts() -> None:
    house = House("- {id: r, history: {at_least: 2}, deny: Enough.}\n", MemoryStore())
    decision = house.engine.decide("tool.call", {"tool": {"name": "shell"}})
    assert (decision.verdict, decision.errors[0].code) == ("deny", "no-scope")


def test_a_store_that_fails_restricts() -> None:
    class Broken(MemoryStore):
        def events(self, stream: str, now: float) -> Any:
            raise StateError("store-unreachable", "it does not answer")

    decision = House("- {id: r, loops: 3, deny: Again.}\n", Broken()).call(q="a")
    assert (decision.verdict, decision.errors[0].code) == ("deny", "store-unreachable")


def test_damaged_events_are_left_out() -> None:
    class Damaged(MemoryStore):
        def events(self, stream: str, now: float) -> Any:
            return [b"\xff", b"[", b"{}", b"[1,2,3]", *super().events(stream, now)]

    house = House("- {id: r, history: {at_least: 2}, deny: Enough.}\n", Damaged())
    assert [house.call().verdict for _ in range(3)] == ["allow", "allow", "deny"]


def test_no_text_of_a_request_gets_into_the_store_or_the_decision() -> None:
    seen: list[bytes] = []

    class Seen(MemoryStore):
        def append(self, stream: str, event: bytes, *rest: Any) -> None:
            seen.append(event)
            super().append(stream, event, *rest)

    house = House(
        "- {id: r, loops: 2, warn: Again.}\n- {id: s, velocity: {of: scope}, warn: Wide.}\n", Seen()
    )
    for _ in range(3):
        house.now += timedelta(seconds=1)
        input = call(text="hush hush")
        input["tool"]["paths"] = ["secret/plan.txt"]
        decision = house.engine.decide("tool.call", input)
    assert seen
    assert not [event for event in seen if b"hush" in event or b"secret" in event]
    assert "hush" not in str(decision.to_dict())


@pytest.mark.parametrize(
    ("rule", "slug", "message"),
    [
        ("history: {per: [session.idd]}", "unknown-field", "`session.idd` is not a field"),
        ("history: {per: [tool.command]}", "bad-scope", "text of the request"),
        ("history: {nme: x}", "clause-value", "`nme` is not a key of `history`"),
        ("history: {within: soon}", "clause-value", "must be a span of time"),
        ("history: {more_than: -1}", "clause-value", "at least 0"),
        ("when: 'history.count({\"nme\": 1}) > 1'", "clause-value", "`nme` is not a key"),
        ("when: 'history.count() > 1'", "no-matching-overload", "`history.count` takes 1"),
        ("when: 'history.total({}) > 1'", "undeclared-reference", "history"),
        ("when: 'history.count(tool.name) > 1'", "fact-argument", "must be a constant"),
        ("loops: {same: 1}", "clause-value", "at least 2"),
        ("velocity: speed", "clause-value", "must be one of"),
        ("velocity: {of: hours, bucket: 5m}", "clause-value", "leave `bucket` out"),
        ("rating: {at_least: 3}", "clause-value", "lacks `below`"),
        ("rating: {below: 5}", "unknown-field", "`comment` is not a field of `tool.call`"),
    ],
)
def test_mistakes_are_found_when_a_bundle_is_checked(rule: str, slug: str, message: str) -> None:
    with pytest.raises(CompileError) as raised:
        House(f"- id: r\n  {rule}\n  warn: w\n")
    assert [d.slug for d in raised.value.diagnostics] == [slug]
    assert message in str(raised.value)


def test_faked_facts_need_no_store() -> None:
    house = House("- {id: r, when: history.count('tool.call') > 2, deny: Enough.}\n")
    for count, verdict in ((2, "allow"), (3, "deny")):
        facts: dict[str, Any] = {"history": [{"type": "HISTORY", "count": count}]}
        assert house.engine.decide("tool.call", call(), facts=facts).verdict == verdict
    assert house.engine.decide("tool.call", call(), facts={"history": []}).verdict == "allow"
    failed = {"history": FactError("x", "y")}
    assert house.engine.decide("tool.call", call(), facts=failed).verdict == "deny"
