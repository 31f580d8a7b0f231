"""Tests of rates: a rule must tell labelled texts apart as well as the suite says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policyengine.output.pretty import render_tests
from policyengine.testing import CaseResult, run

BUNDLE = {
    "bundle.yaml": """
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.request: allow, tool.result: allow}
""",
    "p.yaml": """
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p, owner: me}
on: [llm.request, tool.result]
rules:
  - id: word
    words: [bad, worse]
    deny: No.
""",
    "data/texts.jsonl": "\n".join(
        json.dumps({"text": text, "label": label})
        for text, label in [
            ("bad", 1), ("so bad", "rude"), ("worse", 1), ("awful", 1), ("good", 0),
            ("not bad at all", 0), ("fine", 0), ("nice", 0),
        ]
    ),
}  # fmt: skip
SUITE = """
apiVersion: policyengine.dev/v1
kind: TestSuite
name: s
point: llm.request
rates:
  - name: r
    data: data/texts.jsonl
    rule: word
"""


def results(tmp_path: Path, suite: str, **files: str) -> tuple[list[CaseResult], Any]:
    for name, text in {**BUNDLE, **files, "tests/s.yaml": SUITE + suite}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = run(tmp_path)
    return list(found.cases), found


def test_rates_that_are_met(tmp_path: Path) -> None:
    [case], found = results(
        tmp_path,
        """\
    expect:
      recall: {at_least: 0.75}
      precision: {at_least: 0.7, at_most: 0.8}
      false_positive_rate: {at_most: 0.25}
""",
    )
    assert (case.outcome, found.ok) == ("passed", True)
    assert case.rates is not None
    counts = (case.rates.found, case.rates.missed, case.rates.false_alarms, case.rates.passed)
    assert counts == (3, 1, 1, 3)
    assert case.to_dict()["rates"]["recall"]["value"] == 0.75


def test_a_rate_that_is_missed_says_which_and_where(tmp_path: Path) -> None:
    [case], found = results(tmp_path, "    expect: {recall: {at_least: 0.8}}\n")
    assert (case.outcome, found.ok) == ("failed", False)
    [wrong] = case.differences
    assert (wrong.what, wrong.expected) == ("recall", {"at_least": 0.8})
    assert wrong.actual == "0.750 (0.301-0.954)"
    assert wrong.span.line == 10


def test_the_whole_interval_may_be_asked_for(tmp_path: Path) -> None:
    [case], _ = results(tmp_path, "    sure: true\n    expect: {recall: {at_least: 0.75}}\n")
    assert case.outcome == "failed"


def test_labels_choose_what_is_looked_for(tmp_path: Path) -> None:
    [case], _ = results(tmp_path, "    labels: [rude]\n    expect: {recall: {at_least: 1}}\n")
    assert case.outcome == "passed"


def test_a_text_stands_where_the_input_says(tmp_path: Path) -> None:
    shape = "    point: tool.result\n    input: {result: {content: ['see: ${text}']}}\n"
    [case], _ = results(tmp_path, shape + "    expect: {recall: {at_least: 0.75}}\n")
    assert case.outcome == "passed"


@pytest.mark.parametrize(
    ("suite", "files", "message"),
    [
        ("    expect: {}\n", {}, "`expect` says nothing"),
        (
            "    input: {request: {model: m}}\n    expect: {recall: {at_least: 1}}\n",
            {},
            "`input` says nowhere `${text}`",
        ),
        (
            "    expect: {recall: {at_least: 1}}\n",
            {"data/texts.jsonl": '{"text": 1}'},
            "texts.jsonl:1: a row is an object with `text`",
        ),
    ],
)
def test_what_cannot_be_measured_is_an_error(
    tmp_path: Path, suite: str, files: dict[str, str], message: str
) -> None:
    [case], found = results(tmp_path, suite, **files)
    assert (case.outcome, found.ok) == ("error", False)
    assert message in case.message


def test_names_that_do_not_exist(tmp_path: Path) -> None:
    suite = SUITE.replace("rule: word", "rule: words") + "    expect: {recall: {at_least: 1}}\n"
    [case], _ = _named(tmp_path, suite)
    assert case.message == "the bundle has no rule `words`; did you mean `word`?"


def _named(tmp_path: Path, suite: str) -> tuple[list[CaseResult], Any]:
    for name, text in {**BUNDLE, "tests/s.yaml": suite}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = run(tmp_path)
    return list(found.cases), found


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    suite = SUITE.replace("texts.jsonl", "other.jsonl") + "    expect: {recall: {at_least: 1}}\n"
    [case], _ = _named(tmp_path, suite)
    assert case.outcome == "error"
    assert "other.jsonl" in case.message


def test_a_path_out_of_the_bundle_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (tmp_path / "outside.jsonl").write_text('{"text": "bad", "label": 1}')
    suite = SUITE.replace("data/texts.jsonl", "../outside.jsonl")
    [case], _ = _named(folder, suite + "    expect: {recall: {at_least: 1}}\n")
    assert case.outcome == "error"


def test_what_was_measured_is_shown(tmp_path: Path) -> None:
    _, found = results(tmp_path, "    expect: {recall: {at_least: 0.75}}\n")
    told = "ok  r: recall 0.750 (0.301-0.954), false positives 0.250 (0.046-0.699)"
    assert told in render_tests(found)
