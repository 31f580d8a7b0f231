"""Labelled texts, rates, sweeps."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from policyengine.analysis.labelled import LabelError, read_labelled
from policyengine.analysis.rates import Counts, Rate
from policyengine.analysis.sweep import calibration, sweep


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        ('{"text": "a", "label": 1}', {"1"}),
        ('{"text": "a", "label": true}', {"1"}),
        ('{"text": "a", "label": 0}', set()),
        ('{"text": "a", "label": false}', set()),
        ('{"text": "a", "label": "none"}', set()),
        ('{"text": "a", "label": "medical"}', {"medical"}),
        ('{"text": "a", "label": ["hate", "violence"]}', {"hate", "violence"}),
        ('{"text": "a", "label": []}', set()),
        ('{"text": "a", "spans": [{"label": "PERSON", "start": 0, "end": 1}]}', {"PERSON"}),
        ('{"text": "a", "spans": []}', set()),
    ],
)
def test_labels(row: str, labels: set[str]) -> None:
    for data in (row.encode(), gzip.compress(row.encode())):
        [found] = read_labelled(data, "x").rows
        assert found.labels == labels


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x: there are no rows"),
        (b"\n\n", "x: there are no rows"),
        (b'{"text": "a", "label": 0}\n{oops', "x:2: this is not JSON in UTF-8"),
        (b'{"text": "\xff", "label": 0}', "x:1: this is not JSON in UTF-8"),
        (b"[" * 100_000, "x:1: this is not JSON in UTF-8"),
        (b"[]", "x:1: a row is an object with `text`"),
        (b'{"text": 1, "label": 0}', "x:1: a row is an object with `text`"),
        (b'{"text": "a"}', "x:1: the row has neither `label` nor `spans`"),
        (b'{"text": "a", "label": 0.5}', "x:1: a label is a name, 0 or 1, or a list of names"),
        (b'{"text": "a", "spans": 3}', "x:1: `spans` is a list of objects with `label`"),
        (
            gzip.compress(b'{"text": "a", "label": 0}', mtime=0)[:-4],
            "x: this is no whole gzip file",
        ),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_cannot_be_read_says_where(data: bytes, message: str) -> None:
    with pytest.raises(LabelError) as caught:
        read_labelled(data, "x")
    assert str(caught.value) == message


def test_counts_and_rates() -> None:
    counts = Counts.of(
        [(True, True)] * 8 + [(True, False)] * 2 + [(False, True)] + [(False, False)] * 9
    )
    assert (counts.recall, counts.precision) == (Rate(8, 10), Rate(8, 9))
    assert counts.false_positive_rate == Rate(1, 10)
    assert str(counts.recall) == "0.800 (0.490-0.943)"
    assert str(Counts().recall) == "unknown"


@given(st.integers(0, 50), st.integers(0, 50))
@example(0, 3)
def test_intervals_hold_their_rate(hits: int, more: int) -> None:
    rate = Rate(hits, hits + more)
    assume(rate.total)
    low, high = rate.interval
    assert 0 <= low <= (rate.value or 0.0) <= high <= 1


SCORED = st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()))


@given(SCORED, st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]))
def test_a_sweep_counts_as_judging_with_each_threshold_does(
    scored: list[tuple[float, bool]], threshold: float
) -> None:
    expected = Counts.of((positive, score >= threshold) for score, positive in scored)
    assert sweep(scored).at(threshold) == expected


@given(SCORED)
def test_the_area_is_how_often_a_hit_scores_higher(scored: list[tuple[float, bool]]) -> None:
    hits = [score for score, positive in scored if positive]
    others = [score for score, positive in scored if not positive]
    auc = sweep(scored).auc
    if not hits or not others:
        assert auc is None
        return
    wins = sum((hit > other) + 0.5 * (hit == other) for hit in hits for other in others)
    assert auc == pytest.approx(wins / (len(hits) * len(others)))


def test_the_best_threshold_finds_most_within_the_rate() -> None:
    found = sweep([(0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, False)])
    best = found.best(0.34)
    assert best is not None
    assert (best.threshold, best.counts.recall.value) == (0.7, 1.0)
    strict = found.best(0.0)
    assert strict is not None
    assert strict.threshold == 0.9
    assert sweep([(0.9, False), (0.8, True)]).best(0.0) is None


def test_calibration_by_ranges() -> None:
    bins = calibration([(0.05, False), (0.95, True), (1.0, True), (-1.0, False)])
    assert [(one.low, one.right.hits, one.right.total) for one in bins] == [
        (0.0, 0, 1),
        (0.9, 2, 2),
    ]


def test_empty_lines_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyengine.analysis.json_lines.MAX_ROWS", 10)
    row = b'{"text": "a", "label": 0}'
    assert len(read_labelled(b"\n" * 9 + row, "a").rows) == 1
    with pytest.raises(LabelError, match="a:11: there are more than 10 lines"):
        read_labelled(b"\n" * 10 + row, "a")
