from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.cel import literals
from policyengine.errors import EvaluationError
from policyengine.values import text
from policyengine.values.kinds import INT_MAX

TEXTS = st.text("aAbBé\u3000 🐱\t\x1f-", max_size=12)
POSITIONS = st.integers(-2, 14)


def code(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


@given(TEXTS, POSITIONS)
def test_char_at(value: str, index: int) -> None:
    if 0 <= index < len(value):
        assert text.char_at(value, index) == value[index]
    elif index == len(value):
        assert text.char_at(value, index) == ""
    else:
        assert code(text.char_at, value, index) == "index-out-of-range"


@given(TEXTS, st.text("aé🐱", max_size=2), POSITIONS)
def test_index_of_and_last_index_of(value: str, part: str, position: int) -> None:
    """The oracle tries every place."""
    places = [i for i in range(len(value) + 1) if value[i : i + len(part)] == part]
    assert text.index_of(value, part) == (places or [-1])[0]
    assert text.last_index_of(value, part) == (places or [-1])[-1]
    if 0 <= position <= len(value):
        behind = [i for i in places if i >= position]
        before = [i for i in places if i <= position]
        assert text.index_of(value, part, position) == (behind or [-1])[0]
        assert text.last_index_of(value, part, position) == (before or [-1])[-1]
    else:
        assert code(text.index_of, value, part, position) == "index-out-of-range"
        assert code(text.last_index_of, value, part, position) == "index-out-of-range"


@given(TEXTS, POSITIONS, POSITIONS)
def test_substring(value: str, start: int, end: int) -> None:
    if 0 <= start <= end <= len(value):
        assert text.substring(value, start, end) == "".join(list(value)[start:end])
    else:
        assert code(text.substring, value, start, end) == "index-out-of-range"
    if 0 <= start <= len(value):
        assert text.substring(value, start) == value[start:]
    else:
        assert code(text.substring, value, start) == "index-out-of-range"


@given(st.text(max_size=12))
def test_case_changes_ascii_alone(value: str) -> None:
    lower = [chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in value]
    upper = [chr(ord(c) - 32) if "a" <= c <= "z" else c for c in value]
    assert text.lower_ascii(value) == "".join(lower)
    assert text.upper_ascii(value) == "".join(upper)


@pytest.mark.parametrize("space", "\t\n\v\f\r \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u3000")
def test_trim_takes_unicode_white_space(space: str) -> None:
    assert text.trim(f"{space}{space}a{space}b{space}") == f"a{space}b"


@pytest.mark.parametrize("other", "\x1c\x1f\u180e\u200b\u2060\ufeff")
def test_trim_leaves_what_only_looks_like_it(other: str) -> None:
    assert text.trim(f"{other}a{other}") == f"{other}a{other}"


@given(TEXTS, st.text("aé🐱", max_size=2), st.text("xy", max_size=3), st.integers(-2, 5))
def test_replace(value: str, old: str, new: str, limit: int) -> None:
    everything = text.replace(value, old, new)
    assert everything == value.replace(old, new)
    assert text.replace(value, old, new, limit) == value.replace(old, new, max(limit, -1))
    assert text.replace(value, old, new, INT_MAX) == everything


@given(TEXTS, st.text("aé🐱", max_size=2), st.integers(-2, 14))
def test_split_is_the_opposite_of_join(value: str, separator: str, limit: int) -> None:
    parts = text.split(value, separator, limit)
    if limit == 0:
        assert parts == []
        return
    assert text.join(parts, separator) == value
    if limit > 0:
        assert len(parts) <= limit
    if limit < 0 or len(parts) < limit:
        assert not separator or all(separator not in part for part in parts)
        assert separator or parts == list(value)


def test_join_wants_strings() -> None:
    assert text.join(("a", "b"), ", ") == "a, b"
    assert code(text.join, ["a", 1]) == "bad-argument"
    assert code(text.join, "ab") == "no-such-overload"


@given(st.text(max_size=12))
def test_quote_makes_a_literal_of_the_text(value: str) -> None:
    assert literals.string(text.quote(value)) == ("string", value)


def test_quote_replaces_half_a_surrogate_pair() -> None:
    assert text.quote("a\ud800\udc00") == '"a\ufffd\ufffd"'


def test_results_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_SIZE", 100)
    assert len(text.replace("a" * 50, "a", "bb")) == 100
    assert code(text.replace, "a" * 51, "a", "bb") == "too-large"
    assert text.replace("a" * 90, "a", "bb", 10) == "bb" * 10 + "a" * 80
    assert len(text.join(["a" * 49] * 2, "--")) == 100
    assert code(text.join, ["a" * 49] * 2, "---") == "too-large"
    assert code(text.quote, '"' * 60) == "too-large"
