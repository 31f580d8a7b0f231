"""The engine with random limits against a plain model: verdicts, who is charged, and all sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine import Engine
from policyengine.charges import Charge
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
START = datetime(2026, 11, 20, 23, 59, 10, tzinfo=UTC)
HELD = {"requests": 1, "tokens": 110}


class Limit(NamedTuple):
    """A rule with one limit. `most` is how many requests have room, held as they are."""

    meter: str
    unit: str
    window: str
    per: bool
    most: int
    hard: bool
    only: str

    def rule(self, number: int) -> str:
        per = "per: [subject.id], " if self.per else ""
        amount = self.most * HELD[self.unit]
        when = f"    when: subject.id == '{self.only}'\n" if self.only else ""
        effect = "deny: No." if self.hard else "warn: Careful."
        value = f"{{meter: {self.meter}, {per}window: {self.window}, {self.unit}: {amount}}}"
        return f"  - id: r{number}\n    rate: {value}\n{when}    {effect}\n"

    def counter(self, user: str) -> tuple[str, ...]:
        return self.meter, self.unit, self.window, user if self.per else ""


class Step(NamedTuple):
    """A request, what becomes of it, and how many seconds later."""

    user: str
    end: str
    tokens: int
    later: int


LIMITS = st.builds(
    Limit,
    meter=st.sampled_from("ab"),
    unit=st.sampled_from(sorted(HELD)),
    window=st.sampled_from(["minute", "day", "60s", "total"]),
    per=st.booleans(),
    most=st.integers(1, 4),
    hard=st.booleans(),
    only=st.sampled_from(["", "", "sam"]),
)
STEPS = st.builds(
    Step,
    user=st.sampled_from(["sam", "kim"]),
    end=st.sampled_from(["settle", "release", "keep", "dry"]),
    tokens=st.integers(1, 300),
    later=st.sampled_from([0, 0, 1, 20, 61]),
)


class Model:
    """Every charge ever made, as a list of counters, moments and amounts."""

    def __init__(self) -> None:
        self.charges: list[list[Any]] = []

    def used(self, counter: tuple[str, ...], now: datetime) -> int:
        return sum(
            amount
            for one, at, amount in self.charges
            if one == counter and _counts(counter[2], at, now)
        )

    def exceeded(self, limits: list[Limit], user: str, now: datetime) -> list[int]:
        found = []
        for number, limit in enumerate(limits):
            asked = HELD[limit.unit]
            applies = limit.only in ("", user)
            if applies and self.used(limit.counter(user), now) + asked > limit.most * asked:
                found.append(number)
        return found


def _counts(window: str, at: datetime, now: datetime) -> bool:
    if window == "60s":
        return int(at.timestamp()) >= int(now.timestamp()) - 60
    cut = {"minute": "%Y%m%d%H%M", "day": "%Y%m%d", "total": "-"}[window]
    return at.strftime(cut) == now.strftime(cut)


def _input(user: str) -> dict[str, Any]:
    request = {"model": "m", "input_tokens": 10, "max_tokens": 100}
    return {"request": request, "subject": {"id": user}}


@settings(max_examples=60, deadline=None)
@given(limits=st.lists(LIMITS, min_size=1, max_size=5), steps=st.lists(STEPS, max_size=14))
def test_the_engine_counts_as_the_model_does(limits: list[Limit], steps: list[Step]) -> None:
    rules = "".join(limit.rule(number) for number, limit in enumerate(limits))
    tree = {"bundle.yaml": HEAD, "p.yaml": POLICY + rules}
    program = policyengine.compile(policyengine.check(load_text(tree)))
    store, model, now = MemoryStore(), Model(), START
    engine = Engine(program, store, clock=lambda: now)
    known: dict[tuple[str, ...], Charge] = {}
    for step in steps:
        exceeded = model.exceeded(limits, step.user, now)
        refused = {f"r{number}" for number in exceeded if limits[number].hard}
        decision = engine.decide("llm.request", _input(step.user), reserve=step.end != "dry")
        told = {reason.rule for reason in decision.reasons if reason.rule}
        assert decision.allowed == (not refused)
        if refused:
            assert decision.reservation is None
            assert told & refused
        else:
            assert told == {f"r{number}" for number in exceeded}
        if decision.reservation is not None:
            reservation = decision.reservation
            counters = {
                limit.counter(step.user) for limit in limits if limit.only in ("", step.user)
            }
            assert len(counters) == len(reservation.holds)
            made: list[list[Any]] = [
                [counter, now, HELD[counter[1]]] for counter in sorted(counters)
            ]
            known.update((_counter(charge, step.user), charge) for charge in reservation.charges)
            assert counters <= known.keys()
            if step.end == "settle":
                assert engine.settle(reservation, {"input_tokens": step.tokens}).counted
                for row in made:
                    row[2] = step.tokens if row[0][1] == "tokens" else row[2]
            if step.end == "release":
                assert engine.release(reservation).counted
            else:
                model.charges += made
        for counter, charge in known.items():
            there = _now(charge, now)
            (standing,) = store.standing([there], now.timestamp())
            assert standing.used == model.used(counter, now)
        now += timedelta(seconds=step.later)


def _counter(charge: Charge, user: str) -> tuple[str, ...]:
    meter, unit, window, per, *_ = charge.key.split("|")
    return meter, unit, window.partition("@")[0], user if per else ""


def _now(charge: Charge, now: datetime) -> Charge:
    """A charge to the same counter at another time."""
    if not charge.width:
        return charge
    slot = int(now.timestamp()) // charge.width * charge.width
    return charge._replace(slot=slot, since=slot - (charge.slot - charge.since))
