"""Identifiers of the United States."""

from __future__ import annotations

from policyengine.guards._pii.checks import luhn, weighted
from policyengine.guards._pii.entity import (
    CHECKED,
    DIGITS,
    SHAPED,
    STRONG,
    TYPICAL,
    Entity,
    Form,
    Strength,
)
from policyengine.guards._pii.view import words


def is_ssn(number: str) -> bool:
    """Whether a social security number may have been issued (SSA: randomized since 2011).

    >>> is_ssn("219099998"), is_ssn("666121234"), is_ssn("900121234")
    (True, False, False)
    """
    return (
        number[0] != "9"
        and number[:3] not in ("000", "666")
        and number[3:5] != "00"
        and number[5:] != "0000"
    )


def is_itin(number: str) -> bool:
    """Whether a taxpayer number's groups are in use (IRS: 50-65, 70-88, 90-92, 94-99)."""
    group = int(number[3:5])
    known = 50 <= group <= 65 or 70 <= group <= 88 or (90 <= group <= 99 and group != 93)
    return number[0] == "9" and known


def is_routing(number: str) -> bool:
    """Whether a routing number checks (ABA: weights 3, 7, 1) and its first digits are in use.

    >>> is_routing("021000021"), is_routing("021000022")
    (True, False)
    """
    first = int(number[:2])
    known = first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80
    return known and number != "0" * 9 and weighted(number, (3, 7, 1) * 3) % 10 == 0


def is_dea(number: str) -> bool:
    """Whether a DEA registration number checks.

    >>> is_dea("AB1234563"), is_dea("AB1234564")
    (True, False)
    """
    digits = number[2:]
    if number[0] not in "ABCDEFGHJKLMPRSTUX":
        return False
    total = weighted(digits, (1, 2, 1, 2, 1, 2))
    return total % 10 == int(digits[6])


def is_npi(number: str) -> bool:
    """Whether a provider's number checks (CMS: Luhn behind the prefix 80840).

    >>> is_npi("1234567893"), is_npi("1234567890")
    (True, False)
    """
    return number[0] in "12" and luhn("80840" + number)


def is_mbi(number: str) -> bool:
    """Whether the letters of a Medicare number are ones that CMS uses."""
    return number[0] != "0" and not any(letter in "SLOIBZ" for letter in number)


# The shapes of the states (AAMVA); none has a check digit that is public.
_LICENSES = (
    *("A" + "9" * n for n in range(3, 15)),
    *("AA" + "9" * n for n in range(2, 8)),
    *("9" * n for n in range(6, 15)),
    *("AAA" + "9" * n for n in (5, 6, 7)),
    *("9" * n + "A" for n in (7, 8, 9)),
    *("A999-9999-9999", "A999-9999-9999-99", "A9999-99999-99999", "A999-999-99-999-9"),
    *("A-999-999-999-999", "A 999 999 999 999", "A99-999-999", "A99-99-9999", "99-999-9999"),
    *("AA-99-9999", "AA999999A", "99AAA9999", "99AAA99999", "99999999AA", "999AA9999", "A999999A"),
)
_LICENSE_WORDS = words(
    "driver|drivers|driving|license|licence|dl|dmv|licenses|lic|permit|driver id"
)
_BANK_WORDS = words("bank|account|acct|checking|savings|deposit|account number|acct no|wire|debit")


def _washington(token: str) -> Strength | None:
    """Washington's, which begin with `WDL` or with a part of the name filled up with stars."""
    return DIGITS if token[:3].isalpha() and token[7:10].isdigit() else None


ENTITIES = (
    Entity(
        "US_SSN",
        "Social security numbers",
        "US",
        "area, group and serial that may be issued; nine digits alone need a context word",
        "Social Security Administration, POMS RM 10201.035",
        (
            Form("999-99-9999", Strength(0.85, 0.98)),
            Form("999 99 9999", TYPICAL),
            Form("999.99.9999", TYPICAL),
            Form("999999999", Strength(0.05, 0.75)),
        ),
        is_ssn,
        words(
            "ssn|ssns|ss|social security|social|soc sec|social security number|ssid|tax id|taxpayer"
        ),
    ),
    Entity(
        "US_ITIN",
        "Individual taxpayer identification numbers",
        "US",
        "first digit 9 and a group that is in use",
        "IRS, Internal Revenue Manual 3.21.263",
        (
            Form("999-99-9999", TYPICAL),
            Form("999 99 9999", TYPICAL),
            Form("999999999", Strength(0.05, 0.7)),
        ),
        is_itin,
        words("itin|taxpayer|tax id|tax|individual taxpayer|irs"),
    ),
    Entity(
        "US_EIN",
        "Employer identification numbers",
        "US",
        "form",
        "IRS Publication 1635",
        (Form("99-9999999", SHAPED),),
        None,
        words("ein|employer|fein|tax id|federal tax|taxpayer"),
    ),
    Entity(
        "US_PASSPORT",
        "Passport numbers",
        "US",
        "form, and a context word",
        "ICAO Doc 9303",
        (Form("A99999999", DIGITS), Form("999999999", DIGITS)),
        None,
        words("passport|passports|travel document|passport number"),
    ),
    Entity(
        "US_DRIVER_LICENSE",
        "Driving licences of the states",
        "US",
        "the commonest forms of states, and a context word",
        "AAMVA",
        tuple(Form(shape, DIGITS) for shape in _LICENSES),
        None,
        _LICENSE_WORDS,
        tokens={12: _washington},
    ),
    Entity(
        "US_BANK_NUMBER",
        "Bank account numbers",
        "US",
        "8 to 17 digits, and a context word",
        "NACHA operating rules",
        tuple(Form("9" * n, DIGITS) for n in range(8, 18)),
        None,
        _BANK_WORDS,
    ),
    Entity(
        "ABA_ROUTING_NUMBER",
        "Bank routing numbers",
        "US",
        "district and check digit",
        "American Bankers Association, routing number policy",
        (Form("999999999", Strength(0.2, 0.9)), Form("9999-9999-9", CHECKED)),
        is_routing,
        words("aba|routing|rtn|transit|bank|wire|ach"),
    ),
    Entity(
        "MEDICAL_LICENSE",
        "Prescribers' DEA registration numbers",
        "US",
        "letters in use and check digit",
        "DEA Diversion Control",
        (Form("AA9999999", STRONG), Form("A99999999", CHECKED)),
        is_dea,
        words("dea|medical|prescriber|license|certificate|physician|registration"),
        folded=True,
    ),
    Entity(
        "US_NPI",
        "National provider identifiers",
        "US",
        "Luhn's check digit",
        "CMS, 45 CFR 162.406",
        (Form("9999999999", Strength(0.3, 0.9)), Form("9999-999-999", CHECKED)),
        is_npi,
        words("npi|provider|national provider|physician|prescriber|doctor"),
    ),
    Entity(
        "US_MBI",
        "Medicare beneficiary identifiers",
        "US",
        "letters and digits in their places",
        "CMS, MBI format",
        (Form("9AX9-AX9-AA99", STRONG), Form("9AX9AX9AA99", Strength(0.6, 0.95))),
        is_mbi,
        words("medicare|mbi|beneficiary|cms|hic"),
        folded=True,
    ),
)
