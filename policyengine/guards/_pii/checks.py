"""Check digits: the algorithms that identifiers of many countries share.

All take letters and digits without separators, and say whether they check.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from operator import mul
from typing import Final


def luhn(digits: str) -> bool:
    """The check of cards and many identifiers (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = sum(_DOUBLED[digit] for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


_DOUBLED: Final = {str(n): n * 2 - 9 * (n > 4) for n in range(10)}
_VALUE: Final = {c: str(int(c, 36)) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def mod97(text: str) -> bool:
    """The check of IBANs (ISO 7064 MOD 97-10), the first four characters counted last.

    >>> mod97("GB82WEST12345698765432"), mod97("GB82WEST12345698765431")
    (True, False)
    """
    try:
        return int("".join(_VALUE[c] for c in text[4:] + text[:4])) % 97 == 1
    except KeyError:
        return False


def mod11_10(digits: str) -> bool:
    """The recursive check of German and Croatian tax numbers (ISO 7064 MOD 11,10).

    >>> mod11_10("86095742719"), mod11_10("86095742718")
    (True, False)
    """
    product = 10
    for digit in digits[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of the first digits, each times its weight."""
    # Weights first: what stands behind the last weighted digit may be a letter.
    return sum(map(mul, weights, map(int, digits)))


_D5: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_P8: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def verhoeff(digits: str) -> bool:
    """The check of Aadhaar numbers (J. Verhoeff, Error Detecting Decimal Codes, 1969).

    >>> verhoeff("234123412346"), verhoeff("234123412347")
    (True, False)
    """
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _D5[check][_P8[place % 8][int(digit)]]
    return check == 0


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the calendar has such a day.

    >>> is_date(2000, 2, 29), is_date(1900, 2, 29)
    (True, False)
    """
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def is_yymmdd(digits: str) -> bool:
    """Whether six digits are a day of some century: year, month, day."""
    year, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
    return is_date(2000 + year, month, day) or is_date(1900 + year, month, day)


def is_ddmmyy(digits: str) -> bool:
    """Whether six digits are a day of some century: day, month, year."""
    return is_yymmdd(digits[4:6] + digits[2:4] + digits[:2])


def same(digits: str) -> bool:
    """Whether all characters are the same one, as in a made-up number."""
    return digits == digits[0] * len(digits)
