"""The parts of timestamps and durations."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function
from policyengine.cel.functions._rows import method
from policyengine.cel.types import DURATION, INT, STRING, TIMESTAMP

_MOMENT = "timestamp('2009-02-13T23:31:30.5Z')"


def _part(name: str, impl: str, suffix: str, doc: str, *examples: Example) -> Function:
    """A function of a timestamp, in UTC or in the zone that its argument names."""
    zoned = "tz" if suffix == "seconds" else "with_tz"
    overloads = (
        method(f"timestamp_to_{suffix}", (TIMESTAMP,), INT),
        method(f"timestamp_to_{suffix}_{zoned}", (TIMESTAMP, STRING), INT, can_fail=True),
    )
    return Function(name, overloads, f"times.{impl}", doc, examples)


def _clock_part(name: str, impl: str, suffix: str, doc: str, *examples: Example) -> Function:
    """The same, with an overload for durations."""
    part = _part(name, impl, suffix, doc, *examples)
    overloads = (*part.overloads, method(f"duration_to_{suffix}", (DURATION,), INT))
    return Function(name, overloads, part.impl, doc, examples)


FUNCTIONS: tuple[Function, ...] = (
    _part(
        "getFullYear",
        "get_full_year",
        "year",
        "The year.",
        Example(f"{_MOMENT}.getFullYear()", "2009"),
        Example("timestamp(0).getFullYear('-01:00')", "1969"),
        Example("timestamp(0).getFullYear('Nowhere/City')", error="bad-time-zone"),
    ),
    _part(
        "getMonth",
        "get_month",
        "month",
        "The month, from 0.",
        Example(f"{_MOMENT}.getMonth()", "1"),
    ),
    _part(
        "getDate",
        "get_date",
        "day_of_month_1_based",
        "The day of the month, from 1.",
        Example(f"{_MOMENT}.getDate()", "13"),
        Example(f"{_MOMENT}.getDate('+02:00')", "14"),
    ),
    _part(
        "getDayOfMonth",
        "get_day_of_month",
        "day_of_month",
        "The day of the month, from 0.",
        Example(f"{_MOMENT}.getDayOfMonth()", "12"),
    ),
    _part(
        "getDayOfWeek",
        "get_day_of_week",
        "day_of_week",
        "The day of the week, 0 for Sunday.",
        Example(f"{_MOMENT}.getDayOfWeek()", "5"),
        Example(f"{_MOMENT}.getDayOfWeek('+02:00')", "6"),
    ),
    _part(
        "getDayOfYear",
        "get_day_of_year",
        "day_of_year",
        "The day of the year, from 0.",
        Example(f"{_MOMENT}.getDayOfYear()", "43"),
    ),
    _clock_part(
        "getHours",
        "get_hours",
        "hours",
        "The hour of a timestamp, or a duration in whole hours.",
        Example(f"{_MOMENT}.getHours()", "23"),
        Example(f"{_MOMENT}.getHours('+02:00')", "1"),
        Example("duration('90m').getHours()", "1"),
    ),
    _clock_part(
        "getMinutes",
        "get_minutes",
        "minutes",
        "The minute of a timestamp, or a duration in whole minutes.",
        Example(f"{_MOMENT}.getMinutes()", "31"),
        Example("duration('90m').getMinutes()", "90"),
    ),
    _clock_part(
        "getSeconds",
        "get_seconds",
        "seconds",
        "The second of a timestamp, or a duration in whole seconds.",
        Example(f"{_MOMENT}.getSeconds()", "30"),
        Example("duration('90m').getSeconds()", "5400"),
    ),
    _clock_part(
        "getMilliseconds",
        "get_milliseconds",
        "milliseconds",
        "The milliseconds within the second of a timestamp or a duration.",
        Example(f"{_MOMENT}.getMilliseconds()", "500"),
        Example("duration('1.25s').getMilliseconds()", "250"),
    ),
)
