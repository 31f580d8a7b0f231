"""A configuration of LiteLLM's router and proxy: each tier is a group of models.

The proxy takes the file as it is (`litellm --config FILE`), `litellm.Router` takes its
`model_list` and `router_settings`. A request names the tier as its model; policyengine decides
which, in a guardrail or in front of the proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from policyengine.exports import Exported, Routing, called, regions, unsaid, weights
from policyengine.routing.requirements import lacking
from policyengine.routing.tiers import order

ABOUT = "LiteLLM: groups of models, fallbacks, routing strategies and cool-downs"
FORM: Final[Literal["yaml", "json"]] = "yaml"

_STRATEGIES: Final = {
    "priority": "simple-shuffle",
    "weighted": "simple-shuffle",
    "sticky": "simple-shuffle",
    "cheapest": "cost-based-routing",
    "latency": "latency-based-routing",
}
_DEFAULT: Final = "simple-shuffle"


def export(routing: Routing) -> Exported:
    """The configuration, with the tiers as names of models."""
    tiers = routing.plain["tiers"]
    fallbacks, lost = _fallbacks(routing)
    health = routing.plain["health"]
    settings: dict[str, Any] = {
        "routing_strategy": _DEFAULT,
        "fallbacks": [{tier: there} for tier, there in fallbacks.items() if there],
        # Within a group, so that each of its models can be tried.
        "num_retries": max(len(tier["models"]) for tier in tiers.values()),
        "max_fallbacks": max(map(len, fallbacks.values()), default=0),
        # LiteLLM pauses a deployment with more failures than this.
        "allowed_fails": health["allowed_fails"] - 1,
        "cooldown_time": health["cooldown_s"],
        # A check of room before the call, which is off there by default.
        "enable_pre_call_checks": True,
    }
    groups = [
        {"group_name": f"tier-{name}", "models": [name], "routing_strategy": strategy}
        for name, tier in tiers.items()
        if (strategy := _STRATEGIES[tier["strategy"]]) != _DEFAULT
    ]
    if groups:
        settings["routing_groups"] = groups
    value = {
        "model_list": [row for name in tiers for row in _group(routing, name)],
        "router_settings": settings,
    }
    return Exported(value, (*lost, *_notes(routing), *unsaid(routing, "LiteLLM")))


def _group(routing: Routing, tier: str) -> Iterator[dict[str, Any]]:
    told = routing.plain["tiers"][tier]
    share = weights(routing, tier)
    for place, name in enumerate(share, start=1):
        about = routing.plain["models"][name]
        params: dict[str, Any] = {"model": called(routing, name, "litellm")}
        if "base_url" in about:
            params["api_base"] = about["base_url"]
        if about["provider"]:
            params["api_key"] = f"os.environ/{_variable(about['provider'])}"
        if rate := routing.rate(name):
            # Here, not in `model_info`, is where its cost-based routing looks for prices.
            params["input_cost_per_token"] = _each(rate.input)
            params["output_cost_per_token"] = _each(rate.output)
        if told["strategy"] == "priority":
            params["order"] = place
        elif told["strategy"] in ("weighted", "sticky"):
            params["weight"] = share[name]
        yield {
            "model_name": tier,
            "litellm_params": params,
            "model_info": {"id": f"{tier}/{name}", **_sizes(routing, name)},
        }


def _sizes(routing: Routing, model: str) -> dict[str, Any]:
    about = routing.plain["models"][model]
    found: dict[str, Any] = {}
    if "context_tokens" in about:
        found["max_input_tokens"] = about["context_tokens"]
    if "max_output_tokens" in about:
        found["max_output_tokens"] = about["max_output_tokens"]
    return found


def _each(dollars: float) -> float:
    """Dollars for a token, of those for a million, without digits that a float makes up."""
    return float(f"{dollars / 1e6:.12g}")


def _variable(provider: str) -> str:
    """The environment variable of a provider's key: no key stands in a file."""
    return re.sub(r"[^A-Z0-9]", "_", provider.upper()) + "_API_KEY"


def _fallbacks(routing: Routing) -> tuple[dict[str, list[str]], list[str]]:
    """The tiers that each tier falls back to, and notes on those that LiteLLM may not."""
    tiers, models = routing.plain["tiers"], routing.plain["models"]
    found: dict[str, list[str]] = {}
    notes = []
    for name, tier in tiers.items():
        found[name] = []
        for other in order(name, tiers)[1:]:
            unfit = [
                member["model"]
                for member in tiers[other]["models"]
                if lacking(models[member["model"]], tier["requires"])
            ]
            if unfit:
                notes.append(
                    f"tier `{name}` does not fall back to `{other}`: it cannot leave out "
                    f"{', '.join(f'`{model}`' for model in unfit)}, which `{name}` may not use"
                )
            else:
                found[name].append(other)
    return found, notes


def _notes(routing: Routing) -> Iterator[str]:
    plain = routing.plain
    yield (
        "keys are read from the environment (`api_key: os.environ/...`); requests name a tier as "
        "their model"
    )
    if plain["default"]:
        yield f"the default tier is `{plain['default']}`: LiteLLM has no default"
    yield (
        "a pause is always `cooldown_time` long and a share of failures is LiteLLM's own (a half): "
        "longer pauses each time, `failure_share` and `probe_share` are policyengine's"
    )
    for name, tier in plain["tiers"].items():
        if tier["strategy"] != "cheapest":
            continue
        for model in weights(routing, name):
            if routing.rate(model) is None:
                yield (
                    f"model `{model}` of tier `{name}` has no known price: policyengine does not "
                    "choose it, LiteLLM takes its own list's, or takes it for the dearest"
                )
    yield from regions(routing)
