"""Addresses of cryptocurrencies: their checksums are computed."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from policyengine.guards._pii.entity import Entity, Strength
from policyengine.guards._pii.view import words

_BASE58: Final = {
    c: n for n, c in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}
# First bytes: Bitcoin, Litecoin, Dogecoin, Dash, Tron; Zcash has two.
_VERSIONS: Final = frozenset([0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x4C, 0x10, 0x41])
_BECH32: Final = {c: n for n, c in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_POLYNOMIAL: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKED: Final = Strength(0.95, 0.99)
_UNCHECKED: Final = Strength(0.85, 0.97)


def is_base58(address: str) -> bool:
    """Whether an address checks (Bitcoin: Base58Check, four bytes of a double SHA-256).

    >>> is_base58("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")
    True
    >>> is_base58("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3")
    False
    """
    number = 0
    for c in address:
        value = _BASE58.get(c)
        if value is None:
            return False
        number = number * 58 + value
    if number.bit_length() > 8 * 26:
        return False
    size = 26 if address.startswith("t") else 25
    raw = number.to_bytes(26, "big")[26 - size :]
    body, check = raw[:-4], raw[-4:]
    known = raw[0] in _VERSIONS or raw[:2] in (b"\x1c\xb8", b"\x1c\xbd")
    return known and sha256(sha256(body).digest()).digest()[:4] == check


def is_bech32(address: str) -> bool:
    """Whether a segwit address checks (BIP 173, and BIP 350 for its later versions).

    >>> is_bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")
    True
    >>> is_bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp")
    False
    """
    prefix, _, data = address.lower().partition("1")
    if (
        prefix not in ("bc", "tb", "ltc")
        or not data
        or address
        not in (
            address.lower(),
            address.upper(),
        )
    ):
        return False
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    for c in data:
        value = _BECH32.get(c)
        if value is None:
            return False
        values.append(value)
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, term in enumerate(_POLYNOMIAL):
            check ^= term if top >> i & 1 else 0
    return check in (1, 0x2BC830A3)


def _short(token: str) -> Strength | None:
    """Base58 of 26 to 36 characters, and Ripple's, whose alphabet is another one."""
    return _CHECKED if token[0] in "13LMD39mn2XTtA7" and is_base58(token) else None


def _long(token: str) -> Strength | None:
    if token[:2].lower() == "0x":
        hexadecimal = len(token) == 42 and all(c in "0123456789abcdefABCDEF" for c in token[2:])
        return _UNCHECKED if hexadecimal else None
    return _CHECKED if is_bech32(token) else None


ENTITIES = (
    Entity(
        "CRYPTO",
        "Addresses of Bitcoin, Ethereum, Litecoin, Dogecoin, Dash, Zcash and Tron",
        checked="Base58Check, Bech32 and Bech32m checksums; Ethereum by its form",
        source="Bitcoin wiki, BIP 173, BIP 350, EIP-55",
        tokens={
            **dict.fromkeys(range(26, 37), _short),
            **dict.fromkeys((42, 43, 44, 62, 63), _long),
        },
        exact=True,
        words=words("bitcoin|btc|wallet|ethereum|eth|crypto|address|litecoin|ltc|usdt|doge"),
        span=90,
    ),
)
