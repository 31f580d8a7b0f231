"""How models fare: what a host reports of their answers, and what follows from it.

A model that fails again and again is left alone for a while (its cool-down); after that a share
of the requests tries it, and its next success brings it back, its next failure a longer pause.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final, NamedTuple

Snapshot = Mapping[str, Mapping[str, Any]]
"""How models stood at a time, as plain JSON values by model.

`latency_ms` is what was observed lately. `until` is when a model's cool-down ends, in seconds
since 1970, and `seconds` how long that is; they stay until the model has answered well again.
`results` and `failures` are counts within the window. A model of which nothing is known is absent.
"""

MAX_RESULTS: Final = 128
MAX_MODELS: Final = 1000
_TOO_MANY: Final = 429
# What a provider says of the request, not of itself.
_OF_THE_REQUEST: Final = frozenset({400, 413, 415, 422})
# More milliseconds, or seconds, than anything takes; no number at all is not below it either.
_MOST: Final = 1e9
# Doubled so often, a pause is as long as it may be.
_MOST_DOUBLINGS: Final = 20


# With more results than this, a figure changes little by one, and holds for so many seconds.
_FEW: Final = 16
_FRESH: Final = 0.25


class Health(NamedTuple):
    """When a model cools down; `policyengine.routing.tiers.SCHEMA` says what each value means."""

    allowed_fails: int = 3
    failure_share: float = 0.5
    min_results: int = 10
    window_s: float = 60.0
    cooldown_s: float = 5.0
    max_cooldown_s: float = 300.0
    probe_share: float = 0.1
    latency: str = "median"


class _Result(NamedTuple):
    at: float
    ok: bool
    latency_ms: float | None


class _Model:
    """What is known of one model, and what was last told of it: `entry` holds for a time."""

    __slots__ = (
        "doublings", "entry", "fresh_until", "in_row", "results", "seconds", "told_at", "until",
    )  # fmt: skip

    def __init__(self) -> None:
        self.entry: Mapping[str, Any] = {}
        self.told_at = self.fresh_until = -math.inf
        self.results: deque[_Result] = deque(maxlen=MAX_RESULTS)
        self.in_row = 0
        self.until = 0.0
        self.seconds = 0.0
        self.doublings = 0


class Observed:
    """What a host has reported of models; safe to use from many threads, bounded in memory.

    >>> seen = Observed(Health(allowed_fails=2, cooldown_s=10))
    >>> for at in (100.0, 101.0):
    ...     seen.observe("small", False, now=at)
    >>> seen.snapshot(102.0)["small"]["until"]
    111.0
    """

    __slots__ = ("_fresh_until", "_health", "_lock", "_made", "_models", "_snapshot")

    def __init__(self, health: Health | None = None) -> None:
        self._health = health or Health()
        self._lock = Lock()
        self._models: OrderedDict[str, _Model] = OrderedDict()
        self._snapshot: Snapshot = {}
        self._made = self._fresh_until = -math.inf

    def observe(
        self,
        model: str,
        ok: bool,
        latency_ms: float | None = None,
        status: int | None = None,
        cooldown: float | None = None,
        *,
        now: float,
    ) -> None:
        """Report an answer of a model, or that there was none.

        `status` is the provider's HTTP status. `cooldown` is for how many seconds it asked to be
        left alone (`Retry-After`); that holds at once, as a 429 does. What is the request's fault
        (400, 413, 415, 422) is not held against the model. A host's figure that is no number says
        nothing. `now` is in seconds since 1970.
        """
        if not ok and status in _OF_THE_REQUEST:
            return
        with self._lock:
            known = self._models.get(model)
            if known is None:
                known = self._models[model] = _Model()
                if len(self._models) > MAX_MODELS:
                    # What is reported makes the next snapshot a new one, without this model.
                    self._models.popitem(last=False)
            else:
                self._models.move_to_end(model)
            paused = known.until
            known.results.append(_Result(now, ok, _measured(latency_ms)))
            if ok:
                self._succeeded(known, now)
            else:
                self._failed(known, now, status, _measured(cooldown))
            # Pauses are told at once; a figure made of many results can wait for some more.
            at_once = known.until != paused or len(known.results) <= _FEW
            known.fresh_until = min(
                known.fresh_until, -math.inf if at_once else known.told_at + _FRESH
            )
            self._fresh_until = min(self._fresh_until, known.fresh_until)

    def _succeeded(self, known: _Model, now: float) -> None:
        known.in_row = 0
        # An answer within the pause is one to an earlier request.
        if known.until and not _paused(known, now):
            known.until = known.seconds = 0.0
            known.doublings = 0

    def _failed(
        self, known: _Model, now: float, status: int | None, cooldown: float | None
    ) -> None:
        health = self._health
        known.in_row += 1
        asked = status == _TOO_MANY or cooldown is not None
        if _paused(known, now) and not asked:
            return
        # A model that is tried again after its pause has no more failures to give.
        tried_again = known.until > 0
        if not (asked or tried_again or self._fails_often(known, now)):
            return
        doubled = health.cooldown_s * 2.0**known.doublings
        seconds = min(cooldown if cooldown else doubled, health.max_cooldown_s)
        if _paused(known, now) and known.until >= now + seconds:
            return
        known.doublings = min(known.doublings + 1, _MOST_DOUBLINGS)
        known.until, known.seconds = now + seconds, seconds

    def _fails_often(self, known: _Model, now: float) -> bool:
        health = self._health
        if known.in_row >= health.allowed_fails:
            return True
        recent = _recent(known, now, health.window_s)
        failed = sum(not result.ok for result in recent)
        enough = len(recent) >= health.min_results
        return enough and failed >= health.failure_share * len(recent)

    def snapshot(self, now: float) -> Snapshot:
        """How all models stand. It is never changed afterwards, and may be recorded."""
        with self._lock:
            if not self._made <= now < self._fresh_until:
                for known in self._models.values():
                    if not known.told_at <= now < known.fresh_until:
                        self._tell(known, now)
                models = self._models.items()
                self._snapshot = {name: known.entry for name, known in models if known.entry}
                ends = (known.fresh_until for known in self._models.values())
                self._made, self._fresh_until = now, min(ends, default=math.inf)
            return self._snapshot

    def _tell(self, known: _Model, now: float) -> None:
        """Says anew what is known of a model, and until when that holds if nothing is reported."""
        recent = _recent(known, now, self._health.window_s)
        entry: dict[str, Any] = {}
        if recent or known.until:
            failures = sum(not result.ok for result in recent)
            entry = {"results": len(recent), "failures": failures}
        taken = [r.latency_ms for r in recent if r.ok and r.latency_ms is not None]
        if taken:
            entry["latency_ms"] = _typical(taken, self._health.latency)
        if known.until:
            entry["until"], entry["seconds"] = known.until, known.seconds
        oldest = min((result.at for result in recent), default=math.inf)
        known.entry, known.told_at = entry, now
        known.fresh_until = oldest + self._health.window_s


def _measured(value: float | None) -> float | None:
    """A host's figure, if it is one."""
    return float(value) if value is not None and 0 <= value <= _MOST else None


def cooling(until: float, seconds: float, now: float) -> bool:
    """Whether a cool-down lasts. One that ends later than it is long is of a clock gone back.

    >>> cooling(110.0, 10.0, 105.0), cooling(110.0, 10.0, 111.0), cooling(110.0, 10.0, 3.0)
    (True, False, False)
    """
    return 0.0 < until - now <= seconds


def _paused(known: _Model, now: float) -> bool:
    return cooling(known.until, known.seconds, now)


def _recent(known: _Model, now: float, window: float) -> list[_Result]:
    # Results of the future are of a clock gone back.
    return [result for result in known.results if 0.0 <= now - result.at < window]


def _typical(values: list[float], figure: str) -> float:
    """The median, or the value that 95 of 100 do not exceed (nearest rank)."""
    values.sort()
    count = len(values)
    if figure == "p95":
        return values[min(count - 1, math.ceil(0.95 * count) - 1)]
    return (values[(count - 1) // 2] + values[count // 2]) / 2
