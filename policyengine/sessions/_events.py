"""What all questions about the past share: streams, the event of a request, spans of time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

from policyengine.charges import MAX_NAME, Event
from policyengine.errors import FactError

# The most events that are read from an input.
MAX_GIVEN: Final = 10_000
MICRO: Final = 1_000_000
DAY: Final = 86_400
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_FIELD = r"^[a-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,7}$"

PER: Final[Mapping[str, Any]] = {
    "description": "Fields of the input whose values say whose past this is.",
    "type": "array",
    "maxItems": 8,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": _FIELD, "maxLength": 200},
}
SPAN: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": r"^[1-9][0-9]{0,5}(s|m|h|d|w)$",
    "x-wanted": "must be a span of time such as `30s`, `10m`, `2h` or `7d`",
}
FROM: Final[Mapping[str, Any]] = {
    "description": "Where the events are: in the `store`, or in `session.events` of the `input`.",
    "enum": ["store", "input"],
}
DEFAULT_PER: Final = ("session.id",)
# The most events of a stream of calls that are kept and looked at.
KEEP: Final = 2_000
LONGEST: Final = 366 * 86_400


def seconds(span: str) -> int:
    """A span of time in seconds; raises `ValueError` for what is none, or longer than a year.

    >>> seconds("10m"), seconds("7d")
    (600, 604800)
    """
    number, unit = span[:-1], span[-1:]
    if not number.isdigit() or unit not in _SECONDS:
        raise ValueError(f"`{span[:20]}` is no span of time such as `10m`, `2h` or `7d`")
    found = int(number) * _SECONDS[unit]
    if not 0 < found <= LONGEST:
        raise ValueError(f"`{span[:20]}` is not between a second and a year")
    return found


def scope_fields(config: Any) -> Mapping[tuple[str | int, ...], str]:
    """The fields that `per` names, by where in a clause's value they stand."""
    return {("per", i): field for i, field in enumerate(config["per"])}


def stream(of: str, per: Iterable[str], input: Mapping[str, Any]) -> str:
    """The name of the stream of one subject's events.

    Raises `FactError("no-scope")` where a field has no plain value.

    >>> stream("calls", ["session.id"], {"session": {"id": "s-1"}})
    'calls [["session.id","s-1"]]'
    """
    named = sorted({field: _plain(field, value_at(input, field)) for field in per}.items())
    return f"{of} {json.dumps(named, separators=(',', ':'))}"


def value_at(input: Any, field: str) -> Any:
    """The value at a field such as `subject.id`, or None."""
    for step in field.split("."):
        input = input.get(step) if isinstance(input, Mapping) else None
    return input


def _plain(field: str, value: Any) -> str | int | bool:
    if not isinstance(value, str | int | bool) or value == "":
        raise FactError("no-scope", f"`{field}` has no value, so it is not known whose past it is")
    if isinstance(value, str) and len(value) > MAX_NAME:
        return "#" + digest(value, b"")
    return value


def digest(value: Any, key: bytes) -> str:
    """16 hexadecimal digits that equal JSON values share, under a key of at most 64 bytes.

    Raises `FactError("unreadable-call")` for what is no JSON.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise FactError("unreadable-call", "the call's arguments are no plain JSON") from None
    return blake2b(text.encode(), key=key, digest_size=8).hexdigest()


def salt(of: str) -> bytes:
    """What digests of a stream are keyed with: equal calls of two streams have nothing in common.

    This keeps a reader of the store from joining them; it does not keep one who guesses a call from
    testing the guess.
    """
    return blake2b(of.encode(), digest_size=32).digest()


def event(of: str, input: Mapping[str, Any], now: float) -> Event | None:
    """What a request adds to a stream of calls, or None where the point has no meaning here."""
    kind = kind_of(input)
    if not kind:
        return None
    names = (value_at(input, field) for field in _NAMES[kind].split())
    name = next((one for one in names if one), "")
    known = name[:MAX_NAME] if isinstance(name, str) else ""
    ok = kind != "ci.failed" and value_at(input, "result.is_error") is not True
    return Event(now, kind, known, same(of, input, kind, known), ok=ok)


def same(of: str, input: Mapping[str, Any], kind: str, name: str) -> str:
    """What equal calls in a stream share: their kind, name and arguments, or "" for no calls."""
    asked = _SAME.get(kind)
    if asked is None:
        return ""
    return digest([kind, name, *(value_at(input, field) for field in asked)], salt(of))


def kind_of(input: Any) -> str:
    """The kind of event that an input is, by the fields that its decision point has."""
    if not isinstance(input, Mapping):
        return ""
    return next((kind for field, kind in _KINDS if isinstance(input.get(field), Mapping)), "")


# The first field that an input has says its point: `tool.result` has a tool as well.
_KINDS: Final = (
    ("comment", "review.comment"),
    ("failure", "ci.failed"),
    ("step", "agent.step"),
    ("response", "llm.response"),
    ("result", "tool.result"),
    ("tool", "tool.call"),
    ("request", "llm.request"),
    ("change", "change.proposed"),
)
# The field that names an event; where it has no value, the next one.
_NAMES: Final[Mapping[str, str]] = {
    "review.comment": "comment.category",
    "ci.failed": "build.job",
    "agent.step": "step.tool step.kind",
    "llm.response": "response.model",
    "tool.result": "tool.name",
    "tool.call": "tool.name",
    "llm.request": "request.model",
    "change.proposed": "change.repository",
}
# What makes two calls the same, beside their names. Steps of agents do not say enough for that.
_SAME: Final[Mapping[str, Sequence[str]]] = {
    "tool.call": ("tool.server", "tool.arguments", "tool.command"),
    "llm.request": ("request.system", "request.messages", "request.inputs"),
    "review.comment": ("comment.path", "comment.line", "comment.body"),
    "ci.failed": ("build.workflow", "build.step", "failure.kind"),
}


def given(input: Mapping[str, Any]) -> list[Event]:
    """The events that a host gives itself, in `session.events`, oldest first.

    Raises `FactError("unreadable-events")` where they are no list of events.
    """
    listed = value_at(input, "session.events")
    if not isinstance(listed, list | tuple) or len(listed) > MAX_GIVEN:
        raise FactError("unreadable-events", "`session.events` is no list of events")
    return sorted(map(_given, listed), key=lambda event: event.at)


def _given(plain: Any) -> Event:
    if isinstance(plain, Mapping):
        texts = [plain.get(key) or "" for key in ("kind", "name", "same")]
        numbers = [plain.get(key) or 0 for key in ("cost_usd", "amount")]
        ok = plain.get("ok", True)
        at = _time(plain.get("at"))
        readable = texts[0] and all(isinstance(text, str) for text in texts)
        if at is not None and readable and all(map(_is_number, numbers)):
            cost, amount = numbers
            kind, name, same = [text[:MAX_NAME] for text in texts]
            return Event(at, kind, name, same, round(cost * MICRO), float(amount), ok is not False)
    raise FactError("unreadable-events", "an entry of `session.events` is no event")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e12


_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _time(value: Any) -> float | None:
    """An RFC 3339 time in seconds since 1970."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        return None
    # `fromisoformat` reads at most six digits behind the point.
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Calls:
    """What questions about one subject's calls share: their stream, and the request's own event.

    All of them with one `per` share a stream, so that an event is kept once.
    """

    per: tuple[str, ...]
    within: int
    given: bool

    @property
    def keep(self) -> int:
        """The most events that are looked at."""
        return KEEP

    @property
    def lasts(self) -> int:
        """For how many seconds events are kept.

        At least a day for sessions and eight for others, whatever this question asks: another
        decision point may have one that looks further back into the same stream.
        """
        return max(self.within, DAY if "session.id" in self.per else 8 * DAY)

    def wants(self, event: Event) -> bool:
        """Whether what a host records belongs into the stream."""
        return True

    def stream(self, input: Mapping[str, Any]) -> str:
        """The stream of the subject's calls; "" where the host gives them itself."""
        return "" if self.given else stream("calls", self.per, input)

    def event(self, input: Mapping[str, Any], now: float) -> Event | None:
        """What the request adds to it."""
        return None if self.given else event(self.stream(input), input, now)

    def this(self, input: Mapping[str, Any], now: float) -> Event | None:
        """The request as an event, wherever its past comes from."""
        return event(self.stream(input), input, now)

    def known(
        self, events: Sequence[Event], input: Mapping[str, Any], now: float
    ) -> Sequence[Event]:
        """The events within the span that is asked about."""
        return recent(given(input) if self.given else events, now, self.within)


def recent(events: Sequence[Event], now: float, within: int) -> Sequence[Event]:
    """The events of the last `within` seconds (0: all). What a clock set back leaves in the future
    counts as now."""
    return [one for one in events if now - one.at <= within] if within else events


def stamp(at: float) -> str:
    """A time as RFC 3339 text, in UTC.

    >>> stamp(0)
    '1970-01-01T00:00:00Z'
    """
    bounded = min(max(at, 0.0), _LAST)
    return datetime.fromtimestamp(bounded, UTC).isoformat().replace("+00:00", "Z")


# The end of the year 9999.
_LAST: Final = 253_402_300_799.0


def names_match(names: Sequence[str], name: str) -> bool:
    """Whether a name is one of these, of which a last `*` stands for any end; all, without names.

    >>> names_match(["fs.*", "shell"], "fs.read"), names_match(["shell"], "shelly")
    (True, False)
    """
    return not names or any(
        name.startswith(one[:-1]) if one.endswith("*") else name == one for one in names
    )


def listed(value: Any) -> list[str]:
    """One name or several, as a list without repetition."""
    return [value] if isinstance(value, str) else list(dict.fromkeys(value or ()))
