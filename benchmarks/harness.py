"""Timing several ways to do one thing, side by side.

Contestants take turns in every round, so that whatever else the machine does hits all of them;
the median over the rounds is kept, and what counts is the ratio between two in the same run.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any, Literal

OURS = "policyengine"


def as_it_is(value: Any) -> Any:
    """What needs no reading."""
    return value


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask.

    `ask` is what is timed: one call with one argument. `prepare` makes that argument of an input,
    and `read` makes of what was returned an answer that can be compared; neither is timed.
    `expects` makes of the right answer the one that this way can give at all.
    """

    ask: Callable[[Any], Any]
    prepare: Callable[[Any], Any] = as_it_is
    read: Callable[[Any], Any] = as_it_is
    expects: Callable[[Any], Any] = as_it_is


@dataclass(frozen=True, slots=True)
class Target:
    """At most so many nanoseconds, or so many times the first contestant of a race."""

    most: float
    unit: Literal["times", "ns"]


@dataclass(frozen=True, slots=True)
class Race:
    """Median nanoseconds (or bytes) by contestant; the first one is what others are held to.

    `absent` says why a contestant is missing. `judged` is the contestant that the target is for.
    `size` is the number of rules where it is the place on the plot.
    """

    section: str
    title: str
    note: str
    medians: Mapping[str, float]
    absent: Mapping[str, str] = field(default_factory=dict)
    target: Target | None = None
    judged: str = OURS
    unit: Literal["ns", "bytes"] = "ns"
    size: int | None = None

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as long as the first contestant each one takes."""
        first = next(iter(self.medians.values()))
        return {name: median / first for name, median in self.medians.items()}

    @property
    def measured(self) -> float:
        """What the target is compared with."""
        times = self.target is not None and self.target.unit == "times"
        return self.ratios[self.judged] if times else self.medians[self.judged]

    @property
    def met(self) -> bool:
        """Whether the target is met, or there is none."""
        return self.target is None or self.measured <= self.target.most


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Each contestant is timed for `round_ns` in each of `rounds`, unless it has used `most_ns` and
    had its turn at least three times. `once` is how often long work is repeated. A peer takes
    part while getting it ready takes less than `setup_s` and a call less than `call_s`.
    """

    round_ns: int = 1_000_000
    rounds: int = 101
    most_ns: int = 400_000_000
    once: int = 7
    setup_s: float = 4.0
    call_s: float = 0.2

    def longer(self) -> Effort:
        """Rounds long enough for calls of a tenth of a millisecond.

        In shorter ones, few calls would mostly measure how cold the others left the caches.
        """
        return replace(self, round_ns=20 * self.round_ns)


FULL = Effort()
QUICK = Effort(round_ns=100_000, rounds=5, most_ns=20_000_000, once=1, setup_s=0.5, call_s=0.05)


def progress(title: str) -> None:
    """Says on a terminal what is being measured."""
    if sys.stderr.isatty():
        print(f"\r\033[K  measuring {title} ...\r", end="", file=sys.stderr, flush=True)


class DisagreementError(Exception):
    """Two contestants disagree, or nothing shows that they agree: times would mean nothing."""


def race(contestants: Mapping[str, Way], inputs: Sequence[Any], effort: Effort) -> dict[str, float]:
    """Median nanoseconds of a call by contestant, over all inputs in turn.

    Raises `DisagreementError` where a contestant's answer to an input is not that of the first one.
    """
    arguments = {
        name: [way.prepare(input) for input in inputs] for name, way in contestants.items()
    }
    _agree(contestants, arguments)
    sizes = {
        name: _turns_in(way.ask, arguments[name], effort.round_ns)
        for name, way in contestants.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    used = dict.fromkeys(contestants, 0)
    gc.collect()
    gc.disable()
    try:
        for round in range(effort.rounds):
            for name, way in contestants.items():
                if used[name] > effort.most_ns and round >= 3:
                    continue
                nanoseconds = _timed(way.ask, arguments[name], sizes[name])
                used[name] += nanoseconds
                taken[name].append(nanoseconds / sizes[name] / len(inputs))
    finally:
        gc.enable()
    return {name: statistics.median(each) for name, each in taken.items()}


def median_of(work: Callable[[Any], Any], arguments: Sequence[Any]) -> float:
    """Median nanoseconds of long work that is done once on each argument.

    The collector of garbage stays on: what makes many objects pays for it in a real process too.
    """
    taken = []
    gc.collect()
    # What the benchmark itself has made is not looked through again.
    gc.freeze()
    try:
        for argument in arguments:
            gc.collect()
            began = time.perf_counter_ns()
            made = work(argument)
            taken.append(time.perf_counter_ns() - began)
            del made
    finally:
        gc.unfreeze()
    return statistics.median(taken)


def _agree(contestants: Mapping[str, Way], arguments: Mapping[str, Sequence[Any]]) -> None:
    (first, by), *others = contestants.items()
    right = [by.read(by.ask(argument)) for argument in arguments[first]]
    if len(right) > 1 and all(answer == right[0] for answer in right):
        raise DisagreementError(
            f"all inputs have the answer {right[0]!r}: agreeing would say little"
        )
    for name, way in others:
        for number, (argument, wanted) in enumerate(zip(arguments[name], right, strict=True)):
            answer = way.read(way.ask(argument))
            if answer != way.expects(wanted) or type(answer) is not type(wanted):
                raise DisagreementError(
                    f"{name} answers {answer!r} to input {number}, and {first} {wanted!r}"
                )


def _timed(ask: Callable[[Any], Any], arguments: Sequence[Any], times: int) -> int:
    turns = chain.from_iterable(repeat(arguments, times))
    began = time.perf_counter_ns()
    for argument in turns:
        ask(argument)
    return time.perf_counter_ns() - began


def _turns_in(ask: Callable[[Any], Any], arguments: Sequence[Any], wanted_ns: int) -> int:
    """How often all arguments are asked in about so much time; at least once."""
    times = 1
    while True:
        # The shorter of two, since an interruption looks like slow work, and too few calls in a
        # round would mostly measure how cold the others left the caches.
        taken = min(_timed(ask, arguments, times), _timed(ask, arguments, times))
        if taken >= wanted_ns / 4:
            return max(1, int(times * wanted_ns / taken))
        times *= 4
