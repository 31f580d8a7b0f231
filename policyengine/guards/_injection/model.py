"""The shipped classifier: its files, read once, and what it thinks of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from policyengine.errors import FactError
from policyengine.guards import _weights
from policyengine.guards._injection.reading import Head, Reading
from policyengine.guards._injection.signals import signals
from policyengine.guards._injection.spelling import Speller
from policyengine.guards._linear import Linear
from policyengine.guards._text.normal import normalised

NAME = "injection"


@dataclass(frozen=True, slots=True)
class Model:
    """The linear model, the words it knows, and for each kind of source a head and thresholds."""

    linear: Linear
    speller: Speller
    heads: Mapping[str, Head]
    points: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, linear: bytes, heads: bytes, words: bytes) -> Model:
        """The model that files hold; raises `ValueError` or `KeyError` where they are wrong."""
        data = json.loads(heads)
        return cls(
            Linear.of(linear),
            Speller.of(words.decode("utf-8").split()),
            {kind: Head.of(data[kind]) for kind in KINDS},
            {kind: {k: float(v) for k, v in data[kind]["points"].items()} for kind in KINDS},
        )

    def reading(self, plain: str, signals: int) -> Reading:
        """What there is to see in a plain text in which so many signals were found."""
        return Reading.of(plain, self.linear, self.speller, signals)


KINDS = ("user", "data")
"""Heads: one for what users say, one for what comes with a document or from a tool."""


def kind_of(source: str) -> str:
    """The head that judges texts of a source.

    >>> kind_of("user"), kind_of("tool"), kind_of("unknown")
    ('user', 'data', 'data')
    """
    return "user" if source == "user" else "data"


@cache
def shipped() -> Model:
    """The model of this release.

    Raises `FactError`: `model-missing` or `model-damaged`.
    """
    files = [_weights.read(NAME, name) for name in ("linear.bin", "heads.json", "words.txt")]
    try:
        return Model.of(*files)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FactError("model-damaged", "the files of the model do not fit this release") from None


def score(text: str, source: str) -> float:
    """How likely a text from a source tries to steer a model, from 0 to 1, as it stands.

    Encodings are not taken off; the guard does that. Raises `FactError` where there is no model.
    """
    model = shipped()
    plain = normalised(text).text
    reading = model.reading(plain, sum(1 for _ in signals(text, plain.lower())))
    return max((s for s, _, _ in model.heads[kind_of(source)].scores(reading)), default=0.0)
