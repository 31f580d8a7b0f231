"""What the names model learns from: labels made alike, other names, other cases."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "classifiers" / "ner"


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(f"ner_{name}", FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


@pytest.fixture(scope="module")
def rows() -> ModuleType:
    return _module("rows")


def names(row: object) -> list[str]:
    return [row.text[a:b] for a, b, _ in row.spans]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "place", "label", "left"),
    [
        ("said Sen. Clinton", (5, 17), "PERSON", ["Clinton"]),
        ("Dr. Mary Poe", (0, 12), "PERSON", ["Mary Poe"]),
        ("President", (0, 9), "PERSON", ["President"]),
        ("the Borrower pays", (4, 12), "PERSON", []),
        ("Bank", (0, 4), "ORGANIZATION", []),
        ("President Hotel", (0, 15), "LOCATION", ["President Hotel"]),
        ("Genscher's", (0, 10), "PERSON", ["Genscher"]),
        ("Ann Lee", (0, 7), "PERSON", ["Ann Lee"]),
    ],
)
def test_labels_mean_the_same(
    rows: ModuleType, text: str, place: tuple[int, int], label: str, left: list[str]
) -> None:
    assert names(rows.alike(rows.Row(text, ((*place, label),), "test"))) == left


@pytest.mark.parametrize("seed", range(20))
def test_other_names_stand_where_they_should(
    rows: ModuleType, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "first_names", lambda: ("Zoë", "Al"))
    monkeypatch.setattr(rows, "last_names", lambda: ("van Dyk",))
    spans = ((0, 3, "PERSON"), (8, 12, "LOCATION"), (17, 28, "PERSON"))
    row = rows.Row("Ann, to Oslo for Mary J. Poe!", spans, "test")
    other = rows.renamed(row, random.Random(seed))
    assert [label for _, _, label in other.spans] == ["PERSON", "LOCATION", "PERSON"]
    one, place, whole = names(other)
    assert one in {"Ann", "Zoë", "Al", "van Dyk"}
    assert place == "Oslo"
    assert whole in {"Mary J. Poe", "Zoë J. van Dyk", "Al J. van Dyk"}
    assert other.text == f"{one}, to Oslo for {whole}!"


def test_a_case_that_moves_places_is_left(rows: ModuleType) -> None:
    row = rows.Row("Straße Ann", ((7, 10, "PERSON"),), "test")
    assert rows.in_case(row, row.text.upper()) is row
    assert rows.in_case(row, row.text.lower()).text == "straße ann"


def test_other_words_change_and_names_stay(rows: ModuleType) -> None:
    row = rows.Row("often we visit Ann Lee because", ((15, 22, "PERSON"),), "test")
    assert rows.others(row, str.capitalize).text == "Often we Visit Ann Lee Because"
    assert rows.others(row, lambda word: word + "x") == row
    rng = random.Random(1)
    seen = {rows.others(row, lambda word: rows._misspelt(word, rng)).text for _ in range(200)}
    assert len(seen) > 5
    assert {text[15:22] for text in seen} == {"Ann Lee"}
    assert {len(text) for text in seen} == {len(row.text)}


def test_every_text_with_names_comes_in_every_round(
    rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "first_names", lambda: ("Al",))
    monkeypatch.setattr(rows, "last_names", lambda: ("Poe",))
    named = [rows.Row("Ann", ((0, 3, "PERSON"),), f"n{n}") for n in range(50)]
    others = [rows.Row("none", (), f"o{n}") for n in range(50)]
    sources = [row.source for row in rows.varied([*named, *others], random.Random(1))]
    assert {row.source for row in named} <= set(sources)
    assert 50 < len(sources) < 100


def test_places_in_addresses_count_neither_way(
    rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = _module("evaluate")
    place = {"start": 11, "end": 15, "type": "LOCATION"}
    person = {"start": 0, "end": 3, "type": "PERSON"}
    monkeypatch.setattr(evaluate.pii, "build", lambda asked: lambda texts: [place, person])
    row = rows.Row("Ann at 1 X Oslo", ((0, 3, "PERSON"),), "test")
    plain = evaluate.counts([row], {})
    assert plain == {"PERSON": [(1, 1, 1)], "LOCATION": [(0, 1, 0)], "ORGANIZATION": [(0, 0, 0)]}
    inside = rows.Row(row.text, row.spans, "test", ((7, 15),))
    assert evaluate.counts([inside], {})["LOCATION"] == [(0, 0, 0)]


def test_figures_have_an_interval_around_them() -> None:
    figures = _module("evaluate").figures([(1, 1, 1), (0, 1, 1), (1, 2, 1), (0, 0, 0)] * 10)
    assert figures["low"] < figures["f1"] < figures["high"]
    assert (figures["precision"], figures["recall"], figures["names"]) == (0.5, 0.667, 30)
