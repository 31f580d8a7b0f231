"""The fact `complexity`: which requests are routine, and which are hard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from policyengine.errors import FactError
from policyengine.guards import complexity
from policyengine.guards._task.demands import DEMAND, FEATURES, FULL, MOST_DEMANDS, STEPS

JAVA = "\n".join(f"        String value{i} = request.getParameter(names[{i}]);" for i in range(200))


def request(prompt: Any, **more: Any) -> dict[str, Any]:
    return {"request": {"model": "m", "messages": [{"role": "user", "content": prompt}], **more}}


def level(input: Any, **config: Any) -> str:
    for name in complexity.LEVELS:
        for found in complexity.build(complexity.normal({"level": name, **config}))(input):
            return str(found["type"].lower())
    return ""


def score(prompt: str, **more: Any) -> float:
    found = complexity.scored(complexity.normal("hard"), request(prompt, **more))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "prompt",
    [
        f"Analyse these 200 lines of Java for vulnerabilities:\n\n{JAVA}",
        "Analyse 200 lines of Java for vulnerabilities",
        f"Analysiere diese 200 Zeilen Java auf Schwachstellen:\n\n{JAVA}",
        f"このJavaコードの脆弱性を分析してください。\n{JAVA}",
        "Compare these two architectures for a distributed ledger step by step, prove that the "
        "second never loses a write, and optimise its throughput. " * 3,
    ],
)
def test_hard_requests(prompt: str) -> None:
    assert level(request(prompt)) == "hard"


@pytest.mark.parametrize(
    "prompt",
    [
        "What time is it in Tokyo?",
        "Wie spät ist es in Tokio?",
        "東京は今何時ですか？",
        "Translate the following to Japanese: The train is late.",
        "Translate to Japanese: " + "The train is late and nobody knows why. " * 60,
        "Write a Python script that deletes empty folders.",
        "Hi!",
        "thanks a lot",
    ],
)
def test_routine_requests(prompt: str) -> None:
    assert level(request(prompt)) == "routine"


def test_each_request_with_text_is_of_one_level() -> None:
    for prompt in ("Hi!", JAVA, "Prove it."):
        for threshold in (0.0, 0.3, 1.0):
            both = [
                complexity.build(complexity.normal({"level": one, "threshold": threshold}))
                for one in complexity.LEVELS
            ]
            assert sorted(len(find(request(prompt))) for find in both) == [0, 1]


def test_without_text_a_request_is_of_none() -> None:
    assert level(request("")) == ""
    assert complexity.scored(complexity.normal("hard"), request(None)) is None


def test_why_lists_what_gave_the_points() -> None:
    [found] = complexity.build(complexity.normal("hard"))(
        request(f"Analyse these 200 lines of Java for vulnerabilities:\n\n{JAVA}")
    )
    assert found["why"].startswith("77 points: 11,833 characters 32, ")
    assert "asks for security, to judge 24, 200 lines of code 21" in found["why"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"tools": [{"name": f"t{i}"} for i in range(8)]}, "8 tools 9"),
        ({"documents": [{"content": "x" * 32_000}]}, "32,000 characters of context 16"),
        ({"unscanned": [{"kind": "image", "where": "messages[0]"}]}, "1 attachments 5"),
    ],
)
def test_what_comes_along_counts(more: dict[str, Any], reason: str) -> None:
    [found] = complexity.build(complexity.normal("routine"))(request("Compare both.", **more))
    assert reason in found["why"]


def test_a_feature_may_make_any_request_hard() -> None:
    config = complexity.normal({"level": "hard", "min_turns": 2, "threshold": 0.9})
    find = complexity.build(config)
    one = [{"role": "user", "content": "Hi!"}]
    assert not find({"request": {"model": "m", "messages": one}})
    [found] = find({"request": {"model": "m", "messages": one * 2}})
    assert found["why"].startswith("2 turns; ")
    assert complexity.scored(config, {"request": {"model": "m", "messages": one * 2}}) == 1.0


@given(st.integers(0, 10**9), st.sampled_from(FEATURES))
def test_more_of_a_feature_is_never_worth_less(count: int, feature: Any) -> None:
    assert 0 <= feature.worth(count) <= feature.worth(count + 1) <= feature.most


def test_longer_is_never_easier_and_scores_are_bounded() -> None:
    scores = [score("Compare the towns. " * times) for times in (1, 10, 100, 1_000)]
    assert scores == sorted(scores)
    assert 0.0 <= scores[0] < scores[-1] <= 1.0


def test_the_guide_lists_all_features_with_their_points() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "task.md").read_text(encoding="utf-8")
    for feature in FEATURES:
        start, end = f"| {feature.said} | {feature.points:g} for each", f"`min_{feature.name}` |"
        [row] = [line for line in guide.splitlines() if line.startswith(start)]
        assert row.endswith(f"| {feature.most:g} | {end}")
        assert not feature.doubling or f"doubling of {feature.free:,} " in row
    assert f"| {DEMAND} | {MOST_DEMANDS} |" in guide
    assert f"| {STEPS} | {STEPS} |" in guide


def test_a_full_score_takes_more_than_one_feature() -> None:
    assert max(feature.most for feature in FEATURES) < FULL / 2
    assert sum(feature.most for feature in FEATURES) + MOST_DEMANDS + STEPS > FULL
    assert DEMAND < MOST_DEMANDS


@pytest.mark.parametrize("input", [{}, request(3), request("a\0")])
def test_what_cannot_be_read_is_an_error(input: Any) -> None:
    with pytest.raises(FactError):
        level(input)


@pytest.mark.parametrize(
    "value", ["hard", "routine", {"level": "hard", "threshold": 0.2, "min_code_lines": 50}]
)
def test_values_of_the_clause(value: Any) -> None:
    assert Draft202012Validator(complexity.SCHEMA).is_valid(value)
    assert complexity.normal(complexity.normal(value)) == complexity.normal(value)


@pytest.mark.parametrize(
    "value", ["easy", {}, {"threshold": 0.3}, {"level": "hard", "min_words": 3}, ["hard"]]
)
def test_values_that_are_none(value: Any) -> None:
    assert not Draft202012Validator(complexity.SCHEMA).is_valid(value)
