"""Functions of strings. A string's length and positions count code points."""

from __future__ import annotations

from typing import Any

from policyengine.values import failures


def contains(text: Any, part: Any) -> bool:
    """`text.contains(part)`.

    >>> contains("policy", "lic"), contains("policy", "")
    (True, True)
    """
    if text.__class__ is str and part.__class__ is str:
        return part in text
    raise failures.no_such_overload("contains", text, part)


def starts_with(text: Any, prefix: Any) -> bool:
    """`text.startsWith(prefix)`."""
    if text.__class__ is str and prefix.__class__ is str:
        return bool(text.startswith(prefix))
    raise failures.no_such_overload("startsWith", text, prefix)


def ends_with(text: Any, suffix: Any) -> bool:
    """`text.endsWith(suffix)`."""
    if text.__class__ is str and suffix.__class__ is str:
        return bool(text.endswith(suffix))
    raise failures.no_such_overload("endsWith", text, suffix)


def matches(text: Any, pattern: Any) -> bool:
    """`text.matches(pattern)`: whether an RE2 pattern is found anywhere in the text.

    Raises `EvaluationError` (`bad-regex`).
    """
    if text.__class__ is str and pattern.__class__ is str:
        # Loaded on first use: most programs match constant patterns or none.
        from policyengine.values import regex

        return regex.search(pattern, text)
    raise failures.no_such_overload("matches", text, pattern)
