"""Entities of `pii` that have a scan of their own: links, labels, dates, ages, addresses."""

from __future__ import annotations

import pytest

from policyengine.guards import pii
from policyengine.guards._pii.view import View, words

HITS = [
    ("URL", "see https://example.com/a?b=1.", ["https://example.com/a?b=1"]),
    ("URL", "(https://en.wikipedia.org/wiki/A_(b))", ["https://en.wikipedia.org/wiki/A_(b)"]),
    ("URL", "www.example.com, example.org/path!", ["www.example.com", "example.org/path"]),
    ("URL", "ftp://10.0.0.1/x", ["ftp://10.0.0.1/x"]),
    ("URL_WITH_CREDENTIALS", "postgres://app:s3cret@db:5432/x", ["postgres://app:s3cret@db:5432/x"]),
    ("URL_WITH_CREDENTIALS", "https://a.io/x?api_key=abcdef12", ["https://a.io/x?api_key=abcdef12"]),
    ("URL_WITH_CREDENTIALS", "https://a.io/?a=1&token=abcdef", ["https://a.io/?a=1&token=abcdef"]),
    ("DOMAIN_NAME", "visit shop.example.co.uk today", ["shop.example.co.uk"]),
    ("DOMAIN_NAME", "on www.example.com/path", ["www.example.com"]),
    ("PASSWORD", "password: hunter2!", ["hunter2"]),
    ("PASSWORD", 'my password is "c0rrect-horse"', ["c0rrect-horse"]),
    ("PASSWORD", "DB_PASSWORD=s3cr3t$x", ["s3cr3t$x"]),
    ("PASSWORD", "Passwort: Geheim123", ["Geheim123"]),
    ("USERNAME", "username: jdoe_42", ["jdoe_42"]),
    ("USERNAME", "login is mary.k", ["mary.k"]),
    ("PIN", "PIN: 4821", ["4821"]),
    ("CREDIT_DEBIT_CARD_CVV", "cvv 2? no: CVC: 123", ["123"]),
    ("CREDIT_DEBIT_CARD_CVV", "security code is 1234", ["1234"]),
    ("CREDIT_DEBIT_CARD_EXPIRY", "exp. 09/27", ["09/27"]),
    ("CREDIT_DEBIT_CARD_EXPIRY", "valid thru 09/2027", ["09/2027"]),
    (
        "AWS_SECRET_KEY",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
    ),
    ("PASSPORT", "passport number: K1234567", ["K1234567"]),
    ("US_CLAIM_NUMBER", "claim number: CLM-12345678", ["CLM-12345678"]),
    ("US_PRESCRIPTION_NUMBER", "rx # 1234567", ["1234567"]),
    ("US_REFERRAL_NUMBER", "referral no. REF-123456", ["REF-123456"]),
    ("US_PRIOR_AUTHORIZATION_NUMBER", "prior authorization: PA-1234567", ["PA-1234567"]),
    ("US_PROVIDER_TAX_ID", "provider TIN: 12-3456789", ["12-3456789"]),
    ("US_HEALTH_INSURANCE_MEMBER_ID", "member id: ABC123456789", ["ABC123456789"]),
    ("DATE_TIME", "on 2024-02-29 and 2024-02-29T12:30:00Z", ["2024-02-29", "2024-02-29T12:30:00Z"]),
    ("DATE_TIME", "12/31/1999, 31.12.1999, 31-12-99?", ["12/31/1999", "31.12.1999"]),
    ("DATE_TIME", "June 5, 1999; 5 June 1999", ["June 5, 1999", "5 June 1999"]),
    ("DATE_TIME", "the 5th of June", ["5th of June"]),
    ("DATE_TIME", "5. Juni 1999, le 5 juin 1999", ["5. Juni 1999", "5 juin 1999"]),
    ("DATE_TIME", "el 5 de junio de 1999", ["5 de junio de 1999"]),
    ("DATE_TIME", "05-Jun-99 in March 2021", ["05-Jun-99", "March 2021"]),
    ("DATE_TIME", "2024年5月1日", ["2024年5月1日"]),
    ("DATE_OF_BIRTH", "born on 12/31/1999", ["12/31/1999"]),
    ("DATE_OF_BIRTH", "DOB: 1999-12-31", ["1999-12-31"]),
    ("DATE_OF_BIRTH", "geboren am 5. Juni 1999", ["5. Juni 1999"]),
    ("AGE", "a 50 year old man", ["50 year"]),
    ("AGE", "she is 7 months old, he 45 years old", ["7 months", "45 years"]),
    ("AGE", "aged 81; Age: 33; 34yo; 12 Jahre alt", ["81", "33", "34yo", "12 Jahre"]),
    ("ADDRESS", "at 221B Baker Street, London", ["221B Baker Street, London"]),
    ("ADDRESS", "1 Oak Ave NW, Washington, DC 20500.", ["1 Oak Ave NW, Washington, DC 20500"]),
    ("ADDRESS", "send it to 12 Oak Lane Apt. 5", ["12 Oak Lane Apt. 5"]),
    ("ADDRESS", "ich wohne Hauptstraße 12a, 10115 Berlin", ["Hauptstraße 12a, 10115 Berlin"]),
    ("ADDRESS", "12 rue de la Paix, 75002 Paris", ["12 rue de la Paix, 75002 Paris"]),
    ("ADDRESS", "in Via Roma 5", ["Via Roma 5"]),
    ("ADDRESS", "Calle Mayor 3", ["Calle Mayor 3"]),
    ("ADDRESS", "P.O. Box 4711", ["P.O. Box 4711"]),
    ("ADDRESS", "Storgatan 5", ["Storgatan 5"]),
    ("ZIP_CODE", "Beverly Hills, CA 90210", ["90210"]),
    ("ZIP_CODE", "zip code 10001", ["10001"]),
    ("ZIP_CODE", "20500-0003", ["20500-0003"]),
    ("SWIFT_CODE", "BIC: DEUTDEFF", ["DEUTDEFF"]),
]  # fmt: skip

MISSES = [
    ("URL", "a://b std::io main.py readme.md e.g. this.is"),
    ("URL", "in sentence.Com or a.b"),
    ("URL_WITH_CREDENTIALS", "https://example.com/?page=2&key=1"),
    ("DOMAIN_NAME", "jo@example.com and obj.method() and v1.2.io2"),
    ("PASSWORD", "your password is required. password: str, password = None"),
    ("PASSWORD", "reset the password now; passwords are secret"),
    ("PASSWORD", "password = os.environ['X']"),
    ("USERNAME", "the username is wrong"),
    ("USERNAME", "User: hello"),
    ("PIN", "pin the 4821 to the wall; spin: 4821"),
    ("CREDIT_DEBIT_CARD_CVV", "cvv 12345"),
    ("CREDIT_DEBIT_CARD_EXPIRY", "expected 13/27"),
    ("DATE_TIME", "2023-02-29, 13/13/2013, 1.2.3, 10/10 points"),
    ("DATE_TIME", "you may 5 times; 5 marches; version 10.11.12"),
    ("DATE_OF_BIRTH", "invoice of 12/31/1999"),
    ("AGE", "page 81, image: 33, 50 years ago, 3 months, 200 year old tree"),
    ("ADDRESS", "I have 3 dogs and 2 Cats in 1 House"),
    ("ADDRESS", "5 items on the way to the park"),
    ("ADDRESS", "in 2019 Congress met; the street 5"),
    ("ZIP_CODE", "12345 people in 54321, 1880-1910"),
    ("ADDRESS", "An application of 2 rules, 150,000 square feet, 4:00 AM D. 5"),
    ("SWIFT_CODE", "the swift response, BIC: whatever"),
]


def found(entity: str, text: str) -> list[str]:
    finder = pii.build(pii.normal([entity]))
    return [text[each["start"] : each["end"]] for each in finder([("field", text)])]


@pytest.mark.parametrize(("entity", "text", "expected"), HITS)
def test_hits(entity: str, text: str, expected: list[str]) -> None:
    assert found(entity, text) == expected


@pytest.mark.parametrize(("entity", "text"), MISSES)
def test_near_misses(entity: str, text: str) -> None:
    assert found(entity, text) == []


def test_a_date_of_birth_is_a_date_too() -> None:
    finder = pii.build(pii.normal(["DATE_TIME", "DATE_OF_BIRTH"]))
    text = "born 12/31/1999, invoice of 11/30/2020 " + "x" * 60 + " 10/30/2020"
    kinds = [each["type"] for each in finder([("field", text)])]
    assert kinds == ["DATE_OF_BIRTH", "DATE_OF_BIRTH", "DATE_TIME"]


def test_what_stands_inside_of_an_address_is_found_too() -> None:
    finder = pii.build(pii.normal(["URL", "IP_ADDRESS", "ADDRESS", "ZIP_CODE"]))
    text = "http://10.0.0.1/x and 12 Oak Lane, Springfield, IL 62701"
    assert [each["type"] for each in finder([("field", text)])] == [
        "URL",
        "IP_ADDRESS",
        "ADDRESS",
        "ZIP_CODE",
    ]


def test_a_view_leads_back_to_the_text() -> None:
    text = "\u200ba\u200b\u200bb 漢 \uff11\u0662\u200b3\u200b"
    view = View("f", text)
    assert view.text == "ab 漢 123"
    assert view.shape == "aa , 999,,"
    start, end = view.place(5, 8)
    assert text[start:end] == "\uff11\u0662\u200b3"
    assert view.place(0, 1) == (1, 2)


def test_context_is_whole_words_near_the_place() -> None:
    view = View("a.tax_id", "using a Social  security no: 1 " + "x " * 40 + "sin")
    assert view.says(words("social security"), 29, 30)
    assert view.says(words("tax id"), 29, 30)
    assert not view.says(words("sin"), 29, 30)
    assert not view.says(words("secur|ax"), 29, 30)
