"""The key `names` of the guard `pii`: which model finds names, and what a bundle can't do by it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from policyengine.errors import FactError
from policyengine.guards import pii
from policyengine.guards._pii import names
from policyengine.guards._pii.table import ALIASES
from policyengine.plugins import Texts

SHIPPED = {"entities": ["PERSON", "LOCATION"], "names": "shipped"}


def found(value: dict[str, Any], text: str) -> list[tuple[str, str]]:
    findings = pii.build(pii.normal(value))([("field", text)])
    return [(f["type"], text[f["start"] : f["end"]]) for f in findings]


@pytest.mark.parametrize("entity", sorted(names.ENTITIES))
def test_without_a_model_a_name_is_an_error_that_says_how(entity: str) -> None:
    with pytest.raises(ValueError, match="`names: shipped`"):
        pii.build(pii.normal([entity]))


def test_a_model_that_nobody_needs_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of PERSON"):
        pii.build(pii.normal({"entities": ["US_SSN"], "names": "shipped"}))


def test_another_entity_without_form_stays_an_error() -> None:
    with pytest.raises(ValueError, match="no form of its own"):
        pii.build(pii.normal({"entities": ["NRP"], "names": "shipped"}))


@pytest.mark.parametrize(
    ("said", "scores"),
    [
        ({}, {"ORGANIZATION": 0.3}),
        ({"min_scores": {"ORGANIZATION": 0.4}}, {"ORGANIZATION": 0.4}),
        ({"min_scores": {"PERSON": 0.7}}, {"ORGANIZATION": 0.3, "PERSON": 0.7}),
        ({"min_score": 0.5}, {}),
        ({"names": {"spacy": "en_core_web_sm"}}, {}),
    ],
)
def test_organisations_have_a_least_score_of_their_own(
    said: dict[str, Any], scores: dict[str, float]
) -> None:
    value = {"entities": ["PERSON", "ORGANIZATION"], "names": "shipped", **said}
    assert pii.normal(value)["min_scores"] == scores


def test_an_alias_is_a_name() -> None:
    assert ALIASES["NAME"] == "PERSON"
    assert pii.types(pii.normal({"entities": ["NAME"], "names": "shipped"})) == ["PERSON"]


def test_a_model_makes_a_question_dear() -> None:
    plain = pii.cost(pii.normal(["US_SSN"]))
    assert plain < pii.cost(pii.normal(SHIPPED))
    by_transformers = {**SHIPPED, "names": {"transformers": "x"}}
    assert pii.cost(pii.normal(SHIPPED)) < pii.cost(pii.normal(by_transformers))


@pytest.mark.parametrize(
    "value",
    ["spacy", {"spacy": "os.path"}, {"spacy": "../x"}, {"spacy": "en"}, {}, {"shipped": "x"}, 1],
)
def test_what_is_no_model_is_refused_when_the_bundle_is_read(value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"entities": ["PERSON"], "names": value}, pii.SCHEMA)


def test_a_package_that_calls_itself_no_model_is_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spacy = pytest.importorskip("spacy")
    monkeypatch.setattr(spacy, "load", None)
    with pytest.raises(FactError, match="not installed") as error:
        found({"entities": ["PERSON"], "names": {"spacy": "en_none_such"}}, "Ann Lee")
    assert error.value.code == "model-missing"


def test_an_installed_spacy_model_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "GPE", "pattern": "Oslo"},
            {"label": "PER", "pattern": "Ann Lee"},
            {"label": "PRODUCT", "pattern": "Widget"},
        ]
    )
    entry = importlib.metadata.EntryPoint("xx_test_model", "xx_test_model", "spacy_models")
    monkeypatch.setattr(names, "entry_points", lambda **asked: [entry] if asked["name"] else [])
    monkeypatch.setattr(spacy, "load", lambda name, exclude: nlp)
    value = {"entities": ["PERSON", "LOCATION"], "names": {"spacy": "xx_test_model"}}
    text = "Ann Lee took a Widget to Oslo"
    assert found(value, text) == [("PERSON", "Ann Lee"), ("LOCATION", "Oslo")]


def test_a_transformers_model_lies_where_the_host_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    value = {"entities": ["PERSON"], "names": {"transformers": "../../etc"}}
    monkeypatch.delenv("POLICYENGINE_MODEL_PATH", raising=False)
    with pytest.raises(FactError) as error:
        found(value, "Ann Lee")
    assert error.value.code == "model-not-allowed"
    monkeypatch.setenv("POLICYENGINE_MODEL_PATH", str(tmp_path))
    with pytest.raises(FactError) as error:
        found(value, "Ann Lee")
    assert error.value.code == "model-missing"


def test_findings_of_transformers_become_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def classify(text: str) -> list[dict[str, Any]]:
        start = text.find("Ann")
        return [
            {"entity_group": "PER", "score": 0.93, "start": start, "end": start + 7},
            {"entity_group": "MISC", "score": 0.9, "start": 0, "end": 1},
        ]

    look = names._Transformers(classify, names.Lock())
    monkeypatch.setitem(names._MAKERS, "transformers", lambda name: look)  # type: ignore[arg-type]
    value = {"entities": ["PERSON"], "names": {"transformers": "test-findings"}}
    assert found(value, "of Ann Lee") == [("PERSON", "Ann Lee")]


@pytest.mark.parametrize(
    ("found_there", "code"),
    [
        ([{"entity_group": "PER", "score": 0.9, "start": None, "end": None}], "model-malformed"),
        (RuntimeError("Ann Lee"), "model-failed"),
    ],
)
def test_a_transformers_model_that_fails_is_an_error(found_there: Any, code: str) -> None:
    def classify(text: str) -> Any:
        if isinstance(found_there, Exception):
            raise found_there
        return found_there

    with pytest.raises(FactError) as error:
        list(names._Transformers(classify, names.Lock())("Ann Lee", lambda: None))
    assert error.value.code == code
    assert "Ann" not in str(error.value)


HITS = [
    ("PERSON", "My name is Jennifer Thompson and I need help.", "Jennifer Thompson"),
    ("PERSON", "Dear Mr. Schmidt, thank you for the letter.", "Schmidt"),
    ("PERSON", "Please forward this to Priya Sharma today.", "Priya Sharma"),
    ("LOCATION", "She moved from Berlin to another town.", "Berlin"),
    ("LOCATION", "The weather in South Africa is fine.", "South Africa"),
]
MISSES = [
    "Please reset the password of the account.",
    "for i in range(10): print(i)",
    "What is the capital gains tax rate?",
    "{}",
    "",
    "   \n\n\t",
]


@pytest.mark.parametrize(("kind", "text", "what"), HITS)
def test_the_shipped_model_finds(kind: str, text: str, what: str) -> None:
    pytest.importorskip("spacy")
    assert (kind, what) in found(SHIPPED, text)


@pytest.mark.parametrize("text", MISSES)
def test_the_shipped_model_finds_nothing_in(text: str) -> None:
    pytest.importorskip("spacy")
    assert found(SHIPPED, text) == []


@pytest.mark.parametrize("text", ["(" * 9_000, "a." * 5_000, "\ud800 " * 4_000, "Ann " * 3_000])
def test_hostile_texts_are_read(text: str) -> None:
    pytest.importorskip("spacy")
    for finding in pii.build(pii.normal(SHIPPED))([("field", text)]):
        assert 0 <= finding["start"] < finding["end"] <= len(text)


def test_places_of_a_long_text_are_those_of_the_text() -> None:
    pytest.importorskip("spacy")
    text = "nothing here. " * 400 + "My name is Jennifer Thompson."
    assert ("PERSON", "Jennifer Thompson") in found(SHIPPED, text)


def test_the_clock_is_asked() -> None:
    pytest.importorskip("spacy")
    with pytest.raises(FactError) as error:
        pii.build(pii.normal(SHIPPED))(Texts([("field", "Ann Lee")], deadline=0.0))
    assert error.value.code == "fact-timeout"


@pytest.fixture
def tiny_transformer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token classifier's folder, its numbers drawn by lot."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    folder = tmp_path / "tiny"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ann", "lee", "of", "##x"]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=64,
        id2label={0: "B-PER", 1: "B-LOC"},
        label2id={"B-PER": 0, "B-LOC": 1},
    )
    transformers.BertForTokenClassification(config).save_pretrained(folder)
    monkeypatch.setenv("POLICYENGINE_MODEL_PATH", str(tmp_path))
    return "tiny"


@pytest.mark.filterwarnings("default")
def test_a_transformers_model_is_loaded_from_its_folder(tiny_transformer: str) -> None:
    value = {
        "entities": ["PERSON", "LOCATION"],
        "names": {"transformers": tiny_transformer},
        "min_score": 0.0,
    }
    text = "ann lee " * 300
    findings = pii.build(pii.normal(value))([("field", text)])
    # Whatever it says, every word is a name for it, to the end of a text of more than 64 tokens.
    assert {f["type"] for f in findings} <= {"PERSON", "LOCATION"}
    assert max(f["end"] for f in findings) > len(text) - 8
