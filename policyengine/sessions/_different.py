"""How many different things an agent touches, or how many different agents are at work."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from policyengine.charges import Event
from policyengine.sessions import _events as past
from policyengine.sessions._robust import usual
from policyengine.sessions._speed import Judged, Question, bucket_of, told

# Buckets of the past that it takes to know what is usual.
FEWEST: Final = 8
# What a scope event names at most; more of them are only counted.
MOST_ITEMS: Final = 15
_SCOPE: Final = "velocity.scope"
_AGENTS: Final = "velocity.agents"


class Scope:
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
        counts = _seen([*events, this], present, asked.bucket)
        more: Counter[int] = Counter()
        for one in [one for one in (*events, this) if "more" in one.attributes]:
            # Those that are only counted may be the same each time.
            at = min(bucket_of(one.at, asked.bucket), present)
            more[at] = max(more[at], _whole(one.attributes["more"]))
        counts = {at: count + more[at] for at, count in counts.items()} if more else counts
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


class Agents:
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
        counts = _seen([*events, this], present, asked.bucket)
        return _too_many(counts, present, counts[present], asked, "different agents")


def _seen(events: Sequence[Event], present: int, bucket: int) -> dict[int, int]:
    """How many different things events name, by bucket; what a clock set back left in the future
    is of the present."""
    # Joined first and split once: a bucket has many events.
    texts: defaultdict[float, list[str]] = defaultdict(list)
    for one in events:
        items = one.attributes.get("items", "")
        texts[one.at // bucket].append(items if type(items) is str else str(items))
    later = [text for at in [at for at in texts if at > present] for text in texts.pop(at)]
    if later:
        texts[present] += later
    return {
        int(at): len(set((" ".join(named) if len(named) > 1 else named[0]).split()))
        for at, named in texts.items()
    }


def _too_many(
    counts: Mapping[int, int], present: int, observed: int, asked: Question, what: str
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
        f"{observed:g} {what} in {told(asked.bucket)}, usual are {known.typical:.0f} and no more "
        f"than {limit:.0f}"
    )
    return Judged(float(observed), round(known.typical, 1), round(limit, 1), len(others), why)
