"""The guard `words`: hits, near misses, and where the hits stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.errors import FactError
from policyengine.guards import words


def spans(value: Any, text: str) -> list[str]:
    """What was found, cut out of the text as it was given."""
    finder = words.build(words.normal(value))
    return [text[found["start"] : found["end"]] for found in finder([("field", text)])]


HITS = [
    (["secret"], "a secret.", ["secret"]),
    (["secret"], "SECRET", ["SECRET"]),
    (["secret"], "secret, Secret", ["secret", "Secret"]),
    (["project x"], "Project \n X!", ["Project \n X"]),
    (["c++"], "I like C++ more", ["C++"]),
    (["a", "a b"], "a b", ["a", "a b"]),
    (["a b", "b c"], "a b c", ["a b", "b c"]),
    (["strasse"], "Die Straße.", ["Straße"]),
    (["straße"], "STRASSE", ["STRASSE"]),
    (["é"], "e\u0301", ["e\u0301"]),
    (["e\u0301t\u00e9"], "\u00e9te\u0301", ["\u00e9te\u0301"]),
    (["secret"], "\uff53\uff45\uff43\uff52\uff45\uff54", ["\uff53\uff45\uff43\uff52\uff45\uff54"]),
    (["office"], "o\ufb03ce", ["o\ufb03ce"]),
    (["secret"], "se\u200bcr\u00adet", ["se\u200bcr\u00adet"]),
    (["हिन्दी"], "यह हिन्दी है", ["हिन्दी"]),
    (["секрет"], "Это СЕКРЕТ!", ["СЕКРЕТ"]),
    (["İstanbul"], "in İSTANBUL now", ["İSTANBUL"]),
    ({"any": ["acme-42"], "match": "word"}, "see ACME-42.", ["ACME-42"]),
    ({"any": ["acme 42"], "match": "phrase"}, "acme--42 and acme,\n42", ["acme--42", "acme,\n42"]),
    ({"any": ["cret"], "match": "substring"}, "secrets", ["cret"]),
    ({"any": ["aa"], "match": "substring"}, "aaa", ["aa", "aa"]),
    ({"any": ["he", "she", "hers"], "match": "substring"}, "ushers", ["she", "hers"]),
    ({"any": ["ß"], "match": "substring"}, "aßb", ["ß"]),
    ({"any": ["秘密"], "match": "substring"}, "这是秘密文件", ["秘密"]),
    ({"any": ["Acme"], "ignore_case": False}, "Acme", ["Acme"]),
]

MISSES = [
    (["secret"], "secrets"),
    (["secret"], "topsecret"),
    (["secret"], "secret_key"),
    (["project x"], "project-x"),
    (["project x"], "project"),
    (["हिन"], "हिन्दी"),
    (["cafe"], "café"),
    ({"any": ["acme 42"], "match": "phrase"}, "acme is 42"),
    ({"any": ["acme 42"], "match": "phrase"}, "acme42"),
    ({"any": ["Acme"], "ignore_case": False}, "acme ACME"),
    ({"any": ["abc"], "match": "substring"}, "ab c"),
    (["a"], ""),
]


@pytest.mark.parametrize(("value", "text", "expected"), HITS)
def test_hits(value: Any, text: str, expected: list[str]) -> None:
    assert spans(value, text) == expected


@pytest.mark.parametrize(("value", "text"), MISSES)
def test_near_misses(value: Any, text: str) -> None:
    assert spans(value, text) == []


def test_a_finding_says_where_and_which_entry_but_not_what() -> None:
    finder = words.build(words.normal(["alpha", "beta", "BETA"]))
    assert finder([("a", "x"), ("b", "a beta")]) == [
        {"type": "WORD", "field": "b", "start": 2, "end": 6, "score": 1.0, "why": "entry 2"}
    ]


@pytest.mark.parametrize("value", [["a", " "], ["\u200b"], {"any": ["--"], "match": "phrase"}])
def test_an_entry_with_nothing_to_find(value: Any) -> None:
    with pytest.raises(ValueError, match=r"entry \d has nothing to find"):
        words.build(words.normal(value))


def test_too_many_findings_are_an_error_and_not_a_clean_result() -> None:
    finder = words.build(words.normal({"any": ["a"], "match": "substring"}))
    with pytest.raises(FactError) as caught:
        finder([("field", "a" * (words.MAX_FINDINGS + 1))])
    assert caught.value.code == "too-many-findings"


def test_equal_questions_have_one_normal_form() -> None:
    long = {"any": ["a"], "match": "word", "ignore_case": True}
    assert words.normal(["a"]) == words.normal({"any": ["a"]}) == words.normal(long) == long


LETTERS = st.text(st.sampled_from("abAB ß\u0301eé-_\u200bﬁ世\n"), max_size=12)


@settings(deadline=None)
@given(st.lists(LETTERS.filter(str.strip), min_size=1, max_size=4), LETTERS)
def test_substrings_are_those_that_a_search_finds(entries: list[str], text: str) -> None:
    """Against the obvious way, where characters have one form."""
    plain = [entry for entry in entries if entry.isascii()]
    if not plain or not text.isascii():
        return
    expected = {
        end
        for entry in plain
        for end in range(len(text) + 1)
        if text[:end].lower().endswith(entry.lower())
    }
    finder = words.build(words.normal({"any": plain, "match": "substring"}))
    assert {found["end"] for found in finder([("f", text)])} == expected


@settings(deadline=None)
@given(st.lists(LETTERS, min_size=1, max_size=4), LETTERS, st.sampled_from(["word", "substring"]))
def test_places_are_inside_the_text(entries: list[str], text: str, match: str) -> None:
    try:
        finder = words.build(words.normal({"any": entries, "match": match}))
    except ValueError:
        return
    for found in finder([("f", text)]):
        assert 0 <= found["start"] < found["end"] <= len(text)


@settings(deadline=None)
@given(LETTERS.filter(str.strip), LETTERS)
def test_a_text_contains_itself(entry: str, other: str) -> None:
    try:
        finder = words.build(words.normal({"any": [entry], "match": "substring"}))
    except ValueError:
        return
    text = f"{other}. {entry} .{other}"
    assert finder([("f", text)])


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ({"any": ["buy"], "match": "stem"}, "Buying and BUYS", ["Buying", "BUYS"]),
        ({"any": ["credit card"], "match": "stem"}, "credit-cards", ["credit-cards"]),
        ({"any": ["Haus"], "match": "stem", "language": "german"}, "Häuser", ["Häuser"]),
        ({"any": ["покупать"], "match": "stem", "language": "russian"}, "покупает", ["покупает"]),
        ({"any": ["buy"], "match": "stem"}, "busy", []),
    ],
)
def test_other_forms_of_a_word(value: Any, text: str, expected: list[str]) -> None:
    pytest.importorskip("snowballstemmer")
    assert spans(value, text) == expected


def test_fifty_thousand_words_take_the_same_steps_as_ten() -> None:
    many = words.build(words.normal({"any": [f"word{i}" for i in range(50_000)]}))
    text = "a text with word49999 in it, and word50000 not"
    assert [one["why"] for one in many([("field", text)])] == ["entry 50000"]
    assert many([("field", "a text without any")]) == []


@pytest.mark.parametrize("match", ["word", "phrase"])
@given(
    entries=st.lists(st.text("ab .-ä", min_size=1, max_size=5), min_size=1, max_size=4),
    text=st.text("ab .-äÄ\u200b", max_size=20),
)
def test_looking_for_a_word_of_each_entry_first_loses_no_hit(
    match: str, entries: list[str], text: str
) -> None:
    try:
        finder = words.build(words.normal({"any": entries, "match": match}))
    except ValueError:
        return
    assert finder([("f", text)]) == replace(finder, keys=None)([("f", text)])
