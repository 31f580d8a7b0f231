"""Classifiers of token sequences: their labels, and how rows of numbers become scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policyengine.guards._models.backend import (
    LOCAL,
    Labels,
    json_file,
    malformed,
    sigmoid,
    softmax,
)

WINDOW: Final = 2_000
BATCH: Final = 8
STRIDE: Final = 64
DEFAULTS: Final[Mapping[str, Any]] = {"tokens": 512}
# Prompt Guard's, and what other classifiers of injections call theirs; LABEL_1 is the second of two
# that were given no names.
INJECTION: Final = ("MALICIOUS", "INJECTION", "JAILBREAK", "PROMPT_INJECTION", "LABEL_1")


def schema(what: str, **more: Any) -> Mapping[str, Any]:
    """The JSON Schema of the options of a model in a folder."""
    return {
        "type": "object",
        "description": what,
        "required": ["path"],
        "additionalProperties": False,
        "properties": {**LOCAL, **more},
    }


def names(options: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """What labels of classifiers of injections mean; topics have no names that all share."""
    return dict.fromkeys([*INJECTION, *map(str.lower, INJECTION)], ("injection",))


@dataclass(frozen=True, slots=True)
class Head:
    """The labels of a classifier, and whether they exclude each other."""

    labels: Sequence[str]
    exclusive: bool
    tokens: int
    padding: int

    @classmethod
    def of(cls, folder: Path, tokens: int) -> Head:
        """The head that `config.json` describes; raises `FactError`."""
        config = json_file(folder, "config.json")
        named = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
        try:
            labels = [str(named[str(i)]) for i in range(len(named))]
            # RoBERTa keeps two of its places for itself.
            most = int(config.get("max_position_embeddings", tokens + 2))
            padding = int(config.get("pad_token_id") or 0)
        except (LookupError, TypeError, ValueError):
            raise malformed("`config.json` of the model is not of its form") from None
        exclusive = config.get("problem_type") != "multi_label_classification"
        room = most if config.get("model_type") != "roberta" else most - 2
        if not labels or room < 16:
            raise malformed("`config.json` of the model is not of its form")
        return cls(labels, exclusive and len(labels) > 1, min(tokens, room), padding)

    def scores(self, row: Sequence[float]) -> Mapping[str, float]:
        """Scores by label of one row of numbers that the model gave; raises `FactError`."""
        if len(row) != len(self.labels):
            raise malformed("the model has another number of labels than its `config.json`")
        chances = softmax(row) if self.exclusive else list(map(sigmoid, row))
        return dict(zip(self.labels, chances, strict=True))


def highest(rows: Sequence[Labels], owners: Sequence[int], number: int) -> list[Labels]:
    """For each text the highest score of its parts, by label; `owners` says whose a part is.

    >>> highest([{"a": 0.1}, {"a": 0.9}], [0, 0], 1)
    [{'a': 0.9}]
    """
    found: list[dict[str, float]] = [{} for _ in range(number)]
    for row, owner in zip(rows, owners, strict=True):
        for label, score in row.items():
            found[owner][label] = max(score, found[owner].get(label, 0.0))
    return list(found)
