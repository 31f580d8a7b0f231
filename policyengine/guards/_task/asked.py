"""What a request asks: the user's last words, and what comes along with them.

The prompt is the last message of the user; where that only says to go on (`continue`, `yes`), the
one before it. Endpoints without messages have their last input. The rest of a request (system
prompt, documents, results of tools, earlier turns) is counted and never judged as the request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policyengine.errors import FactError
from policyengine.request import texts

MAX_TEXT = 2_000_000
"""Characters of a prompt; a longer one is an error, not a routine request."""
# Messages that only say to go on, one after the other, are few.
_MOST_BACK = 8
_LONGEST_GO_ON = 40

_GO_ON = re.compile(
    r"\W*(?:yes|yep|yeah|ok|okay|sure|go on|go ahead|continue|keep going|proceed|do it|do so|more"
    r"|next|again|try again|and then|please do|ja|mach weiter|weiter|fortfahren|oui|continue[zr]?"
    r"|vas-y|si|sí|sigue|continúa|continua|adelante|sim|continue por favor|prossiga"
    r"|続けて(?:ください)?|はい|継续|继续|好的|是的)(?:[ ,]{1,2}(?:please|bitte|por favor))?\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompt, and how much of what else there is.

    `context` are characters of documents and of results of tools, `turns` the user's messages,
    `attachments` what is not text, such as pictures. `earlier` says that the last message only
    said to go on, and the prompt is an earlier one.
    """

    prompt: str
    system: str
    context: int
    turns: int
    tools: int
    attachments: int
    earlier: bool = False

    @classmethod
    def of(cls, input: Any) -> Asked:
        """What the input of a decision asks.

        Raises `FactError` where a part of it is not what it should be: `unreadable-text`, or
        `text-too-long`.

        >>> Asked.of({"request": {"model": "m", "inputs": ["Name a river."]}}).prompt
        'Name a river.'
        """
        request = _object(_object(input, "the input").get("request"), "request")
        messages = [_object(one, "a message") for one in _list(request, "messages")]
        users = [one for one in messages if one.get("role") == "user"]
        prompt, earlier = _prompt(users, _list(request, "inputs"))
        documents = [_object(one, "a document") for one in _list(request, "documents")]
        results = [one for one in messages if one.get("role") in ("tool", "function")]
        return cls(
            prompt,
            _system(request, messages),
            sum(_length(one) for one in [*documents, *results]),
            len(users),
            len(_list(request, "tools")),
            len(_list(request, "unscanned")),
            earlier,
        )


def _prompt(users: Sequence[Mapping[str, Any]], inputs: Sequence[Any]) -> tuple[str, bool]:
    if not users:
        return (_readable(inputs[-1]) if inputs else "", False)
    last = _readable(users[-1].get("content"))
    text, back = last, 1
    while back < min(len(users), _MOST_BACK) and _goes_on(text):
        back += 1
        text = _readable(users[-back].get("content"))
    # Where nothing but going on is said, there is no task to go back to.
    return (last, False) if back == 1 or _goes_on(text) else (text, True)


def _goes_on(text: str) -> bool:
    return len(text) <= _LONGEST_GO_ON and _GO_ON.fullmatch(text) is not None


def _readable(value: Any) -> str:
    """The text of a prompt, or nothing; raises `FactError` where it cannot be read."""
    if value is None:
        return ""
    # Says of a text the same as what gathers texts for guards.
    [text] = texts({"prompt": value}, (("prompt",),))
    if len(text.text) > MAX_TEXT:
        raise FactError("text-too-long", f"the prompt has more than {MAX_TEXT:,} characters")
    return text.text


def _system(request: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> str:
    """The operator's words: the field for them, or the first such message."""
    said = request.get("system")
    if said is None:
        roles = ("system", "developer")
        said = next((one.get("content") for one in messages if one.get("role") in roles), None)
    if said is None:
        return ""
    if not isinstance(said, str):
        raise FactError("unreadable-text", "the system prompt is not text")
    return said


def _length(part: Mapping[str, Any]) -> int:
    content = part.get("content")
    if content is None:
        return 0
    if not isinstance(content, str):
        raise FactError("unreadable-text", "the content of a document or result is not text")
    return len(content)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise FactError("unreadable-text", f"{name} is not an object")
    return value


def _list(request: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = request.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise FactError("unreadable-text", f"`request.{name}` is not a list")
    return value
