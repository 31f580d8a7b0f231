"""Identifiers of the United Kingdom and Ireland."""

from __future__ import annotations

from typing import Final

from policyengine.guards._pii.checks import same, weighted
from policyengine.guards._pii.entity import (
    CHECKED,
    DIGITS,
    SHAPED,
    STRONG,
    TYPICAL,
    Entity,
    Form,
    Strength,
    listed,
)
from policyengine.guards._pii.view import words


def is_nhs(number: str) -> bool:
    """Whether an NHS number checks (NHS Data Dictionary: modulus 11).

    >>> is_nhs("9434765919"), is_nhs("9434765918")
    (True, False)
    """
    check = (11 - weighted(number, range(10, 1, -1)) % 11) % 11
    return check == int(number[9]) and not same(number)


def is_nino(number: str) -> bool:
    """Whether a national insurance number has letters that are given out (HMRC, NIM39110).

    >>> is_nino("AB123456C"), is_nino("DA123456C"), is_nino("AB123456E")
    (True, False, False)
    """
    first, second, last = number[0], number[1], number[-1]
    never = number[:2] in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")
    return not (first in "DFIQUV" or second in "DFIOQUV" or never) and last in "ABCD"


def is_utr(number: str) -> bool:
    """Whether a taxpayer reference's first digit checks (HMRC: modulus 11).

    >>> is_utr("1955839661"), is_utr("2955839661")
    (True, False)
    """
    digits = number.rstrip("K")
    total = weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2))
    return digits[0] == "21987654321"[total % 11]


def is_licence(number: str) -> bool:
    """Whether the month and day in a driving licence's number exist (DVLA).

    >>> is_licence("MORGA657054SM9IJ"), is_licence("MORGA699054SM9IJ")
    (True, False)
    """
    month, day = int(number[6:8]), int(number[8:10])
    return (1 <= month <= 12 or 51 <= month <= 62) and 1 <= day <= 31


_AREAS: Final = frozenset(
    listed(
        "AB|AL|B|BA|BB|BD|BF|BH|BL|BN|BR|BS|BT|BX|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL"
        "|DN|DT|DY|E|EC|EH|EN|EX|FK|FY|G|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW"
        "|KY|L|LA|LD|LE|LL|LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM"
        "|S|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN"
        "|WR|WS|WV|YO|ZE"
    )
)


def is_postcode(code: str) -> bool:
    """Whether a postcode has an area and letters that are used (Royal Mail, PAF).

    >>> is_postcode("SW1A1AA"), is_postcode("QQ1A1AA"), is_postcode("SW1A1CA")
    (True, False, False)
    """
    area = code[:2] if code[1].isalpha() else code[:1]
    return area in _AREAS and not set(code[-2:]) & set("CIKMOV")


def is_plate(number: str) -> bool:
    """Whether a registration has letters and an age that are given out (DVLA, INF104)."""
    return not set(number[:2]) & set("IQZ") and not set(number[4:]) & set("IQ")


def is_pps(number: str) -> bool:
    """Whether an Irish public service number checks (Revenue: modulus 23).

    >>> is_pps("1234567T"), is_pps("1234567FA"), is_pps("1234567A")
    (True, True, False)
    """
    total = weighted(number, range(8, 1, -1))
    if len(number) == 9:
        # The second letter counts by its place in the alphabet, `W` for none.
        total += 9 * (0 if number[8] == "W" else ord(number[8]) - 64)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == number[7]


_OUTWARD = ("A9", "A99", "AA9", "AA99", "A9A", "AA9A")

ENTITIES = (
    Entity(
        "UK_NHS",
        "National Health Service numbers",
        "UK",
        "check digit, modulus 11",
        "NHS Data Dictionary",
        (Form("999 999 9999", STRONG), Form("999-999-9999", TYPICAL), Form("9999999999", CHECKED)),
        is_nhs,
        words("nhs|national health|health service|patient|health|hospital"),
    ),
    Entity(
        "UK_NINO",
        "National insurance numbers",
        "UK",
        "prefixes and suffixes that are given out",
        "HMRC, NIM39110",
        (
            Form("AA999999A", TYPICAL),
            Form("AA 99 99 99 A", STRONG),
            Form("AA-99-99-99-A", STRONG),
            Form("AA 999999 A", STRONG),
        ),
        is_nino,
        words("national insurance|insurance|nino|ni number|ni no|ni"),
        folded=True,
    ),
    Entity(
        "UK_UTR",
        "Unique taxpayer references",
        "UK",
        "check digit, modulus 11",
        "HMRC, unique taxpayer reference modulus 11",
        (Form("9999999999", Strength(0.3, 0.9)), Form("99999 99999", CHECKED)),
        is_utr,
        words("utr|taxpayer|unique taxpayer|tax reference|hmrc|self assessment|tax"),
    ),
    Entity(
        "UK_PASSPORT",
        "Passport numbers",
        "UK",
        "form, and a context word",
        "ICAO Doc 9303",
        (Form("999999999", DIGITS), Form("AA9999999", DIGITS)),
        None,
        words("passport|passports|travel document"),
    ),
    Entity(
        "UK_DRIVING_LICENCE",
        "Driving licence numbers",
        "UK",
        "letters and digits in their places, month and day",
        "DVLA, driver number format",
        tuple(
            Form("A" * n + "9" * (5 - n) + "999999" + "AX" + "X" + "AA", Strength(0.7, 0.95))
            for n in range(2, 6)
        ),
        is_licence,
        words("driving|licence|license|driver|dvla"),
        folded=True,
    ),
    Entity(
        "UK_POSTCODE",
        "Postcodes",
        "UK",
        "areas and letters in use",
        "Royal Mail, Postcode Address File",
        (
            *(Form(f"{out} 9AA", TYPICAL) for out in _OUTWARD),
            *(Form(f"{out}9AA", SHAPED) for out in _OUTWARD),
        ),
        is_postcode,
        words("postcode|postcodes|post code|postal|address|zip|lives|street|road|london"),
        folded=True,
    ),
    Entity(
        "UK_VEHICLE_REGISTRATION",
        "Vehicle registrations since 2001",
        "UK",
        "letters in use",
        "DVLA, INF104",
        (Form("AA99 AAA", Strength(0.35, 0.8)), Form("AA99AAA", Strength(0.35, 0.8))),
        is_plate,
        words("registration|reg|plate|vehicle|car|number plate|dvla|van"),
    ),
    Entity(
        "IE_PPS",
        "Personal public service numbers",
        "IE",
        "check letter, modulus 23",
        "Revenue Commissioners, PPSN format",
        (Form("9999999A", Strength(0.55, 0.95)), Form("9999999AA", Strength(0.55, 0.95))),
        is_pps,
        words("pps|ppsn|public service|revenue|irish|social welfare"),
        folded=True,
    ),
)
