"""Putting redacted texts back into a body in OpenAI's format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from policyengine.integrations._openai import SPOKEN, TEXT_PARTS, FormatError

_MESSAGE = re.compile(r"request\.messages\[(\d+)\]\.content")
_CHOICE = re.compile(r"response\.choices\[(\d+)\]\.content")
_INPUT = re.compile(r"request\.inputs\[(\d+)\]")
_SYSTEM = re.compile(r"request\.system")

Replace = Callable[[dict[str, Any], str, int, str], None]


def replaced(body: Mapping[str, Any], content: Mapping[str, str], endpoint: str) -> dict[str, Any]:
    """A copy of the body with each named text replaced, or a `FormatError`."""
    copy = deepcopy(dict(body))
    for name, text in content.items():
        for pattern, replace in _PLACES.items():
            found = pattern.fullmatch(name)
            if found:
                position = int(found[1]) if found.groups() else 0
                try:
                    replace(copy, endpoint, position, text)
                except (KeyError, IndexError, TypeError, AttributeError):
                    raise _impossible() from None
                break
        else:
            raise _impossible()
    return copy


def _impossible() -> FormatError:
    return FormatError("a redacted text has no place of its own in the body; refuse the body")


def _message(body: dict[str, Any], endpoint: str, position: int, text: str) -> None:
    if endpoint == "chat.completions":
        _speak(body["messages"][position], text)
    elif isinstance(body["input"], str):
        body["input"] = text
    elif all(item.get("type", "message") == "message" for item in body["input"]):
        _speak(body["input"][position], text)
    else:
        # Calls and results are messages of their own here, so positions say nothing.
        raise _impossible()


def _choice(body: dict[str, Any], endpoint: str, position: int, text: str) -> None:
    if endpoint == "responses":
        if any(item.get("type", "message") != "message" for item in body["output"]):
            raise _impossible()
        _speak(body["output"][position], text)
    elif "message" in body["choices"][position]:
        _speak(body["choices"][position]["message"], text)
    else:
        body["choices"][position]["text"] = text


def _input(body: dict[str, Any], endpoint: str, position: int, text: str) -> None:
    field = {"completions": "prompt", "embeddings": "input"}[endpoint]
    if isinstance(body[field], str) and position == 0:
        body[field] = text
    elif all(isinstance(item, str) for item in body[field]) and position < len(body[field]):
        body[field][position] = text
    else:
        raise _impossible()


def _system(body: dict[str, Any], endpoint: str, position: int, text: str) -> None:
    if not isinstance(body["instructions"], str):
        raise _impossible()
    body["instructions"] = text


def _speak(message: dict[str, Any], text: str) -> None:
    """Let a message say the text and nothing else; parts that are not text stay."""
    for name in SPOKEN:
        message.pop(name, None)
    parts = message.get("content")
    if not isinstance(parts, list):
        message["content"] = text
        return
    kept: list[Any] = []
    said = False
    for part in parts:
        kind = str(part.get("type")) if isinstance(part, dict) else "text"
        field = TEXT_PARTS.get(kind)
        if field is None:
            kept.append(part)
        elif not said:
            said = True
            kept.append({"type": kind, field: text})
    if not said:
        raise _impossible()
    message["content"] = kept


_PLACES: dict[re.Pattern[str], Replace] = {
    _MESSAGE: _message,
    _CHOICE: _choice,
    _INPUT: _input,
    _SYSTEM: _system,
}
