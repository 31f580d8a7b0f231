"""Labelled texts: JSON lines of a text and what it is, as exams and training data come.

    {"text": "ignore your instructions", "label": 1}
    {"text": "what dose for a toddler", "label": ["medical_advice"]}
    {"text": "call +49 30 901820", "spans": [{"start": 5, "end": 18, "label": "PHONE_NUMBER"}]}

Files may be gzipped. A row's labels are a set of names: `1` and `true` are the name `1`, `0`,
`false`, `none` and nothing are no name.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

# Of a file once it is unpacked, so that a small one cannot fill the memory.
MAX_BYTES: Final = 256 << 20
MAX_ROWS: Final = 1_000_000
_NOTHING: Final = frozenset({"", "0", "none", "false", "benign"})


class LabelError(ValueError):
    """A file of labelled texts that cannot be read; `line` is 0 for the file as a whole."""

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(f"{name}:{line}: {message}" if line else f"{name}: {message}")
        self.name = name
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Row:
    """A text, the names of what it is, and its line in the file."""

    text: str
    labels: frozenset[str]
    line: int
    source: str = ""

    def is_one_of(self, wanted: frozenset[str]) -> bool:
        """Whether the text is what is looked for; without names, whether it is anything."""
        return bool(self.labels & wanted) if wanted else bool(self.labels)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of a file; `digest` is that of its bytes as they are stored."""

    name: str
    digest: str
    rows: tuple[Row, ...]


def read_labelled(data: bytes, name: str) -> Labelled:
    """The labelled texts in the bytes of a file, gzipped or not.

    Raises `LabelError` with the line that is wrong.

    >>> read_labelled(b'{"text": "hi", "label": 0}\\n', "a.jsonl").rows
    (Row(text='hi', labels=frozenset(), line=1, source=''),)
    """
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    rows = tuple(_rows(_unpacked(data, name), name))
    if not rows:
        raise LabelError(name, 0, "there are no rows")
    return Labelled(name, digest, rows)


def _unpacked(data: bytes, name: str) -> bytes:
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, EOFError) as error:
            raise LabelError(name, 0, "this is no whole gzip file") from error
    if len(data) > MAX_BYTES:
        raise LabelError(name, 0, f"this is larger than {MAX_BYTES >> 20} MiB")
    return data


def _rows(data: bytes, name: str) -> Iterator[Row]:
    # Line by line: a list of all lines may take many times the memory of the file.
    for number, line in enumerate(io.BytesIO(data), start=1):
        if number > MAX_ROWS:
            raise LabelError(name, number, f"there are more than {MAX_ROWS:,} lines")
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise LabelError(name, number, "this is not JSON in UTF-8") from None
        yield _row(row, name, number)


def _row(row: Any, name: str, number: int) -> Row:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise LabelError(name, number, "a row is an object with `text`")
    if "label" not in row and "spans" not in row:
        raise LabelError(name, number, "the row has neither `label` nor `spans`")
    said: Any = row.get("label")
    if said is None:
        spans = row.get("spans")
        if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
            raise LabelError(name, number, "`spans` is a list of objects with `label`")
        said = [span.get("label") for span in spans]
    return Row(row["text"], _labels(said, name, number), number, str(row.get("source", "")))


def _labels(said: Any, name: str, number: int) -> frozenset[str]:
    each: Iterable[Any] = said if isinstance(said, list) else [said]
    found = set()
    for label in each:
        if not isinstance(label, str | int):
            raise LabelError(name, number, "a label is a name, 0 or 1, or a list of names")
        found.add(str(int(label)) if isinstance(label, bool) else str(label))
    return frozenset(found - _NOTHING)
