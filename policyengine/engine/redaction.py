"""Merging the spans of all redacting rules, and the texts that remain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from policyengine.decision import Redaction
from policyengine.engine.transforms import Transforms
from policyengine.errors import StateError
from policyengine.program import STYLES, Style


class Piece(NamedTuple):
    """One finding that a rule wants replaced."""

    field: str
    start: int
    end: int
    kind: str
    style: Style
    rule: str


class Failure(NamedTuple):
    """A stretch that could not be replaced as its rules want, and is masked instead."""

    rules: tuple[str, ...]
    style: Style
    error: StateError


class Merged(NamedTuple):
    """Redactions without overlap, by field and place; the texts with them applied; failures."""

    redactions: list[Redaction]
    content: dict[str, str]
    failures: list[Failure]


def merged(pieces: Sequence[Piece], texts: Mapping[str, str], transforms: Transforms) -> Merged:
    """The redactions of all pieces, which lie within their texts.

    Where pieces overlap, the whole stretch is replaced once, in the style that tells least; of
    several pieces with this style the longest gives the type. What is kept hides nothing.

    >>> from policyengine.state.keys import Keys
    >>> found = [Piece("a", 0, 3, "WORD", "mask", "r1"), Piece("a", 2, 5, "WORD", "last4", "r2")]
    >>> merged(found, {"a": "secret"}, Transforms(Keys({}))).content
    {'a': '*****t'}
    """
    redactions: list[Redaction] = []
    failures: list[Failure] = []
    content: dict[str, str] = {}
    fields: dict[str, list[Piece]] = {}
    for piece in pieces:
        fields.setdefault(piece.field, []).append(piece)
    for field, found in fields.items():
        text, own = texts[field], list[Redaction]()
        for stretch in stretches(found):
            redaction, failure = _replaced(stretch, text, transforms)
            own.append(redaction)
            if failure is not None:
                failures.append(failure)
        if own:
            redactions += own
            content[field] = applied(text, own)
    return Merged(redactions, content, failures)


def stretches(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of one text by place, those together that overlap, without what is kept."""
    found: list[list[Piece]] = []
    end = -1
    ordered = sorted((p for p in pieces if p.style != "keep"), key=lambda p: (p.start, -p.end))
    for piece in ordered:
        if piece.start >= end:
            found.append([])
        found[-1].append(piece)
        end = max(end, piece.end)
    return found


def applied(text: str, redactions: Sequence[Redaction], start: int = 0) -> str:
    """A text, which begins at a place of its field, with redactions of the field in order."""
    parts: list[str] = []
    at = 0
    for redaction in redactions:
        parts += [text[at : redaction.start - start], redaction.replacement]
        at = redaction.end - start
    return "".join([*parts, text[at:]])


def _replaced(
    stretch: list[Piece], text: str, transforms: Transforms
) -> tuple[Redaction, Failure | None]:
    start, end = stretch[0].start, max(piece.end for piece in stretch)
    leading = max(stretch, key=lambda p: (STYLES.index(p.style), p.end - p.start))
    rules = tuple(dict.fromkeys(piece.rule for piece in stretch))
    failure = None
    try:
        replacement = transforms.replaced(leading.style, leading.kind, text[start:end])
    except StateError as error:
        replacement = "*" * (end - start)
        failure = Failure(rules, leading.style, error)
    style = "mask" if failure else leading.style
    return Redaction(leading.field, start, end, replacement, rules, style), failure
