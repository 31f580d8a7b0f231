"""A classifier as ONNX in a folder: `model.onnx`, `tokenizer.json` and `config.json`.

    model: {onnx: {path: llama-prompt-guard-2-86m, tokens: 512}}

Runs with onnxruntime and tokenizers. Texts longer than the model reads at once are read in parts
that overlap, and the highest score of a part counts: nothing is cut off unseen.
"""

from __future__ import annotations

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
    kept,
    lacking,
    malformed,
)
from policyengine.guards._models.permitted import folder
from policyengine.guards._models.sequences import Head, highest

COST: Final = 50_000
SCHEMA: Final = sequences.schema("A classifier as ONNX in a folder, such as Prompt Guard 2.")
DEFAULTS: Final = sequences.DEFAULTS
names = sequences.names


def build(options: Mapping[str, Any]) -> Backend:
    """The backend; nothing is read yet."""
    return _Onnx(options["path"], options.get("sha256"), options["tokens"])


@dataclass(frozen=True, slots=True)
class _Onnx:
    path: str
    sha256: str | None
    tokens: int
    window: int = sequences.WINDOW
    complete: bool = True

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        place = folder(self.path)
        head = kept(("onnx", "head", place, self.tokens), lambda: Head.of(place, self.tokens))
        network = kept(
            ("onnx", place, self.sha256, head.tokens, head.padding),
            lambda: Network.of(place, self.sha256, head.tokens, head.padding),
        )
        parts, owners = network.parts(texts)
        rows: list[Labels] = []
        for batch in batches(len(parts), sequences.BATCH, until):
            rows += [head.scores(row) for row in network.run(parts[batch]).tolist()]
        return highest(rows, owners, len(texts))


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its tokenizer; both may be used by several threads."""

    session: Any
    tokenizer: Any
    inputs: frozenset[str]
    padding: int

    @classmethod
    def of(cls, place: Path, sha256: str | None, tokens: int, padding: int) -> Network:
        """The network of a folder; raises `FactError` where it lacks a file or a package."""
        try:
            onnxruntime: Any = import_module("onnxruntime")
            tokenizers: Any = import_module("tokenizers")
        except ImportError as error:
            raise lacking(str(error.name), "`onnx` needs onnxruntime and tokenizers") from None
        weights = checked(place, "model.onnx", sha256)
        words = checked(place, "tokenizer.json", None)
        try:
            session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
            tokenizer = tokenizers.Tokenizer.from_file(str(words))
            tokenizer.no_padding()
            tokenizer.enable_truncation(
                max_length=tokens, stride=min(sequences.STRIDE, tokens // 4)
            )
        # onnxruntime and tokenizers have no base class of their own for what may be wrong.
        except Exception as error:
            raise _unusable(error) from None
        named = frozenset(each.name for each in session.get_inputs())
        return cls(session, tokenizer, named, padding)

    def parts(self, texts: Sequence[str]) -> tuple[list[Any], list[int]]:
        """The token rows of texts, and for each row the text that it is of."""
        found: list[Any] = []
        owners: list[int] = []
        for number, first in enumerate(self.tokenizer.encode_batch(list(texts))):
            for part in (first, *first.overflowing):
                found.append(part)
                owners.append(number)
        return found, owners

    def run(self, parts: Sequence[Any]) -> Any:
        """The first thing that the network gives for token rows, an array; raises `FactError`."""
        fed = {name: array for name, array in self.fed(parts).items() if name in self.inputs}
        try:
            found = self.session.run(None, fed)[0]
        # What a network may fail with has no base class either; its words may quote the input.
        except Exception as error:
            raise FactError("model-failed", f"the model failed ({type(error).__name__})") from None
        if len(found.shape) < 2 or found.shape[0] != len(parts):
            raise malformed("the model gives something else than a row for each text")
        return found

    def fed(self, parts: Sequence[Any]) -> Mapping[str, Any]:
        """The arrays that stand for token rows, filled up to one length."""
        import numpy as np

        length = max(len(part.ids) for part in parts)
        tokens = np.full((len(parts), length), self.padding, dtype=np.int64)
        mask = np.zeros((len(parts), length), dtype=np.int64)
        for row, part in enumerate(parts):
            tokens[row, : len(part.ids)] = part.ids
            mask[row, : len(part.ids)] = 1
        return {
            "input_ids": tokens,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(tokens),
        }


def _unusable(error: Exception) -> FactError:
    return FactError("model-damaged", f"the model can't be loaded ({type(error).__name__})")
