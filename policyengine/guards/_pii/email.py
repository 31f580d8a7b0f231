"""E-mail addresses: every `@` is looked at, with at most 64 characters before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policyengine.guards._pii.entity import Entity, Hit, listed
from policyengine.guards._pii.view import View

_LOCAL = 64
# Read backwards from the `@`, so that each is one look.
_BACKWARDS = re.compile(r"[\w.!#$%&'*+?^~-]{1,64}")
_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_TOP = re.compile(r"(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})", re.IGNORECASE)
# What a mail address seldom begins with, but a text around it does.
_TRIM: Final = ".-'*?&"
# After one of these a capital begins the next sentence (`a@b.com.Please`).
_TOPS = frozenset(listed("com|org|net|edu|gov|info|io|de|fr|it|es|nl|uk|us|ca|au|in|co"))


def scan(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """The addresses of a text."""
    text = view.text
    at = text.find("@")
    while at >= 0:
        found = _address(text, at)
        if found is not None:
            yield found
        at = text.find("@", at + 1)


def _address(text: str, at: int) -> Hit | None:
    local = _BACKWARDS.match(text[max(0, at - _LOCAL) : at][::-1])
    domain = _DOMAIN.match(text, at + 1)
    if local is None or domain is None:
        return None
    before = text[at - local.end() : at].lstrip(_TRIM)
    if not before or before.endswith("."):
        return None
    labels = _host(domain.group().split("."))
    if not labels:
        return None
    host = ".".join(labels)
    end = at + 1 + len(host)
    if len(labels) == 1:
        return Hit("EMAIL_ADDRESS", at - len(before), end, 0.3, "host without a domain")
    return Hit("EMAIL_ADDRESS", at - len(before), end, 0.95, "address")


def _host(labels: list[str]) -> list[str]:
    """The labels that make a host; nothing where none do."""
    labels[-1] = labels[-1].rstrip("-_")
    if len(labels) > 2 and labels[-1][:1].isupper() and labels[-2] in _TOPS:
        labels.pop()
    while len(labels) > 1 and not _TOP.fullmatch(labels[-1]):
        labels.pop()
        labels[-1] = labels[-1].rstrip("-_")
    return labels if all(labels) and labels[0][0] != "-" else []


ENTITIES = (
    Entity(
        "EMAIL_ADDRESS",
        "E-mail addresses, with letters of any script",
        checked="form of the local part, the host's labels and its top level",
        source="RFC 5321, RFC 6531",
        scan=scan,
        span=640,
    ),
)
