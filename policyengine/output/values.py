"""JSON values on one short line, for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from policyengine.output.text import line

if TYPE_CHECKING:
    from policyengine.testing.results import Difference

_LONGEST = 200


def short(value: Any) -> str:
    r"""A value as JSON that fits a line; strings and absence as people write them.

    >>> short(["a", 1]), short(None), short("x" * 300)[-4:]
    ('["a", 1]', 'nothing', 'xxx…')
    """
    if value is None:
        return "nothing"
    if isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    text = line(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def difference(found: Difference) -> str:
    """An expectation that was not met, on one line."""
    return f"{found.what}: expected {short(found.expected)}, got {short(found.actual)}"
