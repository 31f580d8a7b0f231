"""How a clause names a model and a cascade: the schemas, the long form, the question behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from policyengine.guards._models import bedrock, embedding, onnx, openai, transformers
from policyengine.guards._models.backend import Backend, Kind

INJECTION: Final = "injection"
ONLY_MODELS: Final = (
    "child_exploitation",
    "defamation",
    "privacy",
    "intellectual_property",
    "code_abuse",
)
"""Topics that no shipped classifier knows, and other models do."""

# The key that users write is the file's name.
KINDS: Final[Mapping[str, Kind]] = {
    module.__name__.rpartition(".")[2]: cast(Kind, module)
    for module in (bedrock, embedding, onnx, openai, transformers)
}
_NAME: Final = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"}
_LABELS: Final[Mapping[str, Any]] = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 200,
    "description": "What the model's labels mean: `injection`, or topics.",
    "additionalProperties": {
        "anyOf": [_NAME, {"type": "array", "minItems": 1, "maxItems": 20, "items": _NAME}]
    },
}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "Another model, by its kind.",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        name: {
            **kind.SCHEMA,
            "properties": {**kind.SCHEMA["properties"], "labels": _LABELS},
        }
        for name, kind in KINDS.items()
    },
}
"""The value of a clause's key `model`."""


def cascade_schema(levels: Iterable[str]) -> Mapping[str, Any]:
    """The JSON Schema of a clause's key `cascade`, for a guard whose scores have these names."""
    return {
        "type": "object",
        "description": "Ask the model only where the shipped classifier is unsure.",
        "required": ["uncertain"],
        "additionalProperties": False,
        "properties": {
            "uncertain": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {
                    "anyOf": [
                        {"type": "string", "enum": list(levels)},
                        {"type": "number", "minimum": 0, "maximum": 1},
                    ]
                },
                "description": "From which score of the shipped classifier on the model is asked, "
                "and from which on it is a finding without asking.",
            }
        },
    }


def normal(value: Mapping[str, Any]) -> dict[str, Any]:
    """The long form of a model.

    >>> normal({"onnx": {"path": "prompt-guard-2"}})
    {'onnx': {'tokens': 512, 'path': 'prompt-guard-2'}}
    """
    [(name, options)] = value.items()
    long = {**KINDS[name].DEFAULTS, **options}
    if "labels" in long:
        long["labels"] = {
            label: [means] if isinstance(means, str) else list(means)
            for label, means in long["labels"].items()
        }
    return {name: long}


def normal_cascade(value: Mapping[str, Any], levels: Mapping[str, float]) -> dict[str, Any]:
    """The long form of a cascade; a name that stands for no score in `levels` stays one.

    >>> normal_cascade({"uncertain": ["high", 1]}, {"high": 0.25})
    {'uncertain': [0.25, 1.0]}
    """
    return {
        "uncertain": [
            levels.get(end, end) if isinstance(end, str) else float(end)
            for end in value["uncertain"]
        ]
    }


def cost(value: Mapping[str, Any]) -> int:
    """Microseconds for 1,000 characters.

    >>> cost({"onnx": {"path": "x"}}) < cost({"openai": {"url": "x", "model": "y"}})
    True
    """
    [name] = value
    return KINDS[name].COST


@dataclass(frozen=True, slots=True)
class Model:
    """A backend, what it is called, and what its labels mean.

    `key` is the same for equal models, so that what they said in a decision is asked once.
    """

    kind: str
    key: str
    backend: Backend
    names: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, value: Mapping[str, Any], asked: Iterable[str] = (INJECTION,)) -> Model:
        """The model that a clause's value in its long form names, asked for topics or injections.

        Raises `ValueError` for options that make no sense.
        """
        [(name, options)] = value.items()
        kind = KINDS[name]
        means = options.get("labels") or kind.names(options) or {name: (name,) for name in asked}
        return cls(name, repr(sorted(options.items())), kind.build(options), means)

    def known(self) -> frozenset[str]:
        """All that the model's labels may mean."""
        return frozenset(name for means in self.names.values() for name in means)
