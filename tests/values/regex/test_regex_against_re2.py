"""Our regular expressions against RE2 itself, on random patterns and texts."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

re2 = pytest.importorskip("re2", reason="google-re2 is the oracle of these tests")

from policyengine.values import regex  # noqa: E402
from policyengine.values.regex import unicode, unicode_tables  # noqa: E402
from policyengine.values.regex.dfa import Automaton, Order  # noqa: E402
from policyengine.values.regex.matcher import _by_automata  # noqa: E402
from policyengine.values.regex.parser import parse  # noqa: E402
from policyengine.values.regex.program import build  # noqa: E402
from policyengine.values.regex.trim import trimmed  # noqa: E402

QUIET = re2.Options()
QUIET.log_errors = False

_ATOMS = r"""
a b ab k é [ab] [^a] [a-k] . \d \W \s [[:^word:]] \x41 \x{e9} \101 \pL \PL \p{Greek} [^\d\n]
\Qa+\E \.
"""
ATOMS = st.sampled_from(_ATOMS.split())
PLACES = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\z", ""])
REPEATS = st.sampled_from(
    ["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{2,}", "{1,3}?", "{0}", "{,2}"]
)
FLAGS = st.sampled_from(["(?i)", "(?s)", "(?m)", "(?U)", "(?im-s)", "(?-i)"])
GROUPS = st.sampled_from(["(", "(?:", "(?P<n>", "(?<n>", "(?i:", "(?s-m:", "(?U:"])


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(GROUPS, inner).map(lambda t: f"{t[0]}{t[1]})"),
        st.tuples(GROUPS, inner, REPEATS).map(lambda t: f"{t[0]}{t[1]}){t[2]}"),
        st.tuples(ATOMS, REPEATS).map("".join),
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(FLAGS, inner).map("".join),
    )


PATTERNS = st.recursive(st.one_of(ATOMS, PLACES), _wider, max_leaves=8)
ASCII_TEXTS = st.text("aabbkAK1_. \n+", max_size=12)
TEXTS = st.text("aabbkAK1_. \nſKéÉλ", max_size=12)


def accepted_by_re2(pattern: str) -> str:
    """The message of RE2 when it refuses the pattern, else nothing."""
    try:
        re2.compile(pattern, QUIET)
    except re2.error as error:
        return str(error)
    return ""


def spans_of_re2(pattern: str, text: str) -> Iterator[tuple[tuple[int, int], ...]]:
    compiled = re2.compile(pattern, QUIET)
    found = compiled.finditer(text)
    # Its iterator gives an empty match twice when it searched from before it.
    return iter(dict.fromkeys(tuple(m.span(g) for g in range(compiled.groups + 1)) for m in found))


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str]:
    pattern = draw(PATTERNS)
    # In RE2 `\B` also holds between the bytes of one character.
    return pattern, draw(ASCII_TEXTS if r"\B" in pattern else TEXTS)


@settings(max_examples=400, deadline=None)
@given(cases())
@example(("(|a)*", "aa"))
@example(("(|a)+", "aa"))
@example(("(a*)*", "b"))
@example(("(a|b*)*?b", "aabb"))
@example((r"(?i)k", "K"))
@example((r"(?i)[^k]", "Kk"))
@example((r"(?i)\W", "ſK"))
@example((r"\B", ""))
@example(("a$", "a\n"))
@example(("(?m)^", "a\n"))
@example(("(?:(a)b|ac)", "ac"))
@example(("(a){2}|(b)", "baa"))
def test_spans_and_groups_are_those_of_re2(case: tuple[str, str]) -> None:
    pattern, text = case
    if accepted_by_re2(pattern):
        return
    expected = list(spans_of_re2(pattern, text))
    compiled = regex.compile(pattern)
    assert [m.spans for m in compiled.find_all(text)] == expected
    assert compiled.search(text) is bool(expected)
    # What `re` answers for linear patterns, the automata answer too.
    parsed = parse(pattern)
    automaton = Automaton(build(trimmed(parsed.root)), Order.ANY)
    assert automaton.search(text) is bool(expected)
    located, _ = _by_automata(parsed.root, build(parsed.root), parsed.groups)(text, 0)
    assert located == (expected[0] if expected else None)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 12))
def test_a_later_start_still_sees_what_is_before(case: tuple[str, str], pos: int) -> None:
    pattern, text = case
    if accepted_by_re2(pattern) or pos > len(text):
        return
    found = regex.compile(pattern).find(text, pos)
    expected = re2.compile(pattern, QUIET).search(text, pos)
    assert (found and found.span()) == (expected and expected.span())


_TOKENS = r"""
a b ( ) | * + ? {2} {2,} {1,3} { } [ ] [^ - ^ $ . \ \d \W \b \Q \E (?i) (?i: (?P<n> (?<n < > (? ++
\p{Greek} [:alpha:] [[:^word:]] [[:no:]] \x41 \x{41} \x{110000} \12 \1 \0 : (?-s) (?U) (?= (?<!
(?P=n) (?> \A \z \Z _ P = ! é 0 9 {1001} {500} \p {, L {0} {01} {2,1} {9999999999} \_ \é \e && # (?#
"""
TOKENS = st.sampled_from([*_TOKENS.split(), "\n", " "])


@settings(max_examples=800, deadline=None)
@given(st.one_of(st.lists(TOKENS, max_size=9).map("".join), st.text(max_size=12)))
@example("(?)")
@example("a*(?i)*")
@example(r"a*\Q\E*")
@example("(?P<1>a)(?P<1>b)")
@example("[]a]")
@example("[^]a]")
@example("[a-]")
@example("[a-\\d]")
@example("[[:foo]")
@example(r"\p{^Lu}")
@example(r"\p^")
@example(r"\x{0000000000041}")
@example("((a{100}){100})")
@example("(a{100}){10}")
@example("(?:a{0}){1000}")
def test_exactly_what_re2_refuses_is_refused(pattern: str) -> None:
    if pattern.count(r"\C") or "too large" in (refusal := accepted_by_re2(pattern)):
        return
    if not refusal:
        regex.check(pattern)
        return
    with pytest.raises(regex.RegexError) as caught:
        regex.check(pattern)
    assert 0 <= caught.value.offset <= len(pattern)


SURROGATES = re.compile("[\ud800-\udfff]")
EVERYTHING = "".join(chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF)


def test_every_category_and_script_is_that_of_re2() -> None:
    for name in unicode_tables.PROPERTIES:
        ranges = unicode.named(name)
        assert ranges is not None
        ours = "".join(chr(c) for low, high in ranges for c in range(low, high + 1))
        text = SURROGATES.sub("", ours)
        assert text == "".join(re2.findall(rf"\p{{{name}}}+", EVERYTHING)), name
        # Texts of RE2 have no surrogates; its tables do.
        assert (text != ours) is (name in ("C", "Cs"))


def test_every_case_group_is_that_of_re2() -> None:
    cased = "".join(c for c in EVERYTHING if c.lower() != c or c.upper() != c)
    for character in cased:
        expected = re2.findall(rf"(?i)\x{{{ord(character):x}}}", cased)
        folds = unicode.folded(((ord(character), ord(character)),))
        ours = [chr(code) for low, high in folds for code in range(low, high + 1)]
        assert ours == sorted(expected)
