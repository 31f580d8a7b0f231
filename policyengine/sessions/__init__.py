"""What agents and sessions have done: counts, loops, speed, ratings. One question, one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policyengine.sessions._events import event


def call_digest(input: Mapping[str, Any]) -> str:
    """What equal calls share: `same` of the events that a host gives itself, in `session.events`.

    `input` is that of the decision point at which the call was allowed. Raises `FactError` for what
    is no JSON.

    >>> one = {"tool": {"name": "read", "arguments": {"path": "a", "limit": 1}}}
    >>> two = {"tool": {"name": "read", "arguments": {"limit": 1, "path": "a"}}}
    >>> call_digest(one) == call_digest(two)
    True
    """
    found = event("", input, 0.0)
    return found.same if found else ""


__all__ = ["call_digest"]
