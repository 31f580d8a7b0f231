"""Windows of time, held to a model that looks at every quarter of an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policyengine.charges import Charge, Standing, frees_at
from policyengine.limits import _windows
from policyengine.limits._windows import Slot, length, window

QUARTER = 900
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # clocks went forward at midnight: no midnight
    "America/Havana",  # clocks go back to midnight: two midnights
    "America/St_Johns",  # clocks went back over midnight: the day before again
    "Asia/Kathmandu",  # 5:45
    "Australia/Lord_Howe",  # clocks change by half an hour
    "Pacific/Apia",  # 30 December 2011 did not exist
    "Africa/Casablanca",
    "Asia/Tehran",
)


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(local.timestamp())


def first_of(day: date, name: str) -> date:
    if name == "week":
        return day - timedelta(day.weekday())
    return day.replace(day=1) if name == "month" else day


def slow(now: int, name: str, zone: str) -> tuple[int, int]:
    """Start and end of a window: the label on the wall, which never goes back."""
    place = ZoneInfo(zone)
    reach = {"day": 4, "week": 10, "month": 36}[name] * 86400

    def label(second: int) -> date:
        return first_of(datetime.fromtimestamp(second, place).date(), name)

    times = range(now - now % QUARTER - reach, now + reach, QUARTER)
    shown = label(times[0])
    labels = []
    for second in times:
        shown = max(shown, label(second))
        labels.append(shown)
    mine = labels[(now - times[0]) // QUARTER]
    inside = [second for second, found in zip(times, labels, strict=True) if found == mine]
    return inside[0], inside[-1] + QUARTER


MOMENTS = st.integers(at("2005-01-01T00:00"), at("2035-01-01T00:00"))
NEAR_CHANGES = [
    ("America/Sao_Paulo", at("2017-10-15T03:00")),
    ("America/Havana", at("2023-11-05T04:30")),
    ("Pacific/Apia", at("2011-12-30T09:59")),
    ("Pacific/Apia", at("2011-12-30T10:00")),
    ("Europe/Berlin", at("2026-03-29T00:30")),
    ("Europe/Berlin", at("2026-10-25T01:30")),
    ("Asia/Tehran", at("2021-03-21T20:30")),
    ("Australia/Lord_Howe", at("2026-04-04T15:00")),
]


@settings(max_examples=25, deadline=None)
@given(zone=st.sampled_from(ZONES), now=MOMENTS, name=st.sampled_from(["day", "week", "month"]))
def test_days_weeks_and_months_are_those_of_the_wall(zone: str, now: int, name: str) -> None:
    # St John's changed clocks at one minute past midnight, between the model's quarters.
    if zone == "America/St_Johns" and now < at("2012-01-01T00:00"):
        zone = "America/Toronto"
    found = window(name, zone).slot(now)
    assert (found.slot, found.resets) == slow(now, name, zone)
    assert found == Slot(found.slot, found.slot, found.resets - found.slot, found.resets)


@pytest.mark.parametrize("name", ["day", "week", "month"])
@pytest.mark.parametrize(("zone", "now"), NEAR_CHANGES)
def test_windows_where_clocks_change(zone: str, now: int, name: str) -> None:
    for near in (now - 3600, now - 1, now, now + 1, now + 3600):
        found = window(name, zone).slot(near)
        assert (found.slot, found.resets) == slow(near, name, zone)


@pytest.mark.parametrize(
    ("text", "zone", "name", "start", "hours"),
    [
        ("2026-03-29T12:00", "Europe/Berlin", "day", "2026-03-29T00:00", 23),
        ("2026-10-25T12:00", "Europe/Berlin", "day", "2026-10-25T00:00", 25),
        ("2026-11-22T23:59", "Europe/Berlin", "week", "2026-11-16T00:00", 7 * 24),
        ("2026-10-25T12:00", "Europe/Berlin", "week", "2026-10-19T00:00", 7 * 24 + 1),
        ("2024-02-29T08:00", "UTC", "month", "2024-02-01T00:00", 29 * 24),
        ("2026-02-28T23:59", "UTC", "month", "2026-02-01T00:00", 28 * 24),
        ("2026-12-31T23:59", "Asia/Tokyo", "month", "2026-12-01T00:00", 31 * 24),
        ("2026-03-08T12:00", "America/New_York", "month", "2026-03-01T00:00", 31 * 24 - 1),
    ],
)
def test_windows_by_hand(text: str, zone: str, name: str, start: str, hours: int) -> None:
    found = window(name, zone).slot(at(text, zone))
    assert found.slot == at(start, zone)
    assert found.width == hours * 3600


def test_clocks_that_go_back_over_midnight_show_the_day_before_in_the_same_window() -> None:
    # 2010-11-07 00:01 became 2010-11-06 23:01: the second 23:30 belongs to the 7th.
    zone = "America/St_Johns"
    again = at("2010-11-06T23:30", zone, fold=1)
    found = window("day", zone).slot(again)
    assert found.slot == at("2010-11-07T00:00", zone)
    assert found.resets == at("2010-11-08T00:00", zone)


@settings(max_examples=200, deadline=None)
@given(zone=st.sampled_from(ZONES), now=MOMENTS, name=st.sampled_from(["minute", "hour"]))
@example("Australia/Lord_Howe", at("2026-04-04T15:10"), "hour")
@example("Australia/Lord_Howe", at("2026-10-03T15:40"), "hour")
@example("Europe/Berlin", at("2026-10-25T01:10"), "hour")
def test_hours_and_minutes_follow_one_another_without_a_gap(zone: str, now: int, name: str) -> None:
    seconds = {"minute": 60, "hour": 3600}[name]
    windows = window(name, zone)
    found = windows.slot(now)
    assert found.slot <= now < found.resets <= found.slot + seconds
    assert windows.slot(found.slot) == found == windows.slot(found.resets - 0.5)
    assert windows.slot(found.resets).slot == found.resets
    assert windows.slot(found.slot - 1).resets == found.slot
    local = datetime.fromtimestamp(found.slot, ZoneInfo(zone))
    if found.width == seconds:
        assert local.second == 0
        assert name == "minute" or local.minute == 0


def test_half_an_hour_is_cut_where_clocks_change_by_one() -> None:
    zone = "Australia/Lord_Howe"
    found = window("hour", zone).slot(at("2026-10-03T15:10"))
    assert (found.slot, found.width) == (at("2026-10-03T14:30"), 3600)
    # 2:00 became 2:30, so the hour of 2 has 30 minutes.
    assert window("hour", zone).slot(at("2026-10-03T15:40")).width == 1800


@given(
    seconds=st.integers(1, 366 * 86400),
    now=st.floats(0, 4e9, allow_nan=False),
    ago=st.floats(0, 5e7, allow_nan=False),
)
def test_a_charge_counts_as_long_as_it_lies_in_a_rolling_window(
    seconds: int, now: float, ago: float
) -> None:
    rolling = window(f"{seconds}s") if seconds < 10**7 else window(f"{seconds // 86400}d")
    seconds = seconds if seconds < 10**7 else seconds // 86400 * 86400
    then = now - ago
    slot, found = rolling.slot(then).slot, rolling.slot(now)
    counts = slot >= found.since
    if then > now - seconds:
        assert counts, "it must not be forgotten while it is in the window"
    if then <= now - seconds - 2 * found.width:
        assert not counts, "nor much later"
    assert (found.slot - found.since) // found.width <= 60
    assert found.slot <= now < found.slot + found.width
    # Once a counter may be forgotten, nothing in it counts any more.
    assert rolling.slot(then + rolling.lasts).since > slot - 1


@given(
    name=st.sampled_from(["90s", "15m", "24h", "7d", "1s", "61s"]),
    now=st.integers(10**9, 2 * 10**9),
)
def test_room_comes_back_when_a_rolling_slot_has_left(name: str, now: int) -> None:
    rolling = window(name)
    old, current = rolling.slot(now), rolling.slot(now + 1)
    slot, since, width, resets = current
    charge = Charge("k", "requests", 1, 1, slot, since, width, rolling.lasts, resets, "", name)
    when = frees_at(charge, Standing(1, 0, ((old.slot, 1),)))
    assert when is not None
    assert rolling.slot(when).since > old.slot
    assert rolling.slot(when - 1).since <= old.slot


def test_a_total_never_ends() -> None:
    assert window("total", idle=60).slot(1e9) == Slot(0, 0, 0, 0)
    assert window("total", idle=60).lasts == 60


def test_the_window_of_the_last_call_does_not_answer_for_another_time() -> None:
    days = window("day", "Europe/Berlin")
    noon = at("2026-11-21T12:00", "Europe/Berlin")
    first = days.slot(noon)
    assert days.slot(first.resets - 0.001) == first
    assert days.slot(first.resets).slot == first.resets
    assert days.slot(first.slot - 0.001).resets == first.slot
    assert days.slot(noon) == first


@pytest.mark.parametrize("text", ["", "0s", "day ", "24 h", "-1h", "1w", "1.5h", "9999999d", "24H"])
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|year"):
        length(text)


@pytest.mark.parametrize(
    "text",
    ["", "Mars/Base", "../etc/passwd", "/etc/passwd", "Europe", "x" * 300, "Europe/Berlin\0"],
)
def test_what_is_no_time_zone(text: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        _windows.time_zone(text)


def test_utc_needs_no_data() -> None:
    assert _windows.time_zone("UTC") is UTC
