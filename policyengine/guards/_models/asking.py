"""Asking a model about texts: in windows, each once in a decision, and not about too many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policyengine.errors import FactError
from policyengine.guards._models.backend import Labels, malformed
from policyengine.guards._models.config import Model
from policyengine.guards._text.normal import normalised
from policyengine.plugins import Texts

MOST_WINDOWS: Final = 64
"""Windows that one question may send; more text is an error, not a clean result."""
MOST_CHARACTERS: Final = 400_000


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text as the model is given it, and its range in the original."""

    field: str
    start: int
    end: int
    text: str


def windows(field: str, text: str, size: int, plain: bool) -> Iterator[Window]:
    """The overlapping parts of a text; `plain` takes invisible and look-alike characters away.

    >>> [(w.start, w.end) for w in windows("x", "a" * 20, 16, False)]
    [(0, 16), (14, 20)]
    """
    read = normalised(text) if plain else None
    seen = text if read is None else read.text
    step = size - size // 8
    for start in range(0, max(len(seen) - size // 8, 1), step):
        part = seen[start : start + size]
        if part.strip():
            end = start + len(part)
            place = (start, end) if read is None else read.place(start, end)
            yield Window(field, *place, part)


def bounded(parts: Sequence[Window]) -> Sequence[Window]:
    """The windows, if they are not too many; raises `FactError("text-too-long")`."""
    if len(parts) > MOST_WINDOWS or sum(len(part.text) for part in parts) > MOST_CHARACTERS:
        raise FactError(
            "text-too-long",
            f"a model is asked about {MOST_WINDOWS} windows and {MOST_CHARACTERS:,} characters "
            "at most",
        )
    return parts


def scores(
    model: Model, parts: Sequence[Window], texts: Texts, asked: Iterable[str]
) -> list[Mapping[str, float]]:
    """For each window what the model's labels mean for it, by name; `asked` are the names needed.

    Raises `FactError` as the backend does, and where the model has none of the labels that the
    clause gives a meaning.
    """
    texts.check()
    said: dict[str, Labels] = texts.memo.setdefault(("models", model.kind, model.key), {})
    missing = list(dict.fromkeys(part.text for part in parts if part.text not in said))
    if missing:
        until = math.inf if texts.deadline is None else texts.deadline
        answers = model.backend.labels(list(map(_whole, missing)), until)
        if len(answers) != len(missing):
            raise malformed("the model did not answer for each text")
        said.update(zip(missing, answers, strict=True))
    rows = [_meant(model, said[part.text]) for part in parts]
    if model.backend.complete:
        for name in asked:
            if any(name not in row for row in rows):
                raise malformed(f"the model has no label that means `{name}`")
    return rows


def _whole(text: str) -> str:
    """The text without halves of characters, which no encoding of it can carry."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _meant(model: Model, labels: Labels) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for label, score in labels.items():
        for name in model.names.get(label, ()):
            found[name] = max(score, found.get(name, 0.0))
    return found
