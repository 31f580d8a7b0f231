"""About how many tokens a request has, before any model has counted them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policyengine.errors import FactError

# More tokens than any model reads or writes: a mistake, or an attack.
_ABSURD: Final = 100_000_000
# What a message costs beside its text: its role, and what separates it from others.
_MESSAGE: Final = 4
# A picture of a megapixel, in models that count pictures as tokens.
_IMAGE: Final = 1_600


def estimated(input: Mapping[str, Any]) -> int:
    """About how many tokens of input an `llm.request` has.

    `request.input_tokens` is taken where the host says it. Raises `FactError` where it, or
    `request.input_images`, makes no sense, and where there is no request.

    >>> estimated({"request": {"system": "x" * 400, "messages": [{"role": "user"}]}})
    104
    """
    request = input.get("request")
    if not isinstance(request, Mapping):
        raise FactError("no-estimate", "there is no request whose tokens could be told")
    told = count(request, "input_tokens")
    if told is not None:
        return told
    images = count(request, "input_images") or 0
    messages = _objects(request, "messages")
    return sum(map(tokens, _texts(request, messages))) + _IMAGE * images + _MESSAGE * len(messages)


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


def count(request: Mapping[str, Any], name: str) -> int | None:
    """A number of tokens that a request says, None where it does not. Raises `FactError`."""
    value = request.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _ABSURD:
        raise FactError("bad-tokens", f"`request.{name}` is no sensible number")
    return value


def _texts(request: Mapping[str, Any], messages: list[Mapping[str, Any]]) -> Iterator[str]:
    """Every text that the model reads. What is no text there is the guards' business."""
    yield from _strings((request.get("system"),))
    for message in messages:
        yield from _strings((message.get("content"), message.get("name")))
        for call in _objects(message, "tool_calls"):
            yield from _strings((call.get("name"), call.get("arguments")))
    for name in ("inputs", "memory"):
        yield from _strings(request.get(name))
    for document in _objects(request, "documents"):
        yield from _strings((document.get("title"), document.get("content")))
    for tool in _objects(request, "tools"):
        yield from _strings((tool.get("name"), tool.get("description")))


def _strings(values: Any) -> Iterator[str]:
    if isinstance(values, list | tuple):
        yield from (value for value in values if isinstance(value, str))


def _objects(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = holder.get(name)
    if not isinstance(values, list | tuple):
        return []
    return [value for value in values if isinstance(value, Mapping)]
