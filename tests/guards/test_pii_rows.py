"""Rows of digits are learned once, and looks sleep where a text's words rule them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.guards import pii
from policyengine.guards._pii.checks import weighted
from policyengine.guards._pii.entity import listed
from policyengine.guards._pii.finder import Finder
from policyengine.guards._pii.runs import Runs
from policyengine.guards._pii.table import ENTITIES
from policyengine.guards._pii.view import View

WARM = Runs.of(ENTITIES.values())
PIECES = st.sampled_from(
    listed(
        "2025-10-10| 13:55:36,104|T13:55:36.104|10.20.3.7|212-555-0143|123-45-6789|1|22|333|4444"
        "|55555|999999999|1234567890123456789012|12/31/1990| |  |-|.|/|:|,|(|)|a|A|+|May|é|\n"
    )
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_what_is_remembered_of_rows_finds_what_a_first_look_finds(text: str) -> None:
    view = View("text", text)
    cold = list(Runs.of(ENTITIES.values()).scan(view))
    assert list(WARM.scan(View("text", text))) == cold
    assert list(WARM.scan(View("text", text))) == cold


def _found(entities: list[str], text: str) -> list[tuple[str, str]]:
    finder: Finder = pii.build(pii.normal({"entities": entities, "min_score": 0.3}))
    return [(f["type"], text[f["start"] : f["end"]]) for f in finder([("text", text)])]


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("DATE_TIME", "on 5 May 1999", "5 May 1999"),
        ("DATE_TIME", "on 5 MayT10:00 sharp", "5 MayT10:00"),
        ("DATE_TIME", "§May 5", "May 5"),
        ("DATE_TIME", "|5 May|", "5 May"),
        ("DATE_TIME", "2025-10-10 13:55:36,104 INFO", "2025-10-10 13:55:36"),
        ("AGE", "a man, 45 years old", "45 years"),
        ("AGE", "M|45yo|", "45yo"),
        ("AGE", "ha 30 anni", "30 anni"),
        ("AGE", "age: 45", "45"),
        ("ADDRESS", "at 12 Main Street today", "12 Main Street"),
        ("ADDRESS", "Hauptstraße 5", "Hauptstraße 5"),
        ("IP_ADDRESS", "2025-10-10 13:55:36 10.20.3.7", "10.20.3.7"),
        ("PHONE_NUMBER", "2025-10-10 call 212-555-0143", "212-555-0143"),
        ("PHONE_NUMBER", "1:2:3:4:5:6 212-555-0143", "212-555-0143"),
    ],
)
def test_found_beside_other_rows(entity: str, text: str, found: str) -> None:
    assert [each for name, each in _found([entity], text) if name == entity] == [found]


@pytest.mark.parametrize(
    ("entity", "text"),
    [
        ("DATE_TIME", "on 5 chairs"),
        ("AGE", "45 chairs for 12 tables"),
        ("ADDRESS", "12 tables and 5 chairs"),
        ("PHONE_NUMBER", "2025-10-10 13:55:36,104"),
        ("PHONE_NUMBER", "1999/12/31 and 2025.10.10"),
        ("CREDIT_CARD", "8812 200 2326 41"),
    ],
)
def test_not_found(entity: str, text: str) -> None:
    assert _found([entity], text) == []


def test_a_word_cut_at_the_edge_of_what_is_near_is_no_context() -> None:
    number = "123456789"
    cut = f"microssn{' ' * 57}{number}"
    assert _found(["US_SSN"], f"ssn {number}") == [("US_SSN", number)]
    assert _found(["US_SSN"], cut) == []


def test_weights_end_before_a_letter() -> None:
    assert weighted("12X", (3, 1)) == 5
