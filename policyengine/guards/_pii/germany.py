"""Identifiers of Germany, Austria and Switzerland."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product

from policyengine.guards._pii.checks import mod11_10, weighted
from policyengine.guards._pii.entity import (
    DIGITS,
    SHAPED,
    STRONG,
    TYPICAL,
    Entity,
    Form,
    Strength,
)
from policyengine.guards._pii.view import words


def is_tax_id(number: str) -> bool:
    """Whether a tax identification number checks (BZSt: one digit two or three times).

    >>> is_tax_id("86095742719"), is_tax_id("86095742718"), is_tax_id("12345678901")
    (True, False, False)
    """
    counts = sorted(Counter(number[:10]).values(), reverse=True)
    return number[0] != "0" and counts[0] in (2, 3) and counts[1] == 1 and mod11_10(number)


def is_social_security(number: str) -> bool:
    """Whether a pension insurance number checks (VKVV, section 4).

    >>> is_social_security("15070649C103"), is_social_security("15070649C104")
    (True, False)
    """
    digits = number[:8] + f"{ord(number[8]) - 64:02}" + number[9:11]
    products = (
        int(d) * w for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return sum(p // 10 + p % 10 for p in products) % 10 == int(number[11])


def is_health_insurance(number: str) -> bool:
    """Whether a health insurance number checks (GKV-Spitzenverband, section 290 SGB V).

    >>> is_health_insurance("A123456780"), is_health_insurance("A123456781")
    (True, False)
    """
    digits = f"{ord(number[0]) - 64:02}" + number[1:9]
    products = (int(d) * (1 + i % 2) for i, d in enumerate(digits))
    return sum(p // 10 + p % 10 for p in products) % 10 == int(number[9])


def is_vat_id(number: str) -> bool:
    """Whether a VAT number checks.

    >>> is_vat_id("DE136695976"), is_vat_id("DE136695978")
    (True, False)
    """
    return number[:2] == "DE" and number[2] != "0" and mod11_10(number[2:])


def is_icao(number: str) -> bool:
    """Whether the last digit of a document's number checks (ICAO Doc 9303: weights 7, 3, 1).

    >>> is_icao("L01X00T471"), is_icao("L01X00T472")
    (True, False)
    """
    total = sum(int(c, 36) * (7, 3, 1)[i % 3] for i, c in enumerate(number[:-1]))
    return number[-1].isdigit() and total % 10 == int(number[-1])


def is_doctor(number: str) -> bool:
    """Whether a doctor's number checks (KBV: weights 4 and 9 in turn)."""
    return (10 - weighted(number, (4, 9) * 3) % 10) % 10 == int(number[6])


def is_register(number: str) -> bool:
    """Whether a commercial register has such a section."""
    return number[:3] in ("HRA", "HRB")


def is_svnr(number: str) -> bool:
    """Whether an Austrian social insurance number checks (weights 3 7 9 - 5 8 4 2 1 6).

    >>> is_svnr("1237010180"), is_svnr("2237010180")
    (True, False)
    """
    total = weighted(number, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6))
    return number[0] != "0" and total % 11 == int(number[3]) and 1 <= int(number[4:6]) <= 31


def is_ahv(number: str) -> bool:
    """Whether a Swiss insurance number checks (EAN-13, prefix 756).

    >>> is_ahv("7569217076985"), is_ahv("7569217076984")
    (True, False)
    """
    total = weighted(number, (1, 3) * 6)
    return number[:3] == "756" and (10 - total % 10) % 10 == int(number[12])


_PLATES = tuple(
    Form(f"{'A' * place}{first}{'A' * letters}{second}{'9' * digits}", Strength(0.3, 0.85))
    for place, letters, digits in product((1, 2, 3), (1, 2), (1, 2, 3, 4))
    for first, second in (("-", " "), ("-", "-"), (" ", " "))
)


def _is_document(token: str) -> bool:
    """Whether the letters are those of German documents, which look like no word."""
    return all(c in "CFGHJKLMNPRTVWXYZ0123456789" for c in token)


def _documents(first: str) -> dict[int, Callable[[str], Strength | None]]:
    """Numbers of documents that begin with some letters, without their check digit and with it."""
    return {
        9: lambda t: DIGITS if t[0] in first and _is_document(t) else None,
        10: lambda t: SHAPED if t[0] in first and _is_document(t[:9]) and is_icao(t) else None,
    }


_DRIVER = words("führerschein|führerscheinnummer|fahrerlaubnis|führerscheins|driver|license")

ENTITIES = (
    Entity(
        "DE_TAX_ID",
        "Tax identification numbers",
        "DE",
        "repeated digits and check digit, MOD 11,10",
        "Bundeszentralamt für Steuern",
        (Form("99 999 999 999", STRONG), Form("99999999999", Strength(0.55, 0.95))),
        is_tax_id,
        words("steuer|steuerid|idnr|steueridentifikationsnummer|identifikationsnummer|tin|tax"),
    ),
    Entity(
        "DE_TAX_NUMBER",
        "Tax numbers of tax offices",
        "DE",
        "form",
        "ELSTER, structure of tax numbers",
        (
            Form("999/999/99999", TYPICAL),
            Form("99/999/99999", TYPICAL),
            Form("999/9999/9999", TYPICAL),
            Form("9999999999999", DIGITS),
        ),
        None,
        words("steuernummer|steuer nr|stnr|st nr|finanzamt|tax number"),
    ),
    Entity(
        "DE_SOCIAL_SECURITY",
        "Pension and social insurance numbers",
        "DE",
        "check digit",
        "VKVV section 4",
        (Form("99999999A999", STRONG), Form("99 999999 A 999", STRONG)),
        is_social_security,
        words("rentenversicherung|sozialversicherung|sozialversicherungsnummer|rvnr|svnr|rente"),
        folded=True,
    ),
    Entity(
        "DE_HEALTH_INSURANCE",
        "Health insurance numbers",
        "DE",
        "check digit",
        "GKV-Spitzenverband, section 290 SGB V",
        (Form("A999999999", Strength(0.45, 0.95)),),
        is_health_insurance,
        words("krankenversicherung|krankenkasse|versichertennummer|kvnr|versicherten|gesundheit"),
        folded=True,
    ),
    Entity(
        "DE_VAT_ID",
        "VAT numbers",
        "DE",
        "check digit, MOD 11,10",
        "Bundeszentralamt für Steuern",
        (Form("AA999999999", STRONG), Form("AA 999999999", STRONG), Form("AA 999 999 999", STRONG)),
        is_vat_id,
        words("ust|ustid|umsatzsteuer|vat|mwst|id"),
        folded=True,
    ),
    Entity(
        "DE_HANDELSREGISTER",
        "Commercial register numbers",
        "DE",
        "section",
        "Handelsregisterverordnung",
        tuple(Form(f"AAA{'~'}{'9' * n}", STRONG, " ") for n in range(2, 7)),
        is_register,
        words("handelsregister|amtsgericht|registergericht|hrb|hra"),
    ),
    Entity(
        "DE_KFZ",
        "Vehicle registrations",
        "DE",
        "form, and a context word",
        "Fahrzeug-Zulassungsverordnung",
        _PLATES,
        None,
        words("kennzeichen|kfz|auto|fahrzeug|nummernschild|plate|pkw|wagen"),
    ),
    Entity(
        "DE_LANR",
        "Doctors' numbers",
        "DE",
        "check digit, and a context word",
        "KBV, Arztnummern-Richtlinie",
        (Form("999999999", Strength(0.05, 0.8)),),
        is_doctor,
        words("lanr|arztnummer|arzt|vertragsarzt"),
    ),
    Entity(
        "DE_BSNR",
        "Numbers of medical practices",
        "DE",
        "form, and a context word",
        "KBV, Arztnummern-Richtlinie",
        (Form("999999999", DIGITS),),
        None,
        words("bsnr|betriebsstättennummer|betriebsstätte|praxis"),
    ),
    Entity(
        "DE_PLZ",
        "Postal codes",
        "DE",
        "form, and a context word",
        "Deutsche Post",
        (Form("99999", DIGITS),),
        None,
        words("plz|postleitzahl|postanschrift|anschrift|adresse|straße|str|strasse|wohnhaft"),
    ),
    Entity(
        "DE_ID_CARD",
        "Identity card numbers",
        "DE",
        "letters in use, check digit where it is written, else a context word",
        "Personalausweisverordnung, ICAO Doc 9303",
        tokens=_documents("LMNPRTVWXY"),
        words=words("ausweis|personalausweis|ausweisnummer|personalausweisnummer|id card"),
    ),
    Entity(
        "DE_PASSPORT",
        "Passport numbers",
        "DE",
        "letters in use, check digit where it is written, else a context word",
        "Passverordnung, ICAO Doc 9303",
        tokens=_documents("CFGHJK"),
        words=words("pass|reisepass|passnummer|reisepassnummer|passport"),
    ),
    Entity(
        "DE_FUEHRERSCHEIN",
        "Driving licence numbers",
        "DE",
        "form, and a context word",
        "Fahrerlaubnis-Verordnung",
        tokens={11: lambda t: DIGITS if t[0].isalnum() and t[-1].isalnum() else None},
        words=_DRIVER,
    ),
    Entity(
        "AT_SVNR",
        "Austrian social insurance numbers",
        "AT",
        "check digit, modulus 11",
        "Hauptverband der österreichischen Sozialversicherungsträger",
        (Form("9999 999999", STRONG), Form("9999999999", Strength(0.3, 0.9))),
        is_svnr,
        words("svnr|sozialversicherung|sozialversicherungsnummer|versicherungsnummer|ecard|sv"),
    ),
    Entity(
        "CH_AHV",
        "Swiss social insurance numbers",
        "CH",
        "prefix and check digit, EAN-13",
        "Zentrale Ausgleichsstelle, AHVN13",
        (Form("999.9999.9999.99", STRONG), Form("9999999999999", STRONG)),
        is_ahv,
        words("ahv|avs|ahvn|sozialversicherungsnummer|oasi"),
    ),
    Entity(
        "CH_UID",
        "Swiss company identification numbers",
        "CH",
        "check digit, modulus 11",
        "Bundesamt für Statistik, eCH-0097",
        (Form("AAA-999.999.999", STRONG),),
        lambda t: (
            t[:3] == "CHE"
            and (11 - weighted(t[3:], (5, 4, 3, 2, 7, 6, 5, 4)) % 11) % 11 == int(t[11])
        ),
        words("uid|che|ide|mwst"),
    ),
)
