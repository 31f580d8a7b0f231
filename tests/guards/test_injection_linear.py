"""The hashed linear scorer: with numpy and without it, window by window."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.guards import _linear
from policyengine.guards._linear import BUCKETS, Linear

numpy = pytest.importorskip("numpy")

MODEL = Linear(random.Random(1).randbytes(BUCKETS), 0.01, -2.0)


def slowly(model: Linear, text: str, monkeypatch: pytest.MonkeyPatch) -> _linear.Scored:
    with monkeypatch.context() as patch:
        patch.setattr(_linear, "_found", [None])
        return model.scored(text)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=400),
        st.text(alphabet="ab 1\n.é", min_size=100, max_size=900),
        st.lists(st.sampled_from(["the", "a1", "  ", "ж", "!!!!", "word"]), max_size=200).map(
            " ".join
        ),
    )
)
def test_both_ways_give_the_same(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        slow = slowly(MODEL, text, patch)
    fast = MODEL.scored(text)
    assert [(w.start, w.end) for w in fast.windows] == [(w.start, w.end) for w in slow.windows]
    assert [w.score for w in fast.windows] == pytest.approx([w.score for w in slow.windows])
    assert fast.whole == pytest.approx(slow.whole)


def test_windows_cover_the_text_and_overlap_by_half() -> None:
    text = "some words of a text " * 50
    windows = MODEL.scored(text).windows
    assert windows[0].start == 0
    assert windows[-1].end == len(text)
    assert all(w.end - w.start <= 2 * _linear.BLOCK for w in windows)
    assert all(b.start < a.end for a, b in pairwise(windows))


def test_case_digits_spaces_and_repeats_do_not_matter() -> None:
    one = MODEL.scored("Call me at 555 now!!!").whole
    assert MODEL.scored("call  ME\tat 918 now!!!!!!!").whole == pytest.approx(one)
    assert MODEL.scored("call me at work now!!!").whole != pytest.approx(one)


def test_words_of_equal_letters_differ() -> None:
    assert MODEL.scored("abc").whole != MODEL.scored("cba").whole


@pytest.mark.parametrize("tail", ["", "!", "!?", "a", "ab", "abc"])
@pytest.mark.parametrize("length", [0, 1, 2, 149, 150, 151, 299, 300, 301])
def test_ends_of_blocks_are_no_special_case(
    length: int, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ("ab cd. " * 60)[:length] + tail
    fast, slow = MODEL.scored(text), slowly(MODEL, text, monkeypatch)
    assert [w.score for w in fast.windows] == pytest.approx([w.score for w in slow.windows])
    assert fast.whole == pytest.approx(slow.whole)


def test_an_empty_text_has_no_window() -> None:
    assert MODEL.scored("").windows == []
    assert MODEL.scored("").whole == MODEL.bias


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "wrong size"),
        (MODEL.file()[:-1], "wrong size"),
        (b"X" + MODEL.file()[1:], "wrong head"),
        (Linear(MODEL.weights, float("nan"), 0.0).file(), "no finite numbers"),
    ],
)
def test_other_files_are_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Linear.of(content)
