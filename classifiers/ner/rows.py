"""Reads the training texts, makes labels of several sources mean the same, and varies names."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from policyengine.guards._pii.name_model import LABELS

DATA = Path(
    os.environ.get("POLICYENGINE_DATA", Path(__file__).resolve().parents[3] / "shared/data")
)
FILES = ("pii.ner-train", "pii.synth-train")
# Sources that training never sees: edited news, mail and reviews; comments; encyclopaedia.
HELD = ("UNER-EWT-dev", "WNUT17-dev", "CrossNER-ai")
# Roles in contracts that one source calls persons or organisations.
_ROLES = frozenset({"borrower", "lender", "bank", "agent", "company", "llc", "remarketing agent"})
_TITLES = frozenset(
    {"mr.", "mrs.", "ms.", "dr.", "prof.", "sen.", "rep.", "gov.", "gen."}
    | {"mr", "mrs", "ms", "dr", "prof", "president", "senator", "pope", "sir"}
)
_PLAIN = re.compile(r"\b[a-z]{4,}\b")
_LOCALES = (
    "en_US",
    "en_GB",
    "en_IN",
    "de_DE",
    "fr_FR",
    "es_ES",
    "it_IT",
    "pl_PL",
    "nl_NL",
    "pt_BR",
)
_MORE_LOCALES = ("sv_SE", "no_NO", "fi_FI", "da_DK", "hu_HU", "cs_CZ", "ro_RO", "tr_TR", "id_ID")


@dataclass(frozen=True, slots=True)
class Row:
    """A text with the places of names: start, end, label."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    source: str
    addresses: tuple[tuple[int, int], ...] = ()
    """Where postal addresses stand: a place found in one is neither right nor wrong."""


def digest(name: str) -> str:
    """The SHA-256 of a data file."""
    return hashlib.sha256((DATA / f"{name}.jsonl.gz").read_bytes()).hexdigest()


def read(name: str) -> list[Row]:
    """The rows of a data file, with our three labels only."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in lines]


def _row(row: dict[str, Any]) -> Row:
    spans = tuple(
        (span["start"], span["end"], span["label"])
        for span in row["spans"]
        if span["label"] in LABELS
    )
    addresses = tuple(
        (span["start"], span["end"]) for span in row["spans"] if span["label"] == "ADDRESS"
    )
    return Row(row["text"], spans, row["source"], addresses)


def training() -> list[Row]:
    """All rows of the training files, their labels made alike."""
    return [alike(row) for name in FILES for row in read(name)]


def alike(row: Row) -> Row:
    """A row without roles as names, titles in names, and `'s` at their ends."""
    spans = []
    for start, end, label in row.spans:
        name = row.text[start:end]
        if name.lower() in _ROLES:
            continue
        title, _, rest = name.partition(" ")
        if label == "PERSON" and rest and title.lower() in _TITLES:
            start = end - len(rest)
        if name.endswith(("'s", "\u2019s")):
            end -= 2
        spans.append((start, end, label))
    return replace(row, spans=tuple(spans))


@cache
def first_names() -> tuple[str, ...]:
    """First names of many countries, in Latin letters (Faker, MIT)."""
    return _listed("first_names")


@cache
def last_names() -> tuple[str, ...]:
    """Last names of many countries, in Latin letters (Faker, MIT)."""
    return _listed("last_names")


def _listed(kind: str) -> tuple[str, ...]:
    from importlib import import_module

    found: set[str] = set()
    for locale in (*_LOCALES, *_MORE_LOCALES):
        provider = import_module(f"faker.providers.person.{locale}").Provider
        found.update(getattr(provider, kind, ()))
    return tuple(sorted(name for name in found if name[:1].isupper() and len(name) < 24))


def varied(rows: Sequence[Row], rng: random.Random) -> Iterator[Row]:
    """The rows in a new order, some with other names or in one case; half of those without names.

    The other half comes in other rounds.
    """
    order = [row for row in rows if row.spans or rng.random() < 0.5]
    rng.shuffle(order)
    for row in order:
        if rng.random() < 0.35:
            row = renamed(row, rng)
        chance = rng.random()
        if chance < 0.06:
            row = in_case(row, row.text.lower())
        elif chance < 0.09:
            row = in_case(row, row.text.upper())
        elif chance < 0.12:
            row = others(row, str.capitalize)
        elif chance < 0.32:
            row = others(row, lambda word: _misspelt(word, rng))
        yield row


def others(row: Row, change: Callable[[str], str]) -> Row:
    """The row with its other words changed, which keep their lengths; short ones stay."""

    def changed(found: re.Match[str]) -> str:
        named = any(start < found.end() and found.start() < end for start, end, _ in row.spans)
        new = found.group() if named else change(found.group())
        return new if len(new) == len(found.group()) else found.group()

    return replace(row, text=_PLAIN.sub(changed, row.text))


def _misspelt(word: str, rng: random.Random) -> str:
    """Some words with two letters swapped, or in capitals: what is unknown is seldom a name."""
    chance = rng.random()
    if chance < 0.02:
        return word.upper()
    if chance < 0.04:
        return word.capitalize()
    if chance > 0.16:
        return word
    n = rng.randrange(len(word) - 1)
    return word[:n] + word[n + 1] + word[n] + word[n + 2 :]


def in_case(row: Row, text: str) -> Row:
    """The row with a text in another case, where that keeps all places."""
    return replace(row, text=text) if len(text) == len(row.text) else row


def renamed(row: Row, rng: random.Random) -> Row:
    """The row with other names of persons, of as many words."""
    text, spans, end = "", [], 0
    for start, stop, label in sorted(row.spans):
        if start < end:
            return row
        name = row.text[start:stop]
        new = _other(name, rng) if label == "PERSON" else name
        text += row.text[end:start]
        spans.append((len(text), len(text) + len(new), label))
        text += new
        end = stop
    return Row(text + row.text[end:], tuple(spans), row.source)


def _other(name: str, rng: random.Random) -> str:
    words = name.split(" ")
    if not name[:1].isupper() or not 1 <= len(words) <= 3 or rng.random() < 0.2:
        return name
    if len(words) == 1:
        return rng.choice(rng.choice((first_names(), last_names())))
    middle = [_middle(words[1], rng)] if len(words) == 3 else []
    return " ".join([rng.choice(first_names()), *middle, rng.choice(last_names())])


def _middle(word: str, rng: random.Random) -> str:
    if len(word) <= 2 or not word[:1].isupper():
        return word
    return rng.choice(first_names())
