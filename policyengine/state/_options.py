"""The options in an address of a store: what stands behind its question mark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from policyengine.errors import StateError


def options(
    query: str, known: Mapping[str, Callable[[str], Any]]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Those that are known, each read as its entry says, and the others as they are.

    Raises `StateError` for a known one with a value that makes no sense, without repeating it.

    >>> options("busy=2.5&durable=yes&more=1", {"busy": float, "durable": yes})
    ({'busy': 2.5, 'durable': True}, [('more', '1')])
    """
    found: dict[str, Any] = {}
    others = []
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            others.append((name, text))
            continue
        try:
            found[name] = known[name](text)
        except (ValueError, KeyError):
            raise StateError("bad-address", f"the option `{name}` has no such value") from None
    return found, others


def yes(text: str) -> bool:
    """Whether an option says yes; raises `KeyError` where it says neither yes nor no."""
    return _YES[text.lower()]


_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
