"""How `velocity` compares the present with the past, and what it keeps of a request for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from policyengine.charges import Event
from policyengine.plugins import Finding
from policyengine.sessions import _events as past
from policyengine.sessions._robust import risen, spread, transformed, usual

HOUR: Final = 3_600
DAY: Final = 86_400
# Buckets of the past that it takes to know what is usual.
FEWEST: Final = 8
FEWEST_OF_TREND: Final = 6
# By what part of itself a day's work varies ordinarily, after the transformation.
ORDINARY: Final = 0.25
# What a scope event names at most; more of them are only counted.
MOST_ITEMS: Final = 15
# Of so many calls one is kept for a trend, which has to look back over many days.
ONE_IN: Final = 8
# Subjects whose present bucket is remembered to be known.
_REMEMBERED: Final = 4_096
_SCOPE: Final = "velocity.scope"
_TREND: Final = "velocity.trend"
_HOURS: Final = "velocity.hours"
_AGENTS: Final = "velocity.agents"


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
        if self.judge.kind == _TREND:
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
        kept = [
            one
            for one in known
            if now - one.at <= question.baseline and (kind is None or one.kind == kind)
        ]
        if judge.kind and judge.kind != _TREND:
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


def _seen(events: Sequence[Event], present: int, bucket: int) -> dict[int, set[str]]:
    """What events name, by bucket; what a clock set back left in the future is of the present."""
    # Joined first and split once: a bucket has many events.
    texts: dict[int, list[str]] = {}
    for one in events:
        at = int(one.at // bucket)
        texts.setdefault(min(at, present), []).append(str(one.attributes.get("items", "")))
    return {at: set(" ".join(named).split()) for at, named in texts.items()}


def _told(seconds: int) -> str:
    """A stretch of time in words.

    >>> _told(300), _told(7200)
    ('5m', '2h')
    """
    unit, size = next(
        (u, s) for u, s in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not seconds % s
    )
    return f"{seconds // size}{unit}"


def _too_many(
    counts: Mapping[int, float], present: int, observed: float, asked: Question, what: str
) -> Judged | None:
    """Whether a count is above what the other buckets vary by."""
    others = [count for bucket, count in counts.items() if bucket < present and count]
    if len(others) < FEWEST:
        return None
    known = usual(others)
    if known.above(observed) <= asked.sensitivity:
        return None
    limit = known.limit(asked.sensitivity)
    why = (
        f"{observed:g} {what} in {_told(asked.bucket)}, usual are {known.typical:.0f} and no more "
        f"than {limit:.0f}"
    )
    return Judged(observed, round(known.typical, 1), round(limit, 1), len(others), why)


def _counts(events: Sequence[Event], now: float, asked: Question, keep: int) -> Counter[int]:
    """Events by bucket; what a clock set back left in the future counts as now.

    Of a stream that is full the oldest bucket may be in part, and is left out.
    """
    present = bucket_of(now, asked.bucket)
    found = Counter(min(bucket_of(one.at, asked.bucket), present) for one in events)
    if len(events) >= keep and len(found) > 1:
        del found[min(found)]
    return found


class _Volume:
    """Calls in the present bucket, counted in the stream that all questions share."""

    kind = ""
    keep = 2_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        return past.event(stream, input, now)

    def this(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        # That it was one more says all: its arguments need not be read.
        return Event(now, past.kind_of(input)) if past.kind_of(input) else None

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        counts = _counts(events, now, asked, self.keep)
        present = bucket_of(now, asked.bucket)
        observed = float(counts[present] + 1)
        return _too_many(counts, present, observed, asked, "calls")


class _Trend:
    """Slow escalation: more calls in each bucket than before, for some time."""

    kind = _TREND
    keep = 2_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        return Event(now, _TREND) if past.kind_of(input) else None

    this = event

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        counts = _counts(events, now, asked, self.keep)
        present = bucket_of(now, asked.bucket)
        values = [transformed(counts[at]) for at in sorted(counts) if at < present]
        # The older part says what is usual, the newer one whether it has risen.
        older = len(values) * 2 // 3
        if older < FEWEST_OF_TREND:
            return None
        known = spread(values[:older])
        known = known._replace(scale=max(known.scale, ORDINARY * known.middle))
        if risen(values[older:], known) <= asked.sensitivity:
            return None
        newer = spread(values[older:])
        before, after, limit = (
            round(ONE_IN * count, 1)
            for count in (known.typical, newer.typical, known.limit(asked.sensitivity))
        )
        span = _told(asked.bucket)
        why = f"calls in {span} have risen from {before:.0f} to {after:.0f}, and stay there"
        return Judged(after, before, limit, len(values), why)


class _Scope:
    """Different things touched: kept are digests of those that a call names."""

    kind = _SCOPE
    keep = 4_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        key = past.salt(stream)
        named = dict.fromkeys(
            past.digest([what, name], key)[:12]
            for what, place in _TOUCHED
            for name in _names(past.value_at(input, place))
        )
        if not named:
            return None
        attributes: dict[str, str | int] = {"items": " ".join([*named][:MOST_ITEMS])}
        if len(named) > MOST_ITEMS:
            attributes["more"] = len(named) - MOST_ITEMS
        return Event(now, _SCOPE, attributes=attributes)

    this = event

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        present = bucket_of(now, asked.bucket)
        seen = _seen([*events, this], present, asked.bucket)
        more: Counter[int] = Counter()
        for one in [one for one in (*events, this) if "more" in one.attributes]:
            # Those that are only counted may be the same each time.
            at = min(bucket_of(one.at, asked.bucket), present)
            more[at] = max(more[at], _whole(one.attributes["more"]))
        counts = {at: float(len(items) + more[at]) for at, items in seen.items()}
        return _too_many(counts, present, counts[present], asked, "different things touched")


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


_TOUCHED: Final = (
    ("tool", "tool.name"),
    ("tool", "step.tool"),
    ("server", "tool.server"),
    ("file", "tool.paths"),
    ("file", "scope.files"),
    ("file", "change.paths"),
    ("repository", "change.repository"),
    ("repository", "scope.repositories"),
    ("host", "scope.hosts"),
)


def _names(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


class _Agents:
    """How many agents are at work, of those who share a scope such as a team."""

    kind = _AGENTS
    keep = 4_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        values = (past.value_at(input, field) for field in ("agent.id", "session.id", "subject.id"))
        who = next((value for value in values if isinstance(value, str) and value), None)
        if who is None:
            return None
        return Event(now, _AGENTS, attributes={"items": past.digest(who, past.salt(stream))[:12]})

    this = event

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        present = bucket_of(now, asked.bucket)
        seen = _seen([*events, this], present, asked.bucket)
        counts = {at: float(len(items)) for at, items in seen.items()}
        return _too_many(counts, present, counts[present], asked, "different agents")


class _Hours:
    """The hours of a day at which an agent works, by days of the week and weekends, in UTC.

    An hour counts as worked in if the one before or after it was, so that clocks may change. The
    share of days is Laplace's: (worked + 1) / (days + 2).
    """

    kind = _HOURS
    keep = 2_000

    def event(self, stream: str, input: Mapping[str, Any], now: float) -> Event | None:
        return Event(now, _HOURS)

    this = event

    def judged(
        self, events: Sequence[Event], this: Event, now: float, asked: Question
    ) -> Judged | None:
        hours = {bucket_of(one.at, HOUR) for one in events}
        hour, today = bucket_of(now, HOUR), bucket_of(now, DAY)
        first = min(hours) // 24
        days = [day for day in range(first, today) if _is_weekend(day) == _is_weekend(today)]
        at = hour % 24
        worked = sum(not hours.isdisjoint(range(d * 24 + at - 1, d * 24 + at + 2)) for d in days)
        share, limit = (worked + 1) / (len(days) + 2), 1 / (2 * asked.sensitivity)
        if share >= limit:
            return None
        kind = "weekend days" if _is_weekend(today) else "working days"
        why = f"at {at:02}:00 UTC, where it worked on {worked} of {len(days)} {kind}"
        return Judged(1.0, round(worked / len(days), 3), round(limit, 3), len(days), why)


def _is_weekend(day: int) -> bool:
    # The first day of 1970 was a Thursday.
    return (day + 3) % 7 >= 5


JUDGES: Final[Mapping[str, Judge]] = {
    "volume": _Volume(),
    "trend": _Trend(),
    "scope": _Scope(),
    "agents": _Agents(),
    "hours": _Hours(),
}
