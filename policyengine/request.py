"""A request as the engine sees it: a JSON object, its texts, and its digest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import zip_longest
from typing import Any, NamedTuple, cast

from policyengine.errors import FactError
from policyengine.program import Origin, TextPath

MAX_TEXT_DEPTH = 64

_SURROGATE = re.compile("[\ud800-\udfff]")
# More than one replacement character in so many is no text.
_UNREADABLE = 10

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _encoder() -> Callable[[Any, int], Iterable[str]]:
    """What writes a value as parts of JSON with sorted keys and no white space."""
    plain = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return lambda value, _: [plain.encode(value)]
    # `encode` makes one of these for each call, which takes a third of its time. Without its
    # table of what it is inside of, a value inside itself is a `RecursionError`.
    escaped = json.encoder.encode_basestring_ascii
    made: Callable[[Any, int], Iterable[str]] = make(
        None, plain.default, escaped, None, ":", ",", True, False, True
    )
    return made


_canonical = _encoder()


def digest(input: Mapping[str, Any]) -> str:
    """`sha256:` and the hash of the input's JSON with sorted keys and no white space.

    Raises `TypeError`, `ValueError` or `RecursionError` for what JSON cannot say.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return "sha256:" + sha256("".join(_canonical(input, 0)).encode()).hexdigest()


class Text(NamedTuple):
    """A text of an input: the name of its field, what it says, and whose words it is."""

    field: str
    text: str
    origin: str


# Ends the name of what is no field: the names in an object, which nothing can be put in place of.
NAMES = "#names"

# Whose words a message is, by its role.
_ROLES: Mapping[Any, str] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def texts(
    input: Mapping[str, Any], paths: tuple[TextPath, ...], origins: tuple[Origin, ...] = ()
) -> list[Text]:
    """Every text of the input that the point's schema marks, with its field's name.

    Absent fields have no text. Raises `FactError("unreadable-text")` where text should stand and
    something else does, or what no text can be: what cannot be read must not count as clean.

    >>> texts({"request": {"messages": [{"role": "tool", "content": "hi"}]}},
    ...       (("request", "messages", "[]", "content"),), ("3.role",))
    [Text(field='request.messages[0].content', text='hi', origin='tool')]
    """
    return list(each_text(input, paths, origins))


def each_text(
    input: Mapping[str, Any], paths: tuple[TextPath, ...], origins: tuple[Origin, ...] = ()
) -> Iterator[Text]:
    """`texts`, one after the other."""
    for path, origin in zip_longest(paths, origins, fillvalue="unknown"):
        depth, _, role = origin.rpartition(".")
        given = _Given(int(depth), role) if depth else _Given(-1, origin)
        yield from _walk(input, cast(TextPath, path), 0, "", given)


class _Given(NamedTuple):
    """Whose words texts are: the origin itself, or the field of the object at a depth."""

    depth: int
    origin: str


def _walk(value: Any, path: TextPath, at: int, name: str, given: _Given) -> Iterator[Text]:
    if value is None and at > 0:
        return
    if at == given.depth:
        role = value.get(given.origin) if isinstance(value, Mapping) else None
        # A role of another class has no hash.
        given = _Given(-1, _ROLES.get(role, "unknown") if isinstance(role, str) else "unknown")
    if at == len(path):
        yield _text(name, value, given.origin)
        return
    step = path[at]
    if step == "**":
        for field, text in _leaves(value, name, 0):
            yield _text(field, text, given.origin)
    elif step == "[]":
        if not isinstance(value, list | tuple):
            raise FactError("unreadable-text", f"`{name}` is not a list")
        for i, item in enumerate(value):
            yield from _walk(item, path, at + 1, f"{name}[{i}]", given)
    else:
        if not isinstance(value, Mapping):
            raise FactError("unreadable-text", f"`{name}` is not an object")
        field = f"{name}.{step}" if name else step
        yield from _walk(value.get(step), path, at + 1, field, given)


def _text(name: str, value: Any, origin: str) -> Text:
    """A text that can be read. Raises `FactError("unreadable-text")`."""
    if not isinstance(value, str):
        raise FactError("unreadable-text", f"`{name[:80]}` is not text")
    if not value.isascii() or "\0" in value:
        if "\0" in value:
            raise FactError("unreadable-text", f"`{name[:80]}` is binary")
        # A lone surrogate is half a character; replacement characters are bytes nobody could read.
        if _SURROGATE.search(value) or value.count("\ufffd") * _UNREADABLE > len(value):
            raise FactError("unreadable-text", f"`{name[:80]}` is in a wrong encoding")
    return Text(name, value, origin)


def _step(key: Any) -> str:
    """A key as a part of a field's name, so that no two fields have one name."""
    return f".{key}" if _PLAIN.fullmatch(str(key)) else f"[{json.dumps(str(key))}]"


def _leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_TEXT_DEPTH:
        raise FactError("unreadable-text", f"`{name[:80]}` is nested too deeply to scan")
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        if value:
            # What stands in names is read too. It cannot be redacted, so there it denies.
            yield f"{name}{NAMES}", "\n".join(map(str, value))
        for key, item in value.items():
            yield from _leaves(item, name + _step(key), depth + 1)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{name}[{i}]", depth + 1)
