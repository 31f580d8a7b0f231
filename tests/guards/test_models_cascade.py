"""Finders that ask a model: about all texts, or where a cheap classifier is unsure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from policyengine.errors import FactError
from policyengine.guards._models import config
from policyengine.guards._models.asking import MOST_WINDOWS, windows
from policyengine.guards._models.cascade import Cascade, ModelFinder, Question
from policyengine.plugins import TEXT_FINDING, Finding, Texts

INJECTION = {"injection": "PROMPT_INJECTION"}


@dataclass
class Recorded:
    """A backend that scores as a function says, and keeps what it was asked."""

    score: Callable[[str], Mapping[str, float]]
    window: int = 200
    complete: bool = False
    asked: list[Sequence[str]] = field(default_factory=list)

    def labels(self, texts: Sequence[str], until: float) -> list[Mapping[str, float]]:
        self.asked.append(list(texts))
        return [self.score(text) for text in texts]


def model(backend: Recorded, *names: str) -> config.Model:
    return config.Model("fake", "key", backend, {name.upper(): [name] for name in names})


def bad(text: str) -> Mapping[str, float]:
    return {"INJECTION": 0.95 if "bad" in text else 0.1}


def finder(
    backend: Recorded,
    *,
    cascade: Cascade | None = None,
    rest: Any = None,
    **options: Any,
) -> ModelFinder:
    question = Question(model(backend, "injection"), INJECTION, 0.5, 0.5, **options)
    return ModelFinder(question, cascade, rest, 600)


def seen(found: Sequence[Finding]) -> list[tuple[str, int, int, float]]:
    return [(f["field"], f["start"], f["end"], f["score"]) for f in found]


def test_all_texts_are_asked_about_at_once() -> None:
    backend = Recorded(bad)
    found = finder(backend)([("a", "fine"), ("b", "so bad"), ("c", "bad")])
    assert seen(found) == [("b", 0, 6, 0.95), ("c", 0, 3, 0.95)]
    assert backend.asked == [["fine", "so bad", "bad"]]
    assert set(found[0]) == set(TEXT_FINDING)
    assert found[0]["why"] == "model `fake`"


def test_long_texts_are_asked_about_in_windows() -> None:
    backend = Recorded(bad)
    text = "".join(f"{number:04} " for number in range(200)).replace("0100", "bad.")
    found = finder(backend)([("x", text)])
    assert len(backend.asked[0]) == 6
    assert seen(found) == [("x", 350, 550, 0.95)]


def test_a_text_is_asked_about_once_in_a_decision() -> None:
    backend = Recorded(bad)
    texts = Texts([("a", "bad"), ("b", "bad"), ("c", "fine")])
    first, second = finder(backend)(texts), finder(backend)(texts)
    assert first == second
    assert [f["field"] for f in first] == ["a", "b"]
    assert backend.asked == [["bad", "fine"]]


def test_halves_of_characters_are_not_sent() -> None:
    backend = Recorded(bad)
    found = finder(backend)([("x", "bad \ud800 \U0001f600")])
    assert backend.asked == [["bad \ufffd \U0001f600"]]
    assert len(found) == 1


def test_blank_texts_are_not_sent() -> None:
    backend = Recorded(bad)
    assert finder(backend)([("a", ""), ("b", " \n ")]) == []
    assert backend.asked == []


def test_only_the_sources_that_count_are_sent() -> None:
    backend = Recorded(bad)
    texts = Texts([("a", "bad 1"), ("b", "bad 2")], origins={"a": "user", "b": "tool"})
    found = finder(backend, sources=frozenset({"tool"}))(texts)
    assert [f["field"] for f in found] == ["b"]
    assert backend.asked == [["bad 2"]]


def test_users_and_others_have_limits_of_their_own() -> None:
    backend = Recorded(lambda text: {"INJECTION": 0.6})
    question = Question(model(backend, "injection"), INJECTION, 0.7, 0.5)
    texts = Texts([("a", "1"), ("b", "2")], origins={"a": "user", "b": "tool"})
    assert [f["field"] for f in ModelFinder(question, None, None, 600)(texts)] == ["b"]


def test_what_hides_letters_is_taken_off_before() -> None:
    backend = Recorded(bad)
    found = finder(backend, plain=True)([("x", "so b\u200bad")])
    assert backend.asked == [["so bad"]]
    assert seen(found) == [("x", 0, 7, 0.95)]


@pytest.mark.parametrize(
    "texts",
    [
        [("x", "word " * 3_000)],
        [(f"x{i}", f"text {i}") for i in range(MOST_WINDOWS + 1)],
    ],
)
def test_too_much_text_is_an_error(texts: Any) -> None:
    backend = Recorded(bad)
    with pytest.raises(FactError) as error:
        finder(backend)(texts)
    assert error.value.code == "text-too-long"
    assert backend.asked == []


def test_a_model_that_fails_is_an_error() -> None:
    def fail(text: str) -> Mapping[str, float]:
        raise FactError("model-failed", "no answer")

    with pytest.raises(FactError) as error:
        finder(Recorded(fail))([("x", "bad")])
    assert error.value.code == "model-failed"


def test_a_model_without_the_label_is_an_error() -> None:
    backend = Recorded(lambda text: {"SAFE": 0.1, "OTHER": 0.9}, complete=True)
    with pytest.raises(FactError) as error:
        finder(backend)([("x", "bad")])
    assert error.value.code == "model-malformed"


def test_a_model_that_leaves_a_text_out_is_an_error() -> None:
    backend = Recorded(bad)
    backend.labels = lambda texts, until: []  # type: ignore[method-assign]
    with pytest.raises(FactError) as error:
        finder(backend)([("x", "bad")])
    assert error.value.code == "model-malformed"


def cheap(**scores: float) -> Callable[[Texts], list[Finding]]:
    """A first stage with a finding of this score for each text that holds a word."""

    def find(texts: Texts) -> list[Finding]:
        return [
            {
                "type": "PROMPT_INJECTION",
                "field": name,
                "start": text.index(word),
                "end": text.index(word) + len(word),
                "score": score,
                "why": "classifier",
            }
            for name, text in texts
            for word, score in scores.items()
            if word in text
        ]

    return find


@pytest.mark.parametrize(
    ("score", "found", "asked"),
    [(0.2, True, True), (0.5, True, True), (0.89, True, True), (0.9, True, False)],
)
def test_only_the_uncertain_band_is_sent(score: float, found: bool, asked: bool) -> None:
    backend = Recorded(bad)
    cascade = Cascade(cheap(bad=score), lambda source: 0.9, near=True)
    assert bool(finder(backend, cascade=cascade)([("x", "so bad")])) is found
    assert bool(backend.asked) is asked


def test_a_band_up_to_one_leaves_nothing_to_the_first_stage() -> None:
    backend = Recorded(bad)
    cascade = Cascade(cheap(odd=1.0), lambda source: 1.0, near=True)
    assert finder(backend, cascade=cascade)([("x", "odd")]) == []
    assert backend.asked == [["odd"]]


def test_the_model_decides_in_the_band() -> None:
    backend = Recorded(bad)
    cascade = Cascade(cheap(odd=0.5, bad=0.5, sure=0.95), lambda source: 0.9, near=True)
    texts = [("a", "odd"), ("b", "so bad"), ("c", "sure"), ("d", "fine")]
    found = finder(backend, cascade=cascade)(texts)
    assert seen(found) == [("b", 3, 6, 0.95), ("c", 0, 4, 0.95)]
    assert [f["why"] for f in found] == [
        "model `fake`, where the classifier was unsure",
        "classifier; above the uncertain band",
    ]
    assert backend.asked == [["odd", "so bad"]]


def test_who_speaks_says_from_where_on_it_is_sure() -> None:
    backend = Recorded(bad)
    cascade = Cascade(cheap(odd=0.8), {"user": 0.9, "tool": 0.7}.__getitem__, near=True)
    texts = Texts([("a", "odd"), ("b", "odd")], origins={"a": "user", "b": "tool"})
    assert seen(finder(backend, cascade=cascade)(texts)) == [("b", 0, 3, 0.8)]


def test_only_windows_near_a_doubt_are_sent() -> None:
    backend = Recorded(bad)
    text = "fine " * 100 + "odd" + " fine" * 100
    finder(backend, cascade=Cascade(cheap(odd=0.5), lambda source: 0.9, near=True))([("x", text)])
    [asked] = backend.asked
    assert all("odd" in window for window in asked)
    assert asked


def test_the_whole_text_is_sent_where_only_its_best_window_is_known() -> None:
    backend = Recorded(bad)
    text = "odd " + "fine " * 100 + "bad"
    found = finder(backend, cascade=Cascade(cheap(odd=0.5), lambda source: 0.9, near=False))(
        [("x", text)]
    )
    assert len(backend.asked[0]) == 3
    assert found[0]["end"] == len(text)
    assert found[0]["start"] > 4


def test_nothing_to_ask_leaves_the_doubt() -> None:
    backend = Recorded(bad)
    cascade = Cascade(cheap(**{" ": 0.5}), lambda source: 0.9, near=True)
    assert seen(finder(backend, cascade=cascade)([("x", "   ")])) == [("x", 0, 1, 0.5)]
    assert backend.asked == []


def test_other_findings_are_kept_and_sorted() -> None:
    def rest(texts: Texts) -> list[Finding]:
        first = cheap(bad=0.3)(texts)
        return [*first, {**first[0], "type": "HIDDEN_TEXT", "start": 0, "end": 1}]

    found = finder(Recorded(bad), rest=rest)([("x", "so bad")])
    assert [(f["type"], f["score"]) for f in found] == [
        ("HIDDEN_TEXT", 0.3),
        ("PROMPT_INJECTION", 0.95),
    ]


@given(st.text(max_size=600), st.integers(16, 200), st.booleans())
def test_windows_cover_the_text(text: str, size: int, plain: bool) -> None:
    parts = list(windows("x", text, size, plain))
    assert all(0 <= part.start <= part.end <= len(text) for part in parts)
    assert all(len(part.text) <= size for part in parts)
    if not plain:
        covered = {i for part in parts for i in range(part.start, part.end)}
        assert all(i in covered for i, letter in enumerate(text) if not letter.isspace())


OPENAI = {"openai": {"url": "https://guard.internal/v1", "model": "llama-guard"}}
ONNX = {"onnx": {"path": "prompt-guard"}}


@pytest.mark.parametrize(
    "value",
    [
        OPENAI,
        ONNX,
        {"openai": {**OPENAI["openai"], "api": "moderations", "key_env": "A_KEY", "window": 500}},
        {"transformers": {"path": "pg", "device": "cuda:0", "tokens": 256}},
        {"embedding": {"path": "a/b", "sha256": "0" * 64}},
        {"bedrock": {"guardrail": "gr1", "version": "DRAFT", "region": "us-gov-west-1"}},
        {"onnx": {"path": "x", "labels": {"BAD": "injection", "WORSE": ["hate", "violence"]}}},
    ],
)
def test_values(value: Any) -> None:
    Draft202012Validator(config.SCHEMA).validate(value)
    long = config.normal(value)
    assert config.normal(long) == long
    Draft202012Validator(config.SCHEMA).validate(long)
    assert json.loads(json.dumps(long)) == long
    assert config.cost(long) > 1_000


@pytest.mark.parametrize(
    "value",
    [
        {},
        {**OPENAI, **ONNX},
        {"pickle": {"path": "x"}},
        {"openai": {"model": "x"}},
        {"openai": {"url": "file:///etc/passwd", "model": "x"}},
        {"openai": {"url": "https://u:p@guard.internal", "model": "x"}},
        {"openai": {"url": "https://guard.internal?x=1", "model": "x"}},
        {"openai": {**OPENAI["openai"], "key": "sk-secret"}},
        {"openai": {**OPENAI["openai"], "timeout_ms": 0}},
        {"onnx": {"path": ""}},
        {"onnx": {"path": "x", "trust_remote_code": True}},
        {"transformers": {"path": "x", "device": "meta"}},
        {"bedrock": {"guardrail": "gr1", "version": "1", "region": "evil.example/"}},
        {"bedrock": {"guardrail": "GR/../x", "version": "1", "region": "us-east-1"}},
        {"onnx": {"path": "x", "labels": {}}},
        {"onnx": {"path": "x", "labels": {"BAD": "Not A Name"}}},
    ],
)
def test_values_that_are_refused(value: Any) -> None:
    assert not Draft202012Validator(config.SCHEMA).is_valid(value)


@pytest.mark.parametrize("name", config.KINDS)
def test_every_kind_says_what_its_options_are(name: str) -> None:
    options = config.SCHEMA["properties"][name]["properties"]
    assert all(option.get("description") for option in options.values())
    assert set(config.KINDS[name].DEFAULTS) <= set(options)


def test_a_topic_that_no_label_means() -> None:
    known = config.Model.of(config.normal(OPENAI))
    with pytest.raises(ValueError, match="no label of the model means `gambling`"):
        Question(known, {"gambling": "GAMBLING", "hate": "HATE"}, 0.5, 0.5)


def test_moderations_know_what_their_labels_say() -> None:
    value = {"openai": {**OPENAI["openai"], "api": "moderations", "labels": {"spam": "spam"}}}
    with pytest.raises(ValueError, match="under `labels`"):
        Question(config.Model.of(config.normal(value)), INJECTION, 0.5, 0.5)
