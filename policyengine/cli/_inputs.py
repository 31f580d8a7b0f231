"""Reading inputs of decisions: JSON with clear errors, held against the point's types."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from policyengine.cel.types import (
    BOOL,
    DOUBLE,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    ObjectType,
    Type,
    WrapperType,
)
from policyengine.cli._console import Refusal, complain, shown
from policyengine.output.text import line

MAX_BYTES = 64 << 20
MAX_DEPTH = 200
STDIN = "-"
# The keys of a recorded request (`policyengine.analysis`): of these, the point, the input and the
# time are what a decision needs.
RECORDED = frozenset(
    {"point", "input", "time", "usage", "model_used", "latency_ms", "task", "facts"}
)


@dataclass(frozen=True, slots=True)
class Request:
    """An input and what it is called; `point` is empty if the file does not name one.

    `now` is when it was recorded, None where that is not said.
    """

    name: str
    point: str
    input: Mapping[str, Any]
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """A place of an input that does not fit its point; `fatal` where it cannot be decided on."""

    message: str
    fatal: bool


def is_many(path: str) -> bool:
    """Whether a path stands for many inputs: a folder or a file of JSON lines."""
    return path != STDIN and (Path(path).is_dir() or path.endswith(".jsonl"))


def read_requests(path: str, point: str | None) -> Iterator[Request]:
    """The inputs at a path: a file, `-`, a folder of `.json` and `.jsonl`, or a `.jsonl` file.

    Raises `Refusal` for what cannot be read or is no JSON object.
    """
    if path != STDIN and Path(path).is_dir():
        files = sorted(p for p in Path(path).rglob("*") if p.suffix in (".json", ".jsonl"))
        if not files:
            raise Refusal(f"there are no `.json` or `.jsonl` files in `{shown(path)}`")
        for file in files:
            yield from read_requests(str(file), point)
    elif path.endswith(".jsonl"):
        for number, row in enumerate(_text(path).split("\n"), start=1):
            if row.strip():
                name = f"{shown(path)}:{number}"
                yield _request(name, _parsed(row, shown(path), number), point)
    else:
        name = "standard input" if path == STDIN else shown(path)
        yield _request(name, _parsed(_text(path), name, 1), point)


def _text(path: str) -> str:
    if path == STDIN:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        name = "standard input"
    else:
        name = shown(path)
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise Refusal(f"`{name}` does not exist", "`-` reads the standard input") from None
    if len(data) > MAX_BYTES:
        raise Refusal(f"{name} is larger than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise Refusal(f"{name}:{row}: this is not UTF-8") from None


def _parsed(text: str, name: str, first_line: int) -> Any:
    """Strict JSON: no `NaN`, no key twice, as two readers of such a text could disagree."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        row = error.lineno + first_line - 1
        where = f"{name}:{row}:{error.colno}"
        raise Refusal(f"{where}: {_in_our_words(error.msg)}", "the input must be JSON") from None
    except RecursionError:
        raise Refusal(f"{name}:{first_line}: the input is nested too deeply") from None
    except ValueError as error:
        # A key twice, a constant, or an integer with thousands of digits.
        raise Refusal(f"{name}:{first_line}: {error}", "the input must be JSON") from None
    if _depth(value) > MAX_DEPTH:
        raise Refusal(f"{name}:{first_line}: the input is nested deeper than {MAX_DEPTH} levels")
    return value


def _in_our_words(message: str) -> str:
    text = message[:1].lower() + message[1:]
    return text.replace("expecting", "expected").replace("delimiter", "here")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is not a JSON number")


def _depth(value: Any) -> int:
    """How deeply a value is nested, without recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = inner
    return depth


def _request(name: str, value: Any, point: str | None) -> Request:
    """An input alone, or an object `{"point": ..., "input": ...}`, also a recorded one."""
    if not isinstance(value, dict):
        raise Refusal(f"{name}: the input must be a JSON object")
    if set(value) <= RECORDED and isinstance(value.get("input"), dict):
        named = value.get("point", "")
        if not isinstance(named, str):
            raise Refusal(f"{name}: `point` must be the name of a decision point")
        if point and named and point != named:
            raise Refusal(
                f"{name} is for the point `{named[:80]}`, not `{point}`",
                "leave out `--point` to let each input say its own",
            )
        return Request(name, point or named, value["input"], _time(name, value.get("time")))
    return Request(name, point or "", value)


def _time(name: str, value: Any) -> datetime | None:
    from policyengine.testing.clock import moment

    if value is None:
        return None
    try:
        return moment(value if isinstance(value, str) else "")
    except ValueError:
        hint = "such as `2026-01-15T12:00:00Z`"
        raise Refusal(f"{name}: `time` is not a time as in RFC 3339", hint) from None


def complain_about(request: Request, type: ObjectType) -> None:
    """Warn of fields that the point does not have; refuse values of a wrong type."""
    misfits = list(_misfits(request.input, type, "", 0))
    for misfit in misfits:
        if not misfit.fatal:
            complain(line(f"warning: {request.name}: {misfit.message}"))
    fatal = [misfit.message for misfit in misfits if misfit.fatal]
    if fatal:
        raise Refusal(
            "\n".join(f"{request.name}: {message}" for message in fatal),
            f"`policyengine schema {type.name}` shows what the input looks like",
        )


_JSON_TYPES: dict[Type, tuple[type, ...]] = {
    STRING: (str,),
    TIMESTAMP: (str,),
    INT: (int,),
    UINT: (int,),
    DOUBLE: (int, float),
    BOOL: (bool,),
    NULL: (),
}


def _misfits(value: Any, type: Type, name: str, depth: int) -> Iterator[Misfit]:
    match type:
        case ObjectType():
            if not isinstance(value, Mapping):
                yield _wrong(name, "an object", value)
                return
            yield from _fields(value, type, name, depth)
        case ListType():
            if not isinstance(value, list):
                yield _wrong(name, "a list", value)
                return
            for i, item in enumerate(value):
                yield from _misfits(item, type.element, f"{name}[{i}]", depth + 1)
        case MapType():
            if not isinstance(value, Mapping):
                yield _wrong(name, "an object", value)
                return
            for key, item in value.items():
                yield from _misfits(item, type.value, f"{name}.{key[:80]}", depth + 1)
        case WrapperType():
            if value is not None:
                yield from _misfits(value, type.value, name, depth)
        case _ if type in _JSON_TYPES:
            fits = isinstance(value, _JSON_TYPES[type])
            # In Python, unlike JSON, a truth value is a number.
            if isinstance(value, bool) and type is not BOOL:
                fits = False
            if not fits and not (type is NULL and value is None):
                yield _wrong(name, _article(str(type)), value)


def _fields(value: Mapping[str, Any], type: ObjectType, name: str, depth: int) -> Iterator[Misfit]:
    for key, item in value.items():
        full = f"{name}.{key[:80]}" if name else key[:80]
        if key in type.fields:
            yield from _misfits(item, type.fields[key].type, full, depth + 1)
            continue
        close = get_close_matches(key[:80], type.fields, n=1)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        yield Misfit(f"`{full}` is not a field of the point, no rule reads it{hint}", False)
    for key, field in type.fields.items():
        if field.required and key not in value:
            yield Misfit(f"`{name}.{key}`".replace("`.", "`") + " is missing", True)


def _wrong(name: str, wanted: str, value: Any) -> Misfit:
    """The kind of the value is told, never the value: it may be what the policy protects."""
    return Misfit(f"`{name or 'the input'}` must be {wanted}, not {_kind(value)}", True)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
