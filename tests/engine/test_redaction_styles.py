"""What becomes of findings: each style, styles that overlap, keys and vaults that lack."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policyengine
from policyengine.engine.redaction import Piece, merged
from policyengine.engine.transforms import MIN_LAST4, Transforms, normal
from policyengine.errors import StateError
from policyengine.program import STYLES, Style, dumps, loads
from policyengine.rules.check import check
from policyengine.rules.load import load_text
from policyengine.state.keys import Keys

NOW = datetime(2024, 2, 29, tzinfo=UTC)
KEYS = {"k": b"a key for tests only"}


class Tokens:
    """A vault that remembers what it was asked for."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []

    def token(self, kind: str, text: str) -> str:
        self.given.append((kind, text))
        return f"[tok_{len(self.given)}]"


def transforms(key: bytes = KEYS["k"]) -> Transforms:
    return Transforms(Keys({"k": key}), Tokens())


ONE = transforms()


def test_the_order_of_styles_has_all_of_them() -> None:
    assert sorted(STYLES) == sorted(get_args(Style))


@pytest.mark.parametrize(
    ("style", "kind", "text", "pattern"),
    [
        ("keep", "PERSON", "Ada", "Ada"),
        ("mask", "PERSON", "Ada L", r"\*{5}"),
        ("label", "PERSON", "Ada", r"\[PERSON\]"),
        ("remove", "PERSON", "Ada", ""),
        ("last4", "CREDIT_CARD", "4111 1111 1111 1111", r"\*{4} \*{4} \*{4} 1111"),
        ("last4", "EMAIL_ADDRESS", "ada@example.com", r"\*{3}@\*{6}e\.com"),
        ("last4", "PASSWORD", "ab!cd$efgh", r"\*{6}efgh"),
        ("last4", "PASSWORD", "abcdefg", r"\*{7}"),
        ("last4", "PASSWORD", "!!$$%%&&((", r"\*{10}"),
        ("hash", "PERSON", "Ada", "[0-9a-f]{32}"),
        ("pseudonym", "PERSON", "Ada", r"\[PERSON_[0-9a-f]{10}\]"),
        ("pseudonym", "odd kind]", "Ada", r"\[ODD_KIND__[0-9a-f]{10}\]"),
        ("format", "US_SSN", "078-05-1120", r"\d{3}-\d\d-\d{4}"),
        ("format", "PERSON", "Ada Lovelace", "[A-Z][a-z]{2} [A-Z][a-z]{7}"),
        ("format", "PERSON", "Ada", r"\*{3}"),
        ("format", "PASSWORD", "abc!123$x", r"[a-z]{3}\*\d{3}\*[a-z]"),
        ("format", "PERSON", "ÀÉÎÖÜß", "[A-Z]{5}[a-z]"),
        ("token", "PERSON", "Ada", r"\[tok_1\]"),
    ],
)
def test_styles(style: Style, kind: str, text: str, pattern: str) -> None:
    assert re.fullmatch(pattern, transforms().replaced(style, kind, text))


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


CARD = st.from_regex(r"[3-6][0-9]{3}([ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}", fullmatch=True)
IBAN = st.from_regex(r"[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}", fullmatch=True)


@given(CARD)
def test_cards_stay_cards(card: str) -> None:
    other = ONE.format("CREDIT_CARD", card)
    assert luhn(re.sub("[ -]", "", other))
    assert re.sub(r"\d", "9", other) == re.sub(r"\d", "9", card)
    assert other[0] == card[0]
    assert other != card


@given(IBAN)
def test_ibans_stay_ibans(iban: str) -> None:
    other = ONE.format("IBAN_CODE", iban).replace(" ", "")
    assert other[:2] == iban[:2]
    assert int("".join(str(int(c, 36)) for c in other[4:] + other[:4])) % 97 == 1


@given(st.text(min_size=1, max_size=40), st.sampled_from(["CREDIT_CARD", "IBAN_CODE", "PERSON"]))
def test_stand_ins_have_the_length_and_hide_what_is_no_separator(text: str, kind: str) -> None:
    for other in (ONE.format(kind, text), ONE.replaced("last4", kind, text)):
        assert len(other) == len(text)
        assert not any(
            one == two and not one.isalnum() and one not in " -./()@:+_,*"
            for one, two in zip(text, other, strict=True)
        )


@given(st.text(max_size=40))
def test_last4_shows_four_at_most(text: str) -> None:
    other = ONE.replaced("last4", "PERSON", text)
    shown = [c for c in other if c.isalnum()]
    assert len(shown) == (4 if sum(c.isalnum() for c in text) >= MIN_LAST4 else 0)


SAME = [
    ("EMAIL_ADDRESS", "Ada@Example.com", "ada@example.COM"),
    ("PHONE_NUMBER", "+1 (202) 555-0143", "12025550143"),
    ("CREDIT_CARD", "4111-1111-1111-1111", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "4111111111111111", "\uff14111111111111111"),
    ("PHONE_NUMBER", "\u0661\u0662\u0663\u0664\u0665\u0666", "123456"),
    ("IBAN_CODE", "GB82 WEST 1234", "gb82west1234"),
    ("US_SSN", "078-05-1120", "078051120"),
    ("PERSON", "Ada  Lovelace", "ADA\nLOVELACE"),
    ("PERSON", "Ada\u200b", "ada"),
]
OTHERS = [
    ("IP_ADDRESS", "1.23.4.5", "12.3.4.5"),
    ("DATE_OF_BIRTH", "1/11/2000", "11/1/2000"),
    ("PERSON", "Ada", "Eda"),
]


@pytest.mark.parametrize("style", ["hash", "pseudonym"])
@pytest.mark.parametrize(("kind", "one", "two"), SAME)
def test_one_value_has_one_name(style: Style, kind: str, one: str, two: str) -> None:
    assert ONE.replaced(style, kind, one) == ONE.replaced(style, kind, two)


@pytest.mark.parametrize("style", ["hash", "pseudonym"])
@pytest.mark.parametrize(("kind", "one", "two"), OTHERS)
def test_other_values_have_others(style: Style, kind: str, one: str, two: str) -> None:
    assert normal(kind, one) != normal(kind, two)
    assert ONE.replaced(style, kind, one) != ONE.replaced(style, kind, two)


@pytest.mark.parametrize("style", ["hash", "pseudonym", "format"])
def test_names_depend_on_key_type_and_style(style: Style) -> None:
    text = "078-05-1120"
    here = ONE.replaced(style, "US_SSN", text)
    assert transforms().replaced(style, "US_SSN", text) == here
    assert transforms(b"another key, as long").replaced(style, "US_SSN", text) != here
    assert ONE.replaced(style, "US_ITIN", text)[-12:] != here[-12:]
    digits = ONE.replaced("hash", "US_SSN", text)[:10]
    assert digits not in ONE.replaced("pseudonym", "US_SSN", text)


def test_the_first_key_makes_names() -> None:
    both = Transforms(Keys({"new": b"another key, as long", **KEYS}))
    new = transforms(b"another key, as long")
    assert both.replaced("hash", "PERSON", "Ada") == new.replaced("hash", "PERSON", "Ada")


PLACES = st.integers(0, 30)
PIECES = st.lists(
    st.tuples(PLACES, PLACES, st.sampled_from(STYLES), st.sampled_from(["A", "B"])).filter(
        lambda p: p[0] < p[1]
    ),
    max_size=8,
)
# Characters that no replacement has.
TEXT = "".join(map(chr, range(0x4E00, 0x4E00 + 30)))


@given(PIECES)
def test_nothing_survives_that_a_style_removes(drawn: Any) -> None:
    pieces = [Piece("f", a, b, kind, style, style) for a, b, style, kind in drawn]
    pieces = [p._replace(end=min(p.end, 30)) for p in pieces if p.start < 30]
    found = merged(pieces, {"f": TEXT}, Transforms(Keys(KEYS), Tokens()))
    content = found.content.get("f", TEXT)
    hidden = {at for p in pieces if p.style not in {"keep", "last4"} for at in range(*p[1:3])}
    assert not [at for at in hidden if TEXT[at] in content]
    touched = {at for p in pieces if p.style != "keep" for at in range(*p[1:3])}
    assert "".join(c for at, c in enumerate(TEXT) if at not in touched) == "".join(
        c for at, c in enumerate(TEXT) if at not in touched and c in content
    )
    assert found.failures == []


@pytest.mark.parametrize(("one", "two"), list(product(STYLES[1:], STYLES[1:])))
def test_of_two_styles_the_one_that_tells_less_wins(one: Style, two: Style) -> None:
    pieces = [Piece("f", 0, 6, "A", one, "r1"), Piece("f", 4, 10, "B", two, "r2")]
    texts = {"f": "0123456789"}
    found = merged(pieces, texts, transforms())
    stricter, kind = max((one, "A"), (two, "B"), key=lambda each: STYLES.index(each[0]))
    assert found.content["f"] == transforms().replaced(stricter, kind, texts["f"])
    assert found.redactions[0].rules == ("r1", "r2")


def test_the_longest_piece_gives_the_type() -> None:
    pieces = [Piece("f", 4, 11, "URL", "label", "r"), Piece("f", 0, 11, "EMAIL", "label", "r")]
    assert merged(pieces, {"f": "ada@exa.com"}, ONE).content == {"f": "[EMAIL]"}


POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules:
  - id: r
    words: [ada, bob]
    redact: %s
"""
MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.request: allow}
"""
INPUT = {"request": {"model": "m", "system": "ada and bob"}}


def program(redact: str, more: str = "") -> policyengine.Program:
    files = {"bundle.yaml": MANIFEST, "p.yaml": POLICY % redact + more}
    return policyengine.compile(check(load_text(files)))


def decide(redact: str, more: str = "", **host: Any) -> policyengine.Decision:
    return policyengine.Engine(program(redact, more), **host).decide("llm.request", INPUT, now=NOW)


@pytest.mark.parametrize(
    ("redact", "content"),
    [
        ("label", "[WORD] and [WORD]"),
        ("{with: remove}", " and "),
        ("{types: {WORD: label}}", "[WORD] and [WORD]"),
        ("{with: label, types: {WORD: label}}", "[WORD] and [WORD]"),
    ],
)
def test_rules_say_what_becomes_of_findings(redact: str, content: str) -> None:
    assert decide(redact, keys={}).content == {"request.system": content}


@pytest.mark.parametrize("style", ["last4", "format"])
def test_what_is_left_of_a_text_stands_in_no_log(style: str) -> None:
    files = {"bundle.yaml": MANIFEST, "p.yaml": POLICY.replace("ada, bob", "abcd9876") % style}
    compiled = policyengine.compile(check(load_text(files)))
    input = {"request": {"model": "m", "system": "an abcd9876"}}
    decision = policyengine.Engine(compiled, keys=KEYS).decide("llm.request", input, now=NOW)
    (redaction,) = decision.redactions
    assert redaction.style == style
    assert decision.content["request.system"] == f"an {redaction.replacement}"
    assert redaction.told == "*" * 8
    for log in (repr(decision), decision.to_json()):
        assert redaction.replacement not in log
        assert "9876" not in log


def test_what_is_kept_is_reported_and_left() -> None:
    decision = decide("{with: mask, types: {WORD: keep}}")
    assert decision.allowed
    assert (decision.redactions, decision.content) == ((), {})
    assert len(decision.reasons[0].evidence) == 2


def test_programs_keep_their_styles() -> None:
    made = program("{with: label, types: {WORD: last4}}")
    assert loads(dumps(made)).points["llm.request"].rules[0] == made.points["llm.request"].rules[0]


@pytest.mark.parametrize(
    ("style", "host", "why"),
    [
        ("hash", {"keys": {}}, "there is no key"),
        ("pseudonym", {"keys": {}}, "there is no key"),
        ("token", {"keys": KEYS}, "there is no vault"),
    ],
)
def test_without_key_or_vault_it_is_denied(style: str, host: Any, why: str) -> None:
    decision = decide(style, **host)
    assert decision.verdict == "deny"
    reason = decision.reasons[-1]
    assert (reason.code, reason.rule) == ("not-redactable", "r")
    assert why in reason.admin
    assert decision.content == {"request.system": "*** and ***"}
    assert "ada" not in decision.to_json()


def test_a_vault_that_fails_denies() -> None:
    class Broken:
        def token(self, kind: str, text: str) -> str:
            raise StateError("store-failed", "the store failed (OperationalError)")

    decision = decide("token", vault=Broken())
    assert decision.verdict == "deny"
    assert "OperationalError" in decision.reasons[-1].admin


def test_tokens_are_given_for_what_may_pass_only() -> None:
    vault = Tokens()
    allowed = decide("token", vault=vault)
    assert allowed.content == {"request.system": "[tok_1] and [tok_2]"}
    assert vault.given == [("WORD", "ada"), ("WORD", "bob")]
    refused = decide("token", '  - id: no\n    when: "true"\n    deny: no\n', vault=vault)
    assert refused.verdict == "deny"
    assert len(vault.given) == 2


def test_shadows_ask_for_no_tokens() -> None:
    vault = Tokens()
    decision = decide("token\n    mode: shadow", vault=vault)
    assert decision.allowed
    assert vault.given == []


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICYENGINE_KEY", "ab" * 16)
    one = decide("pseudonym")
    assert one.allowed
    assert one == decide("pseudonym", keys={"any": b"\xab" * 16})
    assert "abab" not in repr(one)


@pytest.mark.parametrize("keys", [{"k": b"short"}, {"a b": b"x" * 16}, {"k": "x" * 16}])
def test_keys_that_are_none_are_refused(keys: Any) -> None:
    with pytest.raises(StateError) as raised:
        policyengine.Engine(program("mask"), keys=keys)
    assert raised.value.code == "bad-key"
    assert "xxxx" not in str(raised.value)


def test_a_decision_is_the_same_again() -> None:
    made: Callable[[], policyengine.Decision] = lambda: decide("hash", keys=KEYS)  # noqa: E731
    assert made() == made()
