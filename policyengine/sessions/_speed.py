"""What all comparisons of `velocity` share: the question, its stream, its finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from policyengine.charges import Event
from policyengine.plugins import Finding
from policyengine.sessions import _events as past

HOUR: Final = 3_600
DAY: Final = 86_400
# Of so many calls one is kept for a trend, which has to look back over many days.
ONE_IN: Final = 8
# Subjects whose present bucket is remembered to be known.
_REMEMBERED: Final = 4_096
TREND: Final = "velocity.trend"


class Question(NamedTuple):
    """What is asked; times are in seconds."""

    of: str
    bucket: int
    baseline: int
    sensitivity: float
    least: int


class Judged(NamedTuple):
    """What was observed against what is usual."""

    observed: float
    expected: float
    limit: float
    baseline: int
    why: str


class Judge(Protocol):
    """One kind of comparison."""

    kind: str
    keep: int

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        """What it keeps of a request."""

    def this(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        """The request, as far as it is compared: None where it has nothing to compare."""

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        """What is unusual, if anything is."""


@dataclass(frozen=True, slots=True)
class Watching(past.Calls):
    """A question about speed. What it knows of streams only saves it from repeating itself."""

    question: Question
    judge: Judge
    known_already: dict[str, frozenset[tuple[Any, ...]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def keep(self) -> int:
        """The most events that are looked at: of a busy agent, the past is shorter."""
        return self.judge.keep

    @property
    def lasts(self) -> int:
        """For how many seconds events are of use."""
        question = self.question
        return max(8 * past.DAY, question.baseline + question.bucket)

    def wants(self, event: Event) -> bool:
        """Into the stream of calls all, into others only what belongs there."""
        return not self.judge.kind or event.kind == self.judge.kind

    def stream(self, input: Mapping[str, Any]) -> str:
        """The stream of calls, or one of its own for what is kept once a bucket."""
        of = self.judge.kind or "calls"
        return "" if self.given else past.stream(of, self.per, input)

    def event(self, input: Mapping[str, Any], now: float) -> Event | None:
        """What the request adds, unless the stream was seen to have it already."""
        if self.given:
            return None
        stream = self.stream(input)
        new = self.judge.event(stream, input, now)
        if new is None or not self.judge.kind:
            return new
        if self.judge.kind == TREND:
            return new if _is_drawn(stream, now) else None
        known = self.known_already.get(stream, frozenset())
        return None if set(self._says(new)) <= known else new

    def found(
        self, events: Sequence[Event], input: Mapping[str, Any], now: float
    ) -> Sequence[Finding]:
        """One finding where the present is unusual."""
        question, judge = self.question, self.judge
        stream = self.stream(input)
        this = judge.this(stream, input, now)
        if this is None:
            return []
        known = past.given(input) if self.given else events
        kind = None if self.given else judge.kind or None
        first = now - question.baseline
        kept = [one for one in known if one.at >= first]
        if kind is not None:
            kept = [one for one in kept if one.kind == kind]
        if judge.kind and judge.kind != TREND:
            self._learn(stream, kept, now)
        if len(kept) < question.least:
            return []
        found = judge.judged(kept, this, now, question)
        return [] if found is None else [self._finding(found)]

    def _finding(self, found: Judged) -> Finding:
        return {"type": "VELOCITY", "of": self.question.of, **found._asdict()}

    def _says(self, event: Event) -> Iterator[tuple[Any, ...]]:
        at = bucket_of(event.at, self.question.bucket)
        for item in items_of(event) or [""]:
            yield at, item

    def _learn(self, stream: str, events: Sequence[Event], now: float) -> None:
        present = bucket_of(now, self.question.bucket) * self.question.bucket
        newest = [one for one in events[-_REMEMBERED:] if one.at >= present]
        if len(self.known_already) >= _REMEMBERED:
            self.known_already.clear()
        self.known_already[stream] = frozenset(said for one in newest for said in self._says(one))


def _is_drawn(stream: str, now: float) -> bool:
    """Whether a call is one of those that are kept for a trend: by its time, so that nobody who
    makes the calls can tell which."""
    return int(past.digest(now, past.salt(stream)), 16) % ONE_IN == 0


def bucket_of(at: float, bucket: int) -> int:
    """The number of the bucket that a time lies in."""
    return int(at // bucket)


def items_of(event: Event) -> list[str]:
    """What a scope event names."""
    return str(event.attributes.get("items", "")).split()


def told(seconds: int) -> str:
    """A stretch of time in words.

    >>> told(300), told(7200)
    ('5m', '2h')
    """
    unit, size = next(
        (u, s) for u, s in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not seconds % s
    )
    return f"{seconds // size}{unit}"
