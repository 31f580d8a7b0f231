"""Identifiers of France, Belgium, the Netherlands, Spain, Portugal and Italy."""

from __future__ import annotations

from typing import Final

from policyengine.guards._pii.checks import luhn, same, weighted
from policyengine.guards._pii.entity import (
    CHECKED,
    DIGITS,
    STRONG,
    Entity,
    Form,
    Strength,
)
from policyengine.guards._pii.view import words


def is_nir(number: str) -> bool:
    """Whether a French social security number checks (INSEE: 97 less the rest of 97).

    >>> is_nir("295109912611193"), is_nir("295109912611199")
    (True, False)
    """
    # Corsica's departments 2A and 2B count as 19 and 18.
    body = number[:13].replace("2A", "19").replace("2B", "18")
    if number[0] not in "123478" or not body.isdigit():
        return False
    return 97 - int(body) % 97 == int(number[13:])


def is_siret(number: str) -> bool:
    """Whether a French company's number checks (INSEE: Luhn)."""
    return luhn(number[:9]) and luhn(number) and not same(number)


def is_belgian(number: str) -> bool:
    """Whether a Belgian national number checks (97 less the rest, with a 2 before it since 2000).

    >>> is_belgian("85073003328"), is_belgian("17073003384"), is_belgian("85073003329")
    (True, True, False)
    """
    check = int(number[9:])
    plain, later = 97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97
    return check in (plain, later) and _is_month(int(number[2:4]))


def _is_month(month: int) -> bool:
    """Whether a month is one, or one that has 20 or 40 added where the sex was not known."""
    return month <= 12 or 20 <= month <= 32 or 40 <= month <= 52


def is_bsn(number: str) -> bool:
    """Whether a Dutch service number passes the eleven test.

    >>> is_bsn("111222333"), is_bsn("111222334")
    (True, False)
    """
    return weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and not same(number)


_NIF: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


def is_nif(number: str) -> bool:
    """Whether a Spanish identity number's letter checks (modulus 23).

    >>> is_nif("54362315K"), is_nif("54362315Z")
    (True, False)
    """
    return _NIF[int(number[:-1]) % 23] == number[-1]


def is_nie(number: str) -> bool:
    """Whether a Spanish foreigner's number checks: the first letter counts 0, 1 or 2.

    >>> is_nie("X2482300W"), is_nie("A2482300W")
    (True, False)
    """
    return number[0] in "XYZ" and is_nif(str("XYZ".index(number[0])) + number[1:])


def is_cif(number: str) -> bool:
    """Whether a Spanish company's number checks: a digit or a letter by Luhn's sum.

    >>> is_cif("B58818501"), is_cif("B58818502")
    (True, False)
    """
    if number[0] not in "ABCDEFGHJNPQRSUVW":
        return False
    digits = number[1:8]
    odd = sum(sum(divmod(int(d) * 2, 10)) for d in digits[::2])
    check = (10 - (odd + sum(map(int, digits[1::2]))) % 10) % 10
    return number[8] in (str(check), "JABCDEFGHI"[check])


def is_portuguese(number: str) -> bool:
    """Whether a Portuguese tax number checks (modulus 11).

    >>> is_portuguese("123456789"), is_portuguese("123456780")
    (True, False)
    """
    check = 11 - weighted(number, range(9, 1, -1)) % 11
    return number[0] in "123456789" and (0 if check > 9 else check) == int(number[8])


# What the characters in odd places count, for digits and letters from 0 and from A.
_ODD_VALUES: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10)
_ODD_LAST: Final = (22, 25, 24, 23)
_ODD: Final = {
    **{str(n): _ODD_VALUES[n] for n in range(10)},
    **{chr(65 + n): value for n, value in enumerate((*_ODD_VALUES, *_ODD_LAST))},
}
_DIGIT_PLACES: Final = (6, 7, 9, 10, 12, 13, 14)


def is_fiscal_code(code: str) -> bool:
    """Whether an Italian fiscal code checks; letters may stand for digits (omocodia).

    >>> is_fiscal_code("RCCMNL83S18D969H"), is_fiscal_code("RCCMNL83S18D969A")
    (True, False)
    """
    if not all(code[i].isdigit() or code[i] in "LMNPQRSTUV" for i in _DIGIT_PLACES):
        return False
    if not (code[:6] + code[8] + code[11] + code[15]).isalpha() or code[8] not in "ABCDEHLMPRST":
        return False
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in code[1:15:2])
    return (even + sum(_ODD[c] for c in code[:15:2])) % 26 == ord(code[15]) - 65


def is_italian_vat(number: str) -> bool:
    """Whether an Italian VAT number checks (Luhn).

    >>> is_italian_vat("00743110157"), is_italian_vat("IT00743110158")
    (True, False)
    """
    digits = number.removeprefix("IT")
    if len(digits) != 11 or not digits.isdigit() or not luhn(digits):
        return False
    office = int(digits[7:10])
    return 1 <= office <= 100 or office in (120, 121, 888, 999)


_IT_ID = words("carta|identità|identita|cie|documento|identity|id card")

ENTITIES = (
    Entity(
        "FR_NIR",
        "French social security numbers",
        "FR",
        "check digits, 97",
        "INSEE, NIR",
        (
            Form("999999999999999", STRONG),
            Form("9 99 99 99 999 999 99", STRONG),
            Form("9 99 99 99 999 999 99".replace(" ", "."), STRONG),
            Form("999999A99999999", STRONG),
            Form("9 99 99 9A 999 999 99", STRONG),
        ),
        is_nir,
        words("nir|sécurité sociale|securite sociale|sécu|insee|vitale|sociale"),
    ),
    Entity(
        "FR_SIRET",
        "French establishment numbers",
        "FR",
        "Luhn's check digit, and a context word",
        "INSEE, SIRENE",
        (Form("99999999999999", Strength(0.2, 0.9)), Form("999 999 999 99999", STRONG)),
        is_siret,
        words("siret|siren|rcs|entreprise|établissement"),
    ),
    Entity(
        "BE_NATIONAL_NUMBER",
        "Belgian national numbers",
        "BE",
        "check digits, 97",
        "Rijksregister, royal decree of 3 April 1984",
        (Form("99.99.99-999.99", STRONG), Form("99999999999", Strength(0.5, 0.9))),
        is_belgian,
        words("rijksregisternummer|rijksregister|national number|registre national|insz|niss|nn"),
    ),
    Entity(
        "NL_BSN",
        "Dutch citizen service numbers",
        "NL",
        "eleven test",
        "Rijksdienst voor Identiteitsgegevens",
        (Form("999999999", Strength(0.25, 0.9)), Form("9999.99.999", STRONG)),
        is_bsn,
        words("bsn|burgerservicenummer|sofinummer|sofi|burger service nummer"),
    ),
    Entity(
        "ES_NIF",
        "Spanish identity numbers",
        "ES",
        "check letter, modulus 23",
        "Real Decreto 1553/2005",
        (
            Form("99999999~A", STRONG, "- "),
            Form("99.999.999~A", STRONG, "- "),
            Form("9999999~A", CHECKED, "-"),
        ),
        is_nif,
        words("nif|dni|documento nacional|identidad|documento"),
        folded=True,
    ),
    Entity(
        "ES_NIE",
        "Spanish numbers of foreigners",
        "ES",
        "check letter, modulus 23",
        "Real Decreto 557/2011",
        (Form("A9999999A", STRONG), Form("A-9999999-A", STRONG)),
        is_nie,
        words("nie|número de identificación|extranjero|identidad"),
        folded=True,
    ),
    Entity(
        "ES_CIF",
        "Spanish company numbers",
        "ES",
        "check digit or letter",
        "Orden EHA/451/2008",
        (Form("A9999999X", CHECKED), Form("A-9999999X", STRONG)),
        is_cif,
        words("cif|nif|empresa|sociedad"),
    ),
    Entity(
        "ES_PASSPORT",
        "Spanish passport numbers",
        "ES",
        "form, and a context word",
        "ICAO Doc 9303",
        (Form("AAA999999", DIGITS),),
        None,
        words("pasaporte|passport"),
        folded=True,
    ),
    Entity(
        "PT_NIF",
        "Portuguese tax numbers",
        "PT",
        "check digit, modulus 11",
        "Decreto-Lei 14/2013",
        (Form("999999999", Strength(0.2, 0.9)), Form("999 999 999", Strength(0.3, 0.9))),
        is_portuguese,
        words("nif|contribuinte|número fiscal|numero fiscal|nipc"),
    ),
    Entity(
        "IT_FISCAL_CODE",
        "Italian fiscal codes",
        "IT",
        "letters and digits in their places, check letter",
        "Decreto 23 dicembre 1976",
        tokens={16: lambda t: STRONG if is_fiscal_code(t) else None},
        words=words("codice fiscale|fiscale|cf|fiscal code"),
    ),
    Entity(
        "IT_VAT_CODE",
        "Italian VAT numbers",
        "IT",
        "Luhn's check digit",
        "Agenzia delle Entrate",
        (Form("99999999999", Strength(0.3, 0.9)), Form("AA99999999999", STRONG)),
        is_italian_vat,
        words("partita iva|piva|iva|p iva|vat"),
    ),
    Entity(
        "IT_IDENTITY_CARD",
        "Italian identity card numbers",
        "IT",
        "form, and a context word",
        "Ministero dell'Interno, CIE 3.0",
        (
            Form("AA99999AA", Strength(0.3, 0.85)),
            Form("AA9999999", DIGITS),
            Form("AA 9999999", DIGITS),
            Form("9999999AA", DIGITS),
        ),
        None,
        _IT_ID,
        folded=True,
    ),
    Entity(
        "IT_PASSPORT",
        "Italian passport numbers",
        "IT",
        "form, and a context word",
        "ICAO Doc 9303",
        (Form("AA9999999", DIGITS),),
        None,
        words("passaporto|passport"),
        folded=True,
    ),
    Entity(
        "IT_DRIVER_LICENSE",
        "Italian driving licence numbers",
        "IT",
        "form, and a context word",
        "Ministero delle Infrastrutture e dei Trasporti",
        (Form("AA9999999A", Strength(0.3, 0.85)),),
        None,
        words("patente|guida|driving|licence|license"),
        folded=True,
    ),
)
