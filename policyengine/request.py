"""A request as the engine sees it: a JSON object, its texts, and its digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policyengine.errors import FactError
from policyengine.program import TextPath

MAX_TEXT_DEPTH = 64

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def digest(input: Mapping[str, Any]) -> str:
    """`sha256:` and the hash of the input's JSON with sorted keys and no white space.

    Raises `TypeError` or `ValueError` for what JSON cannot say.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return "sha256:" + hashlib.sha256(_canonical(input).encode()).hexdigest()


def texts(input: Mapping[str, Any], paths: tuple[TextPath, ...]) -> list[tuple[str, str]]:
    """Every text of the input that the point's schema marks, with its field's name.

    Absent fields have no text. Raises `FactError("unreadable-text")` where text should stand and
    something else does: what cannot be read must not count as clean.

    >>> texts({"request": {"messages": [{"content": "hi"}]}},
    ...       (("request", "messages", "[]", "content"),))
    [('request.messages[0].content', 'hi')]
    """
    return [found for path in paths for found in _walk(input, path, 0, "")]


def _walk(value: Any, path: TextPath, at: int, name: str) -> Iterator[tuple[str, str]]:
    if value is None and at > 0:
        return
    if at == len(path):
        if not isinstance(value, str):
            raise FactError("unreadable-text", f"`{name}` is not text")
        yield name, value
        return
    step = path[at]
    if step == "**":
        yield from _leaves(value, name, 0)
    elif step == "[]":
        if not isinstance(value, list | tuple):
            raise FactError("unreadable-text", f"`{name}` is not a list")
        for i, item in enumerate(value):
            yield from _walk(item, path, at + 1, f"{name}[{i}]")
    else:
        if not isinstance(value, Mapping):
            raise FactError("unreadable-text", f"`{name}` is not an object")
        yield from _walk(value.get(step), path, at + 1, f"{name}.{step}" if name else step)


def _step(key: Any) -> str:
    """A key as a part of a field's name, so that no two fields have one name."""
    return f".{key}" if _PLAIN.fullmatch(str(key)) else f"[{json.dumps(str(key))}]"


def _leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_TEXT_DEPTH:
        raise FactError("unreadable-text", f"`{name[:80]}` is nested too deeply to scan")
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, name + _step(key), depth + 1)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{name}[{i}]", depth + 1)
