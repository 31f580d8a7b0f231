"""About how many tokens a request has, before any model has counted them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    `request.input_tokens` is taken where the host says it. Raises `FactError` where there is no
    request, where something else than text stands in a text's place, and for numbers that make no
    sense.

    >>> estimated({"request": {"system": "x" * 400, "messages": [{"role": "user"}]}})
    104
    """
    request = input.get("request")
    if not isinstance(request, Mapping):
        raise FactError("no-estimate", "there is no request whose tokens could be told")
    told = count(request, "input_tokens")
    if told is not None:
        return told
    return _read(request) + _IMAGE * _images(request)


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


def _images(request: Mapping[str, Any]) -> int:
    """The pictures of the prompt: as many as are told, else those that nobody could scan."""
    told = count(request, "input_images")
    if told is not None:
        return told
    parts = request.get("unscanned")
    if not isinstance(parts, list | tuple):
        return 0
    kinds = (part.get("kind") for part in parts if isinstance(part, Mapping))
    return sum(isinstance(kind, str) and "image" in kind for kind in kinds)


def _read(request: Mapping[str, Any]) -> int:
    """The tokens of every text that the model reads. Raises `FactError` where none stands."""
    total = _of(request.get("system"))
    for message in _objects(request, "messages"):
        total += _MESSAGE + _of(message.get("content")) + _of(message.get("name"))
        if message.get("tool_calls") is not None:
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
        # Most are, and asking the abstract class takes several times as long.
        if type(value) is not dict and not isinstance(value, Mapping):
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
