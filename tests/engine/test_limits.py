"""Limits: what the rules asked for is held in one step once they allow, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread, current_thread
from typing import Any, ClassVar

import pytest

import policyengine
from policyengine import Engine
from policyengine.charges import Charge, Event, Reservation, Standing
from policyengine.decision import Decision
from policyengine.engine.reports import MOST_WAITING
from policyengine.errors import StateError
from policyengine.program import Program, dumps, loads
from policyengine.rules.load import load_text
from policyengine.state.memory import MemoryStore

MANIFEST = """apiVersion: policyengine.dev/v1
kind: Bundle
name: limits
version: 1.0.0
defaults: {llm.request: allow, tool.call: allow}
"""
PRICES = {
    "currency": "USD",
    "valid_from": "2026-01-01",
    "source": "test",
    "models": {
        "big": {"input_cost_per_token": 1e-5, "output_cost_per_token": 2e-5},
        "small": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
    },
}
TIERS = """
default: standard
models: {big: {data: {words: deny}}, small: {}}
tiers:
  standard: {models: [big]}
  economy: {models: [small]}
"""
START = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def program(rules: str, on: str = "llm.request", **files: str) -> Program:
    head = f"apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata: {{name: p}}\non: [{on}]\n"
    tree = {
        "bundle.yaml": MANIFEST,
        "p.yaml": f"{head}rules:\n{rules}",
        "data/prices.json": json.dumps(PRICES),
        **files,
    }
    return policyengine.compile(policyengine.check(load_text(tree)))


def asked(
    model: str = "big", user: str | None = "sam", most: int = 1000, text: str = ""
) -> dict[str, Any]:
    input: dict[str, Any] = {
        "request": {
            "model": model,
            "input_tokens": 100,
            "max_tokens": most,
            "messages": [{"role": "user", "content": text}],
        }
    }
    return input if user is None else {**input, "subject": {"id": user}}


def held(decision: Decision) -> dict[str, int]:
    assert decision.reservation is not None
    return {hold.unit: hold.amount for hold in decision.reservation.holds}


DENY = "  - id: hard\n    spend: {per: [subject.id], window: day, limit_usd: 0.05}\n    deny: No.\n"
RATE = "  - id: fast\n    rate: {per: [subject.id], window: 60s, requests: 2}\n    deny: Slow.\n"


def test_what_is_allowed_is_held_and_what_is_settled_counts() -> None:
    store, clock = MemoryStore(), Clock()
    engine = Engine(program(DENY), store, clock=clock)
    first = engine.decide("llm.request", asked())
    # 100 tokens at 10 micro-dollars, 1,000 at 20.
    assert first.allowed
    assert held(first) == {"micro_usd": 21_000}
    second = engine.decide("llm.request", asked())
    third = engine.decide("llm.request", asked())
    assert (second.allowed, third.verdict) == (True, "deny")
    assert third.reservation is None
    (found,) = third.reasons[0].evidence
    assert found["scope"] == "subject.id=sam"
    assert found["window"] == "day in UTC"
    assert (found["limit"], found["spent"], found["reserved"]) == (50_000, 0, 42_000)
    assert found["resets"] == "2026-11-21T00:00:00Z"
    assert third.retry_after == found["retry_after"] == 43_170
    assert first.reservation is not None
    done = engine.settle(first.reservation, {"input_tokens": 100, "output_tokens": 10})
    assert (done.counted, done.amounts) == (True, (1_200,))
    assert not engine.settle(first.reservation, {"input_tokens": 1}).counted
    assert engine.decide("llm.request", asked()).allowed
    # Another user has a budget of their own.
    assert engine.decide("llm.request", asked(user="kim")).allowed


def test_what_is_denied_otherwise_asks_the_store_for_nothing() -> None:
    class Untouched(MemoryStore):
        def reserve(self, *_: Any) -> Any:
            raise AssertionError("the store was asked")

    rules = f"  - id: never\n    when: request.model == 'big'\n    deny: No.\n{DENY}"
    decision = Engine(program(rules), Untouched(), clock=Clock()).decide("llm.request", asked())
    assert decision.verdict == "deny"
    assert [use.status for use in decision.facts] == ["skipped"]


def test_a_released_request_gives_all_back_and_an_expired_one_too() -> None:
    clock = Clock()
    engine = Engine(program(RATE), MemoryStore(), clock=clock)
    first, second = (engine.decide("llm.request", asked()) for _ in range(2))
    assert engine.decide("llm.request", asked()).verdict == "deny"
    assert first.reservation is not None
    assert engine.release(first.reservation).counted
    assert not engine.release(first.reservation).counted
    assert engine.decide("llm.request", asked()).allowed
    assert second.allowed


@pytest.mark.parametrize(
    ("effect", "kind"), [("route: economy", "route"), ("warn: Careful.", "warn")]
)
def test_what_does_not_refuse_is_counted_beyond_its_limit(effect: str, kind: str) -> None:
    rule = f"  - id: soft\n    rate: {{window: minute, requests: 2}}\n    {effect}\n"
    store, clock = MemoryStore(), Clock()
    engine = Engine(program(rule), store, clock=clock)
    decisions = [engine.decide("llm.request", asked()) for _ in range(4)]
    assert [d.allowed for d in decisions] == [True] * 4
    assert [d.reasons[0].effect for d in decisions] == ["allow", "allow", kind, kind]
    assert decisions[3].reasons[0].evidence[0]["reserved"] == 3
    assert all(d.reservation is not None for d in decisions)


def test_limits_over_one_meter_count_a_request_once() -> None:
    rules = """\
  - id: soft
    rate: {meter: calls, window: minute, requests: 1}
    warn: Half of it is used.
  - id: hard
    rate: {meter: calls, window: minute, requests: 2}
    deny: All of it is used.
"""
    engine = Engine(program(rules), MemoryStore(), clock=Clock())
    decisions = [engine.decide("llm.request", asked()) for _ in range(3)]
    assert [d.verdict for d in decisions] == ["allow", "allow", "deny"]
    assert [len(d.reservation.holds) for d in decisions if d.reservation] == [1, 1]
    assert [[r.rule for r in d.reasons if r.rule] for d in decisions] == [
        [], ["soft"], ["soft", "hard"],
    ]  # fmt: skip


def test_all_is_held_or_nothing() -> None:
    engine = Engine(program(DENY + RATE), MemoryStore(), clock=Clock())
    for _ in range(2):
        assert engine.decide("llm.request", asked(most=100)).allowed
    # The rate refuses, so the budget is not touched: it has room for more than ten of these.
    for _ in range(20):
        refused = engine.decide("llm.request", asked(most=100))
        assert [r.rule for r in refused.reasons] == ["fast"]


def test_the_price_is_that_of_the_model_that_will_serve() -> None:
    rules = """\
  - id: downgrade
    spend: {per: [subject.id], window: day, limit_usd: 0.03, on_exceed: {route: economy}}
"""
    engine = Engine(program(rules, **{"data/tiers.yaml": TIERS}), MemoryStore(), clock=Clock())
    decisions = [engine.decide("llm.request", asked()) for _ in range(3)]
    routes = [d.route for d in decisions]
    assert [(r.to, r.model) for r in routes if r] == [
        ("standard", "big"), ("economy", "small"), ("economy", "small"),
    ]  # fmt: skip
    assert [held(d)["micro_usd"] for d in decisions] == [21_000, 2_100, 2_100]
    assert [d.reservation.model for d in decisions if d.reservation] == ["big", "small", "small"]


def test_no_model_of_the_tier_may_serve() -> None:
    rules = "  - id: secret\n    words: [heron]\n    tag: {heron: 'yes'}\n"
    engine = Engine(program(rules, **{"data/tiers.yaml": TIERS}), MemoryStore(), clock=Clock())
    assert engine.decide("llm.request", asked(text="A crane.")).allowed
    refused = engine.decide("llm.request", asked(text="A heron."))
    assert (refused.verdict, refused.reasons[-1].code) == ("deny", "no-route")
    assert "big" in refused.reasons[-1].admin


def test_an_unknown_price_is_never_free() -> None:
    engine = Engine(program(DENY), MemoryStore(), clock=Clock())
    decision = engine.decide("llm.request", asked(model="mystery"))
    assert decision.verdict == "deny"
    assert [error.code for error in decision.errors] == ["unknown-price"]


def test_what_cannot_be_priced_when_it_is_settled_counts_as_it_was_held() -> None:
    engine = Engine(program(DENY), MemoryStore(), clock=Clock())
    decision = engine.decide("llm.request", asked())
    assert decision.reservation is not None
    done = engine.settle(decision.reservation, {"output_tokens": 5}, model="mystery")
    assert done.counted
    assert done.amounts == (21_000,)
    assert "price" in done.why


def test_a_misspelt_usage_is_not_free() -> None:
    engine = Engine(program(DENY), MemoryStore(), clock=Clock())
    decision = engine.decide("llm.request", asked())
    assert decision.reservation is not None
    with pytest.raises(StateError, match="`input_tokens`"):
        engine.settle(decision.reservation, {"prompt_tokens": 100})
    done = engine.settle(decision.reservation, {"input_tokens": -5})
    assert done.amounts == (21_000,)
    assert "negative" in done.why


def test_a_key_is_held_once() -> None:
    engine = Engine(program(RATE), MemoryStore(), clock=Clock())
    ids = set()
    for _ in range(5):
        decision = engine.decide("llm.request", asked(), idempotency_key="r-1")
        assert decision.allowed
        assert decision.reservation is not None
        ids.add(decision.reservation.id)
    assert len(ids) == 1
    assert engine.decide("llm.request", asked(), idempotency_key="r-2").allowed
    assert engine.decide("llm.request", asked(), idempotency_key="r-3").verdict == "deny"


def test_a_dry_decision_says_how_it_stands_and_holds_nothing() -> None:
    engine = Engine(program(RATE), MemoryStore(), clock=Clock())
    for _ in range(5):
        assert engine.decide("llm.request", asked(), reserve=False).allowed
    for _ in range(2):
        assert engine.decide("llm.request", asked()).allowed
    dry = engine.decide("llm.request", asked(), reserve=False)
    assert dry.verdict == "deny"
    assert dry.reservation is None
    assert dry.reasons == engine.decide("llm.request", asked()).reasons


def test_explaining_holds_nothing() -> None:
    head = "apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata: {name: p}\non: [llm.request]\n"
    checked = policyengine.check(
        load_text({"bundle.yaml": MANIFEST, "p.yaml": f"{head}rules:\n{RATE}"})
    )
    engine = Engine(policyengine.compile(checked), MemoryStore(), clock=Clock())
    from policyengine.explanation import explain

    for _ in range(5):
        assert explain(checked, engine, "llm.request", asked()).decision.allowed
        assert explain(checked, engine, "llm.request", asked(), ask=True).decision.allowed
    assert [engine.decide("llm.request", asked()).allowed for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("rule", "verdict", "counted"),
    [
        (RATE, "deny", "match"),
        (RATE.replace("deny: Slow.", "route: economy"), "allow", "match"),
        (f"{RATE}    on_error: skip\n", "allow", "skip"),
    ],
)
def test_the_rule_decides_on_a_store_that_cannot_answer(
    rule: str, verdict: str, counted: str
) -> None:
    class Broken(MemoryStore):
        def reserve(self, *_: Any) -> Any:
            raise StateError("store-unreachable", "the store cannot be reached")

    class Foreign(MemoryStore):
        def reserve(self, *_: Any) -> Any:
            raise ValueError("redis://:hunter2@host")

    codes = []
    for store in (None, Broken(), Foreign(), MemoryStore.__new__(type("Old", (), {}))):
        decision = Engine(program(rule), store, clock=Clock()).decide("llm.request", asked())
        assert decision.verdict == verdict
        assert decision.reservation is None
        (error,) = decision.errors
        assert error.counted_as == counted
        assert "hunter2" not in decision.to_json()
        codes.append(error.code)
        routed = decision.route is not None and decision.route.to == "economy"
        assert routed == ("economy" in rule)
    assert codes == ["no-store", "store-unreachable", "store-failed", "store-failed"]


def test_a_guard_is_asked_once_however_often_the_rules_decide() -> None:
    class Counted:
        READS = "texts"
        COST = 1
        SCHEMA: ClassVar[Mapping[str, Any]] = {}
        FINDING: ClassVar[Mapping[str, str]] = {
            "type": "string",
            "field": "string",
            "start": "int",
            "end": "int",
        }
        asked = 0

        def normal(self, value: Any) -> Any:
            return value

        def build(self, _: Any) -> Any:
            def find(_: Any) -> Sequence[Any]:
                self.asked += 1
                return []

            return find

    guard = Counted()
    rules = "  - id: w\n    words: [heron]\n    deny: No.\n" + RATE
    engine = Engine(program(rules), MemoryStore(), guards={"words": guard}, clock=Clock())
    for number in range(1, 5):
        engine.decide("llm.request", asked(text="x"))
        assert guard.asked == number


def test_recorded_facts_are_used_and_nothing_is_charged() -> None:
    engine = Engine(program(RATE), MemoryStore(), clock=Clock())
    for _ in range(4):
        decision = engine.decide("llm.request", asked(), facts={"rate": []})
        assert decision.allowed
        assert decision.reservation is None
    found = [{"type": "RATE", "retry_after": 7}]
    refused = engine.decide("llm.request", asked(), facts={"rate": found})
    assert (refused.verdict, refused.retry_after) == ("deny", 7)


def test_a_shadow_limit_counts_and_never_refuses() -> None:
    engine = Engine(program(f"{RATE}    mode: shadow\n"), MemoryStore(), clock=Clock())
    decisions = [engine.decide("llm.request", asked()) for _ in range(4)]
    assert [d.verdict for d in decisions] == ["allow"] * 4
    assert [len(d.shadow) for d in decisions] == [0, 0, 1, 1]


def test_a_stream_that_takes_more_is_held_to_the_limit() -> None:
    engine = Engine(program(DENY), MemoryStore(), clock=Clock())
    decision = engine.decide("llm.request", asked())
    assert decision.reservation is not None
    more = engine.extend(decision.reservation, {"input_tokens": 100, "output_tokens": 2_000})
    assert more is not None
    assert more.holds[0].amount == 41_000
    assert engine.decide("llm.request", asked()).verdict == "deny"
    assert engine.extend(more, {"input_tokens": 100, "output_tokens": 4_000}) is None
    # Less than before is no reason to hold less: the answer may go on.
    less = engine.extend(more, {"input_tokens": 100, "output_tokens": 1})
    assert less is not None
    assert less.holds[0].amount == 41_000
    assert engine.settle(less, {"input_tokens": 100, "output_tokens": 1_500}).amounts == (31_000,)
    with pytest.raises(StateError):
        engine.extend(less, {"output_tokens": 9_000})


def test_a_stream_does_not_end_where_no_rule_refuses() -> None:
    rules = """\
  - id: warned
    budget: {meter: p/hard, per: [subject.id], window: day, limit_usd: 0.05, below: 90%}
    warn: Little is left.
  - id: routed
    spend: {meter: soft, per: [subject.id], window: day, limit_usd: 0.03}
    route: economy
  - id: shadowed
    spend: {meter: shadow, per: [subject.id], window: day, limit_usd: 0.03}
    deny: No.
    mode: shadow
"""
    engine = Engine(program(rules + DENY), MemoryStore(), clock=Clock())
    decision = engine.decide("llm.request", asked(most=10))
    assert decision.reservation is not None
    more = engine.extend(decision.reservation, {"input_tokens": 100, "output_tokens": 2_000})
    assert more is not None
    assert {hold.amount for hold in more.holds} == {41_000}
    assert engine.extend(more, {"input_tokens": 100, "output_tokens": 2_500}) is None


def test_what_holds_nothing_has_nothing_to_settle() -> None:
    engine = Engine(program("  - id: t\n    tag: {x: y}\n"), clock=Clock())
    decision = engine.decide("llm.request", asked())
    assert decision.reservation is None
    assert engine.settle(None, {"input_tokens": 1}) == (False, (), False, "")
    assert engine.release(None) == (False, (), False, "")


def test_a_refund_counts_once() -> None:
    engine = Engine(program(DENY + RATE), MemoryStore(), clock=Clock())
    decision = engine.decide("llm.request", asked())
    assert decision.reservation is not None
    usage = {"input_tokens": 100, "output_tokens": 1_000}
    engine.settle(decision.reservation, usage)
    assert sorted(engine.refund(decision.reservation, usage, "refund-1").amounts) == [0, 21_000]
    assert not engine.refund(decision.reservation, usage, "refund-1").counted
    assert engine.decide("llm.request", asked(most=2_000)).allowed


def test_a_reservation_can_be_settled_elsewhere() -> None:
    store = MemoryStore()
    here = Engine(program(DENY), store, clock=Clock())
    decision = here.decide("llm.request", asked())
    assert decision.reservation is not None
    sent = json.dumps(json.loads(decision.to_json())["reservation"])
    there = Engine(loads(dumps(here.program)), store, clock=Clock())
    found = Reservation.from_dict(json.loads(sent))
    assert found == decision.reservation
    assert there.settle(found, {"input_tokens": 100}).amounts == (1_000,)


def test_what_the_store_cannot_take_waits_and_counts_once() -> None:
    class Flaky(MemoryStore):
        down = False

        def settle(self, *arguments: Any) -> bool:
            if self.down:
                raise StateError("store-unreachable", "the store cannot be reached")
            return super().settle(*arguments)

    store = Flaky()
    engine = Engine(program(DENY), store, clock=Clock())
    decisions = [engine.decide("llm.request", asked(most=100)) for _ in range(2)]
    store.down = True
    for decision in decisions:
        assert decision.reservation is not None
        done = engine.settle(decision.reservation, {"input_tokens": 100, "output_tokens": 50})
        assert (done.counted, done.waiting) == (False, True)
    assert engine.flush() == 2
    store.down = False
    assert engine.flush() == 0
    (charge,) = decisions[0].reservation.charges if decisions[0].reservation else ()
    (standing,) = store.standing([charge], START.timestamp())
    assert standing == Standing(4_000, 0, standing.slots)
    assert MOST_WAITING > 2


def test_threads_never_get_more_than_the_limit() -> None:
    rule = "  - id: r\n    rate: {window: day, requests: 50}\n    deny: No.\n"
    engine = Engine(program(rule), MemoryStore(), clock=Clock())
    allowed: list[int] = []

    def work() -> None:
        allowed.append(sum(engine.decide("llm.request", asked()).allowed for _ in range(20)))

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 50


def test_an_event_loop_does_not_wait_for_a_store_that_blocks() -> None:
    class Slow(MemoryStore):
        BLOCKING = True
        threads: ClassVar[set[str]] = set()

        def reserve(self, *arguments: Any) -> Any:
            self.threads.add(current_thread().name)
            return super().reserve(*arguments)

    store = Slow()
    engine = Engine(program(RATE), store, clock=Clock())

    async def work() -> list[bool]:
        decisions = [await engine.adecide("llm.request", asked()) for _ in range(3)]
        first = decisions[0].reservation
        assert first is not None
        more = await engine.aextend(first, {"input_tokens": 10, "output_tokens": 10})
        assert more is not None
        assert (await engine.arelease(more)).counted
        await engine.arefund(more, {"input_tokens": 10, "output_tokens": 1}, "refund")
        assert await engine.arecord("llm.request", asked(), Event(0.0, "note")) == 0
        return [d.allowed for d in decisions]

    assert asyncio.run(work()) == [True, True, False]
    assert current_thread().name not in store.threads


PAST = """\
  - id: again
    history: {per: [session.id], kind: tool.call, name: shell, within: 10m, more_than: 1}
    deny: Not again.
  - id: never
    when: tool.name == "rm"
    deny: No.
"""


def call(name: str = "shell", session: str = "s1") -> dict[str, Any]:
    return {"tool": {"name": name, "arguments": {}}, "session": {"id": session}}


def test_what_is_allowed_is_remembered() -> None:
    clock = Clock()
    engine = Engine(program(PAST, "tool.call"), MemoryStore(), clock=clock)
    assert engine.decide("tool.call", call("rm")).verdict == "deny"
    verdicts = [engine.decide("tool.call", call()).verdict for _ in range(4)]
    assert verdicts == ["allow", "allow", "deny", "deny"]
    assert engine.decide("tool.call", call(session="s2")).allowed
    assert engine.decide("tool.call", call("other"), reserve=False).verdict == "deny"
    clock.forward(601)
    assert engine.decide("tool.call", call()).allowed


def test_hosts_record_events_of_their_own() -> None:
    engine = Engine(program(PAST, "tool.call"), MemoryStore(), clock=Clock())
    for _ in range(2):
        event = Event(START.timestamp(), "tool.call", "shell")
        assert engine.record("tool.call", call("any"), event) == 1
    assert engine.decide("tool.call", call()).verdict == "deny"
    assert engine.record("llm.request", asked(), event) == 0


def test_a_store_that_forgets_is_an_error_for_the_rules_about_the_past() -> None:
    class Forgetful(MemoryStore):
        def append(self, *_: Any) -> None:
            raise StateError("store-full", "the store is full")

    rules = PAST + "  - id: r\n    rate: {window: day, requests: 9}\n    deny: No.\n"
    store = Forgetful()
    decision = Engine(program(rules, "tool.call"), store, clock=Clock()).decide("tool.call", call())
    assert decision.verdict == "deny"
    assert [(e.rule, e.code) for e in decision.errors] == [("again", "store-full")]
    charge = Charge("none", "requests", 0, 0, 0, 0, 0, 1, 0, "", "")
    assert store.standing([charge], START.timestamp())[0].used == 0


def test_a_replay_draws_and_observes_as_before() -> None:
    tiers = """
default: any
models: {a: {}, b: {}, c: {}}
tiers:
  any: {strategy: weighted, models: [a, b, c]}
"""
    rule = "  - id: t\n    when: 'true'\n    tag: {x: y}\n"
    engine = Engine(program(rule, **{"data/tiers.yaml": tiers}), clock=Clock())
    seen = set()
    for number in range(40):
        input = asked(text=str(number))
        first = engine.decide("llm.request", input)
        assert first == engine.decide("llm.request", input)
        assert first.route is not None
        seen.add(first.route.model)
    assert seen == {"a", "b", "c"}
    before = engine.decide("llm.request", asked())
    assert before.route is not None
    snapshot = engine.routes.observed.snapshot(START.timestamp()) if engine.routes else {}
    for _ in range(20):
        engine.observe(before.route.model, ok=False, status=500)
    after = engine.decide("llm.request", asked())
    assert after.route is not None
    assert after.route.model != before.route.model
    assert engine.decide("llm.request", asked(), facts={"observed": [snapshot]}) == before
