"""The shipped classifier of tasks: for each kind, how likely a prompt is one.

The pieces of a text (`_linear.py`) have a row of weights each, one signed byte for a kind; a kind's
sum over the square root of the number of pieces is its raw score. A small head adds what the
prompt's form says and makes chances of it (softmax). Sums are whole numbers, so that scores are the
same with numpy and without.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from policyengine.errors import FactError
from policyengine.guards import _linear, _weights
from policyengine.guards._task.reading import FEATURES, HEAD, TAIL, Reading

NAME = "task"
KINDS: Sequence[str] = (
    "code", "translation", "question", "analysis", "math", "writing", "summary", "chat",
)  # fmt: skip
"""The kinds of tasks, in the order of the weights."""
BITS = 15
ROWS = 1 << BITS
"""Rows of weights: the hashed pieces of a text share them."""
_DROPPED = _linear.BITS - BITS
_HEAD = struct.Struct("<8sHHd")
_MAGIC = b"PETASKS1"


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of pieces, what a step of one is worth, and the head over them."""

    weights: bytes
    scale: float
    slope: float
    bias: Sequence[float]
    forms: Sequence[Sequence[float]]

    @classmethod
    def of(cls, pieces: bytes, head: bytes) -> Model:
        """The model that files hold; raises `ValueError` or `KeyError` where they are wrong."""
        if len(pieces) != _HEAD.size + ROWS * len(KINDS):
            raise ValueError("not weights of tasks: wrong size")
        magic, bits, kinds, scale = _HEAD.unpack_from(pieces)
        if (magic, bits, kinds) != (_MAGIC, BITS, len(KINDS)):
            raise ValueError("not weights of tasks: wrong head")
        data: Mapping[str, Any] = json.loads(head)
        rows = [data["kinds"][kind] for kind in KINDS]
        numbers = [scale, data["slope"], *(row["bias"] for row in rows)]
        if not all(map(math.isfinite, numbers)):
            raise ValueError("not weights of tasks: no finite numbers")
        return cls(
            pieces[_HEAD.size :],
            float(scale),
            float(data["slope"]),
            tuple(float(row["bias"]) for row in rows),
            tuple(tuple(float(row["forms"][name]) for name in FEATURES) for row in rows),
        )

    def file(self) -> bytes:
        """The weights of pieces as a file."""
        return _HEAD.pack(_MAGIC, BITS, len(KINDS), self.scale) + self.weights

    def raw(self, text: str) -> list[float]:
        """The raw score of each kind."""
        numpy = _linear._numpy()
        sums, count = self._sums_slowly(text) if numpy is None else self._sums(text, numpy)
        return [self.scale * total / math.sqrt(count) if count else 0.0 for total in sums]

    def _sums(self, text: str, numpy: Any) -> tuple[list[int], int]:
        buckets, _, _ = _linear.pieces(text, numpy)
        count = len(buckets)
        table, ones = _table(self.weights, numpy)
        # Whole numbers below 2**24 are exact in these floats, and fast to add up.
        sums = ones[:count] @ table.take(buckets >> _DROPPED, axis=0)
        return list(map(int, sums.tolist())), count

    def _sums_slowly(self, text: str) -> tuple[list[int], int]:
        blocks, _ = _linear.pieces_slowly(text)
        rows = [(bucket >> _DROPPED) * len(KINDS) for block in blocks for bucket in block]
        weights = memoryview(self.weights).cast("b")
        return [sum(weights[row + kind] for row in rows) for kind in range(len(KINDS))], len(rows)

    def chances(self, reading: Reading) -> list[float]:
        """How likely the prompt is each kind; they add up to one."""
        odds = [
            bias + self.slope * raw
            for bias, raw in zip(self.bias, self.raw(reading.words), strict=True)
        ]
        for place, feature in enumerate(reading.features()):
            # Most prompts have few of them.
            if feature:
                for kind, forms in enumerate(self.forms):
                    odds[kind] += feature * forms[place]
        top = max(odds)
        parts = [math.exp(one - top) for one in odds]
        total = sum(parts)
        return [part / total for part in parts]


# Six pieces for each character that is read, at most.
_MOST_PIECES = 6 * (HEAD + TAIL + 1)


@lru_cache(maxsize=2)
def _table(weights: bytes, numpy: Any) -> tuple[Any, Any]:
    steps = numpy.frombuffer(weights, dtype="i1").reshape(ROWS, len(KINDS))
    return steps.astype("f4"), numpy.ones(_MOST_PIECES, "f4")


@cache
def shipped() -> Model:
    """The model of this release.

    Raises `FactError`: `model-missing` or `model-damaged`.
    """
    files = [_weights.read(NAME, name) for name in ("pieces.bin", "head.json")]
    try:
        return Model.of(*files)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FactError("model-damaged", "the files of the model do not fit this release") from None
