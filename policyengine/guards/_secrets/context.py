"""Secrets that only their surroundings give away: `password = ...`, `"api_key": "..."`.

Where a name such as `password` or `token` is given a value, the value is found; how random it is
says how surely it is a secret. A random text that nothing names is found too, with a low score.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from policyengine.guards._secrets import checks, references

# Names of what must stay secret, lower-case, and the kind of what they are given.
NAMES: Final[Mapping[str, str]] = {
    "password": "PASSWORD",
    "passwd": "PASSWORD",
    "passphrase": "PASSWORD",
    "_pass": "PASSWORD",
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

# Between a name and its value: the rest of the name, quotes (also those of JSON within JSON and of
# HTML), a type, what gives the value, a line break, and quotes again. What is `loose` gives values
# as often as not.
_QUOTES: Final = r"(?:\\{0,4}[\"'`]|&quot;|&#3[49];){0,3}+"
_GIVEN: Final = re.compile(
    rf"[\w\-]{{0,40}}+{_QUOTES}[)\]*_~]{{0,4}}+[ \t]{{0,8}}+"
    r"(?P<given>=>|:=|==|[:=]|%3[dD]|\b(?:is|lautet|ist|es|est)\b"
    r"|(?P<loose>\((?=[\"'`])|,(?=[ \t]{0,2}[\"'`])|[|>]|(?<=[\"'` \t])value=|(?<=[ \t])(?=\S)))"
    r"(?:[ \t]{0,4}[A-Za-z][\w.]{0,30}(?:\[[\w., |]{0,40}\])?[ \t]{1,4}=(?=[ \t]{1,4}))?"
    r"[*_~]{0,3}+[ \t]{0,8}+(?P<broken>(?:[|>][+\-]?[ \t]{0,4}|\\)?\r?\n[ \t]{0,20}+)?"
    rf"{_QUOTES}(?:(?:Bearer|Basic|Token|bearer|basic|token)[ \t]{{1,4}})?{_QUOTES}"
    r"(?:(?<=[\"'`])(?P<quoted>(?:[^\s\"'`\\]|\\{1,4}(?![\\\"'`nrt])){4,512})"
    r"|(?P<bare>(?:[^\s\"'`,;<>(){}\[\]\\]|\\{1,4}(?![\\\"'`nrt])){4,512}))"
)
# What an HTML quote leaves of itself, and the end of a sentence. An exclamation mark is a part of
# too many passwords.
_TRAILING: Final = re.compile(r"(?:&quot|&#3[49]|[.?:])*\Z")
_SAID: Final = frozenset({"is", "lautet", "ist", "es", "est"})
# They join words as often as they make a password harder to guess.
_JOINING: Final = frozenset("-_./:@+=")
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
    """The text with small letters, of ASCII at least, each where it was."""
    lower = text.lower()
    # Letters only ever become more, so equal lengths mean equal places.
    return lower if len(lower) == len(text) else text.translate(_ASCII_LOWER)


def named(text: str) -> Iterator[Named]:
    """Values that are given to a name of what must stay secret."""
    lower = lowered(text)
    for name, kind in NAMES.items():
        at = lower.find(name)
        while at >= 0:
            found = _GIVEN.match(text, at + len(name))
            if found is not None:
                yield from _given(text, found, kind)
            at = lower.find(name, max(at + len(name), found.end() if found else 0))


def _given(text: str, found: re.Match[str], kind: str) -> Iterator[Named]:
    start, end = found.span("quoted" if found["bare"] is None else "bare")
    secret = text[start : end - len(_TRAILING.search(text[start:end])[0])]  # type: ignore[index]
    behind = text[start + len(secret) : end + 8]
    word = secret.rstrip("!")
    bare = found["bare"] is not None
    if references.is_reference(word, NAMES) or (bare and references.is_code(word, behind, NAMES)):
        return
    if found["loose"] is not None or found["broken"] is not None:
        score = _loose_score(kind, word)
    else:
        said = found["given"] in _SAID
        score = _score(kind, word, said or (bare and references.is_prose(behind)))
    if score:
        yield Named(kind, start, start + len(secret), score, "named as a secret")


def _score(kind: str, secret: str, said: bool) -> float:
    """How surely a value is a secret: passwords need not look random, keys do.

    `said` is what stands in a sentence, such as "the password is required".
    """
    if len(secret) < 4 or not checks.is_no_placeholder(secret):
        return 0.0
    mixed = _mixed(secret)
    if said and secret.replace("-", "").isalpha():
        return 0.0
    if kind == "PASSWORD":
        if mixed < 2:
            return 0.0 if said else 0.5
        return 0.85 if mixed >= 3 and len(secret) >= 6 else 0.7
    if not any(map(str.isdigit, secret)) and _WORDLIKE.search(secret):
        return 0.0
    bits = checks.entropy(secret)
    if len(secret) >= 16 and mixed >= 2:
        return 0.85 if bits >= 3.5 else 0.5
    return 0.5 if len(secret) >= 8 and mixed >= 2 and bits >= 2.5 else 0.0


def _loose_score(kind: str, secret: str) -> float:
    """How surely a value is one that only stands beside a name: it must look like a secret."""
    if len(secret) < 8 or not checks.is_no_placeholder(secret):
        return 0.0
    digit, letter = any(map(str.isdigit, secret)), any(map(str.isalpha, secret))
    cases = any(map(str.islower, secret)) and any(map(str.isupper, secret))
    odd = any(not c.isalnum() and c not in _JOINING for c in secret)
    if not (digit and letter):
        return 0.0
    if kind == "PASSWORD":
        return 0.7 if cases or odd else 0.0
    if not cases and not (len(secret) >= 24 and _HEX.fullmatch(secret)):
        return 0.0
    return 0.7 if len(secret) >= 16 and checks.entropy(secret) >= _HEX_BITS else 0.0


def _mixed(secret: str) -> int:
    """How many of small letters, capitals, digits and others there are."""
    cases = (str.islower, str.isupper, str.isdigit)
    return sum(any(test(c) for c in secret) for test in cases) + (not secret.isalnum())


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
