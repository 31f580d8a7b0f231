"""`policyengine tune` for `complexity`: quality against cost on recorded requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from policyengine.cli import main

BUNDLE = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.request: allow}
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p, owner: me}
on: [llm.request]
rules:
  - id: hard-goes-up
    complexity: hard
    tag: [strong]
  - id: cheap
    complexity: {level: routine, threshold: 0.5}
    tag: [cheap]
  - id: writes-code
    task: [code]
    tag: [code]
  - id: word
    words: [x]
    deny: No.
"""
HARD = "Analyse the {} for vulnerabilities, step by step, and prove that each finding is real. "
ROUTINE = "What time is it in {}?"
PLACES = ["Tokyo", "Lima", "Oslo", "Rome", "Paris", "Cairo", "Quito", "Delhi", "Accra", "Minsk"]


def recorded(prompt: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"input": {"request": {"model": "m", "messages": messages}}, **more}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "bundle.yaml").write_text(BUNDLE)
    (folder / "p.yaml").write_text(POLICY)
    rows = [recorded(HARD.format(place) * 5, label="hard") for place in PLACES]
    rows += [recorded(ROUTINE.format(place), label="routine") for place in PLACES]
    # One that is short and was hard all the same.
    rows += [recorded("Who was first?", label="hard")]
    write(tmp_path, rows)
    return folder


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))


def run(bundle: Path, *arguments: str) -> Result:
    data = str(bundle.parent / "data.jsonl")
    return CliRunner().invoke(main, ["tune", str(bundle), "--data", data, *arguments])


def test_it_shows_cost_against_quality(bundle: Path) -> None:
    done = run(bundle, "--rule", "hard-goes-up")
    assert done.exit_code == 0, done.output
    assert "11 hard requests, 10 routine" in done.output
    assert "0.476 (0.283-0.676)   0.909 (0.623-0.984)   1.000 (0.722-1.000)   <- proposed" in (
        done.output
    )
    assert "now 0.4: sent 0.476" in done.output
    assert "share sent to the strong model" in done.output


def test_a_share_that_only_all_requests_reach(bundle: Path) -> None:
    told = json.loads(
        run(bundle, "--rule", "cheap", "--min-recall", "1", "--format", "json").stdout
    )
    assert told["proposed"]["threshold"] == 0.0
    assert told["proposed"]["matched"]["value"] == 1.0
    assert (told["min_recall"], told["max_false_positives"]) == (1.0, None)


def test_false_positives_choose_where_they_are_asked_for(bundle: Path) -> None:
    done = run(bundle, "--rule", "hard-goes-up", "--max-false-positives", "0", "--format", "json")
    assert json.loads(done.stdout)["proposed"]["recall"]["value"] == pytest.approx(10 / 11)


@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ("hard-goes-up", "    complexity: {level: hard, threshold: "),
        ("cheap", "    complexity: {level: routine, threshold: "),
    ],
)
def test_it_writes_the_threshold_with_its_evidence(bundle: Path, rule: str, clause: str) -> None:
    done = run(bundle, "--rule", rule, "--write")
    assert done.exit_code == 0, done.output
    text = (bundle / "p.yaml").read_text()
    assert clause in text
    assert "by 21 requests," in text
    assert "# tuned   hard ones caught 0.909 (0.623-0.984)," in text
    assert "# tuned   sent to the strong model 0.476 (0.283-0.676)" in text
    assert CliRunner().invoke(main, ["check", str(bundle)]).exit_code == 0


def test_scores_of_the_cheap_model_are_labels(bundle: Path) -> None:
    rows = [{"text": HARD.format(one) * 5, "score": 0.4} for one in PLACES]
    write(bundle.parent, [*rows, *({"text": ROUTINE.format(p), "score": 0.7} for p in PLACES)])
    assert "10 hard requests, 10 routine" in run(bundle, "--rule", "hard-goes-up").output
    strict = run(bundle, "--rule", "hard-goes-up", "--good-enough", "0.9")
    assert "no text is harmless" in strict.output


def test_a_task_is_tuned_by_its_score(bundle: Path) -> None:
    rows = [
        {"text": f"Write a Python script that prints {one}.", "label": "code"} for one in PLACES
    ]
    write(bundle.parent, [*rows, *({"text": ROUTINE.format(p), "label": "no"} for p in PLACES)])
    done = run(bundle, "--rule", "writes-code", "--label", "code", "--min-recall", "1", "--write")
    assert done.exit_code == 0, done.output
    assert "task: {any: [code], min_score: 0.95}" in (bundle / "p.yaml").read_text()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "a", "score": 2}, "a score is a number from 0 to 1"),
        ({"text": "a", "score": True}, "a score is a number from 0 to 1"),
        ({"input": "a", "label": "hard"}, "a row is an object with `text`"),
        ({"text": "a", "label": "easy"}, "no text has the label `hard`"),
        (recorded("a", label="routine"), "no text has the label `hard`"),
    ],
)
def test_rows_that_do_not_fit(bundle: Path, row: dict[str, Any], message: str) -> None:
    write(bundle.parent, [row])
    done = run(bundle, "--rule", "hard-goes-up")
    assert done.exit_code == 2
    assert message in done.output


def test_two_wishes_are_refused(bundle: Path) -> None:
    done = run(bundle, "--rule", "cheap", "--min-recall", "1", "--max-false-positives", "0")
    assert done.exit_code == 2
    assert "give one" in done.output


def test_a_guard_over_texts_reads_no_requests(bundle: Path) -> None:
    clause = "secrets: {kinds: [PASSWORD], min_score: 0.1}"
    (bundle / "p.yaml").write_text(POLICY.replace("words: [x]", clause))
    done = run(bundle, "--rule", "word")
    assert done.exit_code == 2
    assert "the guard reads texts: rows need a `text`" in done.output
