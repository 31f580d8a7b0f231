"""The starter as other routers' configurations, and what is told of what they cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import policyengine
from policyengine.exports import (
    Exported,
    ExportError,
    Rate,
    Routing,
    exporter,
    exporters,
)
from policyengine.exports._text import as_json, as_yaml
from policyengine.program import Program
from policyengine.routing.tiers import Tiers, normal, problems
from policyengine.rules.yaml import read
from policyengine.source import Source

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_800_000_000.0
ALL = ("litellm", "openrouter", "portkey")


@pytest.fixture(scope="module")
def program() -> Program:
    bundle = policyengine.load(ROOT / "policies" / "routing")
    return policyengine.compile(policyengine.check(bundle))


def routing(models: dict[str, Any], tiers: dict[str, Any], **others: Any) -> Routing:
    plain = normal({"models": models, "tiers": tiers, **others})
    assert not list(problems(plain))
    return Routing("b", "1.0.0", plain, Tiers.of(plain), None, (), NOW)


def test_there_is_one_file_for_each_router() -> None:
    assert tuple(exporters()) == ALL
    for name in ALL:
        assert exporter(name).FORM in ("json", "yaml")
        assert name in exporter(name).ABOUT.lower()


@pytest.mark.parametrize("name", ALL)
def test_starter(program: Program, golden: Callable[[str, str], None], name: str) -> None:
    exported = exporter(name).export(Routing.of(program, NOW))
    form = exporter(name).FORM
    text = as_json(exported) if form == "json" else as_yaml(exported, "Made for a test.")
    golden(f"{name}.{form}", text)


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_said_is_told(program: Program, name: str) -> None:
    notes = "\n".join(exporter(name).export(Routing.of(program, NOW)).notes)
    for rule, tier in Routing.of(program, NOW).routes:
        [told] = [n for n in notes.splitlines() if n.startswith(f"tier `{tier}` is chosen by ")]
        assert f"`{rule}`" in told
    [told] = [n for n in notes.splitlines() if n.startswith("no pii, secrets may go to ")]
    assert "`gpt-5`" in told
    assert "tier `standard` gives a `subject.id` the same model always" in notes
    assert "only" in notes


@pytest.mark.parametrize("name", ALL)
def test_no_secret_stands_in_a_file(program: Program, name: str) -> None:
    text = json.dumps(exporter(name).export(Routing.of(program, NOW)).value)
    keys = text.split('"api_key": "')[1:]
    assert all(key.startswith("os.environ/") for key in keys)


def test_yaml_is_read_as_what_was_meant(program: Program) -> None:
    exported = exporter("litellm").export(Routing.of(program, NOW))
    text = as_yaml(exported, "title")
    assert read(Source("x.yaml", text)).plain() == exported.value
    assert all(f"# - {note}" in text for note in exported.notes)


@pytest.mark.parametrize(
    "value",
    [
        {"a": "yes", "b": "No", "c": "1e3", "d": "", "e": "x: y", "f": "#", "g": "é\n"},
        {"a": [[], {}, [{"b": {"c": [1, 2.5, True, None]}}]][1:2], "d": {}},
        {"small": 5e-08, "one": 1.0, "tiny": 1.5e-07, "big": 1e22},
        {"null": None, "on": False},
    ],
)
def test_yaml_of_anything(value: dict[str, Any]) -> None:
    assert read(Source("x.yaml", as_yaml(Exported(value, ()), "t"))).plain() == value


def test_a_note_stays_a_comment() -> None:
    text = as_yaml(Exported({"a": 1}, ("x\nb: 2", "y\r\u2028c: 3")), "t\nd: 4")
    assert read(Source("x.yaml", text)).plain() == {"a": 1}


def test_floats_have_a_point_for_yaml_1_1() -> None:
    assert "small: 5.0e-08" in as_yaml(Exported({"small": 5e-08}, ()), "t")


def test_a_bundle_without_tiers(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text(
        'apiVersion: policyengine.dev/v1\nkind: Bundle\nname: x\nversion: "1.0.0"\n'
    )
    empty = policyengine.compile(policyengine.check(policyengine.load(tmp_path)))
    with pytest.raises(ExportError, match="no tiers"):
        Routing.of(empty, NOW)


def test_rates_come_from_the_price_book(program: Program) -> None:
    assert Routing.of(program, NOW).rate("gpt-5-nano") == Rate(0.05, 0.4)
    # Before the price list holds, nothing is known.
    assert Routing.of(program, 0.0).rate("gpt-5-nano") is None


def test_rates_without_a_price_book() -> None:
    price = {"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07}
    some = routing({"a": {"price": price}, "b": {}}, {"t": {"models": ["a", "b"]}})
    assert (some.rate("a"), some.rate("b")) == (Rate(0.05, 0.4), None)


OPENAI = {"provider": "openai"}
PRICED = {
    **OPENAI,
    "price": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
}


class TestLiteLLM:
    """Groups of models by tier."""

    def export(self, *given: Any, **others: Any) -> Exported:
        return exporter("litellm").export(routing(*given, **others))

    def test_a_fallback_that_breaks_a_rule_is_left_out_and_told(self) -> None:
        models = {"house": {"provider": "vllm", "retention": "none"}, "out": OPENAI, "also": OPENAI}
        tiers = {
            "inside": {
                "models": ["house"],
                "requires": {"retention": "none"},
                "fallbacks": ["any"],
            },
            "any": {"models": ["out", "also"]},
        }
        value, notes = self.export(models, tiers)
        assert value["router_settings"]["fallbacks"] == []
        assert notes[0] == (
            "tier `inside` does not fall back to `any`: it cannot leave out `out`, `also`, which "
            "`inside` may not use"
        )

    def test_fallbacks_of_fallbacks_are_named_in_order(self) -> None:
        models = dict.fromkeys("abc", OPENAI)
        tiers = {
            "one": {"models": ["a"], "fallbacks": ["two"]},
            "two": {"models": ["b"], "fallbacks": ["three"]},
            "three": {"models": ["c"]},
        }
        settings = self.export(models, tiers).value["router_settings"]
        assert settings["fallbacks"] == [{"one": ["two", "three"]}, {"two": ["three"]}]
        assert settings["max_fallbacks"] == 2

    @pytest.mark.parametrize(
        ("strategy", "group", "params"),
        [
            ("priority", None, {"order": 1}),
            ("weighted", None, {"weight": 3}),
            ("cheapest", "cost-based-routing", {"input_cost_per_token": 1e-6}),
            ("latency", "latency-based-routing", {}),
        ],
    )
    def test_strategies(self, strategy: str, group: str | None, params: dict[str, Any]) -> None:
        tier = {"strategy": strategy, "models": [{"model": "a", "weight": 3}]}
        value, _ = self.export({"a": PRICED}, {"t": tier})
        groups = value["router_settings"].get("routing_groups", [])
        assert [found["routing_strategy"] for found in groups] == ([group] if group else [])
        assert params.items() <= value["model_list"][0]["litellm_params"].items()

    def test_a_cheapest_tier_with_an_unknown_price(self) -> None:
        tier = {"strategy": "cheapest", "models": ["a", "b"]}
        _, notes = self.export({"a": PRICED, "b": OPENAI}, {"t": tier})
        assert any("model `b` of tier `t` has no known price" in note for note in notes)

    def test_names_elsewhere(self) -> None:
        models = {
            "a": {"provider": "bedrock", "names": {"litellm": "bedrock/anthropic.claude-v9:0"}},
            "b": {"provider": "vllm", "id": "q", "base_url": "http://host/v1"},
        }
        value, _ = self.export(models, {"t": {"models": ["a", "b"]}})
        params = [row["litellm_params"] for row in value["model_list"]]
        assert params[0]["model"] == "bedrock/anthropic.claude-v9:0"
        assert params[1] == {
            "model": "vllm/q",
            "api_base": "http://host/v1",
            "api_key": "os.environ/VLLM_API_KEY",
            "order": 2,
        }


class TestPortkey:
    """A condition for each tier."""

    def export(self, *given: Any, **others: Any) -> Exported:
        return exporter("portkey").export(routing(*given, **others))

    def test_every_condition_leads_to_a_target(self, program: Program) -> None:
        value, _ = exporter("portkey").export(Routing.of(program, NOW))
        names = [target["name"] for target in value["targets"]]
        assert [condition["then"] for condition in value["strategy"]["conditions"]] == names
        assert value["strategy"]["default"] in names

    def test_only_models_that_a_tier_may_use(self) -> None:
        models = {"house": {"provider": "vllm", "retention": "none"}, "out": OPENAI}
        tiers = {
            "inside": {
                "models": ["house"],
                "requires": {"retention": "none"},
                "fallbacks": ["any"],
            },
            "any": {"models": ["out", "house"]},
        }
        value, _ = self.export(models, tiers)
        inside = value["targets"][0]["targets"]
        assert inside == [{"override_params": {"model": "house"}, "provider": "openai"}]

    def test_weights_are_drawn_and_then_all_are_tried(self) -> None:
        tier = {
            "strategy": "weighted",
            "models": [{"model": "a", "weight": 2}, {"model": "b", "weight": 0}, "c"],
        }
        value, _ = self.export(dict.fromkeys("abc", OPENAI), {"t": tier})
        drawn, *others = value["targets"][0]["targets"]
        assert drawn["strategy"] == {"mode": "loadbalance"}
        assert [one["weight"] for one in drawn["targets"]] == [2, 1]
        assert [one["override_params"]["model"] for one in others] == ["a", "b", "c"]

    def test_cheapest_first_and_unknown_prices_left_out(self) -> None:
        dear = {
            **OPENAI,
            "price": {"input_cost_per_token": 1e-3, "output_cost_per_token": 1e-3},
        }
        tier = {"strategy": "cheapest", "models": ["unknown", "dear", "cheap"]}
        models = {"unknown": OPENAI, "dear": dear, "cheap": PRICED}
        value, notes = self.export(models, {"t": tier})
        told = [one["override_params"]["model"] for one in value["targets"][0]["targets"]]
        assert told == ["cheap", "dear"]
        assert any("model `unknown` of tier `t` has no known price" in note for note in notes)

    def test_no_default(self) -> None:
        value, notes = self.export({"a": OPENAI}, {"t": {"models": ["a"]}})
        assert "default" not in value["strategy"]
        assert any("no default tier" in note for note in notes)


class TestOpenRouter:
    """A part of a request for each tier."""

    def export(self, *given: Any, **others: Any) -> Exported:
        return exporter("openrouter").export(routing(*given, **others))

    def test_three_models_at_most(self) -> None:
        models = dict.fromkeys("abcd", OPENAI)
        value, notes = self.export(models, {"t": {"models": list(models)}})
        assert value["tiers"]["t"]["models"] == ["openai/a", "openai/b", "openai/c"]
        assert any("left out are `d`" in note for note in notes)

    @pytest.mark.parametrize(
        ("models", "preferences"),
        [
            ([OPENAI, OPENAI], {}),
            ([{**OPENAI, "training": False}, OPENAI], {}),
            ([{**OPENAI, "training": False}] * 2, {"data_collection": "deny"}),
            ([{**OPENAI, "retention": "none"}] * 2, {"zdr": True}),
            ([{**OPENAI, "retention": "none"}, OPENAI], {}),
            ([PRICED, PRICED], {"max_price": {"prompt": 1.0, "completion": 2.0}}),
            ([PRICED, OPENAI], {}),
        ],
    )
    def test_preferences(self, models: list[Any], preferences: dict[str, Any]) -> None:
        named = {f"m{n}": model for n, model in enumerate(models)}
        value, _ = self.export(named, {"t": {"models": list(named)}})
        assert value["tiers"]["t"]["provider"] == {
            "only": ["openai"],
            "order": ["openai"],
            "allow_fallbacks": True,
            **preferences,
        }

    @pytest.mark.parametrize(("strategy", "sort"), [("cheapest", "price"), ("latency", "latency")])
    def test_sorting(self, strategy: str, sort: str) -> None:
        value, _ = self.export({"a": PRICED}, {"t": {"strategy": strategy, "models": ["a"]}})
        assert value["tiers"]["t"]["provider"]["sort"] == sort
        assert "order" not in value["tiers"]["t"]["provider"]

    def test_what_openrouter_does_not_have(self) -> None:
        models = {
            "house": {"provider": "vllm", "base_url": "http://host/v1"},
            "cloud": {"provider": "bedrock"},
            "named": {"provider": "bedrock", "names": {"openrouter": "anthropic/x"}},
        }
        tiers = {"inside": {"models": ["house", "cloud"]}, "t": {"models": ["cloud", "named"]}}
        value, notes = self.export(models, tiers, default="inside")
        assert list(value["tiers"]) == ["t"]
        assert "default" not in value
        assert value["tiers"]["t"]["models"] == ["anthropic/x"]
        assert value["tiers"]["t"]["provider"]["only"] == ["amazon-bedrock"]
        assert any("tier `inside` has no model" in note for note in notes)
        assert sum("is left out: what OpenRouter calls it" in note for note in notes) == 2
