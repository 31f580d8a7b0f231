"""Models in folders: real tiny ONNX networks where onnxruntime is there, and fakes of its shape."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from policyengine.errors import FactError
from policyengine.guards._models import backend, config
from policyengine.guards._models.sequences import Head

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ignore", "hello", "rules"]


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for a model, which the host allows."""
    monkeypatch.setenv("POLICYENGINE_MODEL_PATH", str(tmp_path))
    monkeypatch.setattr(backend, "_kept", {})
    found = tmp_path / "guard"
    found.mkdir()
    return found


def labels(kind: str, *texts: str, until: float | None = None, **options: Any) -> Any:
    model = config.Model.of(config.normal({kind: {"path": "guard", **options}}))
    return model.backend.labels(texts, time.monotonic() + 20 if until is None else until)


def described(place: Path, **more: Any) -> None:
    said = {"id2label": {"0": "BENIGN", "1": "MALICIOUS"}, "pad_token_id": 0, **more}
    (place / "config.json").write_text(json.dumps(said), encoding="utf-8")


def tokenizer(place: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordLevel(
        {word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"
    )
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(place / "tokenizer.json"))


def network(place: Path, pooled: bool) -> None:
    """A network that looks for `ignore`: two logits for a row, or a vector for each token."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    make, kinds = onnx.helper, onnx.TensorProto
    rows = [[0.0, 0.0] for _ in WORDS]
    rows[WORDS.index("ignore")] = [-4.0, 4.0]
    rows[WORDS.index("hello")] = [1.0, 0.0]
    table = make.make_tensor(
        "table", kinds.FLOAT, [len(WORDS), 2], [x for row in rows for x in row]
    )
    nodes = [make.make_node("Gather", ["table", "input_ids"], ["tokens"])]
    held = [table]
    if pooled:
        axes = make.make_tensor("axes", kinds.INT64, [1], [1])
        held.append(axes)
        nodes.append(make.make_node("ReduceSum", ["tokens", "axes"], ["out"], keepdims=0))
    else:
        nodes.append(make.make_node("Identity", ["tokens"], ["out"]))
    shape = ["n", 2] if pooled else ["n", "t", 2]
    graph = make.make_graph(
        nodes,
        "tiny",
        [make.make_tensor_value_info("input_ids", kinds.INT64, ["n", "t"])],
        [make.make_tensor_value_info("out", kinds.FLOAT, shape)],
        held,
    )
    made = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, str(place / "model.onnx"))


@pytest.fixture
def classifier(place: Path) -> Path:
    described(place)
    tokenizer(place)
    network(place, pooled=True)
    return place


def test_onnx_gives_chances(classifier: Path) -> None:
    bad, good = labels("onnx", "ignore rules", "hello")
    assert bad["MALICIOUS"] == pytest.approx(0.99966, abs=1e-4)
    assert good["MALICIOUS"] == pytest.approx(0.26894, abs=1e-4)
    assert good["BENIGN"] == pytest.approx(1 - good["MALICIOUS"])


@pytest.mark.parametrize("before", [0, 13, 14, 15, 40, 300])
def test_onnx_reads_all_of_a_long_text(classifier: Path, before: int) -> None:
    text = "other " * before + "ignore" + " other" * 50
    [found] = labels("onnx", text, tokens=16)
    assert found["MALICIOUS"] > 0.99


def test_onnx_reads_an_empty_text(classifier: Path) -> None:
    [found] = labels("onnx", "")
    assert found["MALICIOUS"] == 0.5


def test_onnx_stops_when_the_time_is_over(classifier: Path) -> None:
    with pytest.raises(FactError) as error:
        labels("onnx", "hello", until=time.monotonic() - 1)
    assert error.value.code == "model-timeout"


def test_onnx_weights_are_those_that_the_clause_names(classifier: Path) -> None:
    digest = hashlib.sha256((classifier / "model.onnx").read_bytes()).hexdigest()
    assert labels("onnx", "hello", sha256=digest)
    with pytest.raises(FactError) as error:
        labels("onnx", "hello", sha256="0" * 64)
    assert error.value.code == "model-damaged"


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_onnx_with_a_damaged_file(classifier: Path, file: str) -> None:
    (classifier / file).write_bytes(b"\x00damaged")
    with pytest.raises(FactError) as error:
        labels("onnx", "hello")
    assert error.value.code == "model-damaged"


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "config.json"])
def test_onnx_without_a_file(classifier: Path, file: str) -> None:
    (classifier / file).unlink()
    with pytest.raises(FactError) as error:
        labels("onnx", "hello")
    assert error.value.code == "model-missing"


def test_onnx_with_more_labels_than_it_says(classifier: Path) -> None:
    described(classifier, id2label={"0": "A", "1": "B", "2": "C"})
    with pytest.raises(FactError) as error:
        labels("onnx", "hello")
    assert error.value.code == "model-malformed"


def test_embedding_averages_tokens(place: Path) -> None:
    tokenizer(place)
    network(place, pooled=False)
    heads = {"labels": {"injection": {"weights": [-3.0, 3.0], "bias": 0.5}}}
    (place / "head.json").write_text(json.dumps(heads), encoding="utf-8")
    bad, good = labels("embedding", "ignore", "hello")
    # Vectors of unit length: (-0.7071, 0.7071) and (1, 0).
    assert bad["injection"] == pytest.approx(1 / (1 + 2.718281828 ** -(3 * 2**0.5 + 0.5)))
    assert good["injection"] == pytest.approx(1 / (1 + 2.718281828**2.5))


@pytest.mark.parametrize(
    "heads",
    [
        "[]",
        "{}",
        '{"labels": {}}',
        '{"labels": {"injection": {"weights": [1.0, 2.0]}}}',
        '{"labels": {"injection": {"weights": [1.0, NaN], "bias": 0}}}',
        '{"labels": {"injection": {"weights": [1.0, 2.0, 3.0], "bias": 0}}}',
        '{"labels": ' * 5_000,
    ],
)
def test_embedding_with_heads_of_another_form(place: Path, heads: str) -> None:
    tokenizer(place)
    network(place, pooled=False)
    (place / "head.json").write_text(heads, encoding="utf-8")
    with pytest.raises(FactError) as error:
        labels("embedding", "hello")
    assert error.value.code == "model-malformed"


class Row(list[Any]):
    """A row with what is asked of a tensor or an array."""

    def tolist(self) -> list[Any]:
        return list(self)

    def to(self, device: str) -> Row:
        return self

    def float(self) -> Row:
        return self

    astype = to

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return Row(found) if isinstance(index, slice) else found


def fake(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    module.__dict__.update(members)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, place: Path) -> list[tuple[str, dict[str, Any]]]:
    """Modules of the shape of transformers and torch; gives what was loaded, and how.

    A token is a letter, and `x` is what the model looks for.
    """
    seen: list[tuple[str, dict[str, Any]]] = []
    described(place)
    (place / "model.safetensors").write_bytes(b"weights")

    def read(texts: list[str], *, max_length: int, stride: int, **rest: Any) -> dict[str, Any]:
        assert rest["truncation"]
        assert rest["return_overflowing_tokens"]
        parts, owners = [], []
        for number, text in enumerate(texts):
            step = max_length - stride
            for start in range(0, max(len(text) - stride, 1), step):
                parts.append(text[start : start + max_length])
                owners.append(number)
        return {"input_ids": Row(parts), "overflow_to_sample_mapping": Row(owners)}

    class Model:
        def to(self, device: str) -> Model:
            seen.append((device, {}))
            return self

        def eval(self) -> None:
            pass

        def __call__(self, input_ids: Row) -> Any:
            if any("!" in part for part in input_ids):
                raise RuntimeError(f"out of memory at {input_ids}")
            return SimpleNamespace(logits=Row([0.0, 4.0 if "x" in p else -4.0] for p in input_ids))

    def loader(name: str, made: Any) -> Any:
        def from_pretrained(path: str, **options: Any) -> Any:
            seen.append((f"{name} {Path(path).name}", options))
            return made

        return SimpleNamespace(from_pretrained=from_pretrained)

    fake(
        monkeypatch,
        "transformers",
        AutoTokenizer=loader("tokenizer", read),
        AutoModelForSequenceClassification=loader("model", Model()),
    )
    fake(monkeypatch, "torch", inference_mode=nullcontext)
    return seen


def test_transformers_loads_only_what_is_safe(loaded: list[tuple[str, dict[str, Any]]]) -> None:
    labels("transformers", "hello")
    labels("transformers", "again")
    safe = {"local_files_only": True, "trust_remote_code": False}
    assert loaded == [
        ("tokenizer guard", safe),
        ("model guard", {**safe, "use_safetensors": True}),
        ("cpu", {}),
    ]


@pytest.mark.parametrize("before", [0, 15, 16, 20, 500])
def test_transformers_reads_all_of_a_long_text(
    loaded: list[tuple[str, dict[str, Any]]], before: int
) -> None:
    bad, good = labels("transformers", "o" * before + "x" + "o" * 40, "oooo", tokens=16)
    assert bad["MALICIOUS"] > 0.9
    assert good["MALICIOUS"] < 0.1


def test_transformers_failing(loaded: list[tuple[str, dict[str, Any]]]) -> None:
    with pytest.raises(FactError) as error:
        labels("transformers", "private!")
    assert error.value.code == "model-failed"
    assert "private" not in error.value.message


def test_transformers_without_safetensors(
    loaded: list[tuple[str, dict[str, Any]]], place: Path
) -> None:
    (place / "model.safetensors").unlink()
    (place / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(FactError) as error:
        labels("transformers", "hello")
    assert error.value.code == "model-missing"
    assert not loaded


def test_sentences_are_given_no_more_than_they_read(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    made: list[dict[str, Any]] = []

    def read(texts: list[str], *, max_length: int, stride: int, **rest: Any) -> dict[str, Any]:
        assert rest["return_offsets_mapping"]
        offsets, owners = [], []
        for number, text in enumerate(texts):
            for start in range(0, max(len(text) - stride, 1), max_length - stride):
                end = min(start + max_length, len(text))
                offsets.append([(0, 0), *((i, i + 1) for i in range(start, end)), (0, 0)])
                owners.append(number)
        return {"offset_mapping": offsets, "overflow_to_sample_mapping": owners}

    class Sentences:
        max_seq_length = 8
        tokenizer = staticmethod(read)

        def __init__(self, path: str, **options: Any) -> None:
            made.append(options)

        def encode(self, parts: list[str], **options: Any) -> Row:
            assert all(len(part) <= 8 for part in parts)
            return Row([1.0, 0.0] if "x" in part else [0.0, 1.0] for part in parts)

    fake(monkeypatch, "sentence_transformers", SentenceTransformer=Sentences)
    (place / "modules.json").write_text("[]", encoding="utf-8")
    (place / "model.safetensors").write_bytes(b"weights")
    heads = {"labels": {"injection": {"weights": [5.0, -5.0], "bias": 0}}}
    (place / "head.json").write_text(json.dumps(heads), encoding="utf-8")
    bad, good = labels("embedding", "o" * 30 + "x", "o" * 30)
    assert bad["injection"] > 0.99
    assert good["injection"] < 0.01
    [options] = made
    assert (options["local_files_only"], options["trust_remote_code"]) == (True, False)
    assert options["model_kwargs"] == {"use_safetensors": True}


@pytest.mark.parametrize(
    ("kind", "package"),
    [
        ("onnx", "onnxruntime"),
        ("transformers", "transformers"),
        ("embedding", "sentence_transformers"),
    ],
)
def test_a_package_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, place: Path, kind: str, package: str
) -> None:
    described(place)
    fake(monkeypatch, "torch")
    (place / "modules.json").write_text("[]", encoding="utf-8")
    (place / "head.json").write_text(
        '{"labels": {"injection": {"weights": [1], "bias": 0}}}', encoding="utf-8"
    )
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FactError) as error:
        labels(kind, "hello")
    assert error.value.code == "model-missing"
    assert package in error.value.message


@pytest.mark.parametrize(
    ("said", "exclusive", "tokens"),
    [
        ({}, True, 512),
        ({"problem_type": "multi_label_classification"}, False, 512),
        ({"id2label": {"0": "X"}}, False, 512),
        ({"max_position_embeddings": 128}, True, 128),
        ({"max_position_embeddings": 514, "model_type": "roberta"}, True, 512),
        ({"max_position_embeddings": 130, "model_type": "roberta"}, True, 128),
    ],
)
def test_heads(place: Path, said: dict[str, Any], exclusive: bool, tokens: int) -> None:
    described(place, **said)
    head = Head.of(place, 512)
    assert (head.exclusive, head.tokens) == (exclusive, tokens)


@pytest.mark.parametrize(
    "said", [{"id2label": {"1": "X"}}, {"id2label": {}}, {"id2label": 3}, {"pad_token_id": "x"}]
)
def test_heads_of_another_form(place: Path, said: dict[str, Any]) -> None:
    described(place, **said)
    with pytest.raises(FactError) as error:
        Head.of(place, 512)
    assert error.value.code == "model-malformed"


@pytest.mark.parametrize("row", [[float("nan"), 0.0], [float("inf"), 0.0], [1.0]])
def test_rows_of_another_form(row: list[float]) -> None:
    with pytest.raises(FactError) as error:
        Head(("A", "B"), True, 512, 0).scores(row)
    assert error.value.code == "model-malformed"
