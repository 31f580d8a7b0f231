"""Pieces of texts as vectors of length one, by a table of word vectors.

The table was made by `classifiers/topics/distil.py`. With numpy a text costs some 20 us; without
it the same sums are made in plain Python, and the scores agree to 1e-4.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Protocol

from policyengine.errors import FactError
from policyengine.guards import _weights
from policyengine.guards._topic.tokens import Vocabulary

DIMENSIONS = 256
_BATCH = 64

Tokens = tuple[list[int], list[float]]
"""Rows of the table and their weights, for the words of one piece."""


class Space(Protocol):
    """Where vectors live; a row of vectors is opaque to all but its space."""

    def windows(self, pieces: Iterable[Tokens], check: Callable[[], None]) -> Any:
        """A unit vector for each two neighbouring pieces, or for the only one."""

    def heads(self, rows: Sequence[Sequence[float]]) -> Any:
        """Directions to score along, each of 256 numbers."""

    def scores(self, windows: Any, heads: Any) -> list[list[float]]:
        """For each window its product with each head."""


@cache
def vocabulary() -> Vocabulary:
    """The words of the table; raises `FactError` where the model is missing or damaged."""
    lines = _weights.read("topics", "words.txt").decode("utf-8").split("\n")
    total = len(_weights.read("topics", "scales.f32")) // 4
    rows = {word: row for row, word in enumerate(lines) if word}
    first = len(lines)
    for line in _weights.read("topics", "aliases.txt").decode("utf-8").split("\n"):
        alias, _, word = line.partition(" ")
        rows.setdefault(alias, rows.get(word, -1))
    return Vocabulary(rows, first, total - first)


@cache
def space() -> Space:
    """The fastest space that this installation has."""
    try:
        import numpy
    except ImportError:
        return plain_space()
    table = numpy.frombuffer(_weights.read("topics", "table.i8"), numpy.int8)
    scales = numpy.frombuffer(_weights.read("topics", "scales.f32"), "<f4")
    _hold(len(table), len(scales))
    return _ArraySpace(numpy, table.reshape(-1, DIMENSIONS), scales)


@cache
def plain_space() -> Space:
    """The space that needs no numpy."""
    table = memoryview(_weights.read("topics", "table.i8")).cast("b")
    scales = array("f", _weights.read("topics", "scales.f32"))
    if sys.byteorder == "big":
        scales.byteswap()
    _hold(len(table), len(scales))
    return _PlainSpace(table, scales)


def _hold(numbers: int, rows: int) -> None:
    if numbers != rows * DIMENSIONS:
        raise FactError("model-damaged", "the table of the model `topics` has a wrong size")


@dataclass(frozen=True, slots=True)
class _ArraySpace:
    numpy: Any
    table: Any
    row_scales: Any

    def windows(self, pieces: Iterable[Tokens], check: Callable[[], None]) -> Any:
        np = self.numpy
        sums = []
        for batch in _batches(pieces):
            check()
            sums += [self._sum(rows, weights) for rows, weights in batch]
        found = np.stack(sums)
        if len(found) > 1:
            found = found[:-1] + found[1:]
        norms = np.sqrt(np.einsum("ij,ij->i", found, found))
        return found / np.maximum(norms, 1e-9)[:, None]

    def _sum(self, rows: list[int], weights: list[float]) -> Any:
        np = self.numpy
        if not rows:
            return np.zeros(DIMENSIONS, np.float32)
        chosen = np.array(rows)
        return (self.row_scales[chosen] * np.array(weights, np.float32)) @ self.table[chosen]

    def heads(self, rows: Sequence[Sequence[float]]) -> Any:
        return self.numpy.array(rows, self.numpy.float32).reshape(-1, DIMENSIONS).T.copy()

    def scores(self, windows: Any, heads: Any) -> list[list[float]]:
        found: list[list[float]] = (windows @ heads).tolist()
        return found


@dataclass(frozen=True, slots=True)
class _PlainSpace:
    table: memoryview
    row_scales: array[float]

    def windows(self, pieces: Iterable[Tokens], check: Callable[[], None]) -> Any:
        found = []
        before: array[float] | None = None
        for batch in _batches(pieces):
            check()
            for tokens in batch:
                now = self._sum(*tokens)
                if before is not None:
                    pair = zip(before, now, strict=True)
                    found.append(unit(array("d", (a + b for a, b in pair))))
                before = now
        return found or [unit(before or array("d", bytes(8 * DIMENSIONS)))]

    def _sum(self, rows: list[int], weights: list[float]) -> array[float]:
        total = [0.0] * DIMENSIONS
        for row, weight in zip(rows, weights, strict=True):
            factor = self.row_scales[row] * weight
            start = row * DIMENSIONS
            numbers = self.table[start : start + DIMENSIONS]
            total = [t + factor * n for t, n in zip(total, numbers, strict=True)]
        return array("d", total)

    def heads(self, rows: Sequence[Sequence[float]]) -> Any:
        return [array("d", row) for row in rows]

    def scores(self, windows: Any, heads: Any) -> list[list[float]]:
        return [[dot(window, head) for head in heads] for window in windows]


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """The sum of the products."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def unit(vector: Sequence[float]) -> array[float]:
    """The vector at length one; all zeros stay."""
    length = math.sqrt(sum(x * x for x in vector)) or 1.0
    return array("d", (x / length for x in vector))


def _batches(pieces: Iterable[Tokens]) -> Iterator[list[Tokens]]:
    source = iter(pieces)
    while batch := list(islice(source, _BATCH)):
        yield batch
