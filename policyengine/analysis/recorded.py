"""Recorded requests: JSON lines of what was asked for, when, of which model, and what it took.

    {"point": "llm.request", "time": "2026-01-15T12:00:00Z", "model_used": "gpt-5",
     "input": {"request": {...}, "subject": {...}},
     "usage": {"input_tokens": 900, "output_tokens": 210, "cached_tokens": 512}}

`input` and a time are needed. `point` is `llm.request` where not said, `model_used` the model that
was asked for; without `usage` it is estimated. `latency_ms` is how long the request was under way,
`task` what kind of work it was, `facts` what guards had found, by name. Files may be gzipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from policyengine.analysis.json_lines import LineError, lines
from policyengine.charges import Usage
from policyengine.errors import EvaluationError
from policyengine.values.clock_text import parse_timestamp

# Of a file once it is unpacked, so that a small one cannot fill the memory.
POINT: Final = "llm.request"
KEYS: Final = ("point", "input", "time", "usage", "model_used", "latency_ms", "task", "facts")
_USAGE: Final = {field.name: field.type for field in fields(Usage)}
_MOST: Final = 10**12
# A day; what takes longer was forgotten, not under way.
_LONGEST_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RecordError(LineError):
    """Recorded requests that cannot be read; `line` is 0 for the file as a whole."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it was: `model` served it, `lasts` seconds long, and it took `usage`.

    `usage` is None where nobody recorded it. `where` is its file and line.
    """

    where: str
    point: str
    input: Mapping[str, Any]
    now: datetime
    model: str
    usage: Usage | None = None
    lasts: float = 0.0
    task: str = ""
    facts: Mapping[str, Any] | None = None


def read_recorded(data: bytes, name: str, clock: datetime | None = None) -> tuple[Recorded, ...]:
    """The requests in the bytes of a file, in its order.

    `clock` is the time of rows that say none. Raises `RecordError` with the line that is wrong.

    >>> row = b'{"time": "2026-01-15T12:00:00Z", "input": {"request": {"model": "m"}}}'
    >>> [(one.where, one.model) for one in read_recorded(row, "a.jsonl")]
    [('a.jsonl:1', 'm')]
    """
    return tuple(_rows(data, name, clock))


def _rows(data: bytes, name: str, clock: datetime | None) -> Iterator[Recorded]:
    found = False
    for number, line in lines(data, name, RecordError):
        found = True
        try:
            yield _row(_parsed(line), f"{name}:{number}", clock)
        except ValueError as error:
            raise RecordError(name, number, str(error)) from None
    if not found:
        raise RecordError(name, 0, "there are no requests")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("this is not JSON in UTF-8") from None
    if not isinstance(row, dict) or not isinstance(row.get("input"), dict):
        raise ValueError("a row is an object with `input`, an object too")
    for key in row:
        close = get_close_matches(key[:80], KEYS, n=1, cutoff=0.8)
        # What else a log says is nobody's business here, but a slip of the pen is.
        if key not in KEYS and close:
            raise ValueError(f"`{key[:80]}` is no key of a row; did you mean `{close[0]}`?")
    return row


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _row(row: Mapping[str, Any], where: str, clock: datetime | None) -> Recorded:
    point = _text(row, "point") or POINT
    request = row["input"].get("request")
    asked = request.get("model") if isinstance(request, Mapping) else None
    model = _text(row, "model_used") or (asked if isinstance(asked, str) else "")
    lasts = row.get("latency_ms", 0)
    if type(lasts) not in (int, float) or not 0 <= lasts <= _LONGEST_MS:
        raise ValueError(f"`latency_ms` is a number from 0 to {_LONGEST_MS:,}")
    facts = row.get("facts")
    if facts is not None and not _are_facts(facts):
        raise ValueError("`facts` are lists of findings by the name of their guard")
    return Recorded(
        where, point, row["input"], _time(row, clock), model, _usage(row.get("usage")),
        lasts / 1000, _text(row, "task"), facts,
    )  # fmt: skip


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError(f"`{key}` is a text of at most 200 characters")
    return value


def _are_facts(facts: Any) -> bool:
    return isinstance(facts, dict) and all(
        isinstance(found, list) and all(isinstance(one, dict) for one in found)
        for found in facts.values()
    )


def _time(row: Mapping[str, Any], clock: datetime | None) -> datetime:
    text = row.get("time")
    if text is None and clock is not None:
        return clock
    if text is None:
        raise ValueError("the row has no `time`; `--clock` gives one to all that have none")
    try:
        nanoseconds = parse_timestamp(text).nanoseconds if isinstance(text, str) else None
    except EvaluationError:
        nanoseconds = None
    if nanoseconds is None:
        raise ValueError("`time` is no time as in RFC 3339, such as `2026-01-15T12:00:00Z`")
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def _usage(value: Any) -> Usage | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("`usage` is an object with `input_tokens` and `output_tokens`")
    for key, number in value.items():
        if key not in _USAGE:
            close = get_close_matches(key[:80], _USAGE, n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            raise ValueError(f"`usage` has no `{key[:80]}`{hint}")
        fits = isinstance(number, bool) if key == "batch" else _is_count(number)
        if not fits and not (key == "cost_micro_usd" and number is None):
            raise ValueError(f"`usage.{key}` is not a sensible number")
    if value.get("cost_micro_usd") is None and not {"input_tokens", "output_tokens"} <= {*value}:
        raise ValueError("`usage` lacks `input_tokens` or `output_tokens`")
    return Usage(**value)


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number <= _MOST
