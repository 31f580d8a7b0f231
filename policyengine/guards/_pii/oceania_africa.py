"""Identifiers of Australia, New Zealand, Africa and the Middle East."""

from __future__ import annotations

from policyengine.guards._pii.checks import is_yymmdd, luhn, same, weighted
from policyengine.guards._pii.entity import (
    CHECKED,
    DIGITS,
    STRONG,
    SURE,
    TYPICAL,
    Entity,
    Form,
    Strength,
)
from policyengine.guards._pii.view import words


def is_tfn(number: str) -> bool:
    """Whether an Australian tax file number checks (modulus 11).

    >>> is_tfn("876543210"), is_tfn("876543211")
    (True, False)
    """
    return weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and not same(number)


def is_abn(number: str) -> bool:
    """Whether an Australian business number checks (modulus 89).

    >>> is_abn("51824753556"), is_abn("51824753557")
    (True, False)
    """
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return number[0] != "0" and (weighted(number, weights) - 10) % 89 == 0


def is_acn(number: str) -> bool:
    """Whether an Australian company number checks (weights 8 to 1).

    >>> is_acn("004085616"), is_acn("004085617")
    (True, False)
    """
    return -weighted(number, range(8, 0, -1)) % 10 == int(number[8]) and not same(number)


def is_medicare(number: str) -> bool:
    """Whether an Australian Medicare number checks.

    >>> is_medicare("2123456701"), is_medicare("2123456711")
    (True, False)
    """
    total = weighted(number, (1, 3, 7, 9, 1, 3, 7, 9))
    return number[0] in "23456" and total % 10 == int(number[8])


def is_ird(number: str) -> bool:
    """Whether a New Zealand tax number checks (modulus 11, twice).

    >>> is_ird("49091850"), is_ird("49091851")
    (True, False)
    """
    digits = number.zfill(9)
    if not 10_000_000 < int(digits) < 150_000_000:
        return False
    check = -weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted(digits, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return check == int(digits[8])


def is_nhi(code: str) -> bool:
    """Whether a New Zealand health index checks (modulus 11; no `I`, no `O`).

    >>> is_nhi("ZAC5361"), is_nhi("ZAC5362")
    (True, False)
    """
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    if set(code[:3]) & set("IO"):
        return False
    values = [letters.index(c) + 1 for c in code[:3]] + [int(d) for d in code[3:6]]
    rest = sum(v * (7 - i) for i, v in enumerate(values)) % 11
    return rest != 0 and (11 - rest) % 10 == int(code[6])


def is_south_african(number: str) -> bool:
    """Whether a South African identity number checks (date, citizenship, Luhn).

    >>> is_south_african("7503305044089"), is_south_african("7503305044088")
    (True, False)
    """
    return is_yymmdd(number[:6]) and number[10] in "012" and luhn(number)


def is_za_tax(number: str) -> bool:
    """Whether a South African income tax number checks (Luhn, first digit in use).

    >>> is_za_tax("0001339050"), is_za_tax("0001339051")
    (True, False)
    """
    return number[0] in "01239" and luhn(number)


def is_egyptian(number: str) -> bool:
    """Whether an Egyptian number has a century and a day."""
    return number[0] in "23" and is_yymmdd(number[1:7])


def is_israeli(number: str) -> bool:
    """Whether an Israeli identity number checks (Luhn).

    >>> is_israeli("039337423"), is_israeli("039337424")
    (True, False)
    """
    return luhn(number) and not same(number)


def is_saudi(number: str) -> bool:
    """Whether a Saudi identity number checks (Luhn; 1 for citizens, 2 for residents)."""
    return number[0] in "12" and luhn(number)


def is_emirati(number: str) -> bool:
    """Whether an Emirati identity number checks (Luhn, prefix 784)."""
    return number[:3] == "784" and luhn(number)


_ZA_PLATES = tuple(
    Form(shape, Strength(0.3, 0.85), " ")
    for shape in ("AA~99~AA~AA", "AAA~999~AA", "AA~999~999", "AA~999999", "99~AAA~AA")
)


def is_za_plate(number: str) -> bool:
    """Whether a South African registration ends or begins with a province."""
    ends = number[-2:] in ("GP", "ZN", "WP", "EC", "NC", "FS", "LP", "MP", "NW")
    return ends or number[:2] in ("CA", "CY", "CJ", "CL", "CF", "ND", "NP")


ENTITIES = (
    Entity(
        "AU_TFN",
        "Australian tax file numbers",
        "AU",
        "check digit, modulus 11",
        "Australian Taxation Office",
        (Form("999 999 999", Strength(0.5, 0.95)), Form("999999999", Strength(0.25, 0.9))),
        is_tfn,
        words("tfn|tax file|tax file number"),
    ),
    Entity(
        "AU_ABN",
        "Australian business numbers",
        "AU",
        "check digits, modulus 89",
        "Australian Business Register",
        (Form("99 999 999 999", SURE), Form("99999999999", Strength(0.65, 0.97))),
        is_abn,
        words("abn|business number|australian business"),
    ),
    Entity(
        "AU_ACN",
        "Australian company numbers",
        "AU",
        "check digit",
        "ASIC",
        (Form("999 999 999", Strength(0.45, 0.95)), Form("999999999", Strength(0.2, 0.9))),
        is_acn,
        words("acn|company number|australian company"),
    ),
    Entity(
        "AU_MEDICARE",
        "Australian Medicare numbers",
        "AU",
        "check digit",
        "Services Australia",
        (
            Form("9999 99999 9", STRONG),
            Form("9999999999", Strength(0.3, 0.9)),
            Form("99999999999", Strength(0.2, 0.85)),
        ),
        is_medicare,
        words("medicare"),
    ),
    Entity(
        "NZ_IRD",
        "New Zealand tax numbers",
        "NZ",
        "check digit, modulus 11",
        "Inland Revenue",
        (
            Form("99-999-999", STRONG),
            Form("999-999-999", STRONG),
            Form("99999999", Strength(0.2, 0.9)),
            Form("999999999", Strength(0.2, 0.9)),
        ),
        is_ird,
        words("ird|inland revenue|tax number"),
    ),
    Entity(
        "NZ_NHI",
        "New Zealand health index numbers",
        "NZ",
        "check digit, modulus 11",
        "Ministry of Health, HISO 10046",
        (Form("AAA9999", Strength(0.4, 0.9)),),
        is_nhi,
        words("nhi|health index|patient"),
    ),
    Entity(
        "ZA_ID_NUMBER",
        "South African identity numbers",
        "ZA",
        "date, citizenship, Luhn's check digit",
        "Department of Home Affairs",
        (Form("9999999999999", STRONG), Form("999999 9999 999", SURE)),
        is_south_african,
        words("id number|identity|south african|rsa id|said"),
    ),
    Entity(
        "ZA_COMPANY_REGISTRATION",
        "South African company registrations",
        "ZA",
        "form",
        "CIPC",
        (Form("9999/999999/99", Strength(0.85, 0.97)),),
        lambda t: t[:2] in ("18", "19", "20"),
        words("company|registration|cipc|reg"),
    ),
    Entity(
        "ZA_DRIVER_LICENSE",
        "South African driving licence numbers",
        "ZA",
        "form, and a context word",
        "National Road Traffic Act",
        tuple(Form("9" * digits + "A" * 4, DIGITS) for digits in range(6, 11)),
        None,
        words("driver|driving|licence|license"),
    ),
    Entity(
        "ZA_INCOME_TAX_NUMBER",
        "South African income tax numbers",
        "ZA",
        "Luhn's check digit, and a context word",
        "SARS",
        (Form("9999999999", Strength(0.15, 0.85)),),
        is_za_tax,
        words("income tax|tax|sars|tax number"),
    ),
    Entity(
        "ZA_VAT_NUMBER",
        "South African VAT numbers",
        "ZA",
        "first digit, Luhn's check digit, and a context word",
        "SARS",
        (Form("9999999999", Strength(0.15, 0.85)),),
        lambda t: t[0] == "4" and luhn(t),
        words("vat|vat number|sars"),
    ),
    Entity(
        "ZA_LICENSE_PLATE",
        "South African vehicle registrations",
        "ZA",
        "province, and a context word",
        "National Road Traffic Regulations",
        _ZA_PLATES,
        is_za_plate,
        words("plate|registration|vehicle|car|number plate"),
    ),
    Entity(
        "ZA_PASSPORT",
        "South African passport numbers",
        "ZA",
        "letters in use, and a context word",
        "ICAO Doc 9303",
        (Form("A99999999", DIGITS),),
        lambda t: t[0] in "ADMT",
        words("passport"),
    ),
    Entity(
        "ZA_TRAFFIC_REGISTER_NUMBER",
        "South African traffic register numbers",
        "ZA",
        "form, and a context word",
        "National Road Traffic Act",
        (Form("9999999999999", DIGITS),),
        None,
        words("traffic register|traffic|trn"),
    ),
    Entity(
        "NG_NIN",
        "Nigerian identity numbers",
        "NG",
        "form, and a context word",
        "NIMC",
        (Form("99999999999", DIGITS),),
        None,
        words("nin|national identification|nimc|national identity"),
    ),
    Entity(
        "NG_VEHICLE_REGISTRATION",
        "Nigerian vehicle registrations",
        "NG",
        "form, and a context word",
        "FRSC",
        (Form("AAA-999AA", TYPICAL), Form("AAA 999AA", CHECKED), Form("AAA999AA", CHECKED)),
        None,
        words("plate|registration|vehicle|car"),
    ),
    Entity(
        "EG_NATIONAL_ID",
        "Egyptian identity numbers",
        "EG",
        "century and date",
        "Civil Status Organization",
        (Form("99999999999999", Strength(0.45, 0.9)),),
        is_egyptian,
        words("national id|الرقم القومي|egyptian|رقم قومي"),
    ),
    Entity(
        "IL_ID",
        "Israeli identity numbers",
        "IL",
        "Luhn's check digit, and a context word",
        "Population and Immigration Authority",
        (Form("999999999", Strength(0.2, 0.9)), Form("99999999-9", CHECKED)),
        is_israeli,
        words("teudat zehut|תעודת זהות|ת ז|מספר זהות|israeli id"),
    ),
    Entity(
        "AE_EMIRATES_ID",
        "Emirati identity numbers",
        "AE",
        "prefix, Luhn's check digit",
        "Federal Authority for Identity",
        (Form("999-9999-9999999-9", SURE), Form("999999999999999", STRONG)),
        is_emirati,
        words("emirates id|eid|الهوية"),
    ),
    Entity(
        "SA_NATIONAL_ID",
        "Saudi identity and residence numbers",
        "SA",
        "first digit, Luhn's check digit",
        "Ministry of Interior",
        (Form("9999999999", Strength(0.3, 0.9)),),
        is_saudi,
        words("iqama|national id|هوية|الهوية|إقامة|saudi id"),
    ),
)
