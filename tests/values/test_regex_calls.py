from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values import regex_calls
from policyengine.values.kinds import NONE, OptionalValue

TEXTS = st.text("ab1é\n", max_size=12)


def code(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "pattern", "first", "every"),
    [
        ("id=7, id=8", "id=([0-9])", "7", ["7", "8"]),
        ("id=7, id=8", "id=[0-9]", "id=7", ["id=7", "id=8"]),
        ("abc", "x", None, []),
        ("abc", "x*", "", ["", "", "", ""]),
        ("baaac", "a*", "", ["", "aaa", ""]),
        ("ab", "a(x?)b", None, []),
        ("abacb", "a(?:(c)|b)", None, ["c"]),
        ("ab", "(?P<letter>b)", "b", ["b"]),
    ],
)
def test_extract(text: str, pattern: str, first: str | None, every: list[str]) -> None:
    expected = NONE if first is None else OptionalValue(True, first)
    assert regex_calls.extract(text, pattern) == expected
    assert regex_calls.extract_all(text, pattern) == every


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("foo bar", "(fo)o", r"<\1>"), "<fo> bar"),
        (("foo", "o", r"[\0]"), "f[o][o]"),
        (("foo", "o", r"\\"), r"f\\"[0:3]),
        (("aaa", "a", "b", 2), "bba"),
        (("aaa", "a", "b", -7), "bbb"),
        (("aaa", "a", "b", 0), "aaa"),
        (("aaa", "(", "b", 0), "aaa"),
        (("abc", "x*", "-"), "-a-b-c-"),
        (("baaac", "a*", "x"), "xbxcx"),
        (("ab", "(a)|(b)", r"<\1\2>"), "<a><b>"),
        (("ab", "b", ""), "a"),
        (("ab", "x", r"\9"), "ab"),
        (("a\\1", r"\\", "/"), "a/1"),
    ],
)
def test_replace(arguments: tuple[Any, ...], result: str) -> None:
    assert regex_calls.replace(*arguments) == result


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("a", "(", "b"), "bad-regex"),
        (("a", "a", r"\1"), "bad-argument"),
        (("a", "a", "\\"), "bad-argument"),
        (("a", "a", r"\n"), "bad-argument"),
        (("a", "a", "\\\u0661"), "bad-argument"),
        (("a", "a", 1), "no-such-overload"),
        (("a", "a", "b", 1.0), "no-such-overload"),
    ],
)
def test_replace_refuses(arguments: tuple[Any, ...], expected: str) -> None:
    assert code(regex_calls.replace, *arguments) == expected


def test_several_groups_are_refused() -> None:
    for function in (regex_calls.extract, regex_calls.extract_all):
        assert code(function, "ab", "(a)(b)") == "bad-argument"
        assert code(function, "ab", "a)") == "bad-regex"
        assert code(function, b"ab", "a") == "no-such-overload"


# What is empty is left out: the oracle's `sub` finds it behind another match too, as Python does.
@given(TEXTS, st.sampled_from(["a+b?", "(a|b)+", "é|1+", "(?m)^.", "a*b", "[^a]+", r"\bb"]))
def test_replace_against_re2(text: str, pattern: str) -> None:
    re2 = pytest.importorskip("re2", reason="google-re2 is the oracle of this test")
    assert regex_calls.replace(text, pattern, r"<\0>") == re2.sub(pattern, r"<\g<0>>", text)


def test_results_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex_calls, "MAX_SIZE", 100)
    assert len(regex_calls.replace("a" * 10, "a", "b" * 10)) == 100
    assert code(regex_calls.replace, "a" * 11, "a", "b" * 10) == "too-large"


def test_looking_far_ahead_at_every_match_is_bounded() -> None:
    """Two patterns that differ in whether a match is known where it ends."""
    text = "a" * 5000
    assert regex_calls.extract_all(text, "a(?:aa)?b|a") == ["a"] * 5000
    assert code(regex_calls.extract_all, text, "a*b|a") == "cost-exceeded"
    assert code(regex_calls.replace, text, "a*b|a", "x") == "cost-exceeded"
    assert regex_calls.replace(text, "a*b|a", "x", 3) == "xxx" + "a" * 4997
