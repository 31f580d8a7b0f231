"""Searches take steps in proportion to the text, whatever the pattern and the text."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from policyengine.values import regex
from policyengine.values.regex import dfa
from policyengine.values.regex.contains import required
from policyengine.values.regex.dfa import Automaton, Order
from policyengine.values.regex.linear import is_linear
from policyengine.values.regex.parser import parse
from policyengine.values.regex.pike import Pike
from policyengine.values.regex.program import build
from policyengine.values.regex.translate import to_re
from policyengine.values.regex.trim import trimmed

HOSTILE = [
    ("(a+)+$", "a", "b"),
    ("(a|a)*b", "a", ""),
    ("(.*)*x", "a", ""),
    ("(a?){50}a{50}b", "a", ""),
    ("(x+x+)+y", "x", ""),
    ("foo.*bar", "foo", ""),
    ("x.{0,50}.{0,50}y", "x", ""),
    ("x.{0,50}y", "x\n", ""),
    (r"(\w|\pL)*\d$", "aé", "!"),
    (r"(?m)^(a|ab)*$", "aab\n", "c"),
]


def steps_of_search(pattern: str, text: str) -> int:
    automaton = Automaton(build(parse(pattern).root), Order.ANY)
    automaton.search(text)
    return automaton.steps


@pytest.mark.parametrize(("pattern", "unit", "end"), HOSTILE)
def test_twice_the_text_is_at_most_twice_the_steps(pattern: str, unit: str, end: str) -> None:
    short = steps_of_search(pattern, unit * 1_000 + end)
    long = steps_of_search(pattern, unit * 2_000 + end)
    assert 0 < short <= long <= 2 * short


@pytest.mark.parametrize(("pattern", "unit", "end"), HOSTILE)
def test_without_room_a_character_visits_each_instruction_once(
    pattern: str, unit: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dfa, "_ROOM", 0)
    program = build(parse(pattern).root)
    text = unit * 300 + end
    steps = steps_of_search(pattern, text)
    assert steps <= (len(program.ops) + 1) * (len(text) + 1)


def test_groups_are_found_in_linear_steps() -> None:
    parsed = parse("((a|ab)(c|bcd)*)+(d*)")
    pike = Pike(build(parsed.root), parsed.groups)
    steps = []
    for count in (500, 1_000):
        text = "abcd" * count
        pike.steps = 0
        assert pike.groups(text, 0, len(text))[0] == (0, len(text))
        steps.append(pike.steps)
    assert steps[0] <= steps[1] <= 2 * steps[0]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(a+)+$", "a" * 100_000 + "b", False),
        ("(a|a)*b", "a" * 100_000, False),
        ("(.*)*x", "a" * 100_000, False),
        ("a{1000}", "a" * 999 + "b" * 99_000 + "a" * 999, False),
        (".{0,1000}.{0,1000}x", "a" * 100_000, False),
        ("foo.*bar", "foo" * 30_000 + "\nbar", False),
        ("(\\w+\\s?)*!", "word " * 20_000, False),
        ("(\\w+\\s?)*!", "word " * 20_000 + "!", True),
    ],
)
def test_hostile_searches_finish(pattern: str, text: str, found: bool) -> None:
    compiled = regex.compile(pattern)
    assert compiled.search(text) is found
    assert (compiled.find(text) is not None) is found


def test_the_cache_of_states_stays_within_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dfa, "_ROOM", 2_000)
    automaton = Automaton(build(parse("x.{0,50}y|x[ab]*c").root), Order.ANY)
    text = "".join("xab\n"[i * i % 7 % 4] for i in range(5_000))
    assert automaton.search(text) is False
    assert sum(len(state.threads) for state in automaton.states.values()) <= 2_200
    assert automaton.search(text + "xy") is True


def test_threads_share_a_regex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dfa, "_ROOM", 500)
    compiled = regex.Regex("", parse("(?:a|bb)*(?P<end>c|d[ab]{2,9}e)"))
    texts = ["ab" * i + "bb" * (i % 5) + ("c" if i % 3 else "dabe" * (i % 2)) for i in range(200)]
    expected = [re.search("c|d[ab]{2,9}e", text) is not None for text in texts]
    assert {True, False} == set(expected)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(compiled.search, texts)) == expected
            spans = list(pool.map(compiled.find, texts))
            assert [found is not None for found in spans] == expected


@pytest.mark.parametrize(
    ("pattern", "linear"),
    [
        ("foo|bar", True),
        (r"[a-z]{2,5}-\d+", True),
        ("a*", True),  # reaching the run is succeeding
        ("a*b", False),  # each start in a run of `a` reads the rest of the run
        ("-a*b", True),
        ("-[^-]*b", True),  # ways out of the last run may overlap it
        ("aa*b", False),  # starts inside the run
        ("^a*b", True),  # one start
        ("x?a*b", False),  # the head may be empty
        ("-a*b*c", True),
        ("-a*a*c", False),  # two runs share their characters
        ("-a*b?a*c", False),
        ("-a*b*", False),  # would be linear; the rule does not see it
        ("-a*b+", True),
        ("^.*a.*b", False),
        ("(a+)+", False),
        ("-(a|b)*c", True),  # the alternation is a set
        ("-(aa|b)*c", False),
        ("-(a*)b", True),
        ("-(?:a*|b)c", False),
        ("(a)?b", False),  # `re` and RE2 may differ on repeated groups
        ("(?:a?){3}b", False),
        ("[ab]{0,60}[ab]{0,60}c", False),  # bounded, but too many ways
        ("a{1000}", False),
    ],
)
def test_what_goes_to_re(pattern: str, linear: bool) -> None:
    root = parse(pattern.replace("(a|b)", "(?:a|b)")).root
    assert is_linear(root) is linear


@pytest.mark.parametrize(
    ("pattern", "same_as"),
    [
        (".*foo.*", "foo"),
        ("(key|token)s?", "key|token"),
        ("a+", "a"),
        (r"[a-z]{2,5}-\d+", r"[a-z]{2,2}-\d"),
        ("x*(a*|b)", ""),
        ("^.*foo.*", "^.*foo"),
        (r"a*\bfoo", r"\bfoo"),
        ("(a*b)*c*(d)", "d"),
    ],
)
def test_trimming(pattern: str, same_as: str) -> None:
    assert to_re(trimmed(parse(pattern).root)).pattern == to_re(parse(same_as).root).pattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("foo.*bars", "bars"), ("a{3}b", "aaab"), ("xa+b", "xa"), ("[ab]", ""), ("a?bc", "bc")],
)
def test_required_text(pattern: str, text: str) -> None:
    assert required(parse(pattern).root) == text
