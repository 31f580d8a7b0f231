"""Identifiers of the Nordic and Baltic countries."""

from __future__ import annotations

from policyengine.guards._pii.checks import is_date, is_ddmmyy, is_yymmdd, luhn, weighted
from policyengine.guards._pii.entity import (
    STRONG,
    SURE,
    TYPICAL,
    Entity,
    Form,
    Strength,
)
from policyengine.guards._pii.view import words


def is_personnummer(number: str) -> bool:
    """Whether a Swedish personal number checks (Luhn; days over 60 are coordination numbers).

    >>> is_personnummer("198803200016"), is_personnummer("8803200018")
    (True, False)
    """
    if len(number) == 12 and number[:2] not in ("18", "19", "20"):
        return False
    short = number[-10:]
    day = int(short[4:6])
    born = f"{short[:4]}{day - 60 if day > 60 else day:02}"
    return is_yymmdd(born) and luhn(short)


def is_organisation(number: str) -> bool:
    """Whether a Swedish organisation's number checks (Luhn, the third digit at least 2).

    >>> is_organisation("5560160680"), is_organisation("5560160681")
    (True, False)
    """
    return number[2] in "23456789" and number[0] not in "04" and luhn(number)


def is_fodselsnummer(number: str) -> bool:
    """Whether a Norwegian number checks (two digits, modulus 11; D-numbers add 40 to the day).

    >>> is_fodselsnummer("01010750160"), is_fodselsnummer("01010750161")
    (True, False)
    """
    day, month = int(number[:2]), int(number[2:4])
    day, month = day - 40 * (day > 40), month - 40 * (month > 40)
    first = -weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    dated = is_ddmmyy(f"{day:02}{month:02}{number[4:6]}")
    return dated and first == int(number[9]) and second == int(number[10])


def is_cpr(number: str) -> bool:
    """Whether a Danish number begins with a day; since 2007 its check digit no longer binds."""
    return is_ddmmyy(number[:6])


def is_cpr_checked(number: str) -> bool:
    """Whether a Danish number also has the old check digit.

    >>> is_cpr_checked("2110625629"), is_cpr_checked("2110625628")
    (True, False)
    """
    return is_cpr(number) and weighted(number, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_hetu(number: str) -> bool:
    """Whether a Finnish code checks (modulus 31); the century's sign is left out of it.

    >>> is_hetu("131052308T"), is_hetu("131052A308T"), is_hetu("131052308U")
    (True, True, False)
    """
    digits = number[:6] + number[-4:-1]
    return (
        (len(number) == 10 or number[6] in "ABCDEFUVWXY")
        and digits.isdigit()
        and is_ddmmyy(digits[:6])
        and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == number[-1]
    )


def is_kennitala(number: str) -> bool:
    """Whether an Icelandic number checks (modulus 11); companies add 40 to the day.

    >>> is_kennitala("1201743399"), is_kennitala("1201743389")
    (True, False)
    """
    day = int(number[:2])
    born = f"{day - 40 if day > 40 else day:02}{number[2:6]}"
    total = weighted(number, (3, 2, 7, 6, 5, 4, 3, 2, 1))
    return number[9] in "089" and is_ddmmyy(born) and total % 11 == 0


def is_baltic(number: str) -> bool:
    """Whether an Estonian or Lithuanian code checks (modulus 11, twice).

    >>> is_baltic("36805280109"), is_baltic("33309240064"), is_baltic("36805280108")
    (True, True, False)
    """
    century = (int(number[0]) - 1) // 2 * 100 + 1800
    year, month, day = int(number[1:3]), int(number[3:5]), int(number[5:7])
    if number[0] not in "12345678" or not is_date(century + year, month, day):
        return False
    check = weighted(number, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(number, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == int(number[10])


def is_latvian(number: str) -> bool:
    """Whether a Latvian code checks, or is one of the new ones, which begin with 32 to 39.

    >>> is_latvian("16117519997"), is_latvian("16117519998")
    (True, False)
    """
    if 32 <= int(number[:2]) <= 39:
        return True
    total = weighted(number, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))
    return is_ddmmyy(number[:6]) and (1 + total) % 11 % 10 == int(number[10])


_SE = words("personnummer|samordningsnummer|person nummer|personnr|född|pnr|ssn")

ENTITIES = (
    Entity(
        "SE_PERSONNUMMER",
        "Swedish personal and coordination numbers",
        "SE",
        "date, Luhn's check digit",
        "Skatteverket, SKV 704",
        (
            Form("999999-9999", STRONG),
            Form("99999999-9999", SURE),
            Form("999999+9999", STRONG),
            Form("999999999999", Strength(0.7, 0.95)),
            Form("9999999999", Strength(0.4, 0.9)),
        ),
        is_personnummer,
        _SE,
    ),
    Entity(
        "SE_ORGANISATIONSNUMMER",
        "Swedish organisation numbers",
        "SE",
        "Luhn's check digit",
        "Skatteverket, SKV 709",
        (Form("999999-9999", Strength(0.6, 0.95)), Form("9999999999", Strength(0.2, 0.85))),
        is_organisation,
        words("organisationsnummer|orgnr|org nr|organisation|bolag|ab"),
    ),
    Entity(
        "NO_FODSELSNUMMER",
        "Norwegian birth and D-numbers",
        "NO",
        "date, two check digits, modulus 11",
        "Skatteetaten",
        (Form("99999999999", STRONG), Form("999999 99999", SURE)),
        is_fodselsnummer,
        words("fødselsnummer|fodselsnummer|personnummer|fnr|d nummer"),
    ),
    Entity(
        "DK_CPR",
        "Danish personal numbers",
        "DK",
        "date; ten digits alone need the old check digit, too",
        "CPR-kontoret, Personnummeret i CPR",
        (Form("999999-9999", Strength(0.55, 0.95)),),
        is_cpr,
        words("cpr|cpr nummer|personnummer|cprnr|cpr nr"),
    ),
    Entity(
        "FI_PERSONAL_IDENTITY_CODE",
        "Finnish personal identity codes",
        "FI",
        "date, check character, modulus 31",
        "Digi- ja väestötietovirasto",
        (Form("999999-999X", SURE), Form("999999+999X", SURE), Form("999999A999X", SURE)),
        is_hetu,
        words("hetu|henkilötunnus|henkilötunnuksen|personbeteckning"),
        folded=True,
    ),
    Entity(
        "IS_KENNITALA",
        "Icelandic identification numbers",
        "IS",
        "date, check digit, modulus 11",
        "Þjóðskrá",
        (Form("999999-9999", STRONG), Form("9999999999", Strength(0.45, 0.9))),
        is_kennitala,
        words("kennitala|kennitölu|kt"),
    ),
    Entity(
        "EE_ISIKUKOOD",
        "Estonian personal codes",
        "EE",
        "date, check digit, modulus 11",
        "Rahvastikuregister, EVS 585",
        (Form("99999999999", Strength(0.6, 0.95)),),
        is_baltic,
        words("isikukood|isikukoodi|eesti|estonian"),
    ),
    Entity(
        "LT_ASMENS_KODAS",
        "Lithuanian personal codes",
        "LT",
        "date, check digit, modulus 11",
        "Gyventojų registras",
        (Form("99999999999", Strength(0.55, 0.95)),),
        is_baltic,
        words("asmens kodas|asmens|lithuanian"),
    ),
    Entity(
        "LV_PERSONAS_KODS",
        "Latvian personal codes",
        "LV",
        "date and check digit, or the prefix of the new ones",
        "Pilsonības un migrācijas lietu pārvalde",
        (Form("999999-99999", TYPICAL), Form("99999999999", Strength(0.2, 0.85))),
        is_latvian,
        words("personas kods|personas|latvian"),
    ),
)
