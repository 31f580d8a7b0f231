"""What `tune` tells of a rule that sends hard requests to a strong model: quality against cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from policyengine.analysis.sweep import Step, Sweep
from policyengine.cli._plots import bars

HARD: Final = "hard"
"""The label of requests that the cheap model was not good enough for."""
MIN_RECALL: Final = 0.9
# Rows of the table that is shown.
_SHOWN = 12


def told(found: Sweep, chosen: Step | None, now: Any, least: float) -> Iterator[str]:
    """The curve as a table and in characters, and what the rule does now.

    A line of the table is a threshold, what is sent to the strong model, and what of the hard
    requests is among it.
    """
    yield "threshold  sent to strong        hard ones caught      of those sent, hard"
    for step in _some(found, chosen):
        mark = "  <- proposed" if step is chosen else ""
        yield f"{step.threshold:<9.4f}  {_line(step)}{mark}".rstrip()
    yield ""
    if isinstance(now, float | int):
        counts = found.at(float(now))
        yield f"now {now:g}: sent {counts.matched}, caught {counts.recall}"
    if chosen is None:
        yield f"no threshold catches {least:g} of the hard requests"
    yield ""
    yield from bars(pairs(found), "hard ones caught", "share sent to the strong model")
    yield ""
    yield "By chance as many would be caught as are sent."


def _line(step: Step) -> str:
    counts = step.counts
    return f"{counts.matched!s:20}  {counts.recall!s:20}  {counts.precision!s:20}"


def pairs(found: Sweep) -> list[tuple[float, float]]:
    """Shares that are sent, and what of the hard requests is caught then."""
    inner = [(s.counts.matched.value or 0.0, s.counts.recall.value or 0.0) for s in found.steps]
    return [(0.0, 0.0), *inner, (1.0, 1.0)]


def _some(found: Sweep, chosen: Step | None) -> Sequence[Step]:
    """A dozen thresholds at even shares of what is sent, and the one that is proposed."""
    wanted: dict[int, Step] = {}
    for i in range(_SHOWN):
        step = next((s for s in found.steps if _sent(s) >= (i + 1) / _SHOWN), None)
        if step is not None:
            wanted[id(step)] = step
    if chosen is not None:
        wanted[id(chosen)] = chosen
    return sorted(wanted.values(), key=lambda step: -step.threshold)


def _sent(step: Step) -> float:
    return step.counts.matched.value or 0.0


def evidence(step: Step) -> list[str]:
    """What the rule's comment says of a threshold."""
    counts = step.counts
    return [f"hard ones caught {counts.recall},", f"sent to the strong model {counts.matched}"]
