"""Merging the spans of all redacting rules, and the texts that remain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from policyengine.decision import Redaction


class Piece(NamedTuple):
    """One finding that a rule wants replaced."""

    field: str
    start: int
    end: int
    kind: str
    style: Literal["mask", "label", "remove"]
    rule: str


def merged(
    pieces: Sequence[Piece], texts: Mapping[str, str]
) -> tuple[list[Redaction], dict[str, str]]:
    """Redactions without overlap, by field and place, and the texts with them applied.

    Where pieces overlap the whole stretch is replaced once, as the first piece wants it.

    >>> found = [Piece("a", 0, 3, "WORD", "mask", "r1"), Piece("a", 2, 5, "WORD", "mask", "r2")]
    >>> merged(found, {"a": "secret"})[1]
    {'a': '*****t'}
    """
    redactions: list[Redaction] = []
    fields = list(dict.fromkeys(piece.field for piece in pieces))
    for field in fields:
        ordered = sorted((p for p in pieces if p.field == field), key=lambda p: (p.start, -p.end))
        stretch: list[Piece] = []
        end = -1
        for piece in ordered:
            if stretch and piece.start >= end:
                redactions.append(_replaced(stretch, end))
                stretch = []
            stretch.append(piece)
            end = piece.end if len(stretch) == 1 else max(end, piece.end)
        redactions.append(_replaced(stretch, end))
    content = {
        field: _applied(texts[field], redactions, field) for field in fields if field in texts
    }
    return redactions, content


def _replaced(stretch: list[Piece], end: int) -> Redaction:
    first = stretch[0]
    replacement = {
        "mask": "*" * (end - first.start),
        "label": f"[{first.kind}]",
        "remove": "",
    }[first.style]
    rules = tuple(dict.fromkeys(piece.rule for piece in stretch))
    return Redaction(first.field, first.start, end, replacement, rules)


def _applied(text: str, redactions: list[Redaction], field: str) -> str:
    parts: list[str] = []
    at = 0
    for redaction in redactions:
        if redaction.field == field:
            parts += [text[at : redaction.start], redaction.replacement]
            at = redaction.end
    return "".join([*parts, text[at:]])
