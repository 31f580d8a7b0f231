"""What may stand in `data/tiers.yaml`: its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

CAPABILITIES: Final = (
    "tools", "vision", "audio", "video", "files", "json", "reasoning", "embeddings",
)  # fmt: skip
STRATEGIES: Final = ("priority", "cheapest", "latency", "weighted", "sticky")
# What a request is thought to be answered with where it sets no `max_tokens`.
OUTPUT_TOKENS: Final = 512

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$"
_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_FIELD = r"^[a-z][a-z0-9_]{0,63}(\.[A-Za-z0-9_-]{1,64}){1,5}$"
_MOST_TOKENS = 1 << 40


def _words(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "maxItems": 64,
        "uniqueItems": True,
        "items": {"type": "string", "pattern": _WORD},
    }


def _tokens(description: str) -> dict[str, Any]:
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": _MOST_TOKENS,
        "description": description,
    }


def _number(description: str, **bounds: float) -> dict[str, Any]:
    return {"type": "number", "description": description, **bounds}


def _object(
    properties: Mapping[str, Any], description: str, required: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


_RETENTION = {
    "type": "string",
    "enum": ["none", "limited", "unknown"],
    "description": "Whether the provider keeps requests: not at all, for a time, or not known.",
}
_TRAINING = {
    "type": "boolean",
    "description": "Whether the provider may train on requests; true where not said.",
}
_PRICE = _object(
    {
        "input_cost_per_token": _number("US dollars for a token of input.", minimum=0, maximum=1),
        "output_cost_per_token": _number("US dollars for a token of output.", minimum=0, maximum=1),
    },
    "What the model costs, where the bundle has no price book (`data/prices.json`).",
    ("input_cost_per_token", "output_cost_per_token"),
)
_MODEL = _object(
    {
        "provider": {
            "type": "string",
            "pattern": _WORD,
            "description": "Who serves it, such as `openai`, in the words of LiteLLM.",
        },
        "id": {
            "type": "string",
            "pattern": _NAME,
            "description": "Its name at the provider; the model's own where not said.",
        },
        "base_url": {
            "type": "string",
            "pattern": "^https?://[^\\s@]{1,500}$",
            "description": "Where it is served, for models of one's own.",
        },
        "names": {
            "type": "object",
            "description": "What it is called elsewhere, where that is not `provider/id`.",
            "propertyNames": {"enum": ["litellm", "openrouter", "portkey"]},
            "additionalProperties": {"type": "string", "pattern": _NAME},
        },
        "context_tokens": _tokens("Tokens of input and output together that it takes."),
        "max_output_tokens": _tokens("Tokens that it answers with at most."),
        "capabilities": _words(
            "What it can do: " + ", ".join(CAPABILITIES) + ", or a word of your own that begins "
            "with `x-`."
        ),
        "regions": _words("Where requests are processed, such as `eu`."),
        "data": {
            "type": "object",
            "description": "What kinds of data may go there. A kind is the name of a guard, such "
            "as `pii`, or a type of finding, such as `US_SSN`.",
            "maxProperties": 64,
            "propertyNames": {"pattern": _WORD},
            "additionalProperties": {"enum": ["allow", "deny"]},
        },
        "classes": _words(
            "The classes of data that may go there. Where said, a request whose class is not "
            "known may not."
        ),
        "retention": _RETENTION,
        "training": _TRAINING,
        "latency_ms": _number(
            "How long an answer is expected to take, until that is observed.",
            minimum=0,
            maximum=1e9,
        ),
        "price": _PRICE,
    },
    "A model.",
)
_MEMBER = {
    "anyOf": [
        {"type": "string", "pattern": _NAME},
        _object(
            {
                "model": {
                    "type": "string",
                    "pattern": _NAME,
                    "description": "Name of the model.",
                },
                "weight": _number("Its share, against those of the others.", maximum=1e9),
            },
            "A model of a tier, and its weight.",
            ("model",),
        ),
    ]
}
_TIER = _object(
    {
        "description": {"type": "string", "maxLength": 500, "description": "What it is for."},
        "strategy": {
            "type": "string",
            "enum": list(STRATEGIES),
            "description": "How a model is chosen: in the order of the list, by price, by latency, "
            "at random by weight, or by weight but always the same for one key.",
        },
        "models": {
            "type": "array",
            "maxItems": 100,
            "items": _MEMBER,
            "description": "Its models.",
        },
        "fallbacks": {
            "type": "array",
            "maxItems": 50,
            "items": {"type": "string", "pattern": _WORD},
            "description": "Tiers whose models are tried after its own, in order.",
        },
        "sticky_by": {
            "type": "string",
            "pattern": _FIELD,
            "description": "The field whose value decides for `sticky`, such as `subject.id`.",
        },
        "salt": {
            "type": "string",
            "maxLength": 64,
            "description": "Makes one sticky assignment independent of another; the tier's name "
            "where not said.",
        },
        "prefer_requested": {
            "type": "boolean",
            "description": "Whether the model that the request names comes first where it is one "
            "of the tier; false where not said.",
        },
        "requires": _object(
            {
                "capabilities": _words("What each model must be able to do."),
                "regions": _words("Where each model must run, in one of them."),
                "retention": {"const": "none", "description": "No model may keep requests."},
                "training": {"const": False, "description": "No model may train on requests."},
            },
            "What holds for every model of the tier, and for those of its fallbacks too.",
        ),
    },
    "A tier.",
    ("models",),
)
_HEALTH = _object(
    {
        "allowed_fails": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "So many failures in a row, and a model is left alone for a while.",
        },
        "failure_share": _number(
            "Such a share of failures in the window, and it is too.", exclusiveMinimum=0, maximum=1
        ),
        "min_results": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Results that a share is judged on at least.",
        },
        "window_s": _number("How long results count, in seconds.", exclusiveMinimum=0, maximum=1e6),
        "cooldown_s": _number(
            "The first pause, in seconds; it doubles each time.", exclusiveMinimum=0, maximum=1e6
        ),
        "max_cooldown_s": _number("The longest pause.", exclusiveMinimum=0, maximum=1e6),
        "probe_share": _number(
            "The share of requests that try a model after its pause.", minimum=0, maximum=1
        ),
        "latency": {
            "type": "string",
            "enum": ["median", "p95"],
            "description": "The figure that `strategy: latency` compares.",
        },
    },
    "When a failing model is left alone, and how it is tried again.",
)
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "tiers",
    **_object(
        {
            "default": {
                "type": "string",
                "pattern": _WORD,
                "description": "The tier of requests that no rule routes.",
            },
            "models": {
                "type": "object",
                "description": "The models by name.",
                "maxProperties": 1000,
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": _MODEL,
            },
            "tiers": {
                "type": "object",
                "description": "The tiers by name.",
                "minProperties": 1,
                "maxProperties": 200,
                "propertyNames": {"pattern": _WORD},
                "additionalProperties": _TIER,
            },
            "health": _HEALTH,
            "output_tokens": _tokens(
                "What an answer is thought to have, when prices are compared and a request sets "
                f"no `max_tokens`; {OUTPUT_TOKENS} where not said."
            ),
            "region_from": {
                "type": "string",
                "pattern": _FIELD,
                "description": "The field that names the region in which a request must stay; "
                "`route.region` where not said.",
            },
            "class_from": {
                "type": "string",
                "pattern": _FIELD,
                "description": "The field that names the class of the data in a request; "
                "`context.attributes.data_class` where not said.",
            },
        },
        "Tiers of models, and what each model can and may do (`data/tiers.yaml`).",
        ("models", "tiers"),
    ),
}
