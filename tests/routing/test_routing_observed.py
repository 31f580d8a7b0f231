"""How models fare: pauses, trying again, latencies, and clocks that go back."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.routing.observed import MAX_MODELS, MAX_RESULTS, Health, Observed, cooling

T = 1_000_000.0
HEALTH = Health(allowed_fails=3, cooldown_s=10, max_cooldown_s=60, window_s=30, min_results=10)


def fails(seen: Observed, *times: float, **given: Any) -> None:
    for at in times:
        seen.observe("m", False, now=at, **given)


def pause(seen: Observed, now: float) -> float:
    """For how many seconds the model is left alone from now on."""
    entry = seen.snapshot(now).get("m", {})
    until = entry.get("until", 0.0)
    return until - now if cooling(until, entry.get("seconds", 0.0), now) else 0.0


def test_failures_in_a_row_pause_a_model() -> None:
    seen = Observed(HEALTH)
    fails(seen, T, T + 1)
    assert pause(seen, T + 1) == 0
    fails(seen, T + 2)
    assert pause(seen, T + 2) == 10
    assert pause(seen, T + 12) == 0


def test_a_success_between_breaks_the_row() -> None:
    seen = Observed(HEALTH)
    fails(seen, T, T + 1)
    seen.observe("m", True, now=T + 2)
    fails(seen, T + 3, T + 4)
    assert pause(seen, T + 4) == 0


def test_a_share_of_failures_pauses_a_model() -> None:
    seen = Observed(HEALTH)
    for n in range(9):
        seen.observe("m", n % 2 == 0, now=T + n)
    assert pause(seen, T + 8) == 0
    fails(seen, T + 9)
    assert pause(seen, T + 9) == 10


def test_failures_outside_the_window_are_forgotten() -> None:
    seen = Observed(HEALTH)
    for n in range(20):
        seen.observe("m", n % 2 == 0, now=T + 4 * n)
    assert pause(seen, T + 76) == 0


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_the_requests_fault_is_not_the_models(status: int) -> None:
    seen = Observed(HEALTH)
    fails(seen, *(T + n for n in range(20)), status=status)
    assert seen.snapshot(T + 20) == {}


@pytest.mark.parametrize("status", [401, 404, 408, 500, 503, None])
def test_what_is_the_models_fault_counts(status: int | None) -> None:
    seen = Observed(HEALTH)
    fails(seen, T, T, T, status=status)
    assert pause(seen, T) == 10


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, 7.0, 7.0),
        (429, None, 10.0),
        (503, 7.0, 7.0),
        (429, 1e9, 60.0),
        (429, 0.0, 10.0),
        (429, math.inf, 10.0),
        (429, math.nan, 10.0),
        (429, -5.0, 10.0),
        (500, None, 0.0),
    ],
)
def test_who_asks_to_be_left_alone_is(status: int, asked: float | None, seconds: float) -> None:
    seen = Observed(HEALTH)
    fails(seen, T, status=status, cooldown=asked)
    assert pause(seen, T) == seconds


def test_a_longer_pause_is_not_cut_by_a_shorter_one() -> None:
    seen = Observed(HEALTH)
    fails(seen, T, status=429, cooldown=50.0)
    fails(seen, T + 1, status=429, cooldown=5.0)
    assert pause(seen, T + 1) == 49
    fails(seen, T + 2, status=429, cooldown=60.0)
    assert pause(seen, T + 2) == 60


def test_pauses_double_up_to_a_bound_and_a_success_ends_them() -> None:
    seen = Observed(HEALTH)
    fails(seen, T, T, T)
    now, pauses = T, []
    for _ in range(40):
        pauses.append(pause(seen, now))
        now += pauses[-1] + 1
        assert pause(seen, now) == 0
        fails(seen, now)
    assert pauses[:4] == [10, 20, 40, 60]
    assert set(pauses[3:]) == {60}
    now += 61
    seen.observe("m", True, now=now)
    assert "until" not in seen.snapshot(now)["m"]
    fails(seen, now, now, now)
    assert pause(seen, now) == 10


def test_answers_to_earlier_requests_change_no_pause() -> None:
    seen = Observed(HEALTH)
    fails(seen, T, T, T)
    seen.observe("m", True, now=T + 1)
    fails(seen, T + 2, T + 3, T + 4)
    assert pause(seen, T + 4) == 6


@pytest.mark.parametrize(("figure", "wanted"), [("median", 50.5), ("p95", 95.0)])
def test_latency(figure: str, wanted: float) -> None:
    seen = Observed(Health(latency=figure))
    for n in range(100):
        seen.observe("m", True, float(n * 37 % 100 + 1), now=T)
    assert seen.snapshot(T)["m"]["latency_ms"] == wanted


@pytest.mark.parametrize("latency", [None, math.nan, math.inf, -1.0])
def test_no_latency(latency: float | None) -> None:
    seen = Observed()
    seen.observe("m", True, latency, now=T)
    assert seen.snapshot(T) == {"m": {"results": 1, "failures": 0}}


def test_latency_of_failures_says_nothing() -> None:
    """A provider that refuses at once is not a fast one."""
    seen = Observed()
    seen.observe("m", False, 1.0, now=T)
    assert "latency_ms" not in seen.snapshot(T)["m"]


def test_old_latencies_are_forgotten() -> None:
    seen = Observed(HEALTH)
    seen.observe("m", True, 10.0, now=T)
    assert seen.snapshot(T + 29)["m"]["latency_ms"] == 10
    assert seen.snapshot(T + 30) == {}


def test_a_snapshot_is_kept_until_something_changes() -> None:
    seen = Observed(HEALTH)
    seen.observe("m", True, 10.0, now=T)
    one = seen.snapshot(T)
    assert seen.snapshot(T + 1) is one
    before = json.dumps(one)
    seen.observe("m", True, 30.0, now=T + 2)
    assert seen.snapshot(T + 2)["m"]["latency_ms"] == 20
    assert json.dumps(one) == before


def test_figures_of_many_results_hold_for_a_moment_and_pauses_do_not() -> None:
    seen = Observed(HEALTH)
    for n in range(40):
        seen.observe("m", True, 10.0, now=T)
        seen.observe("other", True, float(n), now=T)
    one = seen.snapshot(T)
    for _ in range(60):
        seen.observe("m", True, 50.0, now=T)
    assert seen.snapshot(T + 0.2) is one
    later = seen.snapshot(T + 0.25)
    assert later["m"] == {"results": 100, "failures": 0, "latency_ms": 50.0}
    assert later["other"] is one["other"]
    fails(seen, T + 0.3, T + 0.3)
    assert pause(seen, T + 0.3) == 0
    fails(seen, T + 0.3)
    assert pause(seen, T + 0.3) == 10


def test_a_clock_that_goes_back_is_no_pause_for_ever() -> None:
    seen = Observed(HEALTH)
    fails(seen, T, T, T)
    assert pause(seen, T - 1e6) == 0
    seen.observe("m", True, now=T - 1e6)
    assert seen.snapshot(T - 1e6) == {"m": {"results": 1, "failures": 0}}
    fails(seen, T - 1e6, T - 1e6, T - 1e6)
    assert pause(seen, T - 1e6) == 10


def test_memory_is_bounded() -> None:
    seen = Observed(Health(window_s=1e6))
    for n in range(MAX_MODELS + 50):
        seen.observe(f"m{n}", True, now=T)
    assert len(seen.snapshot(T)) == MAX_MODELS
    assert "m0" not in seen.snapshot(T)
    for _ in range(MAX_RESULTS + 50):
        seen.observe("m", True, now=T)
    assert seen.snapshot(T)["m"]["results"] == MAX_RESULTS


def test_threads() -> None:
    seen = Observed(Health(window_s=1e6))

    def report(number: int) -> None:
        for n in range(300):
            seen.observe(f"m{n % 7}", n % 3 > 0, float(n), now=T + n)
            json.dumps(seen.snapshot(T + n))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(report, range(8)))
    assert set(seen.snapshot(T + 300)) == {f"m{n}" for n in range(7)}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.booleans(),
            st.one_of(st.none(), st.floats()),
            st.sampled_from([None, 200, 400, 429, 500]),
            st.one_of(st.none(), st.floats()),
            st.floats(-1e3, 1e3),
        ),
        max_size=40,
    )
)
def test_whatever_a_host_reports_no_pause_is_longer_than_the_longest(reports: Any) -> None:
    seen = Observed(HEALTH)
    now = T
    for model, ok, latency, status, asked, step in reports:
        now += step
        seen.observe(model, ok, latency, status, asked, now=now)
        told = seen.snapshot(now)
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        for entry in told.values():
            if "until" in entry:
                assert 0 < entry["seconds"] <= 60
