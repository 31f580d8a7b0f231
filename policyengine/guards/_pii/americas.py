"""Identifiers of Canada and Latin America."""

from __future__ import annotations

from policyengine.guards._pii.checks import is_yymmdd, luhn, same, weighted
from policyengine.guards._pii.entity import (
    CHECKED,
    DIGITS,
    SHAPED,
    STRONG,
    SURE,
    TYPICAL,
    Entity,
    Form,
    Strength,
)
from policyengine.guards._pii.view import words


def is_sin(number: str) -> bool:
    """Whether a Canadian insurance number checks (Luhn; no number begins with 0 or 8).

    >>> is_sin("130692544"), is_sin("130692545"), is_sin("046454286")
    (True, False, False)
    """
    return number[0] not in "08" and luhn(number)


def is_canadian_postcode(code: str) -> bool:
    """Whether a Canadian postal code has letters that are used (Canada Post).

    >>> is_canadian_postcode("K1A0B1"), is_canadian_postcode("D1A0B1")
    (True, False)
    """
    return not set(code) & set("DFIOQU") and code[0] not in "WZ"


def is_health_card(number: str) -> bool:
    """Whether an Ontario health number checks (Luhn)."""
    return number[0] != "0" and luhn(number[:10])


def is_cpf(number: str) -> bool:
    """Whether a Brazilian person's number checks (two digits, modulus 11).

    >>> is_cpf("39053344705"), is_cpf("39053344706"), is_cpf("11111111111")
    (True, False, False)
    """
    return not same(number) and all(
        weighted(number, range(n + 1, 1, -1)) * 10 % 11 % 10 == int(number[n]) for n in (9, 10)
    )


def is_cnpj(number: str) -> bool:
    """Whether a Brazilian company's number checks (two digits, modulus 11).

    >>> is_cnpj("16727230000197"), is_cnpj("16727230000198")
    (True, False)
    """
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return not same(number) and all(
        weighted(number, weights[13 - n :]) * 10 % 11 % 10 == int(number[n]) for n in (12, 13)
    )


_CURP = "0123456789ABCDEFGHIJKLMN\u00d1OPQRSTUVWXYZ"


def is_curp(code: str) -> bool:
    """Whether a Mexican population code checks (RENAPO).

    >>> is_curp("BOXW310820HNERXN09"), is_curp("BOXW310820HNERXN08")
    (True, False)
    """
    if code[10] not in "HMX" or not is_yymmdd(code[4:10]):
        return False
    total = sum(_CURP.index(c) * (18 - i) for i, c in enumerate(code[:17]))
    return -total % 10 == int(code[17])


def is_rfc(code: str) -> bool:
    """Whether a Mexican taxpayer code has a day in its place."""
    return is_yymmdd(code[-9:-3])


def is_clabe(number: str) -> bool:
    """Whether a Mexican bank account checks (weights 3, 7, 1).

    >>> is_clabe("032180000118359719"), is_clabe("032180000118359718")
    (True, False)
    """
    products = (int(d) * (3, 7, 1)[i % 3] % 10 for i, d in enumerate(number[:17]))
    return -sum(products) % 10 == int(number[17])


def is_cuit(number: str) -> bool:
    """Whether an Argentine tax number checks (modulus 11).

    >>> is_cuit("20055361682"), is_cuit("20055361683")
    (True, False)
    """
    check = -weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    known = number[:2] in ("20", "23", "24", "25", "26", "27", "30", "33", "34", "50", "51", "55")
    return known and (9 if check == 10 else check) == int(number[10])


def is_rut(number: str) -> bool:
    """Whether a Chilean number checks (modulus 11, `K` for ten).

    >>> is_rut("125319092"), is_rut("125319093")
    (True, False)
    >>> is_rut("123456785"), is_rut("60803000K")
    (True, True)
    """
    total = sum(int(d) * (2 + i % 6) for i, d in enumerate(reversed(number[:-1])))
    return "0K987654321"[total % 11] == number[-1]


def is_nit(number: str) -> bool:
    """Whether a Colombian tax number checks (primes, modulus 11).

    >>> is_nit("2131234321"), is_nit("2131234325")
    (True, False)
    """
    weights = (3, 7, 13, 17, 19, 23, 29, 37, 41)
    total = sum(int(d) * w for d, w in zip(reversed(number[:-1]), weights, strict=False))
    return "01987654321"[total % 11] == number[-1]


def is_ruc(number: str) -> bool:
    """Whether a Peruvian tax number checks (modulus 11).

    >>> is_ruc("20512333797"), is_ruc("20512333798")
    (True, False)
    """
    check = (11 - weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10
    return number[:2] in ("10", "15", "16", "17", "20") and check == int(number[10])


def is_ecuadorian(number: str) -> bool:
    """Whether an Ecuadorian identity number checks (province, Luhn).

    >>> is_ecuadorian("1714307103"), is_ecuadorian("1714307104")
    (True, False)
    """
    province = int(number[:2])
    return (1 <= province <= 24 or province == 30) and number[2] in "012345" and luhn(number)


def is_uruguayan(number: str) -> bool:
    """Whether a Uruguayan identity number checks (weights 2987634).

    >>> is_uruguayan("12345672"), is_uruguayan("12345673")
    (True, False)
    """
    return -weighted(number, (2, 9, 8, 7, 6, 3, 4)) % 10 == int(number[7])


ENTITIES = (
    Entity(
        "CA_SIN",
        "Canadian social insurance numbers",
        "CA",
        "first digit in use, Luhn's check digit",
        "Employment and Social Development Canada",
        (
            Form("999-999-999", STRONG),
            Form("999 999 999", Strength(0.55, 0.95)),
            Form("999999999", Strength(0.25, 0.9)),
        ),
        is_sin,
        words("sin|social insurance|insurance number|nas|assurance sociale"),
    ),
    Entity(
        "CA_POSTAL_CODE",
        "Canadian postal codes",
        "CA",
        "letters in use",
        "Canada Post",
        (Form("A9A 9A9", TYPICAL), Form("A9A-9A9", TYPICAL), Form("A9A9A9", SHAPED)),
        is_canadian_postcode,
        words("postal|code postal|zip|address|street|canada|ontario|quebec|toronto"),
        folded=True,
    ),
    Entity(
        "CA_HEALTH_NUMBER",
        "Canadian health service numbers",
        "CA",
        "Luhn's check digit (Ontario), and a context word",
        "Ontario Ministry of Health",
        (
            Form("9999-999-999-AA", STRONG),
            Form("9999-999-999", CHECKED),
            Form("9999 999 999", CHECKED),
            Form("9999999999AA", CHECKED),
            Form("9999999999", Strength(0.15, 0.8)),
        ),
        is_health_card,
        words("health card|health number|ohip|health|santé|phn|care card|medical"),
        folded=True,
    ),
    Entity(
        "BR_CPF",
        "Brazilian persons' numbers",
        "BR",
        "two check digits, modulus 11",
        "Receita Federal",
        (
            Form("999.999.999-99", SURE),
            Form("999999999-99", STRONG),
            Form("99999999999", Strength(0.6, 0.97)),
        ),
        is_cpf,
        words("cpf|cadastro de pessoas|contribuinte"),
    ),
    Entity(
        "BR_CNPJ",
        "Brazilian companies' numbers",
        "BR",
        "two check digits, modulus 11",
        "Receita Federal",
        (Form("99.999.999/9999-99", SURE), Form("99999999999999", Strength(0.6, 0.97))),
        is_cnpj,
        words("cnpj|empresa|cadastro nacional"),
    ),
    Entity(
        "MX_CURP",
        "Mexican population codes",
        "MX",
        "date, letters in their places, check digit",
        "RENAPO",
        (Form("AAAA999999AAAAAAX9", SURE),),
        is_curp,
        words("curp|clave única|población"),
        folded=True,
    ),
    Entity(
        "MX_RFC",
        "Mexican taxpayer codes",
        "MX",
        "date, letters in their places",
        "SAT",
        (
            Form("AAAA999999XXX", Strength(0.7, 0.95)),
            Form("AAA999999XXX", Strength(0.55, 0.95)),
        ),
        is_rfc,
        words("rfc|contribuyentes|contribuyente|sat"),
        folded=True,
    ),
    Entity(
        "MX_CLABE",
        "Mexican bank accounts",
        "MX",
        "check digit",
        "Banco de México",
        (Form("999999999999999999", CHECKED),),
        is_clabe,
        words("clabe|cuenta|interbancaria|banco"),
    ),
    Entity(
        "AR_CUIT",
        "Argentine tax numbers (CUIT, CUIL)",
        "AR",
        "prefix, check digit, modulus 11",
        "AFIP",
        (Form("99-99999999-9", SURE), Form("99999999999", Strength(0.5, 0.95))),
        is_cuit,
        words("cuit|cuil|afip"),
    ),
    Entity(
        "AR_DNI",
        "Argentine identity numbers",
        "AR",
        "form, and a context word",
        "RENAPER",
        (Form("99.999.999", Strength(0.3, 0.85)), Form("99999999", DIGITS)),
        None,
        words("dni|documento|documento nacional"),
    ),
    Entity(
        "CL_RUT",
        "Chilean identity and tax numbers",
        "CL",
        "check digit, modulus 11",
        "Servicio de Registro Civil",
        (
            Form("99.999.999-X", SURE),
            Form("9.999.999-X", STRONG),
            Form("99999999-X", Strength(0.65, 0.95)),
            Form("9999999-X", Strength(0.55, 0.95)),
        ),
        is_rut,
        words("rut|run|rol único|cédula"),
        folded=True,
    ),
    Entity(
        "CO_NIT",
        "Colombian tax numbers",
        "CO",
        "check digit, modulus 11",
        "DIAN",
        (Form("999.999.999-9", STRONG), Form("999999999-9", TYPICAL)),
        is_nit,
        words("nit|rut|dian"),
    ),
    Entity(
        "CO_CEDULA",
        "Colombian identity numbers",
        "CO",
        "form, and a context word",
        "Registraduría Nacional",
        (
            Form("9.999.999.999", Strength(0.3, 0.8)),
            Form("99.999.999", DIGITS),
            Form("9999999999", DIGITS),
        ),
        None,
        words("cédula|cedula|ciudadanía|ciudadania|cc"),
    ),
    Entity(
        "PE_RUC",
        "Peruvian tax numbers",
        "PE",
        "prefix, check digit, modulus 11",
        "SUNAT",
        (Form("99999999999", Strength(0.5, 0.95)),),
        is_ruc,
        words("ruc|sunat"),
    ),
    Entity(
        "PE_DNI",
        "Peruvian identity numbers",
        "PE",
        "form, and a context word",
        "RENIEC",
        (Form("99999999", DIGITS), Form("99999999-9", DIGITS)),
        None,
        words("dni|reniec|documento"),
    ),
    Entity(
        "EC_CEDULA",
        "Ecuadorian identity numbers",
        "EC",
        "province, Luhn's check digit",
        "Registro Civil del Ecuador",
        (Form("9999999999", Strength(0.3, 0.9)), Form("999999999-9", CHECKED)),
        is_ecuadorian,
        words("cédula|cedula|identidad|ecuador"),
    ),
    Entity(
        "UY_CI",
        "Uruguayan identity numbers",
        "UY",
        "check digit",
        "Dirección Nacional de Identificación Civil",
        (Form("9.999.999-9", STRONG), Form("9999999-9", CHECKED)),
        is_uruguayan,
        words("cédula|cedula|ci|identidad"),
    ),
    Entity(
        "DO_CEDULA",
        "Dominican identity numbers",
        "DO",
        "Luhn's check digit",
        "Junta Central Electoral",
        (Form("999-9999999-9", STRONG),),
        luhn,
        words("cédula|cedula|identidad"),
    ),
)
