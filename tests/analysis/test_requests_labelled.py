"""Recorded requests as labelled rows, and what a threshold sends to the strong model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policyengine.analysis.labelled import LabelError, read_labelled
from policyengine.analysis.rates import Counts
from policyengine.analysis.sweep import sweep

REQUEST = {"request": {"messages": [{"role": "user", "content": "Hi"}]}}


def read(*rows: Any, good_enough: float = 0.5) -> list[Any]:
    data = "\n".join(map(json.dumps, rows)).encode()
    return list(read_labelled(data, "a.jsonl", good_enough).rows)


def test_a_row_may_be_a_whole_request() -> None:
    [row] = read({"input": REQUEST, "label": "hard"})
    assert (row.input, row.text, row.labels) == (REQUEST, "", frozenset({"hard"}))


@pytest.mark.parametrize(
    ("score", "good_enough", "label"),
    [(0.49, 0.5, "hard"), (0.5, 0.5, "routine"), (0.8, 0.9, "hard"), (0, 0.0, "routine")],
)
def test_scores_of_the_cheap_model_are_labels(score: float, good_enough: float, label: str) -> None:
    [row] = read({"text": "Hi", "score": score}, good_enough=good_enough)
    assert row.labels == {label}


@pytest.mark.parametrize("row", [{"input": REQUEST}, {"input": [], "label": 1}, {"text": "a"}])
def test_rows_without_a_label_or_a_request_are_refused(row: Any) -> None:
    with pytest.raises(LabelError):
        read(row)


def test_the_least_threshold_that_finds_enough() -> None:
    found = sweep([(0.9, True), (0.8, False), (0.5, True), (0.1, True), (-1.0, False)])
    steps = [found.least(share) for share in (0.0, 0.3, 0.5, 1.0)]
    assert [step.threshold for step in steps if step] == [0.9, 0.9, 0.5, 0.1]
    assert sweep([(-1.0, True), (0.5, False)]).least(0.5) is None


def test_what_is_matched_is_counted_among_all() -> None:
    counts = Counts(found=2, missed=1, false_alarms=3, passed=4)
    assert (counts.matched.hits, counts.matched.total) == (5, 10)
