"""Vehicle identification numbers, device numbers and keys: long words with a form of their own."""

from __future__ import annotations

from typing import Final

from policyengine.guards._pii.checks import luhn, same
from policyengine.guards._pii.entity import DIGITS, SHAPED, Entity, Form, Strength
from policyengine.guards._pii.view import words

_VALUES: Final = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True)
)
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(number: str) -> bool:
    """Whether a vehicle's number checks (ISO 3779; the check digit binds in North America).

    >>> is_vin("1HGCM82633A004352"), is_vin("1HGCM82633A004353")
    (True, False)
    """
    total = 0
    for c, weight in zip(number, _WEIGHTS, strict=True):
        value = int(c) if c.isdigit() else _VALUES.get(c, -1)
        if value < 0:
            return False
        total += value * weight
    return "0123456789X"[total % 11] == number[8]


def _vin(token: str) -> Strength | None:
    if is_vin(token) and not token.isdigit():
        return Strength(0.8, 0.97)
    # Elsewhere the ninth character is anything; a world maker's code begins all of them.
    plain = not set(token) & set("IOQ") and token[-4:].isdigit() and token[0] not in "0"
    return Strength(0.3, 0.85) if plain and not token.isdigit() else None


def _aws(token: str) -> Strength | None:
    return Strength(0.97, 0.99) if token[:4] in _AWS and token.isupper() else None


_AWS: Final = ("AKIA", "ASIA", "AROA", "AIDA", "AGPA", "AIPA", "ANPA", "ANVA")

ENTITIES = (
    Entity(
        "VIN",
        "Vehicle identification numbers",
        checked="letters in use, check digit; without it, a context word",
        source="ISO 3779, 49 CFR 565",
        tokens={17: _vin},
        words=words("vin|vehicle|chassis|fahrgestellnummer|car|vehicle identification|fin"),
    ),
    Entity(
        "IMEI",
        "Numbers of mobile devices",
        checked="Luhn's check digit",
        source="3GPP TS 23.003",
        forms=(
            Form("999999999999999", Strength(0.3, 0.95)),
            Form("99-999999-999999-9", Strength(0.75, 0.97)),
        ),
        check=lambda t: luhn(t) and not same(t),
        words=words("imei|device|handset|serial"),
    ),
    Entity(
        "AWS_ACCESS_KEY",
        "Identifiers of AWS access keys",
        checked="prefix and length",
        source="AWS IAM, unique identifiers",
        tokens={20: _aws},
        exact=True,
        words=words("aws|access key|key"),
    ),
    Entity(
        "LICENSE_PLATE",
        "Vehicle registrations of any country",
        checked="form, and a context word",
        source="national registration schemes",
        forms=(
            *(Form(shape, SHAPED, " -") for shape in ("AA~999~AA", "AAA~9999", "AA99~AAA")),
            *(Form(shape, DIGITS, " -") for shape in ("AAA~999", "9AAA999", "999~AAA", "A99~AAA")),
            *(Form(shape, DIGITS, " -") for shape in ("9999~AAA", "AA~9999", "AA~99999")),
        ),
        words=words(
            "plate|plates|license plate|licence plate|number plate|registration|vehicle|tag"
        ),
    ),
)
