"""Limits over a real store, held to what really happened: never more, and hardly ever less."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.charges import Asked, Hold
from policyengine.limits import rate, steps
from policyengine.limits._windows import length
from policyengine.plugins import FactProvider, fact_provider
from policyengine.state.memory import MemoryStore

START = 1_795_262_400.0  # 2026-11-21T12:00:00Z


def served(clause: FactProvider, value: object, times: list[float], amount: int = 1) -> list[bool]:
    """Which of some requests are allowed; each is settled at once."""
    meter = clause.build(clause.normal(value))
    store = MemoryStore()
    allowed = []
    for number, now in enumerate(times):
        charges = meter.charges(Asked({}, "m", now, None))  # type: ignore[attr-defined]
        charges = [charge._replace(amount=amount) for charge in charges]
        name = f"r{number}"
        refused = store.reserve(name, charges, now, now + 60)
        allowed.append(not refused)
        if refused:
            [(at, standing)] = refused.items()
            finding = meter.finding(charges[at], standing, now)  # type: ignore[attr-defined]
            assert finding["spent"] + finding["asked"] > finding["limit"]
        else:
            holds = [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]
            store.settle(name, holds, [amount] * len(holds), now)
    return allowed


GAPS = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 400), st.floats(0, 9000)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(GAPS, st.sampled_from(["7s", "90s", "10m", "2h"]), st.integers(1, 5))
def test_no_stretch_of_a_rolling_window_has_more_than_the_limit(
    gaps: list[float], window: str, limit: int
) -> None:
    times = [START + ago for ago in accumulate(gaps)]
    allowed = served(rate, {"window": window, "requests": limit}, times)
    seconds, slot = length(window), -(-length(window) // 60)
    kept = [now for now, yes in zip(times, allowed, strict=True) if yes]
    for now in kept:
        assert sum(now - seconds < other <= now for other in kept) <= limit
    for now, yes in zip(times, allowed, strict=True):
        before = [other for other in kept if other < now or (other == now and not yes)]
        if not yes:
            # Nobody is refused for what lies further back than the window and one slot.
            assert sum(now - seconds - slot < other for other in before) >= limit


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 40_000), max_size=40),
    st.sampled_from(["hour", "day"]),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York"]),
)
def test_a_window_of_the_calendar_has_exactly_its_limit(
    gaps: list[float], window: str, zone: str
) -> None:
    times = [START + ago for ago in accumulate(gaps)]
    allowed = served(rate, {"window": window, "zone": zone, "requests": 2}, times)
    seen: dict[str, int] = {}
    for now, yes in zip(times, allowed, strict=True):
        local = datetime.fromtimestamp(now, ZoneInfo(zone))
        label = local.strftime("%Y-%m-%d %H" if window == "hour" else "%Y-%m-%d")
        assert yes == (seen.get(label, 0) < 2)
        seen[label] = seen.get(label, 0) + yes


def test_a_total_is_over_for_ever_and_an_idle_one_begins_anew() -> None:
    days = [START + day * 86_400.0 for day in (0, 0, 1, 29, 60)]
    assert served(steps, {"steps": 2}, days) == [True, True, False, False, True]
    forever = {"steps": 2, "forget_after": "366d"}
    assert served(steps, forever, days) == [True, True, False, False, False]


def test_a_counter_is_not_forgotten_in_its_window() -> None:
    month = [datetime(2026, 3, day, tzinfo=UTC).timestamp() for day in (1, 1, 31)]
    assert served(rate, {"window": "month", "requests": 2}, month) == [True, True, False]
    assert served(rate, {"window": "31d", "requests": 2}, month) == [True, True, False]
    # Just out of the window, it counts for one slot more: half a day in thirty.
    assert served(rate, {"window": "30d", "requests": 2}, month) == [True, True, False]
    assert served(rate, {"window": "29d", "requests": 2}, month) == [True, True, True]


@pytest.mark.parametrize("name", ["spend", "rate", "concurrency", "steps", "budget"])
def test_each_limit_is_a_provider_of_charges(name: str) -> None:
    provider = fact_provider(name)
    assert provider.READS == "charges"
    assert provider.SCHEMA["additionalProperties"] is False
    assert all(part.get("description") for part in provider.SCHEMA["properties"].values())
