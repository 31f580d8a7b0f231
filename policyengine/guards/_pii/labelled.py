"""What only its label gives away: passwords, user names, PINs, and numbers of many offices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policyengine.guards._pii.entity import Entity, Hit, listed
from policyengine.guards._pii.view import View


@dataclass(frozen=True, slots=True)
class _Label:
    """A label and the value behind it, which is group 1; the label begins with its stem."""

    name: str
    pattern: re.Pattern[str]
    score: float
    words: bool = False
    """Whether the value may be a plain word, which is then less sure."""
    inside: bool = False
    """Whether the stem may be the end of a longer word, as in `db_password`."""


_IS: Final = (
    r"[\"'*`]{0,2}(?:\s{0,3}(?:is|was|ist|es|est|=>|:=|[:=#]|no\.?|number|nr\.?|code|id)){1,3}"
    r"\s{0,3}[\"'*`“(]{0,2}"
)


def _label(
    name: str, label: str, value: str, score: float, words: bool = False, inside: bool = False
) -> _Label:
    pattern = re.compile(f"(?:{label}){_IS}({value})", re.IGNORECASE)
    return _Label(name, pattern, score, words, inside)


_ANYTHING: Final = r"[^\s\"'`“”<>]{4,128}"
_USER: Final = r"@?\w[\w.@-]{2,63}"
_DIGITS: Final = r"\d{6,15}(?![\w-])"
_PASSPORT: Final = r"[A-Z]{0,3}\d{5,9}[A-Z]?(?![\w-])"
_CODE_OF_CARD: Final = r"\d{3,4}(?![\w-])"
_MEMBER: Final = r"(?=[A-Z-]{0,6}\d)[A-Z]{0,5}-?[A-Z0-9]{6,14}(?![\w-])"


def _password(label: str) -> _Label:
    return _label("PASSWORD", label, _ANYTHING, 0.85, True, True)


def _user(label: str) -> _Label:
    return _label("USERNAME", label, _USER, 0.7, True)


# By the stem that a text is searched for.
_LABELS: Final = {
    "pass": (
        _password("password|passwd|passcode|passphrase|passwort"),
        _label("PASSPORT", "passport|passeport|passaporto", _PASSPORT, 0.8),
    ),
    "pwd": (_password("pwd"),),
    "kennwort": (_password("kennwort"),),
    "contrase": (_password("contraseña"),),
    "mot de passe": (_password("mot de passe"),),
    "senha": (_password("senha"),),
    "user": (_user("user[ _-]?name|user[ _-]?id"),),
    "login": (_user("login(?:[ _-]?(?:name|id))?"),),
    "usuario": (_user("usuario"),),
    "benutzername": (_user("benutzername"),),
    "pin": (_label("PIN", "pin", r"\d{4,8}(?![\w-])", 0.85),),
    "cvv": (_label("CREDIT_DEBIT_CARD_CVV", "cvv2?", _CODE_OF_CARD, 0.9),),
    "cvc": (_label("CREDIT_DEBIT_CARD_CVV", "cvc2?", _CODE_OF_CARD, 0.9),),
    "security code": (_label("CREDIT_DEBIT_CARD_CVV", "security code", _CODE_OF_CARD, 0.9),),
    "card verification": (
        _label(
            "CREDIT_DEBIT_CARD_CVV",
            "card verification(?: (?:value|code|number))?",
            _CODE_OF_CARD,
            0.9,
        ),
    ),
    "secret": (
        _label(
            "AWS_SECRET_KEY",
            r"secret[ _-]?(?:access)?[ _-]?key",
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
            0.95,
            inside=True,
        ),
    ),
    "reisepass": (_label("PASSPORT", "reisepass(?:nummer)?", _PASSPORT, 0.8),),
    "pasaporte": (_label("PASSPORT", "pasaporte", _PASSPORT, 0.8),),
    "member": (_label("US_HEALTH_INSURANCE_MEMBER_ID", "member(?: id)?", _MEMBER, 0.75),),
    "subscriber": (_label("US_HEALTH_INSURANCE_MEMBER_ID", "subscriber(?: id)?", _MEMBER, 0.75),),
    "insurance": (
        _label("US_HEALTH_INSURANCE_MEMBER_ID", "insurance (?:id|number)", _MEMBER, 0.75),
    ),
    "prior auth": (
        _label(
            "US_PRIOR_AUTHORIZATION_NUMBER",
            "prior auth(?:orization)?",
            f"(?:PA-?)?{_DIGITS}",
            0.85,
        ),
    ),
    "claim": (_label("US_CLAIM_NUMBER", "claim", f"(?:CLM-?)?{_DIGITS}", 0.8),),
    "prescription": (
        _label("US_PRESCRIPTION_NUMBER", "prescription", f"(?:RX-?)?{_DIGITS}", 0.85),
    ),
    "rx": (_label("US_PRESCRIPTION_NUMBER", "rx", f"(?:RX-?)?{_DIGITS}", 0.85),),
    "referral": (_label("US_REFERRAL_NUMBER", "referral", f"(?:(?:REF|INF)-?)?{_DIGITS}", 0.85),),
    "provider": (
        _label(
            "US_PROVIDER_TAX_ID",
            "provider(?:'s)? (?:tax (?:id|number|identification number)|tin|ein)",
            r"\d{2}-?\d{7}(?![\w-])",
            0.85,
        ),
    ),
}
_WORDS_OF: Final = {
    "contrase": "contraseña",
    "login": "login|loginname",
    "reisepass": "reisepass|reisepassnummer",
}
_INSIDE: Final = frozenset(("pass", "secret"))
# The words of a text that a label with a stem begins with.
_FIRST: Final = {
    stem: frozenset(
        word.encode()
        for label in listed(_WORDS_OF.get(stem, stem.split()[0]))
        for word in (label, f"{label}s", f"{label}id", f"{label}name", f"{label}2")
    )
    for stem in _LABELS
}
_STEMS_OF: Final = {
    word: frozenset(stem for stem, words in _FIRST.items() if word in words)
    for word in frozenset[bytes]().union(*_FIRST.values())
}
_STEM_WORDS: Final = frozenset(_STEMS_OF)
_EXPIRY = re.compile(
    r"(?:exp(?:iry|ires?|iration)?\b|valid (?:thru|until|through)|gültig bis)[^\d\n]{0,20}"
    r"((?:0[1-9]|1[0-2]) ?[/-] ?(?:20)?\d{2})(?![\d/-])",
    re.IGNORECASE,
)
_EXPIRY_STEMS: Final = ("exp", "valid ", "g?ltig bis")
# What programs and forms write where a value will stand, or which say that there is none.
_EMPTY: Final = frozenset(
    listed(
        "none|null|nil|true|false|str|string|text|required|optional|incorrect|wrong|invalid|correct"
        "|empty|missing|hidden|needed|reset|changed|expired|protected|secret|password|username|here"
        "|your|field|value|input|example|changeme|undefined|the|not|and|too|must|should|self|user"
        "|getenv|environ|process|config|settings|args|request|name|int|bool|bytes|any|with|for|that"
    )
)
_CODE: Final = "(){}$[]<>%*"


def scan(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """The labelled values of a text."""
    lower = view.lower
    vocabulary = view.vocabulary
    # One look at the words of the text spares most searches; a stem may end a longer word.
    stems = _INSIDE.union(*map(_STEMS_OF.__getitem__, _STEM_WORDS & vocabulary))
    for stem in sorted(stems):
        labels = _LABELS[stem]
        at = lower.find(stem)
        if at >= 0:
            asked = [label for label in labels if label.name in wanted]
            while at >= 0 and asked:
                yield from _values(view, at, asked)
                at = lower.find(stem, at + len(stem))
    if "CREDIT_DEBIT_CARD_EXPIRY" in wanted:
        for stem in _EXPIRY_STEMS:
            at = lower.find(stem)
            while at >= 0:
                found = _EXPIRY.match(view.text, at)
                if found and not view.text[at - 1 : at].isalpha():
                    yield Hit("CREDIT_DEBIT_CARD_EXPIRY", *found.span(1), 0.85, "label")
                at = lower.find(stem, at + 1)


def _values(view: View, at: int, labels: list[_Label]) -> Iterator[Hit]:
    joined = at > 0 and view.text[at - 1].isalpha()
    for label in labels:
        found = label.pattern.match(view.text, at) if label.inside or not joined else None
        if found:
            start, value = found.start(1), found[1].rstrip(".,;:!?)")
            score = _score(label, value)
            if score:
                yield Hit(label.name, start, start + len(value), score, "label")


def _score(label: _Label, value: str) -> float:
    if not label.words:
        return label.score
    if len(value) < 3 or value.lower() in _EMPTY or value[0] in _CODE or value[-1] in "([{":
        return 0.0
    if any(c in _CODE and c not in "$%*" for c in value):
        return 0.4
    # Someone's secret looks like no word of a sentence.
    return label.score if not value.isalpha() else 0.4


def _entity(name: str, about: str, region: str = "any", span: int = 128) -> Entity:
    checked = "a label before it, and its form"
    return Entity(name, about, region, checked, "label", scan=scan, span=span)


ENTITIES = (
    _entity("PASSWORD", "Passwords that the text calls so"),
    _entity("USERNAME", "User names that the text calls so"),
    _entity("PIN", "Personal identification numbers"),
    _entity("CREDIT_DEBIT_CARD_CVV", "Verification codes of payment cards"),
    _entity("CREDIT_DEBIT_CARD_EXPIRY", "Expiry dates of payment cards"),
    _entity("AWS_SECRET_KEY", "Secret keys of AWS"),
    _entity("PASSPORT", "Passport numbers of any country"),
    _entity("US_HEALTH_INSURANCE_MEMBER_ID", "Members of health insurances", "US"),
    _entity("US_PRIOR_AUTHORIZATION_NUMBER", "Numbers of prior authorizations", "US"),
    _entity("US_CLAIM_NUMBER", "Numbers of insurance claims", "US"),
    _entity("US_PRESCRIPTION_NUMBER", "Numbers of prescriptions", "US"),
    _entity("US_REFERRAL_NUMBER", "Numbers of referrals", "US"),
    _entity("US_PROVIDER_TAX_ID", "Tax numbers of health care providers", "US"),
)
