"""Payment cards: digits in any grouping, the issuer's number ranges, and Luhn's check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from policyengine.guards._pii.checks import luhn, same
from policyengine.guards._pii.entity import Entity, Hit
from policyengine.guards._pii.view import View, words

# From the lowest to the highest first digits, and how long such numbers are.
_RANGES: Final = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 17, 18, 19)),  # Diners Club
    ("309", "309", (14, 16, 17, 18, 19)),
    ("36", "36", (14, 15, 16, 17, 18, 19)),
    ("38", "39", (14, 16, 17, 18, 19)),
    ("6011", "6011", (16, 17, 18, 19)),  # Discover
    ("644", "649", (16, 17, 18, 19)),
    ("65", "65", (16, 17, 18, 19)),
    # JCB has 3528 to 3589; makers of test data use all of 35.
    ("35", "35", (16, 17, 18, 19)),
    ("2131", "2131", (15,)),
    ("1800", "1800", (15,)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("81", "82", (16, 17, 18, 19)),  # UnionPay, RuPay
    ("50", "50", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, RuPay, Verve, Elo, Dankort
    ("56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("60", "60", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, RuPay, Hipercard
    ("63", "64", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, InstaPayment, Elo
    ("66", "69", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("0604", "0604", (12,)),  # Maestro, United Kingdom
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("9792", "9792", (16,)),  # Troy
    ("1", "1", (15,)),  # UATP
)
# From the beginning of a run only, which the look behind the first digit makes sure of; the look
# ahead changes nothing, but ends most tries at once.
_GROUPED = re.compile(r"9(?<!99)(?=[9 .-]{11})(?:[ .-]?9){11,59}+")
_GROUP = re.compile("9+")
_WORDS = words(
    "card|cards|credit|debit|visa|mastercard|amex|american express|discover|maestro|jcb|diners"
    "|unionpay|cc|pan|karte|kreditkarte|kartennummer|carte|carta|tarjeta|cartão|creditcard"
)
# How the digits of a card are usually grouped.
_USUAL: Final = frozenset(
    [(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (6, 13), (4, 4, 4)]
    + [(n,) for n in (14, 15, 16)]
)


def scan(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """The card numbers of a text."""
    shape = view.shape
    if "9999" not in shape and "9 9 9 9" not in shape and "9-9-9-9" not in shape:
        return
    at = 0
    while found := _GROUPED.search(shape, at):
        view.check()
        start, at = found.span()
        if at - start > _MOST or shape[at] == "9":
            at = _whole_groups(shape, start, at)
        if start and shape[start - 1] in "Aa":
            # Letters joined to a run make it a name; the groups behind it may still be a card.
            start += len(_GROUP.match(shape, start).group())  # type: ignore[union-attr]
        yield from _within(view, start, at)


# Longer than a card with a separator between all of its digits, twice.
_MOST: Final = 76

_SINGLE: Final = 4
# Digits of the shortest card.
_FEWEST: Final = 12


def _whole_groups(shape: str, start: int, end: int) -> int:
    """An end that splits no run of digits; behind an endless run, the end of that run."""
    while end > start and shape[end - 1] == "9" == shape[end]:
        end -= 1
    if end > start:
        return end
    return _GROUP.match(shape, start).end()  # type: ignore[union-attr]


def _within(view: View, start: int, end: int) -> Iterator[Hit]:
    """The cards among some groups of digits: the longest that checks from each group on."""
    groups = [found.span() for found in _GROUP.finditer(view.shape, start, end)]
    first = single = 0
    found = False
    left = sum(high - low for low, high in groups)
    while first < len(groups) and left >= _FEWEST:
        low, high = groups[first]
        # A card may be written digit by digit, but not everywhere in an endless row of digits.
        single = single + 1 if high - low == 1 else 0
        last = _card(view, groups, first) if single <= _SINGLE else 0
        if last:
            found = True
            yield _hit(view, groups[first:last])
        last = last or first + 1
        left -= sum(high - low for low, high in groups[first:last])
        first = last
    if groups and not found:
        yield from _unissued(view, groups)


def _unissued(view: View, groups: list[tuple[int, int]]) -> Iterator[Hit]:
    """A number that checks and is called a card, though no issuer is known for it."""
    start, end = groups[0][0], groups[-1][1]
    if end - start > _MOST or view.shape[end] in "9Aa":
        return
    if not 13 <= sum(b - a for a, b in groups) <= 19 or not view.says(_WORDS, start, end):
        return
    digits = "".join(view.text[a:b] for a, b in groups)
    if luhn(digits) and not same(digits):
        yield Hit("CREDIT_CARD", start, end, 0.75, "check, context")


def _card(view: View, groups: list[tuple[int, int]], first: int) -> int:
    """Behind which group a card ends that begins at one; 0 where none does."""
    start, end = groups[first]
    head = view.text[start : start + 4]
    if end - start < 4:
        head = "".join(filter(str.isdigit, view.text[start : start + 8]))[:4]
    sizes = _sizes(head)
    if not sizes:
        return 0
    digits = ""
    best = 0
    for last in range(first, min(first + 19, len(groups))):
        start, end = groups[last]
        if len(digits) + end - start > 19:
            break
        digits += view.text[start:end]
        if len(digits) in sizes and luhn(digits) and not same(digits):
            best = last + 1
    if best and view.shape[groups[best - 1][1]] in "9Aa":
        return 0
    return best


@lru_cache(maxsize=10_000)
def _sizes(digits: str) -> tuple[int, ...]:
    """How long a card may be that begins with four digits."""
    found: tuple[int, ...] = ()
    for low, high, sizes in _RANGES:
        if low <= digits[: len(low)] <= high:
            found += sizes
    return found


def _hit(view: View, groups: list[tuple[int, int]]) -> Hit:
    start, end = groups[0][0], groups[-1][1]
    usual = tuple(b - a for a, b in groups) in _USUAL
    if view.says(_WORDS, start, end):
        return Hit("CREDIT_CARD", start, end, 0.99, "issuer and check, context")
    return Hit("CREDIT_CARD", start, end, 0.9 if usual else 0.6, "issuer and check")


ENTITIES = (
    Entity(
        "CREDIT_CARD",
        "Payment card numbers of 12 to 19 digits, in any grouping",
        checked="the issuer's number range and its lengths, Luhn's check digit",
        source="ISO/IEC 7812-1",
        scan=scan,
        words=_WORDS,
        span=40,
    ),
)
