"""Identifiers of central, eastern and south-eastern Europe and Turkey."""

from __future__ import annotations

from policyengine.guards._pii.checks import (
    is_date,
    is_ddmmyy,
    luhn,
    mod11_10,
    same,
    weighted,
)
from policyengine.guards._pii.entity import CHECKED, DIGITS, STRONG, TYPICAL, Entity, Form, Strength
from policyengine.guards._pii.view import words


def is_pesel(number: str) -> bool:
    """Whether a Polish number checks; its month tells the century.

    >>> is_pesel("44051401359"), is_pesel("44051401358"), is_pesel("44951401359")
    (True, False, False)
    """
    month = int(number[2:4])
    year = (1900, 2000, 2100, 2200, 1800)[month // 20] + int(number[:2])
    check = -weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    return check == int(number[10]) and is_date(year, month % 20, int(number[4:6]))


def is_nip(number: str) -> bool:
    """Whether a Polish tax number checks (modulus 11).

    >>> is_nip("8567346215"), is_nip("8567346216")
    (True, False)
    """
    return weighted(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9]) and not same(number)


def is_polish_card(number: str) -> bool:
    """Whether a Polish identity card's number checks (weights 7, 3, 1, the check digit fourth).

    >>> is_polish_card("ABS123456"), is_polish_card("ABS123457")
    (True, False)
    """
    values = [int(c, 36) for c in number]
    weights = (7, 3, 1, 9, 7, 3, 1, 7, 3)
    return sum(v * w for v, w in zip(values, weights, strict=True)) % 10 == 0


def is_birth_number(number: str) -> bool:
    """Whether a Czech or Slovak birth number checks (modulus 11; women add 50 to the month).

    >>> is_birth_number("7103192745"), is_birth_number("7103192746")
    (True, False)
    """
    month = int(number[2:4]) % 50
    month -= 20 * (month > 20)
    year = int(number[:2])
    if not (is_date(1900 + year, month, int(number[4:6])) or year < 54):
        return False
    if len(number) == 9:
        return year < 54
    rest = int(number[:9]) % 11
    return rest % 10 == int(number[9]) and 1 <= month <= 12


def is_taj(number: str) -> bool:
    """Whether a Hungarian insurance number checks (weights 3 and 7 in turn).

    >>> is_taj("111111110"), is_taj("111111111")
    (True, False)
    """
    return weighted(number, (3, 7) * 4) % 10 == int(number[8])


def is_cnp(number: str) -> bool:
    """Whether a Romanian code checks.

    >>> is_cnp("1630615123457"), is_cnp("1630615123458")
    (True, False)
    """
    check = weighted(number, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    dated = is_ddmmyy(number[5:7] + number[3:5] + number[1:3])
    return number[0] != "0" and dated and (1 if check == 10 else check) == int(number[12])


def is_egn(number: str) -> bool:
    """Whether a Bulgarian number checks; its month tells the century.

    >>> is_egn("7523169263"), is_egn("7523169264")
    (True, False)
    """
    month = int(number[2:4])
    year = 1900 + int(number[:2])
    if month > 40:
        year, month = year + 100, month - 40
    elif month > 20:
        year, month = year - 100, month - 20
    check = weighted(number, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return check == int(number[9]) and is_date(year, month, int(number[4:6]))


def is_jmbg(number: str) -> bool:
    """Whether a number of former Yugoslavia checks (modulus 11).

    >>> is_jmbg("0101006500006"), is_jmbg("0101006500007")
    (True, False)
    """
    check = -weighted(number, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10
    return check == int(number[12]) and is_ddmmyy(number[:4] + number[5:7])


def is_amka(number: str) -> bool:
    """Whether a Greek insurance number checks (date, Luhn).

    >>> is_amka("01013099997"), is_amka("01013099999")
    (True, False)
    """
    return is_ddmmyy(number[:6]) and luhn(number)


def is_afm(number: str) -> bool:
    """Whether a Greek tax number checks (powers of two, modulus 11).

    >>> is_afm("094259216"), is_afm("094259217")
    (True, False)
    """
    total = weighted(number, [2**n for n in range(8, 0, -1)])
    return total % 11 % 10 == int(number[8]) and not same(number)


def is_rnokpp(number: str) -> bool:
    """Whether a Ukrainian taxpayer's number checks.

    >>> is_rnokpp("1759013776"), is_rnokpp("1759013770")
    (True, False)
    """
    return weighted(number, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(number[9])


def is_snils(number: str) -> bool:
    """Whether a Russian insurance number checks (modulus 101).

    >>> is_snils("11223344595"), is_snils("11223344596")
    (True, False)
    """
    return weighted(number, range(9, 0, -1)) % 101 % 100 == int(number[9:])


def is_inn(number: str) -> bool:
    """Whether a Russian person's taxpayer number checks (two digits, modulus 11).

    >>> is_inn("500100732259"), is_inn("500100732258")
    (True, False)
    """
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    first = weighted(number, weights[1:]) % 11 % 10
    return first == int(number[10]) and weighted(number, weights) % 11 % 10 == int(number[11])


def is_turkish(number: str) -> bool:
    """Whether a Turkish identity number's two check digits are right.

    >>> is_turkish("17291716060"), is_turkish("17291716050")
    (True, False)
    """
    digits = [int(digit) for digit in number]
    tenth = (sum(digits[0:9:2]) * 7 - sum(digits[1:8:2])) % 10
    return digits[0] != 0 and digits[9] == tenth and sum(digits[:10]) % 10 == digits[10]


def is_turkish_plate(number: str) -> bool:
    """Whether a Turkish registration begins with a province."""
    return 1 <= int(number[:2]) <= 81


ENTITIES = (
    Entity(
        "PL_PESEL",
        "Polish personal numbers",
        "PL",
        "date, check digit",
        "Ustawa o ewidencji ludności",
        (Form("99999999999", Strength(0.6, 0.95)),),
        is_pesel,
        words("pesel|numer pesel"),
    ),
    Entity(
        "PL_NIP",
        "Polish tax numbers",
        "PL",
        "check digit, modulus 11",
        "Ustawa o zasadach ewidencji podatników",
        (
            Form("999-999-99-99", STRONG),
            Form("999-99-99-999", STRONG),
            Form("9999999999", Strength(0.25, 0.9)),
        ),
        is_nip,
        words("nip|podatku|podatnika|numer identyfikacji"),
    ),
    Entity(
        "PL_ID_CARD",
        "Polish identity card numbers",
        "PL",
        "check digit",
        "Rozporządzenie w sprawie dowodów osobistych",
        (Form("AAA~999999", Strength(0.45, 0.9), " "),),
        is_polish_card,
        words("dowód|dowod|dowodu|osobisty|osobistego"),
        folded=True,
    ),
    Entity(
        "CZ_RODNE_CISLO",
        "Czech and Slovak birth numbers",
        "CZ",
        "date, check digit, modulus 11",
        "Zákon 133/2000 Sb.",
        (Form("999999/9999", STRONG), Form("999999/999", TYPICAL), Form("9999999999", CHECKED)),
        is_birth_number,
        words("rodné číslo|rodne cislo|rč|r č|rodné|birth number"),
    ),
    Entity(
        "HU_TAJ",
        "Hungarian social insurance numbers",
        "HU",
        "check digit, and a context word",
        "1996. évi XX. törvény",
        (Form("999999999", Strength(0.1, 0.85)), Form("999 999 999", Strength(0.3, 0.9))),
        is_taj,
        words("taj|tajszám|taj szám|társadalombiztosítási"),
    ),
    Entity(
        "RO_CNP",
        "Romanian personal codes",
        "RO",
        "date, check digit",
        "Legea 105/1996",
        (Form("9999999999999", STRONG),),
        is_cnp,
        words("cnp|cod numeric personal"),
    ),
    Entity(
        "BG_EGN",
        "Bulgarian citizens' numbers",
        "BG",
        "date, check digit",
        "ГРАО",
        (Form("9999999999", Strength(0.45, 0.9)),),
        is_egn,
        words("egn|егн|единен граждански номер"),
    ),
    Entity(
        "HR_OIB",
        "Croatian personal numbers",
        "HR",
        "check digit, MOD 11,10",
        "Zakon o osobnom identifikacijskom broju",
        (Form("99999999999", CHECKED),),
        mod11_10,
        words("oib|osobni identifikacijski broj"),
    ),
    Entity(
        "RS_JMBG",
        "Citizens' numbers of Serbia, Slovenia (EMŠO) and their neighbours",
        "RS",
        "date, check digit, modulus 11",
        "Zakon o jedinstvenom matičnom broju građana",
        (Form("9999999999999", STRONG),),
        is_jmbg,
        words("jmbg|emšo|emso|matični broj|jmb"),
    ),
    Entity(
        "GR_AMKA",
        "Greek social security numbers",
        "GR",
        "date, Luhn's check digit",
        "ΗΔΙΚΑ",
        (Form("99999999999", Strength(0.5, 0.95)),),
        is_amka,
        words("amka|αμκα|α μ κ α"),
    ),
    Entity(
        "GR_AFM",
        "Greek tax numbers",
        "GR",
        "check digit, and a context word",
        "ΑΑΔΕ",
        (Form("999999999", Strength(0.15, 0.85)), Form("AA999999999", DIGITS)),
        lambda t: is_afm(t) if t[0].isdigit() else t[:2] == "EL" and is_afm(t[2:]),
        words("afm|αφμ|vat|α φ μ"),
    ),
    Entity(
        "UA_RNOKPP",
        "Ukrainian taxpayer numbers",
        "UA",
        "check digit, and a context word",
        "Державна податкова служба",
        (Form("9999999999", Strength(0.15, 0.85)),),
        is_rnokpp,
        words("рнокпп|іпн|ипн|ідентифікаційний|rnokpp"),
    ),
    Entity(
        "RU_SNILS",
        "Russian insurance numbers",
        "RU",
        "check digits, modulus 101",
        "Социальный фонд России",
        (
            Form("999-999-999 99", STRONG),
            Form("999-999-999-99", STRONG),
            Form("99999999999", Strength(0.4, 0.95)),
        ),
        is_snils,
        words("снилс|snils|страховой"),
    ),
    Entity(
        "RU_INN",
        "Russian taxpayer numbers of persons",
        "RU",
        "two check digits, modulus 11",
        "ФНС России",
        (Form("999999999999", Strength(0.5, 0.95)),),
        is_inn,
        words("инн|inn|налогоплательщика"),
    ),
    Entity(
        "TR_NATIONAL_ID",
        "Turkish identity numbers",
        "TR",
        "two check digits",
        "Nüfus ve Vatandaşlık İşleri",
        (Form("99999999999", Strength(0.6, 0.95)),),
        is_turkish,
        words("tc|kimlik|tckn|tc kimlik|vatandaşlık|kimlik no"),
    ),
    Entity(
        "TR_LICENSE_PLATE",
        "Turkish vehicle registrations",
        "TR",
        "province, and a context word",
        "Karayolları Trafik Yönetmeliği",
        tuple(
            Form(f"99~{'A' * letters}~{'9' * digits}", Strength(0.25, 0.8), " ")
            for letters in (1, 2, 3)
            for digits in (2, 3, 4)
        ),
        is_turkish_plate,
        words("plaka|plakalı|plakası|araç|plate"),
    ),
)
