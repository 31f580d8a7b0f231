"""What a request will take, before it is sent: tokens in, and tokens out.

Worst-case reservation (the model's longest answer for each request) would refuse nearly everyone:
64,000 tokens at 15 USD a million are 0.96 USD, while most answers have a few hundred. So what a
request does not limit itself is assumed, and settling puts in what was really used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policyengine.charges import Asked, Usage
from policyengine.errors import FactError
from policyengine.tokens import count, estimated

ASSUMED: Final[Mapping[str, Any]] = {"assume": 1000}
SCHEMA: Final[Mapping[str, Any]] = {
    "description": "Tokens of the answer where the request has no `max_tokens`: assume so many, "
    "the model's most, or refuse; 1,000 where not said.",
    "anyOf": [
        {
            "type": "object",
            "required": ["assume"],
            "additionalProperties": False,
            "properties": {"assume": {"type": "integer", "minimum": 0, "maximum": 10_000_000}},
        },
        {"enum": ["model_limit", "refuse"]},
    ],
}

# What the limits of one request share: its texts are long, and are read once.
_MEMO: Final = "limits: tokens in"
_NO_ANSWER: Final = ("embeddings",)


def estimate(asked: Asked, missing: Any) -> Usage:
    """The tokens that a request will take.

    `missing` is what to do where `max_tokens` is missing, as in `SCHEMA`. Raises `FactError` for
    numbers that make no sense, and where an answer must be limited and is not.

    >>> estimate(Asked({"request": {"system": "x" * 400, "max_tokens": 50}}, "m", 0.0, None), {})
    Usage(input_tokens=100, output_tokens=50, cached_tokens=0, cache_write_tokens=0, \
reasoning_tokens=0, input_images=0, output_images=0, batch=False, cost_micro_usd=None)
    """
    request = asked.input.get("request")
    if not isinstance(request, Mapping):
        raise FactError("no-estimate", "there is no request whose tokens could be told")
    known = asked.memo
    if known is None:
        known = {}
    read = known.get(_MEMO)
    if read is None:
        read = known[_MEMO] = estimated(asked.input)
    return Usage(read, _tokens_out(request, asked, missing))


def _tokens_out(request: Mapping[str, Any], asked: Asked, missing: Any) -> int:
    if request.get("endpoint") in _NO_ANSWER:
        return 0
    most = asked.prices.output_limit(asked.model) if asked.prices is not None else None
    wanted = count(request, "max_tokens")
    if wanted is None:
        wanted = _assumed(most, missing)
    each = wanted if most is None else min(wanted, most)
    return each * (count(request, "n") or 1)


def _assumed(most: int | None, missing: Any) -> int:
    if isinstance(missing, Mapping):
        return int(missing["assume"])
    if missing == "refuse":
        raise FactError("no-max-tokens", "the request does not say `max_tokens`")
    if most is None:
        raise FactError("no-max-tokens", "neither request nor price book limit the answer")
    return most
