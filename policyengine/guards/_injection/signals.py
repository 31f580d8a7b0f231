"""What gives an injection away by its form: forged roles and delimiters, hidden text, odd links.

Each signal has its own type and a fixed score. Text that is only hidden, as comments in HTML are,
is no finding by itself: `hidden` gives it, and the guard asks whether it speaks to a model. Looks
are behind substring searches, and every form is bounded: cost is linear in the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

MAX_SIGNALS = 50
"""Findings of one kind in one text."""


class Signal(NamedTuple):
    """What was found, where in the text that was searched, a score from 0 to 1, and a reason."""

    type: str
    start: int
    end: int
    score: float
    why: str


ROLE = "ROLE_FORGING"
DELIMITER = "DELIMITER_FORGING"
HIDDEN = "HIDDEN_TEXT"
LINK = "EXFILTRATION_LINK"
TAG = "tag of a role"
"""Why a signal is one in data only: people who write prompts use such tags."""

# Control tokens of chat formats, as their publishers document them.
_TOKENS = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|endofprompt|begin_of_text"
    r"|end_of_text|start_header_id|end_header_id|eot_id|eom_id|python_tag|channel|start|message"
    r"|constrain|return|call)\|>"
    r"|<</?sys>>|\[/?(?:inst|available_tools|tool_calls|tool_results)\]"
    r"|<(?:start|end)_of_turn>|<\|(?:begin|end)▁of▁sentence\|>"
)
_FRAMES = re.compile(
    r"(?:^|\n)[ \t]{0,8}(?:[-=*#_~<\[/]{2,20}[ \t]{0,4})"
    r"(?:end|begin|start)(?:ing)? (?:of )?(?:the )?"
    r"(?:new |real |actual |system |user |trusted |untrusted |hidden )?"
    r"(?:instructions?|system prompt|context|user input|user data|prompt|system message)"
)
_FRAMED = ("instruction", "prompt", "context", "user input", "user data", "system message")
_CLOSINGS = re.compile(
    r"</(?:system|user_?input|user_?data|untrusted|untrusted_\w{1,20}|tool_?results?|function_results"
    r"|instructions?|context|document|search_results?|user_?query|prompt)>"
)
_ROLES = re.compile(
    r"(?:^|\n)[ \t>*_]{0,6}(?:#{1,4}[ \t]{0,3}|<|\[|\*{1,2})?(?:new |end )?"
    r"(system|developer|administrator|admin)(?: (?:message|prompt|instruction|note|notice|update"
    r"|override|alert|command)s?)?[ \t]{0,3}[>\]*]{0,3}[ \t]{0,3}(?::|>|\]|\n)"
)
_ROLE_TAG = re.compile(
    r"</?(?:system|developer|assistant)(?:[ _-](?:message|prompt|instructions?|note))?>"
    r"|[\[({]/?system[ _-](?:message|prompt|instructions?|note|override)[\])}]"
)
_ROLE_FIELD = re.compile(r"[\"']role[\"']\s{0,4}:\s{0,4}[\"'](?:system|developer)[\"']")
# What makes a line that begins with `System:` an order and not a row of a table.
_ORDER = re.compile(
    r"\b(?:you|your|ignore|disregard|must|never|always|instructions?|respond|reply|answer|forget"
    r"|user|assistant|override|execute|follow)\b"
)

_TAGGED = re.compile("[\U000e0020-\U000e007e]{4,4000}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,4000}")
_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060-\u2064\ufeff]{16,4000}")
_BLACK_FLAG = "\U0001f3f4"

_COMMENT = re.compile(r"<!--(.{4,2000}?)-->", re.DOTALL)
_STYLED = re.compile(
    r"<\w{1,12}\b[^<>]{0,200}?(?:display\s{0,2}:\s{0,2}none|visibility\s{0,2}:\s{0,2}hidden"
    r"|font-size\s{0,2}:\s{0,2}[01](?:\.\d)?(?:px|pt|em|%)?\b|opacity\s{0,2}:\s{0,2}0(?:\.0)?\b"
    r"|color\s{0,2}:\s{0,2}(?:white\b|#fff(?:fff)?\b|transparent|rgba?\(\s?255)"
    r"|(?:left|top|text-indent)\s{0,2}:\s{0,2}-\d{3,5}|\shidden\b|aria-hidden)[^<>]{0,200}>"
    r"([^<]{4,2000})"
)
_REFERENCE = re.compile(
    r"(?:^|\n)\[(?://|comment|_)[^\]\n]{0,20}\]:[^\n]{0,60}[(\"']([^\n]{4,1000})"
)
_ATTRIBUTE = re.compile(
    r"<\w{1,12}\b[^<>]{0,200}?\b(?:alt|title|aria-label)\s?=\s?[\"']([^\"'<>]{12,500})"
)

_IMAGE = re.compile(
    r"!\[[^\]\n]{0,200}\]\(\s{0,3}<?(https?://[^\s)>]{1,2000})"
    r"|<img\b[^>\n]{0,200}?\bsrc\s{0,3}=\s{0,3}[\"']?(https?://[^\s\"'>]{1,2000})"
)
_LINKED = re.compile(r"(?<!!)\[[^\[\]\n]{0,200}\]\(\s{0,3}<?(https?://[^\s)>]{1,2000})")
# A place in an address that is to be filled with what the model knows.
_BLANK = re.compile(
    r"[?&=/]\w{0,30}=?(?:\{\{?[^{}]{1,60}\}|\[[^\[\]]{2,60}\]?|<[^<>]{2,60}|\$\{?\w{2,40}|%7b|%5b"
    r"|(?:insert|your|the|user)[_+-]?(?:data|secret|password|conversation|history|prompt|message"
    r"|summary|info|email|api_?key|system_?prompt|chat)\w{0,12})"
)
_PAYLOAD = re.compile(r"[?&][\w.-]{1,30}=[a-z0-9+/_=%-]{80,}")


def signals(original: str, text: str) -> Iterator[tuple[Signal, bool]]:
    """Signals in a text, given as it came and in plain form and lower case.

    The second of each pair says whether the places are those of the original text.
    """
    if not original.isascii():
        yield from ((signal, True) for signal in _unseen(original))
    for found in (_delimiters(text), _roles(text), _links(text)):
        yield from ((signal, False) for signal in found)


def hidden(text: str) -> Sequence[tuple[str, int, int]]:
    """Stretches of a plain text that its reader does not see: how, and where."""
    found: list[tuple[str, int, int]] = []
    if "<" in text or "]:" in text:
        for how, form in (
            ("comment", _COMMENT),
            ("style", _STYLED),
            ("reference", _REFERENCE),
            ("attribute", _ATTRIBUTE),
        ):
            for match in islice(form.finditer(text), MAX_SIGNALS):
                found.append((how, *match.span(1)))
    return found


def _unseen(text: str) -> Iterator[Signal]:
    for match in islice(_TAGGED.finditer(text), MAX_SIGNALS):
        # Flags of regions are a black flag with a few tags.
        if match.start() == 0 or text[match.start() - 1] != _BLACK_FLAG:
            yield Signal(HIDDEN, *match.span(), 0.99, "tag characters")
    for match in islice(_SELECTORS.finditer(text), MAX_SIGNALS):
        yield Signal(HIDDEN, *match.span(), 0.95, "variation selectors")
    for match in islice(_ZERO_WIDTH.finditer(text), MAX_SIGNALS):
        yield Signal(HIDDEN, *match.span(), 0.9, "zero-width characters")


def _delimiters(text: str) -> Iterator[Signal]:
    if "<" in text or "[" in text:
        for match in islice(_TOKENS.finditer(text), MAX_SIGNALS):
            yield Signal(DELIMITER, *match.span(), 0.9, "control token")
    if "</" in text:
        for match in islice(_CLOSINGS.finditer(text), MAX_SIGNALS):
            # An end without its beginning closes what stands around the text.
            if text.find(f"<{match[0][2:-1]}", 0, match.start()) < 0:
                yield Signal(DELIMITER, *match.span(), 0.8, "end of a frame that did not begin")
    if any(map(text.__contains__, _FRAMED)):
        for match in islice(_FRAMES.finditer(text), MAX_SIGNALS):
            yield Signal(DELIMITER, *match.span(), 0.8, "end or begin of a frame")


def _roles(text: str) -> Iterator[Signal]:
    if "system" in text or "admin" in text or "developer" in text:
        for match in islice(_ROLES.finditer(text), MAX_SIGNALS):
            if _ORDER.search(text, match.end(), match.end() + 200):
                yield Signal(ROLE, *match.span(), 0.85, "line of a role")
    if "system" in text or "assistant>" in text or "developer>" in text:
        for match in islice(_ROLE_TAG.finditer(text), MAX_SIGNALS):
            yield Signal(ROLE, *match.span(), 0.85, TAG)
    if "role" in text:
        for match in islice(_ROLE_FIELD.finditer(text), MAX_SIGNALS):
            yield Signal(ROLE, *match.span(), 0.8, "field of a role")


def _links(text: str) -> Iterator[Signal]:
    if "http" not in text:
        return
    for match in islice(_IMAGE.finditer(text), MAX_SIGNALS):
        group = 1 if match[1] is not None else 2
        if _BLANK.search(text, *match.span(group)):
            yield Signal(LINK, *match.span(), 0.95, "image with a blank to fill")
        elif _PAYLOAD.search(text, *match.span(group)):
            yield Signal(LINK, *match.span(), 0.8, "image with a payload")
    for match in islice(_LINKED.finditer(text), MAX_SIGNALS):
        if _BLANK.search(text, *match.span(1)):
            yield Signal(LINK, *match.span(), 0.7, "link with a blank to fill")
