"""The guard `pii`: the entities that most rules ask for, hits, near misses and where they stand."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.errors import FactError
from policyengine.guards import pii
from policyengine.plugins import Texts


def spans(value: Any, text: str) -> list[tuple[str, str]]:
    """Types, and what was found, cut out of the text as it was given."""
    found = pii.build(pii.normal(value))([("field", text)])
    return [(each["type"], text[each["start"] : each["end"]]) for each in found]


HITS = [
    ("EMAIL_ADDRESS", "write to jo.doe+n@mail.example.co.uk!", ["jo.doe+n@mail.example.co.uk"]),
    ("EMAIL_ADDRESS", "<jörg@exämple.de>", ["jörg@exämple.de"]),
    ("EMAIL_ADDRESS", "a@b.com.Please answer", ["a@b.com"]),
    ("EMAIL_ADDRESS", "to=a@b.io,c@d.io", ["a@b.io", "c@d.io"]),
    ("EMAIL_ADDRESS", "ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", ["ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ"]),
    ("EMAIL_ADDRESS", "jo\u200bhn@exam\u00adple.com", ["jo\u200bhn@exam\u00adple.com"]),
    ("CREDIT_CARD", "4111 1111 1111 1111", ["4111 1111 1111 1111"]),
    ("CREDIT_CARD", "card:4111-1111-1111-1111.", ["4111-1111-1111-1111"]),
    ("CREDIT_CARD", "use 378282246310005 now", ["378282246310005"]),
    ("CREDIT_CARD", "3782 822463 10005", ["3782 822463 10005"]),
    ("CREDIT_CARD", "2221000000000009", ["2221000000000009"]),
    ("CREDIT_CARD", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", ["4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"]),
    ("CREDIT_CARD", "row 12 4111 1111 1111 1111 37", ["4111 1111 1111 1111"]),
    ("CREDIT_CARD", "٤١١١١١١١١١١١١١١١", ["٤١١١١١١١١١١١١١١١"]),
    ("CREDIT_CARD", "4111\u200b1111\u00a01111–11\u206011", ["4111\u200b1111\u00a01111–11\u206011"]),
    ("US_SSN", "078-05-1121", ["078-05-1121"]),
    ("US_SSN", "ssn_123-45-6789", ["123-45-6789"]),
    ("US_SSN", "My social security number is 219099998", ["219099998"]),
    ("US_SSN", '{"ssn": "219099998"}', ["219099998"]),
    ("IBAN_CODE", "DE89370400440532013000", ["DE89370400440532013000"]),
    ("IBAN_CODE", "iban GB82 WEST 1234 5698 7654 32, ok", ["GB82 WEST 1234 5698 7654 32"]),
    ("IBAN_CODE", "nl91abna0417164300", ["nl91abna0417164300"]),
    ("IP_ADDRESS", "from 192.168.1.254:8080 to 10.0.0.1/8", ["192.168.1.254", "10.0.0.1"]),
    ("IP_ADDRESS", "[2001:db8::8a2e:370:7334]", ["2001:db8::8a2e:370:7334"]),
    ("IP_ADDRESS", "2001:db8:85a3:0:0:8a2e:370:7334", ["2001:db8:85a3:0:0:8a2e:370:7334"]),
    ("PHONE_NUMBER", "call 212-555-0143.", ["212-555-0143"]),
    ("PHONE_NUMBER", "(415) 555-2671 x12", ["(415) 555-2671 x12"]),
    ("PHONE_NUMBER", "+49 (0)30 1234567", ["+49 (0)30 1234567"]),
    ("PHONE_NUMBER", "+447911123456", ["+447911123456"]),
    ("PHONE_NUMBER", "+33 6 12 34 56 78", ["+33 6 12 34 56 78"]),
    ("PHONE_NUMBER", "06.12.34.56.78", ["06.12.34.56.78"]),
    ("PHONE_NUMBER", "Tel. 030/1234567", ["030/1234567"]),
    ("PHONE_NUMBER", "07700 900 123", ["07700 900 123"]),
    ("PHONE_NUMBER", "my number is 73 448 266", ["73 448 266"]),
    ("PHONE_NUMBER", "(11) 4706-6184", ["(11) 4706-6184"]),
    ("PHONE_NUMBER", "call 2125550143", ["2125550143"]),
    ("PHONE_NUMBER", "+91-98765-43210 and +1.212.555.0143", ["+91-98765-43210", "+1.212.555.0143"]),
]  # fmt: skip

MISSES = [
    ("EMAIL_ADDRESS", "a@b"),
    ("EMAIL_ADDRESS", "@example.com"),
    ("EMAIL_ADDRESS", "x.@example.com"),
    ("EMAIL_ADDRESS", "@pytest.mark and user @example"),
    ("CREDIT_CARD", "4111 1111 1111 1112"),
    ("CREDIT_CARD", "1234567812345670"),
    ("CREDIT_CARD", "0000 0000 0000 0000"),
    ("CREDIT_CARD", "x4111111111111111"),
    ("CREDIT_CARD", "4111111111111111f"),
    ("CREDIT_CARD", "1700000000000"),
    ("US_SSN", "000-12-3456, 666-12-3456, 912-12-3456, 123-00-1234, 123-12-0000"),
    ("US_SSN", "123-45-67890 and 1123-45-6789"),
    ("US_SSN", "order 219099998"),
    ("US_SSN", "2024-123-45-6789"),
    ("IBAN_CODE", "DE89370400440532013001"),
    ("IBAN_CODE", "XX89370400440532013000"),
    ("IBAN_CODE", "DE8937040044053201300"),
    ("IP_ADDRESS", "256.1.1.1 and 1.2.3 and 1.2.3.4.5"),
    ("IP_ADDRESS", "std::vector a::b 12:33:44 ::"),
    ("IP_ADDRESS", "version 1.2.3.4"),
    ("PHONE_NUMBER", "on 2024-01-02 12:30, 12.31.1999, 12/31/1999"),
    ("PHONE_NUMBER", "12345 and 1,234,567 and 1234567890"),
    ("PHONE_NUMBER", "192.168.100.200"),
    ("PHONE_NUMBER", "+1 2"),
    ("PHONE_NUMBER", "the war (1910-1945)"),
    ("PHONE_NUMBER", "card 4111 1111 1111 1112"),
]


@pytest.mark.parametrize(("entity", "text", "expected"), HITS)
def test_hits(entity: str, text: str, expected: list[str]) -> None:
    assert spans([entity], text) == [(entity, each) for each in expected]


@pytest.mark.parametrize(("entity", "text"), MISSES)
def test_near_misses(entity: str, text: str) -> None:
    assert spans([entity], text) == []


def test_a_finding_says_where_how_sure_and_why_but_not_what() -> None:
    assert pii.build(pii.normal(["US_SSN"]))([("a", "x"), ("b", "ssn 219-09-9998")]) == [
        {
            "type": "US_SSN",
            "field": "b",
            "start": 4,
            "end": 15,
            "score": 0.98,
            "why": "pattern and check, context",
        }
    ]


def test_of_several_types_in_one_place_the_likeliest_stays_unless_all_are_asked_for() -> None:
    text = "routing number 021000021"
    entities = ["ABA_ROUTING_NUMBER", "US_BANK_NUMBER", "US_PASSPORT"]
    assert spans(entities, text) == [("ABA_ROUTING_NUMBER", "021000021")]
    every = {"entities": entities, "min_score": 0, "overlaps": "all"}
    assert {name for name, _ in spans(every, text)} == set(entities)


def test_the_name_of_a_field_is_context() -> None:
    finder = pii.build(pii.normal(["US_SSN"]))
    assert finder([("tool.arguments.ssn", "219099998")])
    assert not finder([("tool.arguments.order", "219099998")])


def test_allowed_texts_are_no_findings() -> None:
    text = "help@acme.com jo@acme.com 4111 1111 1111 1111"
    value = {"allow": ["HELP@acme.com", "4111-1111-1111-1111"]}
    assert spans(value, text) == [("EMAIL_ADDRESS", "jo@acme.com")]
    assert spans({"entities": ["EMAIL_ADDRESS"], "allow": ["@acme.com"]}, text) == []


def test_denied_texts_are_always_found() -> None:
    value = {"deny": ["Project Nightingale"]}
    assert spans(value, "on project nightingale's plan; project nightingales") == [
        ("DENIED", "project nightingale")
    ]


def test_scores_of_single_entities() -> None:
    value = {"entities": ["common"], "min_scores": {"US_SSN": 0.99}}
    assert spans(value, "ssn 219-09-9998 a@b.io") == [("EMAIL_ADDRESS", "a@b.io")]


CUSTOM = {"name": "BADGE", "regex": r"\bB-?([0-9]{8})\b", "validator": "luhn", "context": ["badge"]}


def test_entities_of_a_bundle() -> None:
    custom = {**CUSTOM, "regex": "[0-9]{8}", "score": 0.3, "deny": ["B-007"]}
    value = {"custom": [custom]}
    assert spans(value, "badge 12345674") == [("BADGE", "12345674")]
    assert spans(value, "badge 12345675") == []
    assert spans(value, "order 12345674") == []
    assert spans(value, "he is b-007.") == [("BADGE", "b-007")]
    assert spans({"custom": [{**custom, "allow": ["12345674"]}]}, "badge 12345674") == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["EMAIL_ADRESS"], "did you mean `EMAIL_ADDRESS`"),
        (["comon"], "did you mean `common`"),
        (["PERSON"], "takes a model"),
        (["NAME"], "takes a model"),
        ({"custom": [{"name": "X"}]}, "neither a `regex` nor words"),
        ({"custom": [{"name": "X", "regex": "a("}]}, "the regex of `X`"),
        ({"entities": ["US_SSN"], "min_scores": {"URL": 0.5}}, "is not looked for"),
        ({"entities": []}, "nothing is looked for"),
    ],
)
def test_what_makes_no_sense_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pii.build(pii.normal(value))


def test_equal_questions_have_one_normal_form() -> None:
    assert pii.normal(["EMAIL"]) == pii.normal({"entities": ["EMAIL_ADDRESS"], "min_score": 0.5})
    long = pii.normal(["US_SSN", "EMAIL"])
    assert pii.normal(long) == long == pii.normal(["EMAIL", "US_SSN", "EMAIL"])


def test_a_text_is_scanned_once_for_questions_that_differ_in_thresholds() -> None:
    texts = Texts([("field", "ssn 219-09-9998")])
    low, high = (
        pii.build(pii.normal({"entities": ["US_SSN"], "min_score": score})) for score in (0.6, 0.99)
    )
    assert len(low(texts)) == 1
    (view,) = texts.memo.values()
    kept = dict(view.found)
    assert high(texts) == []
    assert list(texts.memo.values()) == [view]
    assert view.found.keys() == kept.keys()
    assert all(view.found[key] is kept[key] for key in kept)


def test_too_many_findings_are_an_error_and_not_a_clean_result() -> None:
    finder = pii.build(pii.normal(["EMAIL_ADDRESS"]))
    with pytest.raises(FactError) as caught:
        finder([("field", "a@b.io " * 10_001)])
    assert caught.value.code == "too-many-findings"


def test_a_regex_that_takes_too_long_is_an_error_and_not_a_clean_result() -> None:
    finder = pii.build(pii.normal({"custom": [{"name": "X", "regex": "(?s).*b|a"}]}))
    with pytest.raises(FactError) as caught:
        finder([("field", "a" * 20_000)])
    assert caught.value.code == "cost-exceeded"


SOUP = st.text(
    st.sampled_from("0123456789٣３ .-+()/:@abCDx\u200b\u00ad–\u00a0é漢İ\U0001d7d9\n"), max_size=60
)


@settings(deadline=None, max_examples=300)
@given(SOUP)
def test_places_are_inside_the_text_and_bounds_hold(text: str) -> None:
    finder = pii.build(pii.normal({"entities": ["all"], "min_score": 0, "overlaps": "all"}))
    for found in finder([("f", text)]):
        assert 0 <= found["start"] < found["end"] <= len(text)
        assert 0 <= found["score"] <= 1


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["4111 1111 1111 1111", "219-09-9998", "DE89 3704 0044 0532 0130 00"]),
    st.text(st.sampled_from("ab ,;\n漢é\U0001d7d9"), max_size=8),
    st.sampled_from([0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE]),
    st.integers(0, 18),
    st.sampled_from(["", "\u200b", "\u00ad", "\u2060"]),
)
def test_unusual_digits_and_invisible_characters_hide_nothing(
    number: str, around: str, zero: int, place: int, unseen: str
) -> None:
    digits = {c: chr(zero + unicodedata.decimal(c)) for c in "0123456789"}
    written = "".join(digits.get(c, c) for c in number)
    # Digits in front of letters are left alone: the country's code stays readable.
    hidden = written[:place] + unseen + written[place:]
    text = f"{around.rstrip('ab')} {hidden} {around}"
    found = spans(["common"], text)
    assert hidden.strip(unseen) in [each for _, each in found]


@pytest.mark.parametrize(
    "text",
    [
        "IBAN DE89 3704 0044 0532 0130 00 please",
        "card 5555 5555 5555 4444",
        "GB29NWBK60161331926819",
    ],
)
def test_a_part_of_an_account_is_no_phone_for_who_asks_for_phones_only(text: str) -> None:
    assert pii.build(pii.normal(["PHONE_NUMBER"]))([("f", text)]) == []
    both = f"{text}, call +49 30 901820"
    [found] = pii.build(pii.normal(["PHONE_NUMBER"]))([("f", both)])
    assert both[found["start"] : found["end"]] == "+49 30 901820"
