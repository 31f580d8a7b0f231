"""`data/tiers.yaml`: its long form, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from policyengine.errors import FactError
from policyengine.routing.observed import Health
from policyengine.routing.tiers import SCHEMA, STRATEGIES, Tiers, fields, kinds, normal, problems

MODELS: dict[str, Any] = {"a": {}, "b": {}, "c": {}}


def file(tiers: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"models": MODELS, "tiers": tiers, **others}


def found(value: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    Draft202012Validator(SCHEMA).validate(value)
    return list(problems(normal(value)))


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(dict(SCHEMA))


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        (file({"t": {"models": []}}), ("tiers", "t", "models"), "tier `t` has no models"),
        (
            file({"t": {"models": ["a", "aa"]}}),
            ("tiers", "t", "models", 1),
            "there is no model `aa`, did you mean `a`?",
        ),
        (
            file({"t": {"models": ["a"], "fallbacks": ["other"]}}),
            ("tiers", "t", "fallbacks", 0),
            "there is no tier `other`",
        ),
        (
            file({"t": {"models": ["a", {"model": "a", "weight": 2}]}}),
            ("tiers", "t", "models", 1),
            "model `a` is there twice",
        ),
        (
            file({"t": {"models": ["a"]}, "u": {"models": ["b"], "fallbacks": ["t", "t"]}}),
            ("tiers", "u", "fallbacks", 1),
            "tier `t` is there twice",
        ),
        (
            file({"t": {"models": [{"model": "a", "weight": -1}]}}),
            ("tiers", "t", "models", 0, "weight"),
            "the weight of model `a` is negative",
        ),
        (
            file({"t": {"models": [{"model": "a", "weight": 0}], "strategy": "weighted"}}),
            ("tiers", "t", "models"),
            "no model of tier `t` has a weight above 0",
        ),
        (
            file({"t": {"models": ["a"], "strategy": "sticky"}}),
            ("tiers", "t", "strategy"),
            "tier `t` is sticky, but `sticky_by` names no field",
        ),
        (
            file({"t": {"models": ["a"], "strategy": "latency", "sticky_by": "subject.id"}}),
            ("tiers", "t", "sticky_by"),
            "`sticky_by` says nothing where the strategy is latency",
        ),
        (
            file({"economy": {"models": ["a"]}}, default="econmy"),
            ("default",),
            "there is no tier `econmy`, did you mean `economy`?",
        ),
        (
            file({"t": {"models": ["a"], "requires": {"regions": ["eu"]}}}),
            ("tiers", "t", "models", 0),
            "model `a` runs in none of the regions eu, which tier `t` requires",
        ),
        (
            file({"t": {"models": ["a"], "requires": {"training": False}}}),
            ("tiers", "t", "models", 0),
            "model `a` may train on requests, which tier `t` requires",
        ),
        (
            {"models": {"a": {"capabilities": ["visoin"]}}, "tiers": {"t": {"models": ["a"]}}},
            ("models", "a", "capabilities", 0),
            "there is no capability `visoin`, did you mean `vision`? (your own begin with `x-`)",
        ),
        (
            {
                "models": {"a": {"context_tokens": 100, "max_output_tokens": 101}},
                "tiers": {"t": {"models": ["a"]}},
            },
            ("models", "a", "max_output_tokens"),
            "model `a` answers with more than its context holds",
        ),
        (
            file({"t": {"models": ["a"]}}, health={"cooldown_s": 10, "max_cooldown_s": 5}),
            ("health", "max_cooldown_s"),
            "the longest pause is shorter than the first",
        ),
        (
            file({"t": {"models": [{"model": "a", "weight": float("nan")}]}}),
            ("tiers", "t", "models", 0, "weight"),
            "this is not a number that can be counted with",
        ),
    ],
)
def test_problems_have_a_place(
    value: dict[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    assert found(value) == [(path, message)]


@pytest.mark.parametrize(
    "value",
    [
        file({"t": {"models": ["a"]}}),
        file({"t": {"models": [{"model": "a", "weight": 0}, "b"], "strategy": "weighted"}}),
        file({"t": {"models": [{"model": "a", "weight": 0}]}}),
        file({"t": {"models": ["a"], "strategy": "latency"}}),
        file({"t": {"models": ["a"], "strategy": "weighted", "sticky_by": "subject.id"}}),
        file({"t": {"models": ["a"], "fallbacks": ["u"]}, "u": {"models": ["a", "b"]}}),
        {"models": {"a": {"capabilities": ["x-poetry"]}}, "tiers": {"t": {"models": ["a"]}}},
    ],
)
def test_what_is_right_has_no_problems(value: dict[str, Any]) -> None:
    assert found(value) == []


@pytest.mark.parametrize(
    ("edges", "circles"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["a"]}, [(("tiers", "a", "fallbacks", 0), "fallbacks go round: a -> a")]),
        (
            {"a": ["b"], "b": ["c", "a"], "c": []},
            [(("tiers", "b", "fallbacks", 1), "fallbacks go round: a -> b -> a")],
        ),
        (
            {"x": ["a"], "a": ["b"], "b": ["a"], "y": ["b"]},
            [(("tiers", "b", "fallbacks", 0), "fallbacks go round: a -> b -> a")],
        ),
    ],
)
def test_circles_are_told_once(edges: dict[str, list[str]], circles: list[Any]) -> None:
    tiers = {name: {"models": ["a"], "fallbacks": there} for name, there in edges.items()}
    assert found(file(tiers)) == circles


def test_long_chain_is_no_recursion() -> None:
    tiers = {
        f"t{n}": {"models": ["a"], "fallbacks": [f"t{n + 1}"] if n < 2000 else []}
        for n in range(2001)
    }
    assert list(problems(normal(file(tiers)))) == []


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), unique=True)))
def test_circles_are_found_exactly_where_there_are_some(edges: dict[str, list[str]]) -> None:
    edges = {name: [to for to in there if to in edges] for name, there in edges.items()}
    reach = {name: set(there) for name, there in edges.items()}
    for _ in edges:
        reach = {name: there.union(*(reach[to] for to in there)) for name, there in reach.items()}
    goes_round = any(name in there for name, there in reach.items())
    tiers = {name: {"models": ["a"], "fallbacks": there} for name, there in edges.items()}
    assert any("go round" in text for _, text in problems(normal(file(tiers)))) == goes_round


def test_normal_form_is_json_and_its_own_normal_form() -> None:
    value = file({"t": {"models": ["a", {"model": "b", "weight": 3}], "sticky_by": "subject.id"}})
    plain = normal(value)
    assert json.loads(json.dumps(plain)) == plain
    assert normal(plain) == plain
    assert plain["tiers"]["t"]["strategy"] == "sticky"
    assert Tiers.of(plain).health == Health()


def test_strategies_are_those_of_the_schema() -> None:
    named = SCHEMA["properties"]["tiers"]["additionalProperties"]["properties"]["strategy"]["enum"]
    assert tuple(named) == STRATEGIES


def test_models_stand_once_in_a_chain_where_they_come_first() -> None:
    plain = normal(
        file(
            {
                "t": {"models": ["a", "b"], "fallbacks": ["u", "v"]},
                "u": {"models": ["b", "c"], "fallbacks": ["v"]},
                "v": {"models": ["c", "a"]},
            }
        )
    )
    stages = Tiers.of(plain).chain("t").stages
    assert [(s.tier, [m.name for m in s.members]) for s in stages] == [
        ("t", ["a", "b"]),
        ("u", ["c"]),
    ]


def test_what_a_tier_requires_holds_for_its_fallbacks_too() -> None:
    models: dict[str, Any] = {"house": {"regions": ["eu"]}, "outside": {"regions": ["us"]}}
    tiers: dict[str, Any] = {
        "on-prem": {"models": ["house"], "requires": {"regions": ["eu"]}, "fallbacks": ["any"]},
        "any": {"models": ["outside"]},
    }
    chain = Tiers.of(normal({"models": models, "tiers": tiers})).chain("on-prem")
    assert [stage.tier for stage in chain.stages] == ["on-prem"]
    assert chain.rejected == (("outside", "runs in none of the regions eu"),)


def test_an_unknown_tier_is_an_error() -> None:
    with pytest.raises(FactError) as caught:
        Tiers.of(normal(file({"t": {"models": ["a"]}}))).chain("u" * 1000)
    assert caught.value.code == "unknown-tier"
    assert len(caught.value.message) < 200


def test_fields_and_kinds_have_places() -> None:
    value = {
        "models": {"a": {"data": {"pii": "deny", "secrets": "allow"}}},
        "tiers": {"t": {"models": ["a"], "sticky_by": "subject.id"}},
        "region_from": "context.region",
    }
    plain = normal(value)
    assert fields(plain) == {
        ("region_from",): "context.region",
        ("class_from",): "context.attributes.data_class",
        ("tiers", "t", "sticky_by"): "subject.id",
    }
    assert kinds(plain) == {("models", "a", "data", "pii"): "pii"}
