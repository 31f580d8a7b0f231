"""A configuration as the text of a file, with its notes in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policyengine.exports import Exported

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# What YAML 1.1, which most routers read, takes for something else than text.
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def as_json(exported: Exported) -> str:
    """JSON; its notes stand under `notes`, which those who read it pass over."""
    return json.dumps({**exported.value, "notes": exported.notes}, indent=2) + "\n"


def as_yaml(exported: Exported, title: str) -> str:
    """YAML 1.1 and 1.2 alike, with a title and the notes as comments.

    >>> print(as_yaml(Exported({"a": [{"b": 5e-08, "c": []}]}, ("mind this",)), "made"), end="")
    # made
    # - mind this
    a:
      - b: 5.0e-08
        c: []
    """
    # A line break would end the comment.
    notes = [" ".join(note.split()) for note in exported.notes]
    head = [f"# {' '.join(title.split())}", *(f"# - {note}" for note in notes)]
    return "\n".join([*head, *_lines(exported.value)]) + "\n"


def _lines(value: Any) -> Iterator[str]:
    """The lines of an object or a list."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _under(f"{_scalar(key)}:", item)
    else:
        for item in value:
            if isinstance(item, Mapping) and item:
                first, *others = _lines(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in others)
            else:
                yield f"- {_scalar(item)}"


def _under(key: str, item: Any) -> Iterator[str]:
    if isinstance(item, Mapping | list | tuple) and item:
        yield key
        yield from (f"  {line}" for line in _lines(item))
    else:
        yield f"{key} {_scalar(item)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        # YAML 1.1 takes `5e-08` for text.
        digits, _, exponent = repr(value).partition("e")
        return f"{digits if '.' in digits else digits + '.0'}e{exponent}" if exponent else digits
    return json.dumps(value)
