"""A config of Portkey's gateway: a condition for each tier, on metadata that policyengine sets.

What decides sends the tier as `x-portkey-metadata: {"tier": "economy"}`; the gateway tries the
models of the tier in order, or by weight, and then those of its fallbacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from policyengine.exports import Exported, Routing, regions, together, unsaid, weights

ABOUT = "Portkey: a conditional config over tiers, with fallbacks and load balancing"
FORM: Final[Literal["yaml", "json"]] = "json"

# The key of the request's metadata that names the tier.
METADATA: Final = "tier"

# What Portkey calls a provider where LiteLLM calls it otherwise.
_PROVIDERS: Final = {
    "azure": "azure-openai",
    "cloudflare": "workers-ai",
    "gemini": "google",
    "mistral": "mistral-ai",
    "novita": "novita-ai",
    "perplexity": "perplexity-ai",
    "stability": "stability-ai",
    "xai": "x-ai",
    "zai": "z-ai",
    # These speak OpenAI's protocol at an address of one's own.
    "custom_openai": "openai",
    "docker_model_runner": "openai",
    "hosted_vllm": "openai",
    "litellm_proxy": "openai",
    "lm_studio": "openai",
    "openai_like": "openai",
    "vllm": "openai",
}


def export(routing: Routing) -> Exported:
    """The config, for a file, or for the header `x-portkey-config`."""
    plain = routing.plain
    names = [name for name in plain["tiers"] if routing.tiers.chain(name).stages]
    strategy: dict[str, Any] = {
        "mode": "conditional",
        "conditions": [
            {"query": {f"metadata.{METADATA}": {"$eq": name}}, "then": name} for name in names
        ],
    }
    if plain["default"]:
        strategy["default"] = plain["default"]
    targets = [_tier(routing, name) for name in names]
    notes = (*_notes(routing), *unsaid(routing, "Portkey"))
    return Exported({"strategy": strategy, "targets": targets}, notes)


def _tier(routing: Routing, tier: str) -> dict[str, Any]:
    """The tier and its fallbacks as one target: whatever fails, the next one is tried."""
    steps: list[dict[str, Any]] = []
    for name, models in routing.chain(tier):
        told = routing.plain["tiers"][name]
        share = weights(routing, name)
        drawn = told["strategy"] in ("weighted", "sticky") and len(models) > 1
        if drawn:
            steps.append(
                {
                    "name": f"{tier}-{name}" if name != tier else f"{tier}-drawn",
                    "strategy": {"mode": "loadbalance"},
                    "targets": [
                        {**_model(routing, model), "weight": share[model]}
                        for model in models
                        if share[model] > 0
                    ],
                }
            )
        # After a draw that failed, all of them are tried in order.
        steps += [_model(routing, model) for model in routing.ordered(name, models)]
    return {"name": tier, "strategy": {"mode": "fallback"}, "targets": steps}


def _model(routing: Routing, model: str) -> dict[str, Any]:
    about = routing.plain["models"][model]
    told = about.get("names", {}).get("portkey", about.get("id", model))
    target: dict[str, Any] = {"override_params": {"model": told}}
    if provider := about["provider"]:
        target["provider"] = _PROVIDERS.get(provider, provider.replace("_", "-"))
    if "base_url" in about:
        target["custom_host"] = about["base_url"]
    return target


def _notes(routing: Routing) -> Iterator[str]:
    plain = routing.plain
    yield (
        f"the tier is read from the metadata `{METADATA}`, which policyengine's decision names; "
        "no key stands in the file: give each target an `api_key` or a `virtual_key`"
    )
    if not plain["default"]:
        yield "there is no default tier: requests whose metadata name none are refused"
    for name, tier in plain["tiers"].items():
        if not routing.tiers.chain(name).stages:
            yield f"tier `{name}` has no model that it may use, and is left out"
        match tier["strategy"]:
            case "cheapest":
                yield f"tier `{name}` is in the order of today's prices; it does not follow them"
            case "latency":
                yield f"tier `{name}` is in the order of expected latencies, not of observed ones"
        for model in weights(routing, name):
            if tier["strategy"] == "cheapest" and routing.rate(model) is None:
                yield f"model `{model}` of tier `{name}` has no known price, and is left out"
    yield "models that fail are not paused: the gateway tries each request from the beginning"
    yield from regions(routing)
    for name, model in plain["models"].items():
        if not model["provider"]:
            yield f"model `{name}` has no provider: its targets need one"
    sized = ((f"{m.get('context_tokens', '')}", name) for name, m in plain["models"].items())
    for tokens, names in together(sized):
        yield f"room for {tokens} tokens, which is not checked: {names}"
