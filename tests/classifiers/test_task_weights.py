"""The shipped weights of the classifier `task`, and the rows that it is made and measured with."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from policyengine.errors import FactError
from policyengine.guards import _weights, task
from policyengine.guards._task import model
from policyengine.guards._task.asked import Asked
from policyengine.guards._task.model import KINDS
from policyengine.guards._task.reading import Reading

FOLDER = Path(__file__).resolve().parents[2] / "classifiers" / "task"
WEIGHTS = FOLDER / "weights"


@pytest.fixture(scope="module")
def rows() -> ModuleType:
    spec = importlib.util.spec_from_file_location("task_rows", FOLDER / "rows.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look for it there.
    sys.modules["task_rows"] = module
    spec.loader.exec_module(module)
    return module


def test_sums_are_those_of_the_manifest() -> None:
    manifest = json.loads((WEIGHTS / "manifest.json").read_text())
    assert set(manifest["files"]) == {path.name for path in WEIGHTS.iterdir()} - {"manifest.json"}
    for name, total in manifest["files"].items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == total
    own = hashlib.sha256((FOLDER / "own.txt").read_bytes()).hexdigest()
    assert manifest["data"]["own.txt"] == own, "train anew: own.txt has changed"


def test_weights_are_less_than_half_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 500_000


def test_damaged_files_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: str, file: str) -> bytes:
        return b"{}" if file == "head.json" else (WEIGHTS / file).read_bytes()

    monkeypatch.setattr(_weights, "read", read)
    model.shipped.cache_clear()
    try:
        with pytest.raises(FactError) as error:
            model.shipped()
    finally:
        model.shipped.cache_clear()
    assert error.value.code == "model-damaged"


def test_the_exam_has_all_kinds_and_seven_languages(rows: ModuleType) -> None:
    exam = rows.exam_rows()
    assert len(exam) >= 200
    assert len({row.text for row in exam}) == len(exam)
    assert min(Counter(row.kind for row in exam).values()) >= 15
    assert {row.kind for row in exam} == set(KINDS)
    assert {"de", "en", "es", "fr", "ja", "pt", "zh"} == {row.lang for row in exam}
    said = [json.loads(line) for line in (FOLDER / "exam.jsonl").read_text().splitlines()]
    assert {(row["origin"], row["licence"]) for row in said} == {("own", "Apache-2.0")}


def test_no_row_of_the_exam_is_trained_on(rows: ModuleType) -> None:
    own = {row.text.lower() for row in rows.own_rows()}
    assert own.isdisjoint(row.text.lower() for row in rows.exam_rows())
    assert {row.kind for row in rows.own_rows()} == set(KINDS)


def test_lines_are_spread_without_growing_by_products(rows: ModuleType) -> None:
    assert rows.spread_out("{a|b} {c|d|e}") == ["a c", "b d", "a e"]
    assert rows.spread_out("plain") == ["plain"]


def test_the_fact_is_right_about_most_of_the_exam(rows: ModuleType) -> None:
    right = 0
    for row in rows.exam_rows():
        input = {"request": {"messages": [{"role": "user", "content": row.text}]}}
        best = max(task.kinds(Asked.of(input)), key=lambda found: found[1])
        right += best[0] == row.kind
    assert right >= 0.9 * len(rows.exam_rows())


@pytest.mark.parametrize("fold", ["upper", "fullwidth"])
def test_letters_that_look_alike_are_read_alike(fold: str) -> None:
    text = "write a python script that sorts a list"
    other = (
        text.upper()
        if fold == "upper"
        else "".join(chr(ord(c) + 0xFEE0) if c > " " else c for c in text)
    )
    assert Reading.of(other).ruled() == Reading.of(text).ruled()
    assert model.shipped().raw(Reading.of(other).words) == model.shipped().raw(text)
