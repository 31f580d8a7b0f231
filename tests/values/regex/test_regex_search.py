"""What common policy patterns find and miss, where errors point, and what a match tells."""

from __future__ import annotations

import pytest

from policyengine.errors import EvaluationError
from policyengine.values import regex

HITS_AND_MISSES = [
    ("secret", ["a secret b"], ["Secret", "secre t"]),
    ("", ["", "a"], []),
    ("^sk-", ["sk-1"], ["a sk-1", "\nsk-1"]),
    (r"\.md$", ["a.md"], ["a.md\n", "amd", ".mdx"]),
    ("^main$", ["main"], ["main\n", "mainx", "xmain", ""]),
    (".*foo.*", ["foo", "a\nfoo"], ["fo", "fo\no"]),
    ("^.*foo", ["xfoo"], ["x\nfoo"]),
    ("(?s)^.*foo", ["x\nfoo"], ["x\nfo"]),
    ("(?m)^foo$", ["a\nfoo\nb"], ["a\nfoo b"]),
    ("cat|dog|c?ow", ["hotdog", "ow"], ["co", "do"]),
    ("a+|b*c", ["a", "c"], ["b"]),
    ("(?:|a)", [""], []),
    (r"[a-z]{2,5}-\d+", ["ab-1", "abcdefgh-22"], ["a-1", "ab-x", "ab-٣"]),
    (r"\bpay\b", ["to pay.", "pay"], ["payment", "repay", "pay_"]),
    (r"\d{3}-\d{2}-\d{4}", ["is 123-45-6789."], ["123-456-789"]),
    ("(?i)straße", ["STRAßE", "straẞe"], ["strasse"]),
    ("(?i)kelvin", ["\u212aELVIN"], ["\u212belvin"]),
    (r"\s", ["\t", "\f"], ["\v", "\u00a0"]),
    (r"[[:space:]]", ["\v"], ["\u00a0"]),
    (r"\w", ["_"], ["é"]),
    (r"^\pL+$", ["éλж"], ["é1"]),
    (r"\p{Cyrillic}", ["pаypal"], ["paypal"]),
    (r"^\P{Han}$", ["a"], ["漢"]),
    (r"[^\x00-\x{10FFFF}]", [], ["", "a"]),
    (r"(a+)+$", ["aa"], ["aab"]),
    (r"foo.*bar", ["foo bar", "foofoobar"], ["bar foo", "foo\nbar"]),
    (r"x{2}y+z", ["xxyyz"], ["xyz", "xxz"]),
    (r"^a{0}b", ["b"], ["ab"]),
]


@pytest.mark.parametrize(("pattern", "hits", "misses"), HITS_AND_MISSES)
def test_search(pattern: str, hits: list[str], misses: list[str]) -> None:
    assert [text for text in hits if not regex.search(pattern, text)] == []
    assert [text for text in misses if regex.search(pattern, text)] == []


@pytest.mark.parametrize(
    ("pattern", "offset", "words"),
    [
        ("a(b", 1, "missing closing `)`"),
        ("ab)", 2, "without an opening"),
        ("a[b", 1, "missing closing `]`"),
        ("x*a**", 3, "stacked"),
        ("a++", 1, "stacked"),
        ("(*)", 1, "nothing to repeat"),
        ("a|+", 2, "nothing to repeat"),
        ("ab{1001}", 2, "at most 1000"),
        ("a{3,2}", 1, "must rise"),
        ("((a{100}){100})", 9, "nested repetition"),
        ("a(?=b)", 1, "look-around"),
        ("a(?<!b)", 1, "look-around"),
        (r"(a)\1", 3, "back-references"),
        (r"a\Z", 1, "no such escape"),
        ("a\\", 1, "a backslash ends"),
        (r"a\x{110000}", 1, "hexadecimal"),
        (r"\p{Greek", 0, "category or script"),
        (r"a[\p{Klingon}]", 2, "category or script"),
        ("[z-a]", 1, "ends before it begins"),
        ("[[:word:]-[:nope:]]", 10, "no such class"),
        ("(?P<a b>c)", 0, "bad name"),
        ("(?P=a)", 0, "after `(?`"),
        (r"a\C", 1, "bytes"),
        ("(?:" * 1001 + ")" * 1001, 3000, "nest deeper"),
        ("()" * 501, 1000, "more than 500 groups"),
        ("a" * 20_001, 20_000, "longer than"),
        ("[ab]{1000}" * 21, 0, "instructions"),
        (r"\pL{1000}", 0, "character ranges"),
    ],
)
def test_refusals_point_at_the_trouble(pattern: str, offset: int, words: str) -> None:
    with pytest.raises(regex.RegexError) as caught:
        regex.check(pattern)
    assert words in caught.value.message
    assert caught.value.code == "bad-regex"
    assert caught.value.offset == offset
    with pytest.raises(EvaluationError):
        regex.compile(pattern)
    with pytest.raises(EvaluationError):
        regex.search(pattern, "")


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" * 1000 + "a" + ")" * 1000,
        "(?:" * 900 + "a*b?" + ")*" * 900,
        "|" * 19_000,
        "a" * 20_000,
        "(?:a|b)*" * 1_500,
        "[^a]" * 5_000,
        "(?i)" + "é" * 15_000,
    ],
)
def test_large_patterns_are_taken_without_deep_recursion(pattern: str) -> None:
    compiled = regex.compile(pattern)
    assert compiled.search("b" * 50) is (compiled.find("b" * 50) is not None)


def test_a_match_tells_spans_groups_and_names() -> None:
    compiled = regex.compile(r"(?P<user>\w+)@(?<host>\w+)(\.\w+)?")
    assert (compiled.groups, compiled.names) == (3, {"user": 1, "host": 2})
    match = compiled.find("to ann@home now")
    assert match is not None
    assert match.span() == (3, 11)
    assert match.span("host") == (7, 11)
    assert match.span(3) == (-1, -1)
    assert match.group("user") == "ann"
    assert match.groups() == ("ann", "home", None)
    assert "ann" not in repr(match)
    for missing in ("nobody", 4, -1):
        with pytest.raises(IndexError):
            match.span(missing)


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        ("a*", "aab", [(0, 2), (2, 2), (3, 3)]),
        ("a|ab", "abab", [(0, 1), (2, 3)]),
        (r"(\w)(\w)?", "abc", [(0, 2), (2, 3)]),
        ("^a", "aa", [(0, 1)]),
        (r"\b", "ab c", [(0, 0), (2, 2), (3, 3), (4, 4)]),
        (".", "é\U0001f600", [(0, 1), (1, 2)]),
        ("x", "", []),
    ],
)
def test_find_all(pattern: str, text: str, spans: list[tuple[int, int]]) -> None:
    assert [match.span() for match in regex.compile(pattern).find_all(text)] == spans


def test_compiled_patterns_are_kept_but_not_for_ever() -> None:
    assert regex.compile("kept") is regex.compile("kept")
    assert regex.compile.cache_info().maxsize == 256
