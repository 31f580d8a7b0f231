"""A sentence-embedding model with a linear head for each label, from a folder.

    model: {embedding: {path: sentences}}

The folder holds `head.json` and either a sentence-transformers model (`modules.json`) or an ONNX
one (`model.onnx`, `tokenizer.json`). `head.json` is what a logistic regression learns from vectors
of unit length:

    {"labels": {"injection": {"weights": [0.1, ...], "bias": -2.0}}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards._models import sequences
from policyengine.guards._models.backend import (
    Backend,
    Labels,
    batches,
    checked,
    json_file,
    kept,
    lacking,
    malformed,
    sigmoid,
)
from policyengine.guards._models.onnx import Network
from policyengine.guards._models.permitted import folder
from policyengine.guards._models.sequences import highest

COST: Final = 10_000
SCHEMA: Final = sequences.schema("A sentence-embedding model and a linear head for each label.")
DEFAULTS: Final[Mapping[str, Any]] = {"tokens": 256}


def names(options: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Heads are named as what they find."""
    return {}


def build(options: Mapping[str, Any]) -> Backend:
    """The backend; nothing is read yet."""
    return _Embedding(options["path"], options.get("sha256"), options["tokens"])


@dataclass(frozen=True, slots=True)
class _Embedding:
    path: str
    sha256: str | None
    tokens: int
    window: int = sequences.WINDOW
    complete: bool = True

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        place = folder(self.path)
        heads = kept(("embedding", "heads", place), lambda: _heads(place))
        model = kept(
            ("embedding", place, self.sha256, self.tokens),
            lambda: _model(place, self.sha256, self.tokens),
        )
        parts, owners = model.parts(texts)
        rows: list[Labels] = []
        for batch in batches(len(parts), sequences.BATCH, until):
            for vector in model.vectors(parts[batch]):
                rows.append({label: head.score(vector) for label, head in heads.items()})
        return highest(rows, owners, len(texts))


@dataclass(frozen=True, slots=True)
class _Head:
    weights: Sequence[float]
    bias: float

    def score(self, vector: Sequence[float]) -> float:
        if len(vector) != len(self.weights):
            raise malformed("`head.json` is made for vectors of another length")
        return sigmoid(math.fsum(map(float.__mul__, self.weights, vector)) + self.bias)


def _heads(place: Path) -> Mapping[str, _Head]:
    try:
        found = {
            str(label): _Head(tuple(map(float, head["weights"])), float(head["bias"]))
            for label, head in json_file(place, "head.json")["labels"].items()
        }
    except (LookupError, TypeError, ValueError, AttributeError):
        raise malformed("`head.json` of the model is not of its form") from None
    if not found:
        raise malformed("`head.json` of the model has no labels")
    return found


def _model(place: Path, sha256: str | None, tokens: int) -> _Pooled | _Sentences:
    if (place / "modules.json").is_file():
        return _sentences(place, sha256, tokens)
    config = json_file(place, "config.json") if (place / "config.json").is_file() else {}
    padding = config.get("pad_token_id")
    return _Pooled(Network.of(place, sha256, tokens, padding if isinstance(padding, int) else 0))


@dataclass(frozen=True, slots=True)
class _Pooled:
    """An ONNX model whose vectors of tokens are averaged."""

    network: Network

    def parts(self, texts: Sequence[str]) -> tuple[list[Any], list[int]]:
        return self.network.parts(texts)

    def vectors(self, parts: Sequence[Any]) -> list[list[float]]:
        import numpy as np

        found = self.network.run(parts)
        if found.ndim == 3:
            mask = self.network.fed(parts)["attention_mask"][:, :, None]
            found = (found * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
        return [_unit(row) for row in found.astype(float).tolist()]


def _unit(row: Sequence[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in row))
    return [x / length for x in row] if length else list(row)


@dataclass(frozen=True, slots=True)
class _Sentences:
    """A sentence-transformers model, given no more than it reads."""

    model: Any
    most: int

    def parts(self, texts: Sequence[str]) -> tuple[list[Any], list[int]]:
        read = self.model.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.most,
            stride=min(sequences.STRIDE, self.most // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        owners = [int(i) for i in read["overflow_to_sample_mapping"]]
        parts = []
        for owner, offsets in zip(owners, read["offset_mapping"], strict=True):
            # Special tokens stand for no characters.
            places = [(start, end) for start, end in offsets if end > start]
            first, last = (places[0][0], places[-1][1]) if places else (0, 0)
            parts.append(texts[owner][first:last])
        return parts, owners

    def vectors(self, parts: Sequence[Any]) -> list[list[float]]:
        try:
            found = self.model.encode(list(parts), show_progress_bar=False)
        # A device may fail in ways of its own; its words may quote the input.
        except Exception as error:
            raise FactError("model-failed", f"the model failed ({type(error).__name__})") from None
        return [_unit(row) for row in found.astype(float).tolist()]


def _sentences(place: Path, sha256: str | None, tokens: int) -> _Sentences:
    try:
        sentences: Any = import_module("sentence_transformers")
    except ImportError as error:
        raise lacking(str(error.name), "`embedding` needs sentence-transformers") from None
    checked(place, "model.safetensors", sha256)
    try:
        model = sentences.SentenceTransformer(
            str(place),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    # The formats have no common base class for what may be wrong in them.
    except Exception as error:
        why = f"the model can't be loaded ({type(error).__name__})"
        raise FactError("model-damaged", why) from None
    return _Sentences(model, min(tokens, int(model.max_seq_length or tokens)))
