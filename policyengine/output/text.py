"""Text that is safe to print, and its colours."""

from __future__ import annotations

import re
from typing import Literal

# Controls, and the invisible characters that reorder or split a line: a terminal acts on the
# first, a reader is fooled by the second.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSAFE_BLOCK = re.compile(f"[{_HIDDEN}]")
_UNSAFE_LINE = re.compile(f"[\t\n{_HIDDEN}]")

Role = Literal["good", "bad", "caution", "strong", "dim", "place"]

_STYLES: dict[Role, dict[str, str | bool]] = {
    "good": {"fg": "green"},
    "bad": {"fg": "red", "bold": True},
    "caution": {"fg": "yellow"},
    "strong": {"bold": True},
    "dim": {"dim": True},
    "place": {"fg": "cyan"},
}

# INVARIANT: a verdict has one colour everywhere.
VERDICT_ROLES: dict[str, Role] = {"allow": "good", "require_approval": "caution", "deny": "bad"}


def line(text: str) -> str:
    r"""The text on one line, with what a terminal would act on written out.

    >>> line("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    return _UNSAFE_LINE.sub(_written_out, text)


def block(text: str) -> str:
    r"""Like `line`, but line breaks and tabs stay.

    >>> block("a\x07\n\tb")
    'a\\x07\n\tb'
    """
    return _UNSAFE_BLOCK.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def paint(text: str, role: Role, color: bool) -> str:
    """The text in the colours of its role, or as it is where `color` is false."""
    if not color:
        return text
    import click

    return click.style(text, **_STYLES[role])  # type: ignore[arg-type]


def count(number: int, noun: str) -> str:
    """A number with its noun, for people.

    >>> count(1, "test"), count(3, "test")
    ('1 test', '3 tests')
    """
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"
