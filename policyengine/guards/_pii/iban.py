"""International bank account numbers and bank identifier codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from policyengine.guards._pii.checks import mod97
from policyengine.guards._pii.countries import COUNTRIES
from policyengine.guards._pii.entity import SURE, Entity, Hit, listed
from policyengine.guards._pii.view import View

# Characters of an IBAN by country (SWIFT IBAN registry).
_LENGTHS: Final = {
    pair[:2]: int(pair[3:])
    for pair in listed(
        "AD:24|AE:23|AL:28|AT:20|AZ:28|BA:20|BE:16|BG:22|BH:22|BI:27|BR:29|BY:28|CH:21|CR:22|"
        "CY:28|CZ:24|DE:22|DJ:27|DK:18|DO:28|EE:20|EG:29|ES:24|FI:18|FK:18|FO:18|FR:27|GB:22|"
        "GE:22|GI:23|GL:18|GR:27|GT:28|HN:28|HR:21|HU:28|IE:22|IL:23|IQ:23|IS:26|IT:27|JO:30|"
        "KW:30|KZ:20|LB:28|LC:32|LI:21|LT:20|LU:20|LV:21|LY:25|MC:27|MD:24|ME:22|MK:19|MN:20|"
        "MR:27|MT:31|MU:30|NI:28|NL:18|NO:15|OM:23|PK:24|PL:28|PS:29|PT:25|QA:29|RO:24|RS:22|"
        "RU:33|SA:24|SC:31|SD:18|SE:24|SI:19|SK:24|SM:27|SO:23|ST:25|SV:28|TL:23|TN:24|TR:26|"
        "UA:29|VA:22|VG:24|XK:20|YE:30"
    )
}


@cache
def _pattern(length: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")


def scan(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """The account numbers of a text."""
    shape = view.shape
    for start in ("AA99", "aa99"):
        at = shape.find(start)
        while at >= 0:
            if not at or shape[at - 1] not in "9Aa":
                found = _account(view, at)
                if found is not None:
                    yield found
            at = shape.find(start, at + 1)


def _account(view: View, at: int) -> Hit | None:
    length = _LENGTHS.get(view.text[at : at + 2].upper())
    found = length and _pattern(length).match(view.text, at)
    if not found:
        return None
    account = found.group().replace(" ", "").replace("-", "").upper()
    if not mod97(account):
        return None
    return Hit("IBAN_CODE", at, found.end(), SURE.near, "country's length and check")


_LABEL = re.compile(
    r"\b(?:swift|bic)\b(?:[ /-]{1,3}(?:swift|bic|code|number))?[^\w]{0,6}(?:is[ :]{1,3})?",
    re.IGNORECASE,
)
_BIC = re.compile(r"[A-Za-z]{4}([A-Za-z]{2})[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?(?![A-Za-z0-9])")


def scan_swift(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """Bank identifier codes: eight or eleven letters, so only where the text says what they are."""
    if "swift" not in view.lower and "bic" not in view.lower:
        return
    for label in _LABEL.finditer(view.text):
        found = _BIC.match(view.text, label.end())
        if found and found[1].upper() in COUNTRIES and found.group().upper() == found.group():
            yield Hit("SWIFT_CODE", *found.span(), 0.85, "label and country")


ENTITIES = (
    Entity(
        "IBAN_CODE",
        "International bank account numbers, together or in groups",
        checked="the country's length, MOD 97-10 check digits",
        source="ISO 13616, SWIFT IBAN registry",
        scan=scan,
        span=70,
    ),
    Entity(
        "SWIFT_CODE",
        "Bank identifier codes (BIC, SWIFT)",
        checked="a label before it, the country's code",
        source="ISO 9362",
        scan=scan_swift,
        span=11,
    ),
)
