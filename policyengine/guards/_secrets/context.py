"""Secrets that only their surroundings give away: `password = ...`, `"api_key": "..."`.

Where a name such as `password` or `token` is given a value, the value is found; how random it is
says how surely it is a secret. A random text that nothing names is found too, with a low score.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from policyengine.guards._secrets import checks

# Names of what must stay secret, lower-case, and the kind of what they are given.
NAMES: Final[Mapping[str, str]] = {
    "password": "PASSWORD",
    "passwd": "PASSWORD",
    "passphrase": "PASSWORD",
    "pwd": "PASSWORD",
    "secret": "API_KEY",
    "token": "API_KEY",
    "api_key": "API_KEY",
    "api-key": "API_KEY",
    "apikey": "API_KEY",
    "access_key": "API_KEY",
    "accesskey": "API_KEY",
    "auth_key": "API_KEY",
    "private_key": "API_KEY",
    "encryption_key": "API_KEY",
    "signing_key": "API_KEY",
    "credential": "API_KEY",
    "authorization": "AUTHORIZATION",
    "passwort": "PASSWORD",
    "kennwort": "PASSWORD",
    "contraseña": "PASSWORD",
    "mot de passe": "PASSWORD",
}

# Between a name and its value: the rest of the name, quotes, and what gives it a value.
_GIVEN: Final = re.compile(
    r"[\w\-]{0,40}[\"'`\])]{0,3}[ \t]{0,8}(?P<given>=>|:=|==|[:=]|\bis\b)[ \t]{0,8}"
    r"(?:(?:Bearer|Basic|Token|bearer|basic|token)[ \t]{1,4})?[\"'`]{0,3}"
    r"(?P<secret>[^\s\"'`,;<>(){}\[\]]{4,512})"
)
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/_\-]{32,512}={0,2}")
_ASCII_LOWER: Final = str.maketrans({chr(c): chr(c + 32) for c in range(65, 91)})

# Bits for each character: of a random hex text, and of a random one in base 64, less a quarter for
# how short they are (the entropy of a sample is below that of its source).
_HEX_BITS: Final = 3.0
_BASE64_BITS: Final = 4.3
_HEX: Final = re.compile(r"[0-9a-fA-F\-]+")
_WORDLIKE: Final = re.compile(r"[a-z]{5,}|[A-Z]{6,}")


class Named(NamedTuple):
    """What stands where a secret would: its kind, its place, how surely, and why."""

    kind: str
    start: int
    end: int
    score: float
    why: str


def lowered(text: str) -> str:
    """The text with small ASCII letters, each where it was."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def named(text: str) -> Iterator[Named]:
    """Values that are given to a name of what must stay secret."""
    lower = lowered(text)
    for name, kind in NAMES.items():
        at = lower.find(name)
        while at >= 0:
            found = _GIVEN.match(text, at + len(name))
            if found is not None:
                secret = found["secret"].rstrip(".!?:")
                score = _score(kind, secret, said=found["given"] == "is")
                if score:
                    start = found.start("secret")
                    yield Named(kind, start, start + len(secret), score, "named as a secret")
            at = lower.find(name, max(at + len(name), found.end() if found else 0))


def _score(kind: str, secret: str, said: bool) -> float:
    """How surely a value is a secret: passwords need not look random, keys do.

    `said` is what stands in a sentence, such as "the password is required".
    """
    if len(secret) < 4 or not checks.is_no_placeholder(secret):
        return 0.0
    mixed = sum(
        any(test(c) for c in secret) for test in (str.islower, str.isupper, str.isdigit)
    ) + any(not c.isalnum() for c in secret)
    if kind == "PASSWORD":
        if mixed < 2:
            return 0.0 if said else 0.5
        return 0.85 if mixed >= 3 and len(secret) >= 6 else 0.7
    bits = checks.entropy(secret)
    if len(secret) >= 16 and mixed >= 2:
        return 0.85 if bits >= 3.5 else 0.5
    return 0.5 if len(secret) >= 8 and mixed >= 2 and bits >= 2.5 else 0.0


def random(text: str) -> Iterator[Named]:
    """Long texts without spaces that look random, whatever they are for."""
    for found in _RANDOM.finditer(text):
        secret = found.group()
        is_hex = _HEX.fullmatch(secret) is not None
        if checks.entropy(secret) < (_HEX_BITS if is_hex else _BASE64_BITS):
            continue
        if not is_hex and (_WORDLIKE.search(secret) or not any(map(str.isdigit, secret))):
            continue
        # Hex of these lengths is more often a digest or an id than a key.
        score = 0.3 if is_hex else 0.45
        yield Named("HIGH_ENTROPY_STRING", *found.span(), score, "random")
