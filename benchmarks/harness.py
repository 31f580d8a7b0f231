"""Timing several ways to do one thing, side by side.

Contestants take turns in every round, so that whatever else the machine does hits all of them;
the median over the rounds is kept, and what counts is the ratio between two in the same run.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Call = Callable[[], Any]

ROUND_NS = 4_000_000
ROUNDS = 25


@dataclass(frozen=True, slots=True)
class Result:
    """Median nanoseconds of one call by contestant; the first one is what others are held to."""

    title: str
    note: str
    medians: Mapping[str, float]

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as long as the first contestant each one takes."""
        first = next(iter(self.medians.values()))
        return {name: median / first for name, median in self.medians.items()}


def race(title: str, note: str, contestants: Mapping[str, Call], rounds: int = ROUNDS) -> Result:
    """Time contestants that have been seen to give the same answer."""
    answers = {name: call() for name, call in contestants.items()}
    wanted = next(iter(answers.values()))
    wrong = [name for name, answer in answers.items() if answer != wanted]
    if wrong:
        raise SystemExit(f"{title}: {', '.join(wrong)} gave another answer; nothing was measured")
    times = {name: _calls_in(call, ROUND_NS) for name, call in contestants.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contestants.items():
                taken[name].append(_timed(call, times[name]) / times[name])
    finally:
        gc.enable()
    return Result(title, note, {name: statistics.median(all_) for name, all_ in taken.items()})


def _timed(call: Call, times: int) -> int:
    turns = itertools.repeat(None, times)
    began = time.perf_counter_ns()
    for _ in turns:
        call()
    return time.perf_counter_ns() - began


def _calls_in(call: Call, wanted_ns: int) -> int:
    """How many calls fill about so much time; at least one."""
    times = 1
    while True:
        taken = _timed(call, times)
        if taken >= wanted_ns / 4:
            return max(1, int(times * wanted_ns / taken))
        times *= 4
