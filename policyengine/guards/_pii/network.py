"""Addresses of machines: IPv4, IPv6, MAC, UUID."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

from policyengine.guards._pii.entity import Entity, Hit, Start
from policyengine.guards._pii.view import View, words

_V4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![0-9A-Za-z]|\.\d)")
_VERSION = words("version|versions|v|release|build|section|chapter|ver")
# Two colons within five characters: the middle of an IPv6 or MAC address, or a time of day.
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{0,40}")
_HEX = "0123456789abcdefABCDEF:"
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_DASHES = re.compile(r"-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}")
_DOTS = re.compile(r"\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![0-9A-Za-z]|\.[0-9A-Fa-f])")
_UUID = re.compile(r"-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_IS_HEX = re.compile("[0-9A-Fa-f]+")
_ALNUM = "9Aa"


def v4_at(view: View, start: int, end: int) -> tuple[Hit, ...]:
    """The IPv4 address that begins at a run of digits."""
    shape = view.shape
    if start > 1 and shape[start - 1] in ".-" and shape[start - 2] == "9":
        return ()
    found = _V4.match(view.text, start)
    if found is None or max(map(int, found.groups())) > 255:
        return ()
    if view.says(_VERSION, start, found.end()):
        return (Hit("IP_ADDRESS", start, found.end(), 0.4, "pattern, context of a version"),)
    return (Hit("IP_ADDRESS", start, found.end(), 0.85, "pattern"),)


def scan_colons(view: View, wanted: frozenset[str]) -> Iterable[Hit]:
    """IPv6 and MAC addresses with colons."""
    key = ("colons", 0)
    if key not in view.notes:
        view.notes[key] = tuple(_colons(view))
    found: tuple[Hit, ...] = view.notes[key]
    return found


def _colons(view: View) -> Iterator[Hit]:
    text, shape = view.text, view.shape
    for found in _COLONS.finditer(text):
        start, end = found.span()
        # A time of day has two colons and nothing but digits between.
        if end - start < 7 and "::" not in text[start:end]:
            continue
        low = max(0, start - 4)
        start -= len(text[low:start]) - len(text[low:start].rstrip(_HEX))
        if (start and shape[start - 1] in _ALNUM) or shape[end] in _ALNUM:
            continue
        token = text[start:end].rstrip(".")
        if not token.endswith("::"):
            token = token.rstrip(":")
        colons = token.count(":")
        if colons == 5 and _MAC.fullmatch(token):
            yield Hit("MAC_ADDRESS", start, start + len(token), 0.95, "pattern")
        elif (colons >= 7 or "::" in token) and _is_v6(token):
            many = colons > 2 and len(token) > 5
            yield Hit("IP_ADDRESS", start, start + len(token), 0.95 if many else 0.4, "valid")


def _is_v6(token: str) -> bool:
    if not any(map(str.isdigit, token)):
        return False
    try:
        IPv6Address(token)
    except ValueError:
        return False
    return True


def scan_mac(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """MAC addresses with colons, with dashes, or in three groups with dots."""
    yield from scan_colons(view, wanted)
    for pattern, before in ((_DASHES, 2), (_DOTS, 4)):
        for found in pattern.finditer(view.text):
            start, end = found.start() - before, found.end()
            if _is_joined(view, start, end) or not _IS_HEX.fullmatch(
                view.text, max(0, start), found.start()
            ):
                continue
            if any(map(str.isdigit, view.text[start:end])):
                score = 0.9 if before == 2 else 0.7
                yield Hit("MAC_ADDRESS", start, end, score, "pattern")


def scan_uuid(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """UUIDs."""
    for found in _UUID.finditer(view.text):
        start, end = found.start() - 8, found.end()
        if not _is_joined(view, start, end) and _IS_HEX.fullmatch(view.text, start, found.start()):
            yield Hit("UUID", start, end, 0.9, "pattern")


def _is_joined(view: View, start: int, end: int) -> bool:
    """Whether a range does not stand alone, or begins before the text."""
    shape = view.shape
    if start < 0 or shape[end] in _ALNUM or (shape[end] == "-" and shape[end + 1] in _ALNUM):
        return True
    return start > 0 and (
        shape[start - 1] in _ALNUM or (shape[start - 1] == "-" and shape[start - 2] in _ALNUM)
    )


ENTITIES = (
    Entity(
        "IP_ADDRESS",
        "IPv4 and IPv6 addresses",
        checked="each part's range; IPv6 is parsed; beside `version` the score is lower",
        source="RFC 791, RFC 4291",
        starts=(Start((1, 2, 3), (".9",)),),
        at=v4_at,
        scan=scan_colons,
        span=45,
    ),
    Entity(
        "MAC_ADDRESS",
        "MAC addresses with colons, dashes or dots",
        checked="form",
        source="IEEE 802",
        scan=scan_mac,
        span=17,
    ),
    Entity(
        "UUID",
        "Universally unique identifiers",
        checked="form",
        source="RFC 9562",
        scan=scan_uuid,
        span=36,
    ),
)
