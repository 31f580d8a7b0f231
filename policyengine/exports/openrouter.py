"""Parts of requests to OpenRouter: for each tier its models in order and provider preferences.

body = {**request, **exported["tiers"]["economy"]}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from policyengine.exports import Exported, Routing, regions, unsaid

ABOUT = "OpenRouter: models and provider preferences to put into requests of each tier"
FORM: Final[Literal["yaml", "json"]] = "json"

# OpenRouter refuses a request that names more.
MOST_MODELS: Final = 3
# Whose models OpenRouter calls what, and what it calls who serves them, by LiteLLM's words.
_AUTHORS: Final = {
    "anthropic": "anthropic",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gemini": "google",
    "mistral": "mistralai",
    "openai": "openai",
    "perplexity": "perplexity",
    "xai": "x-ai",
}
_SERVERS: Final = {
    "bedrock": "amazon-bedrock",
    "fireworks_ai": "fireworks",
    "gemini": "google-ai-studio",
    "together_ai": "together",
    "vertex_ai": "google-vertex",
}
_SORTS: Final = {"cheapest": "price", "latency": "latency"}


def export(routing: Routing) -> Exported:
    """A part of a request's body for each tier."""
    found = {tier: _body(routing, tier) for tier in routing.plain["tiers"]}
    value: dict[str, Any] = {"tiers": {tier: body for tier, body in found.items() if body}}
    if routing.plain["default"] in value["tiers"]:
        value["default"] = routing.plain["default"]
    return Exported(value, (*_notes(routing), *unsaid(routing, "OpenRouter")))


def _models(routing: Routing, tier: str) -> list[str]:
    """All models that may serve a tier and that OpenRouter can have, in order."""
    about = routing.plain["models"]
    return [
        model
        for name, models in routing.chain(tier)
        for model in routing.ordered(name, models)
        if _called(model, about[model])
    ]


def _called(model: str, about: Mapping[str, Any]) -> str:
    """What OpenRouter calls a model; empty where it is none of its, or nobody says."""
    told: str = about.get("names", {}).get("openrouter", "")
    author = _AUTHORS.get(about["provider"])
    if told or author is None or "base_url" in about:
        return told
    return f"{author}/{about.get('id', model)}"


def _server(about: Mapping[str, Any]) -> str:
    provider: str = about["provider"]
    return _SERVERS.get(provider, provider.replace("_", "-"))


def _body(routing: Routing, tier: str) -> dict[str, Any]:
    models = _models(routing, tier)[:MOST_MODELS]
    if not models:
        return {}
    about = [routing.plain["models"][model] for model in models]
    preferences: dict[str, Any] = {}
    slugs = list(dict.fromkeys(_server(model) for model in about))
    if all(slugs):
        # Nobody but these is held to what the tiers say of their models.
        preferences["only"] = slugs
        preferences["order"] = slugs
    preferences["allow_fallbacks"] = True
    if sort := _SORTS.get(routing.plain["tiers"][tier]["strategy"]):
        preferences["sort"] = sort
        preferences.pop("order", None)
    if not any(model["training"] for model in about):
        preferences["data_collection"] = "deny"
    if all(model["retention"] == "none" for model in about):
        preferences["zdr"] = True
    if most := _max_price(routing, models):
        preferences["max_price"] = most
    names = [_called(*pair) for pair in zip(models, about, strict=True)]
    return {"models": names, "provider": preferences}


def _max_price(routing: Routing, models: list[str]) -> dict[str, float]:
    """What no provider may cost more than, in US dollars for a million tokens."""
    rates = [routing.rate(model) for model in models]
    known = [rate for rate in rates if rate is not None]
    if len(known) < len(rates):
        return {}
    return {
        "prompt": _cents(max(rate.input for rate in known)),
        "completion": _cents(max(rate.output for rate in known)),
    }


def _cents(dollars: float) -> float:
    """Rounded up to a ten-thousandth, which shuts nobody out by a rounding error."""
    return math.ceil(round(dollars * 10_000, 3)) / 10_000


def _notes(routing: Routing) -> Iterator[str]:
    plain = routing.plain
    yield "a request takes the part of its tier, which policyengine's decision names"
    for tier in plain["tiers"]:
        models = _models(routing, tier)
        if not models:
            yield f"tier `{tier}` has no model that OpenRouter has, and is left out"
        left = models[MOST_MODELS:]
        if left:
            yield (
                f"tier `{tier}`: OpenRouter takes {MOST_MODELS} models at most; left out are "
                + ", ".join(f"`{model}`" for model in left)
            )
        if plain["tiers"][tier]["strategy"] in ("weighted", "sticky"):
            yield f"tier `{tier}` shares out by weight: OpenRouter tries its models in order"
        if plain["tiers"][tier]["strategy"] in _SORTS:
            yield (
                f"tier `{tier}`: OpenRouter sorts the providers of a model; the models are in the "
                "order that is known now"
            )
        if any(routing.rate(model) is None for model in models[:MOST_MODELS]):
            yield f"tier `{tier}` has a model without a known price, and so no `max_price`"
    for name, model in plain["models"].items():
        if not _called(name, model):
            yield (
                f"model `{name}` is left out: what OpenRouter calls it can be said as "
                "`names: {openrouter: author/model}`"
            )
    yield from regions(routing)
    yield "which models fail, and pauses, are OpenRouter's own business"
