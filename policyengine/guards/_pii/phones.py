"""Telephone numbers: international ones by their country's code, national ones by grouping."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from policyengine.guards._pii.entity import Entity, Hit, Start, Strength, hit, listed
from policyengine.guards._pii.view import View, words

# Digits behind the country's code (ITU-T E.164 and national numbering plans); others 6 to 12.
_NATIONAL: Final = {
    "1": (10, 10), "7": (10, 10), "20": (8, 10), "27": (9, 9), "30": (10, 10), "31": (9, 9),
    "32": (8, 9), "33": (9, 9), "34": (9, 9), "36": (8, 9), "39": (6, 11), "40": (9, 9),
    "41": (9, 9), "43": (6, 13), "44": (9, 10), "45": (8, 8), "46": (7, 10), "47": (8, 8),
    "48": (9, 9), "49": (6, 12), "51": (8, 9), "52": (10, 11), "53": (6, 8), "54": (10, 11),
    "55": (10, 11), "56": (9, 9), "57": (8, 10), "58": (10, 10), "60": (8, 10), "61": (9, 9),
    "62": (8, 12), "63": (8, 10), "64": (8, 10), "65": (8, 8), "66": (8, 9), "81": (9, 10),
    "82": (8, 10), "84": (9, 10), "86": (10, 11), "90": (10, 10), "91": (10, 10), "92": (9, 10),
    "93": (9, 9), "94": (9, 9), "95": (7, 10), "98": (10, 10),
}  # fmt: skip
_THREE: Final = frozenset(
    listed(
        "210|211|212|213|216|218|220|221|222|223|224|225|226|227|228|229|230|231|232|233|234|235|"
        "236|237|238|239|240|241|242|243|244|245|246|247|248|249|250|251|252|253|254|255|256|257|"
        "258|260|261|262|263|264|265|266|267|268|269|290|291|297|298|299|350|351|352|353|354|355|"
        "356|357|358|359|370|371|372|373|374|375|376|377|378|380|381|382|383|385|386|387|389|420|"
        "421|423|500|501|502|503|504|505|506|507|508|509|590|591|592|593|594|595|596|597|598|599|"
        "670|672|673|674|675|676|677|678|679|680|681|682|683|685|686|687|688|689|690|691|692|800|"
        "808|850|852|853|855|856|870|878|880|881|882|883|886|888|960|961|962|963|964|965|966|967|"
        "968|970|971|972|973|974|975|976|977|979|992|993|994|995|996|998"
    )
)
_OTHERS: Final = (6, 12)

_PLUS = re.compile(r"\+ ?\(?(9{1,15})\)?((?:[ ./()-]{1,3}9{1,12}){0,7})")
_GROUP = re.compile("9+")
_DATES: Final = frozenset(("-99-99", "/99/99", ".99.99"))
_CENTURIES: Final = ("19", "20")
_SPLIT = re.compile(r"(9{1,5})(\)?[ ./-]{0,2})((?:9{1,8}[ ./-]{1,2}){0,5}9{1,8})(?![9Aa])")
_EXTENSION = re.compile(
    r"(?: ?x| ?ext\.?:? ?| extension ?| ?# ?| poste | durchwahl )\d{1,6}\b", re.I
)

INTERNATIONAL: Final = Strength(0.9, 0.97)
ODD_INTERNATIONAL: Final = Strength(0.55, 0.8)
TYPICAL: Final = Strength(0.75, 0.95)
TRUNK: Final = Strength(0.6, 0.9)
GROUPED: Final = Strength(0.35, 0.8)
# Less than what a word names more exactly: "license number is" is no telephone.
VAGUE: Final = Strength(0.1, 0.55)

# National groupings that are common, without a leading 0 or an area code in parentheses.
_GROUPINGS: Final = frozenset(
    [
        (3, 3, 3),
        (3, 2, 2, 2),
        (2, 2, 2, 2),
        (2, 4, 4),
        (4, 4),
        (3, 2, 3),
        (2, 3, 3),
        (3, 4),
        (2, 3, 2, 2),
        (5, 5),
        (2, 3, 4),
        (3, 3, 2, 2),
        (4, 3, 3),
        (3, 4, 4),
        (2, 7),
        (3, 6),
        (3, 7),
        (2, 5, 4),
        (1, 4, 4),
        (4, 3, 2),
        (4, 6),
        (1, 2, 2, 2, 2),
        (3, 3, 4),
        (1, 3, 3, 4),
        (1, 3, 3, 3),
        (4, 7),
        (2, 2, 3),
        (3, 2, 2),
        (4, 3),
        (2, 8),
    ]
)
_WORDS = words(
    "phone|phones|telephone|tel|call|calls|calling|called|caller|mobile|cell|cellphone|fax|contact"
    "|whatsapp|sms|text me|dial|dialed|dialled|reach|ring|handy|handynummer|telefon|telefonnummer"
    "|rufnummer|téléphone|portable|appeler|appelez|móvil|movil|celular|teléfono|telefono|cellulare"
    "|telefone|telemóvel|chiamare|llamar|hotline|mob|ph|landline|voicemail|number is|my number"
    "|your number|msisdn|mobilnummer|puhelin|telefoon|bel|numer telefonu|телефон|电话|手机"
)


def scan(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """The international numbers of a text."""
    shape = view.shape
    for found in _PLUS.finditer(shape):
        start = found.start()
        if start and shape[start - 1] in "9Aa":
            continue
        hit = _international(view, start, found.end())
        if hit is not None:
            yield hit


def _international(view: View, start: int, end: int) -> Hit | None:
    groups = [each.span() for each in _GROUP.finditer(view.shape, start, end)]
    code = _code("".join(view.text[a:b] for a, b in groups[:3]))
    if not code:
        return None
    low, high = _NATIONAL.get(code, _OTHERS)
    while groups:
        digits = "".join(view.text[a:b] for a, b in groups)
        rest = digits[len(code) :]
        # A trunk prefix is written in parentheses, and is not dialled: +49 (0)30.
        end = groups[-1][1]
        if "(0)" in view.text[start:end]:
            rest = rest[1:]
        if view.shape[end] not in "9Aa":
            if low <= len(rest) <= high:
                return hit(PHONE, view, start, _extended(view, end), INTERNATIONAL, "country code")
            if 7 <= len(digits) <= 15 and len(rest) < low:
                strength = ODD_INTERNATIONAL
                return hit(PHONE, view, start, _extended(view, end), strength, "odd length")
        groups.pop()
    return None


def _code(digits: str) -> str:
    if digits[:3] in _THREE:
        return digits[:3]
    return next((digits[:n] for n in (2, 1) if digits[:n] in _NATIONAL), "")


def _extended(view: View, end: int) -> int:
    found = _EXTENSION.match(view.text, end)
    return found.end() if found else end


def at(view: View, run: int, end: int) -> tuple[Hit, ...]:
    """The number that begins at a run of digits."""
    # Logs are full of dates; nothing else is so often looked at in vain.
    if end - run == 4 and _is_date(view, run, end):
        return ()
    found = _at(view, run, end)
    return () if found is None else (found,)


def _is_date(view: View, run: int, end: int) -> bool:
    follows = view.shape[end : end + 7]
    return follows[:6] in _DATES and follows[6] != "9" and view.text[run : run + 2] in _CENTURIES


def _at(view: View, run: int, end: int) -> Hit | None:
    """The number that begins at a run of digits, as it is written inside a country."""
    shape = view.shape
    start = run
    before = shape[start - 1] if start else ","
    if before == "(":
        start -= 1
        before = shape[start - 1] if start else ","
    if before in "9Aa+" or (before in "-./" and start > 1 and shape[start - 2] == "9"):
        return None
    if end - run > 5:
        return _together(view, run, end) if start == run else None
    found = _SPLIT.match(shape, run)
    if found is None or found.end(1) != end:
        return None
    form = _form(found.group())
    return None if form is None else _grouped(view, start, run, form)


@dataclass(frozen=True, slots=True)
class _Form:
    """What the shape of some groups of digits says: how many characters, which groups, what for."""

    length: int
    groups: tuple[int, ...]
    dates: bool
    dotted: bool
    known: bool


@lru_cache(maxsize=4096)
def _form(shape: str) -> _Form | None:
    """What the shape of a row of groups says; None where it is no telephone number's.

    A text has few such shapes (times, dates, addresses), and each is thought about once.
    """
    spans = [each.span() for each in _GROUP.finditer(shape)]
    while len(spans) > 1 and sum(b - a for a, b in spans) > 11:
        spans.pop()
    groups = tuple(b - a for a, b in spans)
    if not 6 <= sum(groups) <= 11 or groups == (3, 2, 4):
        return None
    if len(groups) == 3 and groups[2] == 4 and max(groups[:2]) <= 2:
        return None
    dotted = len(groups) == 4 and max(groups) < 4 and shape[: spans[-1][1]].count(".") == 3
    dates = groups[0] == 4 and len(groups) > 2 and max(groups[1:3]) <= 2
    return _Form(spans[-1][1], groups, dates, dotted, groups in _GROUPINGS)


def _together(view: View, start: int, end: int) -> Hit | None:
    if view.shape[end] in "9Aa" or (view.shape[end] in ".-/" and view.shape[end + 1] == "9"):
        return None
    strength = GROUPED if view.text[start] == "0" and end - start in (10, 11) else VAGUE
    return hit(PHONE, view, start, _extended(view, end), strength, "digits")


def _grouped(view: View, start: int, run: int, form: _Form) -> Hit | None:
    text, shape = view.text, view.shape
    end = run + form.length
    if shape[end] in "-./" and shape[end + 1] == "9":
        return None
    if (form.dotted and text[run] != "0") or (form.dates and text[run : run + 2] in _CENTURIES):
        return None
    # Years may stand in parentheses, too: the area code is what they must end behind.
    area = start < run and text[run + form.groups[0]] == ")"
    if start < run and not area:
        start = run
    strength = _strength(text, run, end, form, area)
    if strength.alone < TRUNK.alone and _goes_on(shape, start, end):
        return None
    return hit(PHONE, view, start, _extended(view, end), strength, "grouping")


def _goes_on(shape: str, start: int, end: int) -> bool:
    """Whether more digits stand beside a range, as in a card or an account number."""
    return shape[end : end + 2] == " 9" or (start > 1 and shape[start - 2 : start] == "9 ")


def _strength(text: str, run: int, end: int, form: _Form, parenthesis: bool) -> Strength:
    groups, size = form.groups, sum(form.groups)
    if groups[-3:] == (3, 3, 4) and (size == 10 or (size == 11 and text[run] == "1")):
        digits = "".join(filter(str.isdigit, text[run:end]))[-10:]
        if text[end - 5] == " " and not parenthesis:
            return GROUPED
        return TYPICAL if digits[0] in "23456789" and digits[3] in "23456789" else TRUNK
    if parenthesis and size >= 8:
        return TYPICAL
    if text[run] == "0" and size >= 9 and 2 <= groups[0] <= 5:
        return TRUNK
    if groups == (1, 3, 3, 2, 2) and text[run] == "8":
        return TRUNK
    return GROUPED if form.known and size >= 7 else VAGUE


PHONE = Entity(
    "PHONE_NUMBER",
    "Telephone numbers, international and as written in many countries, with extensions",
    checked="country code and length of its numbers; the usual groupings inside countries",
    source="ITU-T E.164, national numbering plans",
    words=_WORDS,
    starts=(
        Start((1, 2, 3, 4, 5), (" 9", "-9", ".9", "/9", ") ", ")9", ")-", ")/", " (")),
        Start((7, 8, 9, 10, 11), (" *", ",*", ".*", "-*", "/*", ")*", ":*")),
    ),
    at=at,
    scan=scan,
    span=48,
)
ENTITIES = (PHONE,)
