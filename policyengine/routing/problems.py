"""What is wrong with tiers that no schema can say: names, weights, circles of fallbacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from policyengine.routing.requirements import lacking
from policyengine.routing.schema import CAPABILITIES

Path = tuple[str | int, ...]

# Strategies for which the weights of models count.
_WEIGHING: Final = frozenset({"weighted", "sticky"})


def problems(normal: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong with a normal form that its schema cannot say, each with the path to it.

    >>> from policyengine.routing.tiers import normal
    >>> list(problems(normal({"models": {}, "tiers": {"t": {"models": []}}})))
    [(('tiers', 't', 'models'), 'tier `t` has no models')]
    """
    for path in _no_numbers(normal, ()):
        yield path, "this is not a number that can be counted with"
    for name, model in normal["models"].items():
        yield from _model_problems(name, model)
    tiers = normal["tiers"]
    for name, tier in tiers.items():
        yield from _tier_problems(name, tier, normal)
    yield from _circles(tiers)
    if normal["default"] and normal["default"] not in tiers:
        yield ("default",), _unknown("tier", normal["default"], tiers)
    if normal["health"]["max_cooldown_s"] < normal["health"]["cooldown_s"]:
        yield ("health", "max_cooldown_s"), "the longest pause is shorter than the first"


def _no_numbers(value: Any, at: Path) -> Iterator[Path]:
    """Where infinities stand, and what is no number; no bound of a schema catches the latter."""
    if isinstance(value, float) and not math.isfinite(value):
        yield at
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _no_numbers(item, (*at, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _no_numbers(item, (*at, number))


def _model_problems(name: str, model: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    at: Path = ("models", name)
    for number, word in enumerate(model["capabilities"]):
        if word not in CAPABILITIES and not word.startswith("x-"):
            message = _unknown("capability", word, CAPABILITIES)
            yield (*at, "capabilities", number), f"{message} (your own begin with `x-`)"
    most, context = model.get("max_output_tokens"), model.get("context_tokens")
    if most is not None and context is not None and most > context:
        yield (*at, "max_output_tokens"), f"model `{name}` answers with more than its context holds"


def _tier_problems(
    name: str, tier: Mapping[str, Any], whole: Mapping[str, Any]
) -> Iterator[tuple[Path, str]]:
    at: Path = ("tiers", name)
    members = tier["models"]
    if not members:
        yield (*at, "models"), f"tier `{name}` has no models"
    yield from _member_problems(name, tier, whole["models"])
    for number, fallback in enumerate(tier["fallbacks"]):
        if fallback not in whole["tiers"]:
            yield (*at, "fallbacks", number), _unknown("tier", fallback, whole["tiers"])
        elif fallback in tier["fallbacks"][:number]:
            yield (*at, "fallbacks", number), f"tier `{fallback}` is there twice"
    if tier["strategy"] == "sticky" and not tier["sticky_by"]:
        yield (*at, "strategy"), f"tier `{name}` is sticky, but `sticky_by` names no field"
    if tier["strategy"] not in _WEIGHING and tier["sticky_by"]:
        yield (
            (*at, "sticky_by"),
            f"`sticky_by` says nothing where the strategy is {tier['strategy']}",
        )


def _member_problems(
    name: str, tier: Mapping[str, Any], models: Mapping[str, Any]
) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    whole = 0.0
    at: Path = ("tiers", name, "models")
    for number, member in enumerate(tier["models"]):
        model = member["model"]
        if model not in models:
            yield (*at, number), _unknown("model", model, models)
        elif model in seen:
            yield (*at, number), f"model `{model}` is there twice"
        elif lacks := lacking(models[model], tier["requires"]):
            yield (*at, number), f"model `{model}` {lacks}, which tier `{name}` requires"
        seen.add(model)
        if member["weight"] < 0:
            yield (*at, number, "weight"), f"the weight of model `{model}` is negative"
        else:
            whole += member["weight"]
    if tier["models"] and whole <= 0 and tier["strategy"] in _WEIGHING:
        yield at, f"no model of tier `{name}` has a weight above 0"


def _circles(tiers: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Each way back to a tier that is being fallen back from, once."""
    done: set[str] = set()
    for start in tiers:
        trail = [start]
        ways = [enumerate(tiers[start]["fallbacks"])] if start not in done else []
        while ways:
            number, name = next(ways[-1], (-1, ""))
            if number < 0:
                done.add(trail.pop())
                ways.pop()
            elif name in trail:
                circle = " -> ".join([*trail[trail.index(name) :], name])
                yield ("tiers", trail[-1], "fallbacks", number), f"fallbacks go round: {circle}"
            elif name in tiers and name not in done:
                trail.append(name)
                ways.append(enumerate(tiers[name]["fallbacks"]))


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    # Only what is wrong needs it.
    from difflib import get_close_matches

    close = get_close_matches(name, list(known)[:500], n=1) if len(name) <= 80 else []
    meant = f", did you mean `{close[0]}`?" if close else ""
    return f"there is no {kind} `{name}`{meant}"
