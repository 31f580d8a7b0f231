"""Our own labelled texts: what stands in `corpus/labelled/`, ready for guards and evaluation.

One JSONL file for each guard, a row a line: `id`, `text`, `label` (or `spans`, with offsets in
characters of the text), `lang`, `kind` (what sort of text), `origin` (whose words it would be in a
request) and `source`; in `words.jsonl` also the `clause` that the row is about.

Secrets are invented but have the form of real ones, so in the file each is cut by `MARK`: scanners
of repositories see none, and reading takes the marks out. Offsets count without marks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent / "labelled"
GUARDS: Final = ("pii", "injection", "topic", "secrets", "words")
MARK: Final = "\u2016"
"""Cuts secrets in the files (a double vertical line); no text has one of its own."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a text, and what they are."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text; without labels it is harmless."""

    id: str
    text: str
    labels: frozenset[str]
    lang: str
    kind: str
    origin: str
    source: str
    spans: tuple[Span, ...] = ()
    clause: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Example:
        """The example of a row.

        >>> row = {"id": "a", "text": "a\u2016b", "spans": [{"start": 0, "end": 2, "label": "X"}]}
        >>> example = Example.of({**row, "lang": "en", "kind": "chat", "origin": "user"})
        >>> example.text, sorted(example.labels)
        ('ab', ['X'])
        """
        spans = tuple(Span(s["start"], s["end"], s["label"]) for s in row.get("spans", ()))
        return cls(
            id=row["id"],
            text=row["text"].replace(MARK, ""),
            labels=frozenset(span.label for span in spans) | _labels(row.get("label", 0)),
            lang=row["lang"],
            kind=row["kind"],
            origin=row["origin"],
            source=row.get("source", "policyengine"),
            spans=spans,
            clause=row.get("clause", {}),
        )


def _labels(said: int | Sequence[str]) -> frozenset[str]:
    if isinstance(said, int):
        return frozenset({"1"} if said else ())
    return frozenset(said)


def path(guard: str) -> Path:
    """The file of a guard."""
    return FOLDER / f"{guard}.jsonl"


def read(guard: str) -> tuple[Example, ...]:
    """The examples of a guard in the order of its file.

    >>> len(read("words")) > 100
    True
    """
    return tuple(_read(path(guard)))


def _read(file: Path) -> Iterator[Example]:
    for line in file.read_text(encoding="utf-8").rstrip("\n").split("\n"):
        yield Example.of(json.loads(line))


def read_all() -> dict[str, tuple[Example, ...]]:
    """The examples of all guards, by guard."""
    return {guard: read(guard) for guard in GUARDS}
