"""What a finding becomes: one row for each style of redaction.

    remove      nothing
    mask        `*` for each character
    label       `[TYPE]`
    hash        32 hexadecimal digits, an HMAC of type and value
    pseudonym   `[TYPE_7f3a9c02d4]`, the same for the same value
    token       `[tok_TYPE_...]`, which the vault turns back
    format      digits for digits, letters for letters, the same for the same value
    last4       all but the last four letters and digits become `*`
    keep        what it was

`hash`, `pseudonym` and `format` need a key of the host, `token` a vault: without a key anyone could
try all phone numbers until one fits. They see values in a normal form, so that one person keeps one
pseudonym, and the type takes part, so that equal digits of two types do not give equal names.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Final, Protocol
from unicodedata import category, decimal, normalize

from policyengine.errors import StateError
from policyengine.program import Style
from policyengine.state.keys import Keys

# With fewer letters and digits, four of them are too many to show, and the rest could be guessed.
MIN_LAST4: Final = 8
# A form with fewer stands for too few values (SP 800-38G Rev. 1 asks for a million of them).
MIN_FORMAT: Final = 6
HASH_DIGITS: Final = 32
# 40 bits: among a million people there is one pair, about even odds, that shares a pseudonym.
PSEUDONYM_DIGITS: Final = 10

# They say how something is written, not what it is. Others are hidden like letters.
_SEPARATORS: Final = frozenset(" -./()@:+_,")
# Types of which separators are no part: `4111-1111...` and `41111111...` are one card. So are
# national identifiers, which are called after a country (`US_SSN`); IP is no country.
_COMPACT: Final = frozenset({
    "ABA_ROUTING_NUMBER", "CREDIT_CARD", "IBAN", "IBAN_CODE", "MAC_ADDRESS", "MEDICAL_LICENSE",
    "PHONE_NUMBER", "SWIFT_CODE", "UUID",
})  # fmt: skip
_NATIONAL = re.compile(r"(?!IP_)[A-Z]{2}_")
_IBANS: Final = frozenset({"IBAN", "IBAN_CODE"})
_IBAN = re.compile(r"[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]+\Z")
_UNNAMED = re.compile(r"[^A-Z0-9_]")


class Tokens(Protocol):
    """What gives reversible tokens, such as `policyengine.state.vault.Vault`."""

    def token(self, kind: str, text: str) -> str:
        """The token of a text; raises `StateError` where it cannot be kept."""


class Transforms:
    """Replaces findings, by the keys and the vault of a host. Threads may share it.

    >>> transforms = Transforms(Keys({"k": b"only for this example"}))
    >>> transforms.replaced("last4", "CREDIT_CARD", "4111-1111-1111-1111")
    '****-****-****-1111'
    >>> one = transforms.replaced("pseudonym", "EMAIL_ADDRESS", "Ada@Example.com")
    >>> one, transforms.replaced("pseudonym", "EMAIL_ADDRESS", "ada@example.com") == one
    ('[EMAIL_ADDRESS_0e499ad29a]', True)
    """

    __slots__ = ("_keys", "_vault")

    def __init__(self, keys: Keys, vault: Tokens | None = None) -> None:
        self._keys = keys
        self._vault = vault

    def replaced(self, style: Style, kind: str, text: str) -> str:
        """What stands in the place of a finding. Raises `StateError` where key or vault lack."""
        return _STYLES[style](self, kind, text)

    def token(self, kind: str, text: str) -> str:
        """The vault's token for a text."""
        if self._vault is None:
            raise StateError("no-vault", "there is no vault: pass `Engine(vault=...)`")
        return self._vault.token(kind, text)

    def hash(self, kind: str, text: str) -> str:
        """An HMAC of the value."""
        return self._mac("hash", kind, text).hex()[:HASH_DIGITS]

    def pseudonym(self, kind: str, text: str) -> str:
        """A stable name that tells the type."""
        digits = self._mac("pseudonym", kind, text).hex()[:PSEUDONYM_DIGITS]
        return f"[{named(kind)}_{digits}]"

    def format(self, kind: str, text: str) -> str:
        """A stand-in of the same form, the same for the same value; it cannot be turned back.

        Cards keep their first digit (the network) and get a right check digit, IBANs keep their
        country and get right check digits. What has too few letters and digits is masked. Two
        values may share a stand-in, though hardly: this is no encryption.
        """
        if sum(map(str.isalnum, text)) < MIN_FORMAT:
            return "*" * len(text)
        value = normal(kind, text)
        for attempt in count():
            shaped = _shaped(kind, text, _bytes(self._mac("format", kind, f"{attempt}:{value}")))
            if normal(kind, shaped) != value:
                break
        return shaped

    def _mac(self, purpose: str, kind: str, text: str) -> bytes:
        message = f"{len(kind)}:{kind}:{normal(kind, text)}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._keys.derived(f"redact/{purpose}"), message, "sha256")


def named(kind: str) -> str:
    """The type of a finding as a part of a name.

    >>> named("EMAIL_ADDRESS"), named("my kind]")
    ('EMAIL_ADDRESS', 'MY_KIND_')
    """
    return _UNNAMED.sub("_", kind.upper()[:64]) or "UNKNOWN"


def normal(kind: str, text: str) -> str:
    """The one form of a value that people write in several.

    >>> normal("PHONE_NUMBER", "+1 (202) 555-0143"), normal("EMAIL_ADDRESS", " Ada@Example.COM")
    ('12025550143', 'ada@example.com')
    >>> normal("IP_ADDRESS", "1.2.3.4"), normal("PERSON", "Ada  LOVELACE")
    ('1.2.3.4', 'ada lovelace')
    """
    seen = (c for c in normalize("NFKC", text).casefold() if category(c) != "Cf")
    plain = " ".join("".join(_digit(c) for c in seen).split())
    if kind in _COMPACT or _NATIONAL.match(kind):
        return "".join(filter(str.isalnum, plain)) or plain
    return plain


def _digit(character: str) -> str:
    """The ASCII digit for one of any script; other characters as they are."""
    return str(decimal(character)) if character.isdecimal() else character


def last4(text: str) -> str:
    """All but the last four letters and digits, and separators, become `*`.

    >>> last4("078-05-1120"), last4("12-34")
    ('***-**-1120', '*****')
    """
    places = [at for at, character in enumerate(text) if character.isalnum()]
    if len(places) < MIN_LAST4:
        return "*" * len(text)
    kept = frozenset(places[-4:])
    return "".join(c if at in kept or c in _SEPARATORS else "*" for at, c in enumerate(text))


def _bytes(seed: bytes) -> Iterator[int]:
    """Bytes without end, given by a seed."""
    for number in count():
        yield from hmac.digest(seed, number.to_bytes(8, "big"), "sha256")


def _shaped(kind: str, text: str, drawn: Iterator[int]) -> str:
    """The text with its letters and digits drawn anew."""
    shaped = [_drawn(character, drawn) for character in text]
    places = [at for at, character in enumerate(text) if character.isalnum()]
    found = [text[at] for at in places]
    if kind == "CREDIT_CARD" and all(map(str.isdecimal, found)):
        shaped[places[0]] = _digit(found[0])
        shaped[places[-1]] = _luhn([shaped[at] for at in places[:-1]])
    elif kind in _IBANS and _IBAN.match("".join(found)):
        country = "".join(found[:2]).upper()
        rest = "".join(shaped[at] for at in places[4:])
        check = f"{98 - _iban(rest + country + '00'):02}"
        for at, character in zip(places, [*found[:2], *check], strict=False):
            shaped[at] = character
    return "".join(shaped)


def _drawn(character: str, drawn: Iterator[int]) -> str:
    if character.isdecimal():
        # The last six of 256 values would make some digits likelier.
        return str(next(byte for byte in drawn if byte < 250) % 10)
    if character.isalpha():
        letter = "abcdefghijklmnopqrstuvwxyz"[next(byte for byte in drawn if byte < 234) % 26]
        return letter.upper() if character.isupper() else letter
    return character if character in _SEPARATORS else "*"


def _luhn(digits: list[str]) -> str:
    """The check digit of a card's other digits (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * 2 for digit in digits[::-2])
    others = sum(int(digit) for digit in digits[-2::-2])
    return str(-(sum(d - 9 if d > 9 else d for d in doubled) + others) % 10)


def _iban(text: str) -> int:
    """The remainder by 97 of letters and digits, `A` being 10 (ISO 13616, ISO 7064)."""
    return int("".join(str(int(c, 36)) for c in text)) % 97


_STYLES: Mapping[Style, Callable[[Transforms, str, str], str]] = {
    "keep": lambda transforms, kind, text: text,
    "last4": lambda transforms, kind, text: last4(text),
    "format": Transforms.format,
    "token": Transforms.token,
    "pseudonym": Transforms.pseudonym,
    "hash": Transforms.hash,
    "label": lambda transforms, kind, text: f"[{kind}]",
    "mask": lambda transforms, kind, text: "*" * len(text),
    "remove": lambda transforms, kind, text: "",
}
