"""A model behind an OpenAI-compatible endpoint: Llama Guard, or a moderation model.

    model: {openai: {url: https://guard.internal/v1, model: meta-llama/Llama-Guard-4-12B}}
    model: {openai: {url: https://api.openai.com/v1, model: omni-moderation-latest,
                     api: moderations, key_env: OPENAI_API_KEY}}

With `api: chat` the server puts the model's own template around the text and the answer is read as
Llama Guard's: `safe`, or `unsafe` and a line of codes. Its codes are labels, and `unsafe` is one
more. With `api: moderations` the labels are the answer's categories.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policyengine.guards._models.backend import TIMEOUT, Backend, Labels, is_score, malformed
from policyengine.guards._models.permitted import Origin

COST: Final = 200_000
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A model behind an OpenAI-compatible endpoint.",
    "required": ["url", "model"],
    "additionalProperties": False,
    "properties": {
        "url": {
            "type": "string",
            "pattern": "^https?://[^/?#@\\s]+(/[^?#\\s]*)?$",
            "maxLength": 500,
            "description": "Where the API begins, such as https://guard.internal/v1; the host's "
            "variable POLICYENGINE_MODEL_HOSTS must list the server.",
        },
        "model": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "The model's name on the server.",
        },
        "api": {
            "enum": ["chat", "moderations"],
            "description": "Llama Guard through chat completions (where not said), or moderations.",
        },
        "key_env": {
            "type": "string",
            "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,99}$",
            "description": "The host's variable that holds the key.",
        },
        "logprobs": {
            "type": "boolean",
            "description": "Ask a chat model how sure it is; otherwise a score is 0 or 1.",
        },
        "window": {
            "type": "integer",
            "minimum": 200,
            "maximum": 100_000,
            "description": "Characters that are sent at once; 4000 where not said.",
        },
        "timeout_ms": TIMEOUT,
    },
}
DEFAULTS: Final[Mapping[str, Any]] = {
    "api": "chat",
    "logprobs": False,
    "window": 4_000,
    "timeout_ms": 1_000,
}

# The hazards of MLCommons as Llama Guard 3 and 4 number them, and code interpreter abuse.
LLAMA_GUARD: Final[Mapping[str, Sequence[str]]] = {
    "S1": ("violence", "illegal_acts"),
    "S2": ("illegal_acts",),
    "S3": ("sexual_content", "illegal_acts"),
    "S4": ("child_exploitation", "sexual_content", "illegal_acts"),
    "S5": ("defamation",),
    "S6": ("medical_advice", "legal_advice", "financial_advice"),
    "S7": ("privacy",),
    "S8": ("intellectual_property",),
    "S9": ("weapons",),
    "S10": ("hate",),
    "S11": ("self_harm",),
    "S12": ("sexual_content",),
    "S13": ("politics",),
    "S14": ("code_abuse",),
}
MODERATIONS: Final[Mapping[str, Sequence[str]]] = {
    "harassment": ("hate",),
    "harassment/threatening": ("hate", "violence"),
    "hate": ("hate",),
    "hate/threatening": ("hate", "violence"),
    "illicit": ("illegal_acts",),
    "illicit/violent": ("illegal_acts", "weapons"),
    "self-harm": ("self_harm",),
    "self-harm/intent": ("self_harm",),
    "self-harm/instructions": ("self_harm",),
    "sexual": ("sexual_content",),
    "sexual/minors": ("child_exploitation", "sexual_content", "illegal_acts"),
    "violence": ("violence",),
    "violence/graphic": ("violence",),
}
_CODE: Final = re.compile(r"S[1-9][0-9]?")
# A template turns these into the ends of turns, by which a text could answer for the model.
_MARKS: Final = re.compile(r"<(?=\||/?s>)|\[(?=/?INST\])|<(?=/?(?:BEGIN|END) )")
_MOST_BATCH: Final = 32


def names(options: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Topics by code or category; for Llama Guard all that is unsafe counts as an injection."""
    if options["api"] == "moderations":
        return {**MODERATIONS, "jailbreaking": ("injection",), "jailbreak": ("injection",)}
    return {**LLAMA_GUARD, "unsafe": ("injection",)}


def build(options: Mapping[str, Any]) -> Backend:
    """The backend; raises `ValueError` for a URL that names no server."""
    Origin.of(options["url"])
    kind = _Chat if options["api"] == "chat" else _Moderations
    return kind(
        options["url"].rstrip("/"),
        options["model"],
        options.get("key_env"),
        options["timeout_ms"] / 1_000,
        options["window"],
        options["logprobs"],
        options["api"] == "moderations",
    )


@dataclass(frozen=True, slots=True)
class _Endpoint:
    url: str
    model: str
    key_env: str | None
    seconds: float
    window: int
    logprobs: bool
    complete: bool

    def ask(self, path: str, bodies: Sequence[Mapping[str, Any]], until: float) -> list[Any]:
        until = min(until, time.monotonic() + self.seconds)
        # The loop and the pool of connections are made for who asks.
        from policyengine.guards._models.http import post_all

        return post_all(f"{self.url}/{path}", bodies, self.key_env, until)


class _Chat(_Endpoint):
    __slots__ = ()

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        bodies = [self._body(text) for text in texts]
        return [verdict(answer) for answer in self.ask("chat/completions", bodies, until)]

    def _body(self, text: str) -> Mapping[str, Any]:
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": _MARKS.sub(r"\g<0> ", text)}],
            "temperature": 0,
            "max_tokens": 64,
        }
        return asked | {"logprobs": True} if self.logprobs else asked


class _Moderations(_Endpoint):
    __slots__ = ()

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        parts = [list(texts[i : i + _MOST_BATCH]) for i in range(0, len(texts), _MOST_BATCH)]
        bodies = [{"model": self.model, "input": part} for part in parts]
        answers = self.ask("moderations", bodies, until)
        return [
            row
            for part, answer in zip(parts, answers, strict=True)
            for row in categories(answer, len(part))
        ]


def verdict(answer: Any) -> Labels:
    """What Llama Guard said; raises `FactError` for any other words.

    >>> verdict({"choices": [{"message": {"content": "unsafe\\nS1,S10"}}]})
    {'S1': 1.0, 'S10': 1.0, 'unsafe': 1.0}
    """
    try:
        choice = answer["choices"][0]
        lines = choice["message"]["content"].split()
    except (LookupError, TypeError, AttributeError):
        raise malformed("the model's answer is no chat completion") from None
    if lines == ["safe"]:
        unsure = 1.0 - _sure(choice, "safe")
        return {"unsafe": unsure} if unsure else {}
    codes = [code for line in lines[1:] for code in line.split(",") if code]
    if lines[:1] != ["unsafe"] or not codes or not all(map(_CODE.fullmatch, codes)):
        raise malformed("the model answered neither `safe` nor `unsafe` with codes")
    return dict.fromkeys([*codes, "unsafe"], _sure(choice, "unsafe"))


def _sure(choice: Mapping[str, Any], word: str) -> float:
    """The chance of the token that decided; 1 where the server does not tell."""
    told = choice.get("logprobs")
    if told is None:
        return 1.0
    try:
        tokens = [token for token in told["content"] if token["token"].strip()]
        chance = math.exp(tokens[0]["logprob"])
        begins = word.startswith(tokens[0]["token"].strip())
    except (LookupError, TypeError, AttributeError, OverflowError):
        raise malformed("the model's answer has log probabilities of another form") from None
    if not begins or not is_score(chance):
        raise malformed("the model's log probabilities do not fit its answer")
    return chance


def categories(answer: Any, number: int) -> Sequence[Labels]:
    """The scores of a moderation's categories for each text; raises `FactError`.

    >>> categories({"results": [{"category_scores": {"hate": 0.5}}]}, 1)
    [{'hate': 0.5}]
    """
    try:
        rows = [
            {name: score for name, score in result["category_scores"].items() if score is not None}
            for result in answer["results"]
        ]
    except (LookupError, TypeError, AttributeError):
        raise malformed("the model's answer is no moderation") from None
    if len(rows) != number or not all(row and all(map(is_score, row.values())) for row in rows):
        raise malformed("the model's answer is no moderation of each text by categories")
    return rows
