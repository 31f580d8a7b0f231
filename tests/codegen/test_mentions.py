"""Texts searched for together are those that `in` finds one by one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyengine.codegen.mentions import LEAST_IN_BLOCKS, LEAST_MEMBERS, tables
from policyengine.values.mentions import Mentions

WORDS = [f"secret word {n}." for n in range(40)]
# Parts of each other, some beyond ASCII, some too short for blocks.
LETTERS = st.text("ab é\ud800\U0001f600", min_size=1, max_size=14)
# Texts of one family, and texts that have nothing in common.
TEXTS = st.lists(
    st.one_of(LETTERS, st.builds("{}secret{}".format, LETTERS, LETTERS), st.sampled_from(WORDS)),
    unique=True,
    max_size=80,
)


def found(texts: list[str], text: str) -> list[str]:
    return sorted(Mentions(*tables(texts))(text))


@given(TEXTS, st.lists(st.one_of(LETTERS, st.sampled_from(WORDS)), max_size=12))
@example(["a" * n for n in range(1, 40)], ["a" * 39])
@example(["secret" + "a" * n for n in range(40)], ["secret" * 30, "secretaaa"])
@example([f"{n:07}" for n in range(40)], ["0000000", "000000100000039"])
def test_what_is_found_is_what_in_finds(texts: list[str], parts: list[str]) -> None:
    for text in ("".join(parts), "".join(texts), " ".join(texts[:3])):
        assert found(texts, text) == sorted(each for each in texts if each in text)


def test_texts_with_a_part_in_common_are_one_family() -> None:
    ((part, places, texts),), by_blocks, others = tables(WORDS)
    assert part == "secret word "
    assert places == ((0, 14), (0, 15))
    assert sorted(texts) == sorted(WORDS)
    assert by_blocks == others == ()


def test_texts_with_nothing_in_common_are_found_by_blocks() -> None:
    texts = [chr(0x100 + 9 * n) * 5 for n in range(LEAST_IN_BLOCKS)]
    assert tables([*texts, "short"]) == ((), tuple(texts), ("short",))
    assert found(texts, "x" + texts[3] + "y" + texts[5]) == sorted([texts[3], texts[5]])


def test_few_texts_are_looked_for_one_by_one() -> None:
    few = WORDS[: LEAST_MEMBERS - 1]
    assert tables(few) == ((), (), tuple(few))


@pytest.mark.parametrize("number", range(0, 40, 7))
def test_many_places_of_the_common_part_are_no_way_to_hide(number: int) -> None:
    text = "secret word " * 200 + WORDS[number]
    assert found(WORDS, text) == [w for w in WORDS if w in text]
