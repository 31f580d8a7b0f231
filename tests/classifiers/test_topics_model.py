"""The topics' weights: what is in them, what they came from, and what the card says of them."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from policyengine.errors import FactError
from policyengine.guards import _weights
from policyengine.guards._topic.custom import background
from policyengine.guards._topic.shipped import TOPICS, phrases, shipped
from policyengine.guards._topic.space import DIMENSIONS, vocabulary

FOLDER = Path(__file__).resolve().parents[2] / "classifiers" / "topics"
WEIGHTS = FOLDER / "weights"


@pytest.fixture(scope="module")
def rows() -> object:
    sys.path.insert(0, str(FOLDER))
    try:
        import own_rows
    finally:
        sys.path.remove(str(FOLDER))
    return own_rows


def test_manifest_names_every_file_and_its_sum() -> None:
    manifest = json.loads((WEIGHTS / "manifest.json").read_text())
    files = {path.name for path in WEIGHTS.iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == files
    for name, wanted in manifest["files"].items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == wanted


def test_weights_are_small_enough_for_a_wheel() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 4.5e6


def test_table_has_a_row_for_each_word_and_group_of_letters() -> None:
    known = vocabulary()
    size = len(_weights.read("topics", "table.i8"))
    assert size == (known.first_bucket + known.buckets) * DIMENSIONS
    assert max(known.rows.values()) < known.first_bucket
    assert min(known.rows.values()) == -1


def test_background_rows_are_unit_vectors() -> None:
    assert len(background()) >= 1_000
    assert all(abs(sum(x * x for x in row) - 1) < 1e-6 for row in background())


def test_scales_rise() -> None:
    assert len(shipped().scales) == len(TOPICS)
    for scale in shipped().scales:
        assert scale.five < scale.one < scale.tenth


def test_listed_phrases_speak_for_their_topics() -> None:
    assert all(weight > 0 for weight in shipped().phrase)
    for phrase, found in phrases().weights.items():
        assert phrase == " ".join(phrase.split()).lower()
        assert found


def test_missing_and_damaged_weights_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "topics"
    folder.mkdir()
    for path in WEIGHTS.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "heads.json").write_bytes(b"{}")
    (folder / "words.txt").unlink()
    with monkeypatch.context() as here:
        here.setattr(_weights, "_PLACES", (tmp_path, tmp_path))
        with pytest.raises(FactError, match="damaged"):
            _weights.read("topics", "heads.json")
        with pytest.raises(FactError, match="lacks"):
            _weights.read("topics", "words.txt")


def test_own_rows_spread_each_choice(rows: object) -> None:
    assert rows.spread_out("{a|b} and {1|2|3}") == ["a and 1", "b and 2", "a and 3"]  # type: ignore[attr-defined]
    assert rows.spread_out("plain") == ["plain"]  # type: ignore[attr-defined]


def test_every_shipped_topic_has_rows_on_it_and_near_misses(rows: object) -> None:
    found = rows.own_rows()  # type: ignore[attr-defined]
    for topic in TOPICS:
        assert sum(row.topic == topic for row in found) >= 50
        assert sum(row.topic is None and row.beside == topic for row in found) >= 15
    assert len({row.text for row in found}) > 1_200


def test_no_own_row_is_written_twice(rows: object) -> None:
    texts = [row.text for row in rows.own_rows()]  # type: ignore[attr-defined]
    assert len(texts) - len(set(texts)) <= len(texts) // 100


def test_card_gives_the_figures_of_the_report() -> None:
    card, report = (FOLDER / name for name in ("CARD.md", "report.json"))
    mean = json.loads(report.read_text())["few_shot_mean"]["sources outside training"]
    for figure in ("auc", "tpr_at_1"):
        assert f"{mean[figure]:.3f}" in card.read_text()
