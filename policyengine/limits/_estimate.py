"""What a request will take, before it is sent: tokens in, and tokens out.

Worst-case reservation (the model's longest answer for each request) would refuse nearly everyone:
64,000 tokens at 15 USD a million are 0.96 USD, while most answers have a few hundred. So what a
request does not limit itself is assumed, and settling puts in what was really used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from policyengine.charges import Asked, Usage
from policyengine.errors import FactError

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

# More tokens than any model reads or writes: a mistake, or an attack.
_ABSURD: Final = 100_000_000
# What a message costs beside its text: its role, and what separates it from others.
_MESSAGE: Final = 4
# A picture of a megapixel, in models that count pictures as tokens.
_IMAGE: Final = 1_600
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
        read = known[_MEMO] = _tokens_in(request)
    return Usage(read, _tokens_out(request, asked, missing))


def _tokens_in(request: Mapping[str, Any]) -> int:
    told = _count(request, "input_tokens")
    if told is not None:
        return told
    images = _count(request, "input_images") or 0
    return _read(request) + _IMAGE * images


def _tokens_out(request: Mapping[str, Any], asked: Asked, missing: Any) -> int:
    if request.get("endpoint") in _NO_ANSWER:
        return 0
    most = asked.prices.output_limit(asked.model) if asked.prices is not None else None
    wanted = _count(request, "max_tokens")
    if wanted is None:
        wanted = _assumed(most, missing)
    return wanted if most is None else min(wanted, most)


def _assumed(most: int | None, missing: Any) -> int:
    if isinstance(missing, Mapping):
        return int(missing["assume"])
    if missing == "refuse":
        raise FactError("no-max-tokens", "the request does not say `max_tokens`")
    if most is None:
        raise FactError("no-max-tokens", "neither request nor price book limit the answer")
    return most


def _count(request: Mapping[str, Any], name: str) -> int | None:
    value = request.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _ABSURD:
        raise FactError("bad-tokens", f"`request.{name}` is no sensible number")
    return value


def tokens(text: str) -> int:
    """About how many tokens a text has: four ASCII characters are one, others weigh more.

    >>> tokens("Hello, world!"), tokens("Привет"), tokens("日本語")
    (4, 4, 3)
    """
    if text.isascii():
        return -(-len(text) // 4)
    # Bytes beyond the first of a character tell scripts apart: 0.6 tokens for Cyrillic, 1 for
    # Chinese, 1.4 for most emoji.
    extra = len(text.encode("utf-8", "surrogatepass")) - len(text)
    return -(-(2 * len(text) + 3 * extra) // 8)


def _read(request: Mapping[str, Any]) -> int:
    """The tokens of every text that the model reads. Raises `FactError` where none stands."""
    total = _of(request.get("system"))
    for message in _objects(request, "messages"):
        total += _MESSAGE + _of(message.get("content")) + _of(message.get("name"))
        for call in _objects(message, "tool_calls"):
            total += _of(call.get("name")) + _of(call.get("arguments"))
    for name in ("inputs", "memory"):
        total += sum(map(_of, _list(request, name)))
    for document in _objects(request, "documents"):
        total += _of(document.get("title")) + _of(document.get("content"))
    for tool in _objects(request, "tools"):
        total += _of(tool.get("name")) + _of(tool.get("description"))
    return total


def _of(text: Any) -> int:
    if text is None:
        return 0
    if not isinstance(text, str):
        raise _unreadable()
    return tokens(text)


def _objects(holder: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    values = _list(holder, name)
    for value in values:
        if not isinstance(value, Mapping):
            raise _unreadable()
    return values


def _list(holder: Mapping[str, Any], name: str) -> Sequence[Any]:
    values = holder.get(name)
    if values is None:
        return ()
    if not isinstance(values, list | tuple):
        raise _unreadable()
    return values


def _unreadable() -> FactError:
    # Counted as nothing, it would be a discount.
    return FactError("no-estimate", "the length of the request cannot be told")
