"""The shipped weights of the names model: whole, small, plain numbers, and refused when damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from policyengine.errors import FactError
from policyengine.guards import _weights
from policyengine.guards._pii import name_model

FOLDER = Path(__file__).resolve().parents[2] / "classifiers" / "ner" / "weights"


def test_sums_are_those_of_the_manifest() -> None:
    files = json.loads((FOLDER / "manifest.json").read_text())["files"]
    assert set(files) == set(name_model.FILES)
    assert set(files) == {path.name for path in FOLDER.iterdir()} - {"manifest.json"}
    for name, total in files.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == total


def test_weights_are_less_than_eight_megabytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 8_000_000


def test_the_table_has_a_row_for_each_word() -> None:
    words = (FOLDER / "words.txt").read_text("utf-8").split("\n")
    assert len(set(words)) == len(words)
    assert (FOLDER / "words.i8").stat().st_size == len(words) * name_model.DIMENSIONS


def test_scores_are_chances() -> None:
    scores = name_model.scores()
    assert set(scores) == {
        (label, form) for label in name_model.LABELS for form in name_model.FORMS
    }
    assert all(0 < score < 1 for score in scores.values())
    assert scores["PERSON", "several"] > scores["PERSON", "small"]


def _damaged(file: str) -> Any:
    def read(_: str, name: str) -> bytes:
        content = (FOLDER / name).read_bytes()
        if name != file:
            return content
        return b"{}" if name.endswith(".json") else content[:-2]

    return read


@pytest.mark.parametrize("file", [name for name in name_model.FILES if name != "words.txt"])
def test_weights_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    pytest.importorskip("spacy")
    monkeypatch.setattr(_weights, "read", _damaged(file))
    with pytest.raises(FactError) as error:
        name_model.load()
    assert error.value.code == "model-damaged"


def test_numbers_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("spacy")

    def read(_: str, name: str) -> bytes:
        content = (FOLDER / name).read_bytes()
        return b"\xff" * len(content) if name == "numbers.f16" else content

    monkeypatch.setattr(_weights, "read", read)
    with pytest.raises(FactError) as error:
        name_model.load()
    assert error.value.code == "model-damaged"


def test_without_spacy_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(FactError, match=r"policyengine-gateway\[pii\]") as error:
        name_model.load()
    assert error.value.code == "model-missing"


def test_loading_twice_gives_the_same_answers() -> None:
    pytest.importorskip("spacy")
    text = "Jennifer Thompson moved from Berlin to Oslo."
    first, second = ([(e.text, e.label_) for e in name_model.load()(text).ents] for _ in range(2))
    assert first == second != []
