"""The file `data/tiers.yaml` of a bundle: tiers of models, and what each model can and may do.

    default: economy
    models:
      small: {provider: openai, context_tokens: 128000, capabilities: [tools, json]}
      house: {provider: vllm, regions: [eu], retention: none}
    tiers:
      economy: {models: [small], fallbacks: [on-prem]}
      on-prem: {models: [house]}

A model is known by one name here, in the price book and to the gateway. What the file promises of
a model is held against every request; a model of which something is not said does not have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from policyengine.errors import FactError
from policyengine.routing.hashing import hashed
from policyengine.routing.observed import Health
from policyengine.routing.problems import Path, problems
from policyengine.routing.requirements import lacking
from policyengine.routing.schema import CAPABILITIES, OUTPUT_TOKENS, SCHEMA, STRATEGIES

__all__ = [
    "CAPABILITIES", "SCHEMA", "STRATEGIES", "Chain", "Member", "Stage", "Tiers", "fields", "kinds",
    "normal", "order", "problems",
]  # fmt: skip

_MICRO: Final = 1_000_000


def normal(value: Any) -> dict[str, Any]:
    """The one long form of a file that fits `SCHEMA`, as JSON; its parts stay where they were.

    >>> plain = normal({"models": {"m": {}}, "tiers": {"t": {"models": ["m"]}}})
    >>> plain["tiers"]["t"]["models"], plain["tiers"]["t"]["strategy"]
    ([{'model': 'm', 'weight': 1}], 'priority')
    """
    health = Health()._asdict() | dict(value.get("health", {}))
    return {
        "default": value.get("default", ""),
        "models": {name: _model(model) for name, model in value["models"].items()},
        "tiers": {name: _tier(name, tier) for name, tier in value["tiers"].items()},
        "health": health,
        "output_tokens": value.get("output_tokens", OUTPUT_TOKENS),
        "region_from": value.get("region_from", "route.region"),
        "class_from": value.get("class_from", "context.attributes.data_class"),
    }


def _model(model: Mapping[str, Any]) -> dict[str, Any]:
    said = {"provider": "", "capabilities": [], "regions": [], "data": {}, "retention": "unknown"}
    return {**said, "training": True, **model}


def _tier(name: str, tier: Mapping[str, Any]) -> dict[str, Any]:
    members = [
        {"weight": 1, **m} if isinstance(m, Mapping) else {"model": m, "weight": 1}
        for m in tier["models"]
    ]
    weighed = tier.get("sticky_by") and "strategy" not in tier
    return {
        "strategy": "sticky" if weighed else "priority",
        "fallbacks": [],
        "sticky_by": "",
        "salt": name,
        "prefer_requested": False,
        "requires": {},
        **tier,
        "models": members,
    }


def fields(normal: Mapping[str, Any]) -> dict[Path, str]:
    """The fields of the input that the file names, by where.

    >>> plain = {"models": {"m": {}}, "tiers": {"t": {"models": ["m"], "sticky_by": "subject.id"}}}
    >>> fields(normal(plain))[("tiers", "t", "sticky_by")]
    'subject.id'
    """
    named: dict[Path, str] = {(key,): normal[key] for key in ("region_from", "class_from")}
    for name, tier in normal["tiers"].items():
        if tier["sticky_by"]:
            named["tiers", name, "sticky_by"] = tier["sticky_by"]
    return named


def kinds(normal: Mapping[str, Any]) -> dict[Path, str]:
    """The kinds of data that models are denied, by where: what guards must have looked for."""
    return {
        ("models", name, "data", kind): kind
        for name, model in normal["models"].items()
        for kind, verdict in model["data"].items()
        if verdict == "deny"
    }


class Member(NamedTuple):
    """A model of a tier, ready to be held against a request; 0 tokens where no limit is known.

    `place` is its place in the tier's list and `hash` goes into draws. `input_price` and
    `output_price` are micro-dollars for a token, below 0 where not known.
    """

    name: str
    weight: float
    place: int
    hash: int
    context_tokens: int
    max_output_tokens: int
    capabilities: frozenset[str]
    regions: frozenset[str]
    denied: frozenset[str]
    classes: frozenset[str] | None
    latency_ms: float | None
    input_price: float
    output_price: float


class Stage(NamedTuple):
    """A tier as one step of a chain: those of its models that may serve what the chain is for.

    `weight` is that of all of them.
    """

    tier: str
    strategy: str
    members: tuple[Member, ...]
    sticky_by: str
    salt: str
    prefer_requested: bool
    weight: float


class Chain(NamedTuple):
    """A tier and its fallbacks, and theirs, in order; each model once, where it comes first.

    `rejected` are models that the tier's `requires` rule out, and why; `keys` the fields that some
    of the tiers are sticky by, and the steps to them.
    """

    stages: tuple[Stage, ...]
    rejected: tuple[tuple[str, str], ...]
    keys: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Tiers:
    """Tiers, ready to choose in.

    `default` is the tier of requests that no rule routes, or empty. `denied` are all kinds of data
    that some model is denied.
    """

    chains: Mapping[str, Chain]
    default: str
    health: Health
    output_tokens: int
    region_from: tuple[str, ...]
    class_from: tuple[str, ...]
    denied: frozenset[str]

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Tiers:
        """The tiers of a normal form that has no problems.

        >>> plain = normal({"models": {"m": {}}, "tiers": {"t": {"models": ["m"]}}})
        >>> [stage.tier for stage in Tiers.of(plain).chains["t"].stages]
        ['t']
        """
        return Tiers(
            {name: _chain(name, plain) for name in plain["tiers"]},
            plain["default"],
            Health(**plain["health"]),
            plain["output_tokens"],
            tuple(plain["region_from"].split(".")),
            tuple(plain["class_from"].split(".")),
            frozenset(kinds(plain).values()),
        )

    def chain(self, tier: str) -> Chain:
        """A tier and its fallbacks. Raises `FactError("unknown-tier")`."""
        try:
            return self.chains[tier]
        except KeyError:
            raise FactError("unknown-tier", f"there is no tier `{tier[:80]}`") from None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tiers."""
        return tuple(self.chains)


def order(tier: str, tiers: Mapping[str, Any]) -> list[str]:
    """A tier, its fallbacks, and theirs: the order in which they are tried.

    >>> some = {"a": {"fallbacks": ["b", "c"]}, "b": {"fallbacks": ["c"]}, "c": {"fallbacks": []}}
    >>> order("a", some)
    ['a', 'b', 'c']
    """
    found: dict[str, None] = {}
    waiting = [tier]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += reversed(tiers[name]["fallbacks"])
    return list(found)


def _chain(tier: str, plain: Mapping[str, Any]) -> Chain:
    requires = plain["tiers"][tier]["requires"]
    stages = []
    rejected: dict[str, str] = {}
    seen: set[str] = set()
    for name in order(tier, plain["tiers"]):
        told = plain["tiers"][name]
        # The tier that is fallen back to has demands of its own, which its models meet.
        members = []
        for place, entry in enumerate(told["models"]):
            model = plain["models"][entry["model"]]
            if entry["model"] in seen:
                continue
            seen.add(entry["model"])
            if lacks := lacking(model, requires):
                rejected[entry["model"]] = lacks
            else:
                members.append(_member(entry, place, model))
        if members:
            stages.append(
                Stage(
                    name,
                    told["strategy"],
                    tuple(members),
                    told["sticky_by"],
                    told["salt"],
                    told["prefer_requested"],
                    sum(member.weight for member in members),
                )
            )
    sticky = dict.fromkeys(stage.sticky_by for stage in stages if stage.sticky_by)
    keys = tuple((field, tuple(field.split("."))) for field in sticky)
    return Chain(tuple(stages), tuple(rejected.items()), keys)


def _member(entry: Mapping[str, Any], place: int, model: Mapping[str, Any]) -> Member:
    price = model.get("price", {"input_cost_per_token": -1.0, "output_cost_per_token": -1.0})
    return Member(
        entry["model"],
        float(entry["weight"]),
        place,
        hashed(entry["model"]),
        model.get("context_tokens", 0),
        model.get("max_output_tokens", 0),
        frozenset(model["capabilities"]),
        frozenset(model["regions"]),
        frozenset(kind for kind, verdict in model["data"].items() if verdict == "deny"),
        frozenset(model["classes"]) if "classes" in model else None,
        model.get("latency_ms"),
        price["input_cost_per_token"] * _MICRO,
        price["output_cost_per_token"] * _MICRO,
    )
