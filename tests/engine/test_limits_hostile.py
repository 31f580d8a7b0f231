"""Hostile tenants, buggy hosts and stores that misbehave: nothing is served for free."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from threading import Event as Signal
from threading import Thread
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine import Engine
from policyengine.charges import Charge, Reservation, Standing, Usage
from policyengine.decision import Decision
from policyengine.errors import StateError
from policyengine.program import Program
from policyengine.rules.load import load_text
from policyengine.state.memory import MemoryStore

HEAD = """apiVersion: policyengine.dev/v1
kind: Bundle
name: limits
version: 1.0.0
defaults: {llm.request: allow}
"""
POLICY = """apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules:
"""
PRICES = {
    "currency": "USD",
    "valid_from": "2026-01-01",
    "models": {
        "big": {"input_cost_per_token": 1e-5, "output_cost_per_token": 2e-5},
        "small": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
    },
}
TIERS = """
default: standard
models: {big: {}, small: {}}
tiers:
  standard: {models: [big]}
  economy: {models: [small]}
"""
START = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
DENY = "  - id: hard\n    spend: {per: [subject.id], window: day, limit_usd: 0.05}\n    deny: No.\n"
RATE = "  - id: fast\n    rate: {per: [subject.id], window: 60s, requests: 2}\n    deny: Slow.\n"
BUDGET = """\
  - id: low
    budget: {meter: p/hard, per: [subject.id], window: day, limit_usd: 0.05, below: 50%}
    warn: Little is left.
"""
PARALLEL = "  - id: at-once\n    concurrency: {per: [subject.id], parallel: 1}\n    deny: Wait.\n"


def program(rules: str, **files: str) -> Program:
    tree = {"bundle.yaml": HEAD, "p.yaml": POLICY + rules, "data/prices.json": json.dumps(PRICES)}
    return policyengine.compile(policyengine.check(load_text({**tree, **files})))


def engine_of(rules: str, store: Any = None, **files: str) -> Engine:
    return Engine(program(rules, **files), store or MemoryStore(), clock=lambda: START)


def asked(model: str = "big", text: str = "") -> dict[str, Any]:
    request = {
        "model": model,
        "input_tokens": 100,
        "max_tokens": 1_000,
        "messages": [{"role": "user", "content": text}],
    }
    return {"request": request, "subject": {"id": "sam"}}


def held(decision: Decision) -> dict[str, int]:
    return {hold.unit: hold.amount for hold in reserved(decision).holds}


def reserved(decision: Decision) -> Reservation:
    assert decision.reservation is not None
    return decision.reservation


def used(store: MemoryStore, charge: Charge) -> int:
    (standing,) = store.standing([charge], START.timestamp())
    return standing.used


# A host that makes mistakes.


@pytest.mark.parametrize("usage", [{}, Usage(), {"batch": True}, {"cost_micro_usd": None}])
def test_a_usage_that_says_nothing_is_not_free(usage: Any) -> None:
    rules = DENY + "  - id: t\n    rate: {window: day, tokens: 10000}\n    deny: No.\n"
    engine = engine_of(rules)
    decision = engine.decide("llm.request", asked())
    done = engine.settle(reserved(decision), usage)
    assert done.counted
    assert sorted(done.amounts) == sorted(held(decision).values())


def test_a_cost_alone_says_nothing_of_tokens() -> None:
    rules = DENY + "  - id: t\n    rate: {window: day, tokens: 10000}\n    deny: No.\n"
    engine = engine_of(rules)
    decision = engine.decide("llm.request", asked())
    units = [hold.unit for hold in reserved(decision).holds]
    done = engine.settle(reserved(decision), {"cost_micro_usd": 7})
    amounts = dict(zip(units, done.amounts, strict=True))
    assert amounts == {"micro_usd": 7, "tokens": 1_100}


def test_pictures_are_a_usage_without_tokens() -> None:
    rules = "  - id: t\n    rate: {window: day, tokens: 10000}\n    deny: No.\n"
    engine = engine_of(rules)
    decision = engine.decide("llm.request", asked())
    assert engine.settle(reserved(decision), {"output_images": 1}).amounts == (0,)


@pytest.mark.parametrize("batch", ["false", 1, None, "no"])
def test_a_batch_is_one_only_where_that_is_said(batch: Any) -> None:
    engine = engine_of(DENY)
    decision = engine.decide("llm.request", asked())
    done = engine.settle(reserved(decision), {"input_tokens": 1, "batch": batch})
    assert done.amounts == (21_000,)
    assert "`batch`" in done.why


def test_what_cannot_be_priced_does_not_run_for_ever() -> None:
    engine = engine_of(PARALLEL + DENY)
    for _ in range(2):
        decision = engine.decide("llm.request", asked())
        assert decision.allowed
        done = engine.settle(reserved(decision), {"output_tokens": 1}, model="mystery")
        assert sorted(done.amounts) == [0, 21_000]


def test_a_refund_of_unknown_worth_takes_nothing_off() -> None:
    store = MemoryStore()
    engine = engine_of(DENY, store)
    reservation = reserved(engine.decide("llm.request", asked()))
    engine.settle(reservation, {"input_tokens": 100})
    for usage, model in (({"input_tokens": -1}, ""), ({"input_tokens": 1}, "mystery")):
        with pytest.raises(StateError):
            engine.refund(reservation, usage, "r", model=model)
    assert engine.refund(reservation, {}, "r-0").amounts == (0,)
    assert used(store, reservation.charges[0]) == 1_000
    assert engine.refund(reservation, {"input_tokens": 50}, "r").counted
    assert used(store, reservation.charges[0]) == 500


def test_a_dearer_model_is_held_before_it_is_tried() -> None:
    engine = engine_of(DENY)
    reservation = reserved(engine.decide("llm.request", asked("small")))
    usage = {"input_tokens": 100, "output_tokens": 1_000}
    more = engine.extend(reservation, usage, model="big")
    assert more is not None
    assert (more.model, more.holds[0].amount) == ("big", 21_000)
    assert engine.settle(more, usage).amounts == (21_000,)
    other = reserved(engine.decide("llm.request", asked("small")))
    assert engine.extend(other, {**usage, "output_tokens": 5_000}, model="big") is None
    with pytest.raises(StateError, match="price book"):
        engine.extend(other, usage, model="mystery")


@pytest.mark.parametrize("held_for", [0, -1.0, float("inf"), float("nan")])
def test_what_is_held_for_no_time_is_not_held(held_for: float) -> None:
    with pytest.raises(ValueError, match="held_for"):
        Engine(program(RATE), MemoryStore(), held_for=held_for)


def _changed(path: Sequence[Any], value: Any) -> dict[str, Any]:
    decision = engine_of(DENY).decide("llm.request", asked())
    plain: Any = json.loads(json.dumps(reserved(decision).to_dict()))
    place = plain
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    changed: dict[str, Any] = plain
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("holds", 0, 0), "p/hard|micro_usd|day@UTC|subject.id|kim"),
        (("holds", 0, 1), "requests"),
        (("holds", 0, 2), -5),
        (("holds", 0, 2), 0),
        (("holds", 0, 2), 1.5),
        (("charges", 0, 2), 0),
        (("charges", 0), []),
        (("holds",), []),
        (("holds",), None),
        (("looks",), [1]),
        (("looks",), [True]),
        (("looks",), 0),
        (("id",), {}),
        (("model",), None),
        (("expires",), float("nan")),
        (("expires",), 10**400),
        (("expires",), None),
    ],
)
def test_a_reservation_that_was_changed_is_none(path: Sequence[Any], value: Any) -> None:
    with pytest.raises(ValueError, match="no reservation"):
        Reservation.from_dict(_changed(path, value))


def test_a_report_that_no_store_takes_does_not_wait_before_others() -> None:
    class Flaky(MemoryStore):
        down = True

        def settle(self, *arguments: Any) -> bool:
            if self.down:
                raise OSError("redis://:hunter2@host")
            return super().settle(*arguments)

    store = Flaky()
    engine = engine_of(DENY, store)
    first, second = (reserved(engine.decide("llm.request", asked())) for _ in range(2))
    assert engine.settle(first, {"cost_micro_usd": 5}).waiting
    assert engine.settle(second, {"cost_micro_usd": 5}).waiting
    store.down = False
    strange = Reservation("x", (first.holds[0]._replace(slot=2**60),), first.expires, "big")
    with pytest.raises(StateError) as caught:
        engine.settle(strange, {"cost_micro_usd": 5})
    assert caught.value.code == "bad-amount"
    assert engine.flush() == 0
    assert used(store, first.charges[0]) == 10


def test_an_error_of_a_store_never_tells_its_password() -> None:
    class Foreign(MemoryStore):
        def raised(self, *_: Any) -> Any:
            raise ValueError("redis://:hunter2@host")

        def append(self, *_: Any) -> Any:
            raise ValueError("redis://:hunter2@host")

    engine = engine_of(DENY, Foreign())
    reservation = reserved(engine.decide("llm.request", asked()))
    with pytest.raises(StateError) as caught:
        engine.extend(reservation, {"output_tokens": 1})
    assert "hunter2" not in repr(caught.value)
    assert caught.value.code == "store-failed"


# A tenant who wants more than there is.


def test_a_key_is_no_ticket_for_other_requests() -> None:
    engine = engine_of(RATE)
    asking = [asked(text=str(number)) for number in range(4)]
    verdicts = [engine.decide("llm.request", one, idempotency_key="mine").verdict for one in asking]
    assert verdicts == ["allow", "allow", "deny", "deny"]


@pytest.mark.parametrize("end", ["settle", "release"])
def test_a_key_that_is_over_is_one_more_request(end: str) -> None:
    store = MemoryStore()
    engine = engine_of(DENY, store)
    ids = set()
    for _ in range(4):
        decision = engine.decide("llm.request", asked(), idempotency_key="mine")
        again = engine.decide("llm.request", asked(), idempotency_key="mine")
        if not decision.allowed:
            break
        ids.add(reserved(decision).id)
        if end == "settle":
            assert engine.settle(reserved(decision), {"cost_micro_usd": 20_000}).counted
        else:
            assert engine.release(reserved(decision)).counted
            if reserved(again).id != reserved(decision).id:
                engine.release(reserved(again))
    assert len(ids) == (2 if end == "settle" else 4)


def test_two_soft_limits_of_one_rule_both_count() -> None:
    condition = (
        "size(rate({'meter': 'a', 'window': 'minute', 'requests': 1})) > 0 || "
        "size(rate({'meter': 'b', 'window': 'day', 'requests': 100})) > 0"
    )
    engine = engine_of(f'  - id: soft\n    when: "{condition}"\n    warn: Careful.\n')
    for _ in range(5):
        decision = engine.decide("llm.request", asked())
        assert sorted(hold.key[0] for hold in reserved(decision).holds) == ["a", "b"]


def test_a_look_at_a_budget_charges_nothing() -> None:
    store = MemoryStore()
    only = DENY.replace("    deny", "    when: request.model == 'big'\n    deny")
    engine = engine_of(only + BUDGET, store)
    for _ in range(3):
        decision = engine.decide("llm.request", asked("small"))
        reservation = Reservation.from_dict(json.loads(json.dumps(reserved(decision).to_dict())))
        assert reservation == decision.reservation
        usage = {"input_tokens": 100, "output_tokens": 5_000}
        more = engine.extend(reservation, usage)
        assert more is not None
        assert more.holds[0].amount == 0
        assert engine.settle(more, usage).amounts == (0,)
        assert used(store, reservation.charges[0]) == 0
    both = engine.decide("llm.request", asked("big"))
    assert held(both) == {"micro_usd": 21_000}
    assert engine.settle(reserved(both), {"cost_micro_usd": 30_000}).amounts == (30_000,)
    warned = engine.decide("llm.request", asked("small"))
    assert [reason.rule for reason in warned.reasons if reason.rule] == ["low"]


def test_a_counter_lasts_as_long_as_the_limit_that_needs_it_longest() -> None:
    rules = """\
  - id: soft
    steps: {meter: m, steps: 1, forget_after: 1d}
    warn: Careful.
  - id: hard
    steps: {meter: m, steps: 2, forget_after: 30d}
    deny: No.
"""
    decision = engine_of(rules).decide("llm.request", asked())
    assert [hold.lasts for hold in reserved(decision).holds] == [30 * 86_400]


def test_a_cheaper_model_is_tried_before_a_hard_limit_refuses() -> None:
    rules = """\
  - id: soft
    spend: {per: [subject.id], window: day, limit_usd: 0.020, on_exceed: {route: economy}}
  - id: hard
    spend: {per: [subject.id], window: day, limit_usd: 0.0205}
    deny: No.
"""
    engine = engine_of(rules, **{"data/tiers.yaml": TIERS})
    # 21,000 at the price of `big` are too many for both, 2,100 for neither.
    for _ in range(9):
        decision = engine.decide("llm.request", asked())
        assert decision.allowed
        assert reserved(decision).model == "small"
    last = engine.decide("llm.request", asked())
    assert last.verdict == "deny"
    assert [reason.rule for reason in last.reasons if reason.effect == "deny"] == ["hard"]
    dry = engine.decide("llm.request", asked(), reserve=False)
    assert (dry.verdict, dry.reasons) == (last.verdict, last.reasons)


_FIELDS = (
    "model", "system", "messages", "inputs", "documents", "memory", "max_tokens", "n",
    "input_tokens", "input_images", "tools", "unscanned", "endpoint",
)  # fmt: skip
_LEAVES = (
    st.none() | st.booleans() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["big", "small", 0, -1, 1, 10**8, 10**9, 2**63, 10**400])
)  # fmt: skip
_PARTS = _LEAVES | st.lists(
    _LEAVES | st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "name"]), _LEAVES),
    max_size=2,
)
_WIDE = engine_of(
    DENY.replace("0.05", "5000")
    + "  - id: t\n    rate: {per: [request.model], window: day, tokens: 1000000}\n    deny: No.\n",
    **{"data/tiers.yaml": TIERS},
)


@settings(max_examples=150, deadline=None)
@given(parts=st.dictionaries(st.sampled_from(_FIELDS), _PARTS, max_size=5), user=_PARTS)
def test_no_input_is_free_or_an_exception(parts: dict[str, Any], user: Any) -> None:
    input = {"request": {"model": "big", **parts}, "subject": {"id": user}}
    decision = _WIDE.decide("llm.request", input)
    if decision.allowed:
        assert len(reserved(decision).holds) == 2
        _WIDE.release(reserved(decision))
    else:
        assert decision.reservation is None


# A store that misbehaves.


async def _nothing() -> None:
    """What a store gives that should have been awaited."""


class Nonsense(MemoryStore):
    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def reserve(self, *_: Any) -> Any:
        return self.answer

    def standing(self, *_: Any) -> Any:
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        None, False, True, [], (), "", 0, {5: Standing(1, 1)}, {-1: Standing(1, 1)},
        {True: Standing(1, 1)}, {"0": Standing(1, 1)}, {0: None}, {0: (1, 2)},
        {0: Standing(None, 0)}, {0: Standing(0, 0)}, [None], [(1, 2)],  # type: ignore[arg-type]
        [Standing(1, 1)] * 9,
    ],
)  # fmt: skip
@pytest.mark.parametrize("reserve", [True, False])
def test_an_answer_that_makes_no_sense_is_no_room(answer: Any, reserve: bool) -> None:
    engine = engine_of(RATE, Nonsense(answer))
    decision = engine.decide("llm.request", asked(), reserve=reserve)
    assert decision.reservation is None
    assert decision.verdict == "deny"
    assert [error.code for error in decision.errors] == ["store-failed"]


def test_a_limit_that_is_refused_under_a_new_name_each_time_ends() -> None:
    class Endless:
        READS = "charges"
        COST = 1
        SCHEMA: Mapping[str, Any] = {}
        FINDING: Mapping[str, str] = {"type": "string"}
        names = 0

        def normal(self, value: Any) -> Any:
            return value

        def build(self, _: Any) -> Any:
            return self

        def charges(self, _: Any) -> Sequence[Charge]:
            self.names += 1
            return [Charge(f"k{self.names}", "requests", 1, 0, 0, 0, 0, 9, 0, "all", "9s")]

        def finding(self, *_: Any) -> Any:
            return {"type": "RATE"}

    rule = RATE.replace("deny: Slow.", "warn: Slow.")
    engine = Engine(
        program(rule), MemoryStore(), guards={"rate": cast(Any, Endless())}, clock=lambda: START
    )
    decision = engine.decide("llm.request", asked())
    assert [error.code for error in decision.errors] == ["limits-unsettled"]


class Slow(MemoryStore):
    """A store that keeps one waiting until it is let go."""

    BLOCKING = True

    def __init__(self) -> None:
        super().__init__()
        self.reached = Signal()
        self.go = Signal()
        self.given_back = Signal()

    def reserve(self, *arguments: Any) -> Any:
        self.reached.set()
        assert self.go.wait(20)
        return super().reserve(*arguments)

    def release(self, *arguments: Any) -> Any:
        found = super().release(*arguments)
        self.given_back.set()
        return found


def test_what_nobody_waits_for_any_more_is_given_back() -> None:
    store = Slow()
    engine = engine_of(PARALLEL, store)

    async def work() -> None:
        task = asyncio.create_task(engine.adecide("llm.request", asked()))
        while not store.reached.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    store.go.set()
    assert store.given_back.wait(20)
    assert engine.decide("llm.request", asked()).allowed


@pytest.mark.parametrize("on_error", ["match", "skip"])
def test_a_store_that_takes_too_long_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, on_error: str
) -> None:
    monkeypatch.setattr("policyengine.engine.holding._PATIENCE", 0.05)
    store = Slow()
    engine = engine_of(f"{PARALLEL}    on_error: {on_error}\n", store)
    decision = asyncio.run(engine.adecide("llm.request", asked()))
    assert [error.code for error in decision.errors] == ["fact-timeout"]
    assert decision.allowed == (on_error == "skip")
    assert decision.reservation is None
    store.go.set()
    # Work that no thread had begun when the time was over is never done.
    assert not store.reached.wait(0.2) or store.given_back.wait(20)
    assert engine.decide("llm.request", asked()).allowed


# Many at once.


def test_threads_settle_to_the_exact_sum(tmp_path: Any) -> None:
    from policyengine.state.sqlite import SqliteStore

    for store in (MemoryStore(), SqliteStore(tmp_path / "ledger.db")):
        engine = engine_of(DENY.replace("0.05", "0.5") + PARALLEL.replace("1}", "5}"), store)
        kept: list[Reservation] = []

        def work(number: int, engine: Engine = engine, kept: list[Reservation] = kept) -> None:
            for turn in range(10):
                decision = engine.decide("llm.request", asked())
                if decision.reservation is None:
                    continue
                if turn % 3:
                    usage = {"cost_micro_usd": 1_000 * number + turn}
                    engine.settle(decision.reservation, usage)
                    kept.append(decision.reservation)
                else:
                    engine.release(decision.reservation)

        threads = [Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert kept
        (money,) = (c for c in kept[0].charges if c.unit == "micro_usd")
        (slots,) = (c for c in kept[0].charges if c.unit == "parallel")
        standings = store.standing([money, slots], START.timestamp())
        assert [standing.reserved for standing in standings] == [0, 0]
        assert standings[1].spent == 0
        store.close()
