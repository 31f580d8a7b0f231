"""Labelled texts: JSON lines of a text and what it is, as exams and training data come.

    {"text": "ignore your instructions", "label": 1}
    {"text": "what dose for a toddler", "label": ["medical_advice"]}
    {"text": "call +49 30 901820", "spans": [{"start": 5, "end": 18, "label": "PHONE_NUMBER"}]}

    {"input": {"request": {"messages": [...]}}, "label": "hard"}
    {"text": "prove it", "score": 0.3}

The last two are recorded requests: whole ones or their prompts, with whether a cheap model was good
enough, or with how good it was, from 0 to 1; below a score the request is `hard`, else `routine`.
Files may be gzipped. A row's labels are a set of names: `1` and `true` are the name `1`, `0`,
`false`, `none` and nothing are no name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policyengine.analysis.json_lines import LineError, lines

GOOD_ENOUGH: Final = 0.5
_NOTHING: Final = frozenset({"", "0", "none", "false", "benign"})


class LabelError(LineError):
    """A file of labelled texts that cannot be read; `line` is 0 for the file as a whole."""


@dataclass(frozen=True, slots=True)
class Row:
    """A text, the names of what it is, and its line in the file.

    `input` is a whole input instead, and the text is empty then.
    """

    text: str
    labels: frozenset[str]
    line: int
    source: str = ""
    input: Mapping[str, Any] | None = None

    def is_one_of(self, wanted: frozenset[str]) -> bool:
        """Whether the text is what is looked for; without names, whether it is anything."""
        return bool(self.labels & wanted) if wanted else bool(self.labels)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of a file; `digest` is that of its bytes as they are stored."""

    name: str
    digest: str
    rows: tuple[Row, ...]


def read_labelled(data: bytes, name: str, good_enough: float = GOOD_ENOUGH) -> Labelled:
    """The labelled texts in the bytes of a file, gzipped or not.

    A row with a score below `good_enough` has the label `hard`, one with another `routine`.
    Raises `LabelError` with the line that is wrong.

    >>> read_labelled(b'{"text": "hi", "label": 0}\\n', "a.jsonl").rows
    (Row(text='hi', labels=frozenset(), line=1, source='', input=None),)
    """
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    rows = tuple(_rows(data, name, good_enough))
    if not rows:
        raise LabelError(name, 0, "there are no rows")
    return Labelled(name, digest, rows)


def _rows(data: bytes, name: str, good_enough: float) -> Iterator[Row]:
    for number, line in lines(data, name, LabelError):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise LabelError(name, number, "this is not JSON in UTF-8") from None
        yield _row(row, name, number, good_enough)


def _row(row: Any, name: str, number: int, good_enough: float) -> Row:
    if not isinstance(row, dict):
        raise LabelError(name, number, "a row is an object with `text`")
    input = row.get("input")
    text = row.get("text") if input is None else ""
    if not isinstance(text, str) or not isinstance(input, dict | None):
        raise LabelError(name, number, "a row is an object with `text`")
    if not row.keys() & {"label", "spans", "score"}:
        raise LabelError(name, number, "the row has neither `label` nor `spans`")
    said: Any = row.get("label")
    if said is None and "spans" not in row:
        said = _difficulty(row.get("score"), name, number, good_enough)
    if said is None:
        spans = row.get("spans")
        if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
            raise LabelError(name, number, "`spans` is a list of objects with `label`")
        said = [span.get("label") for span in spans]
    source = str(row.get("source", ""))
    return Row(text, _labels(said, name, number), number, source, input)


def _difficulty(score: Any, name: str, number: int, good_enough: float) -> str:
    """What a request is for which a cheap model was as good as a score says."""
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise LabelError(name, number, "a score is a number from 0 to 1")
    return "hard" if score < good_enough else "routine"


def _labels(said: Any, name: str, number: int) -> frozenset[str]:
    each: Iterable[Any] = said if isinstance(said, list) else [said]
    found = set()
    for label in each:
        if not isinstance(label, str | int):
            raise LabelError(name, number, "a label is a name, 0 or 1, or a list of names")
        found.add(str(int(label)) if isinstance(label, bool) else str(label))
    return frozenset(found - _NOTHING)
