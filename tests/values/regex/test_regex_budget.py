"""Searches that would visit very many instructions count them, and stop."""

from __future__ import annotations

from random import Random

import pytest

from policyengine.errors import EvaluationError
from policyengine.values import regex
from policyengine.values.regex.dfa import MAX_VISITS, Automaton, Order
from policyengine.values.regex.parser import parse
from policyengine.values.regex.program import build

HARD = "(a|b)*a(a|b){300}[cd]"
RANDOM = Random(1)
TEXT = "".join(RANDOM.choice("ab") for _ in range(20_000))


def test_a_hard_search_ends_and_says_why() -> None:
    compiled = regex.compile(HARD)
    for run in (compiled.search, compiled.find, lambda text: list(compiled.find_all(text))):
        with pytest.raises(EvaluationError) as caught:
            run(TEXT)
        assert caught.value.code == "cost-exceeded"
        assert HARD not in caught.value.message


def test_the_answer_does_not_depend_on_what_was_searched_before() -> None:
    fresh, used = (Automaton(build(parse(HARD).root), Order.ANY) for _ in range(2))
    used.search(TEXT[:1_000])
    for automaton in (fresh, used):
        with pytest.raises(EvaluationError):
            automaton.search(TEXT)
        assert automaton.steps <= MAX_VISITS


@pytest.mark.parametrize("pattern", ["(ab|a)+c|x(a|b){500}", "(x|y){300}z"])
def test_long_texts_that_need_few_states_are_searched_to_the_end(pattern: str) -> None:
    compiled = regex.compile(pattern)
    assert not compiled.search(TEXT)
    assert compiled.find(TEXT) is None


def test_groups_of_a_long_match_are_counted_too() -> None:
    compiled = regex.compile("(?:(a)|(b)|(ab)|(ba))+d")
    with pytest.raises(EvaluationError) as caught:
        compiled.find(TEXT * 15 + "d")
    assert caught.value.code == "cost-exceeded"
