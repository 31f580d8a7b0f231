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

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from policyengine.errors import FactError
from policyengine.routing.hashing import hashed
from policyengine.routing.observed import Health

Path = tuple[str | int, ...]

CAPABILITIES: Final = (
    "tools", "vision", "audio", "video", "files", "json", "reasoning", "embeddings",
)  # fmt: skip
STRATEGIES: Final = ("priority", "cheapest", "latency", "weighted", "sticky")
# Where a tier's `models` are listed in any order, the ones that choose by a draw or a key.
_WEIGHING: Final = frozenset({"weighted", "sticky"})
# What a request is thought to be answered with where it sets no `max_tokens`.
OUTPUT_TOKENS: Final = 512

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$"
_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_FIELD = r"^[a-z][a-z0-9_]{0,63}(\.[A-Za-z0-9_-]{1,64}){1,5}$"
_MOST_TOKENS = 1 << 40
_MICRO: Final = 1_000_000


def _words(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "maxItems": 64,
        "uniqueItems": True,
        "items": {"type": "string", "pattern": _WORD},
    }


def _tokens(description: str) -> dict[str, Any]:
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": _MOST_TOKENS,
        "description": description,
    }


def _number(description: str, **bounds: float) -> dict[str, Any]:
    return {"type": "number", "description": description, **bounds}


def _object(
    properties: Mapping[str, Any], description: str, required: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


_RETENTION = {
    "type": "string",
    "enum": ["none", "limited", "unknown"],
    "description": "Whether the provider keeps requests: not at all, for a time, or not known.",
}
_TRAINING = {
    "type": "boolean",
    "description": "Whether the provider may train on requests; true where not said.",
}
_PRICE = _object(
    {
        "input_cost_per_token": _number("US dollars for a token of input.", minimum=0, maximum=1),
        "output_cost_per_token": _number("US dollars for a token of output.", minimum=0, maximum=1),
    },
    "What the model costs, where the bundle has no price book (`data/prices.json`).",
    ("input_cost_per_token", "output_cost_per_token"),
)
_MODEL = _object(
    {
        "provider": {
            "type": "string",
            "pattern": _WORD,
            "description": "Who serves it, such as `openai`, in the words of LiteLLM.",
        },
        "id": {
            "type": "string",
            "pattern": _NAME,
            "description": "Its name at the provider; the model's own where not said.",
        },
        "base_url": {
            "type": "string",
            "pattern": "^https?://[^\\s@]{1,500}$",
            "description": "Where it is served, for models of one's own.",
        },
        "names": {
            "type": "object",
            "description": "What it is called elsewhere, where that is not `provider/id`.",
            "propertyNames": {"enum": ["litellm", "openrouter", "portkey"]},
            "additionalProperties": {"type": "string", "pattern": _NAME},
        },
        "context_tokens": _tokens("Tokens of input and output together that it takes."),
        "max_output_tokens": _tokens("Tokens that it answers with at most."),
        "capabilities": _words(
            "What it can do: " + ", ".join(CAPABILITIES) + ", or a word of your own that begins "
            "with `x-`."
        ),
        "regions": _words("Where requests are processed, such as `eu`."),
        "data": {
            "type": "object",
            "description": "What kinds of data may go there. A kind is the name of a guard, such "
            "as `pii`, or a type of finding, such as `US_SSN`.",
            "maxProperties": 64,
            "propertyNames": {"pattern": _WORD},
            "additionalProperties": {"enum": ["allow", "deny"]},
        },
        "classes": _words(
            "The classes of data that may go there. Where said, a request whose class is not "
            "known may not."
        ),
        "retention": _RETENTION,
        "training": _TRAINING,
        "latency_ms": _number(
            "How long an answer is expected to take, until that is observed.",
            minimum=0,
            maximum=1e9,
        ),
        "price": _PRICE,
    },
    "A model.",
)
_MEMBER = {
    "anyOf": [
        {"type": "string", "pattern": _NAME},
        _object(
            {
                "model": {
                    "type": "string",
                    "pattern": _NAME,
                    "description": "Name of the model.",
                },
                "weight": _number("Its share, against those of the others.", maximum=1e9),
            },
            "A model of a tier, and its weight.",
            ("model",),
        ),
    ]
}
_TIER = _object(
    {
        "description": {"type": "string", "maxLength": 500, "description": "What it is for."},
        "strategy": {
            "type": "string",
            "enum": list(STRATEGIES),
            "description": "How a model is chosen: in the order of the list, by price, by latency, "
            "at random by weight, or by weight but always the same for one key.",
        },
        "models": {
            "type": "array",
            "maxItems": 100,
            "items": _MEMBER,
            "description": "Its models.",
        },
        "fallbacks": {
            "type": "array",
            "maxItems": 50,
            "items": {"type": "string", "pattern": _WORD},
            "description": "Tiers whose models are tried after its own, in order.",
        },
        "sticky_by": {
            "type": "string",
            "pattern": _FIELD,
            "description": "The field whose value decides for `sticky`, such as `subject.id`.",
        },
        "salt": {
            "type": "string",
            "maxLength": 64,
            "description": "Makes one sticky assignment independent of another; the tier's name "
            "where not said.",
        },
        "prefer_requested": {
            "type": "boolean",
            "description": "Whether the model that the request names comes first where it is one "
            "of the tier; false where not said.",
        },
        "requires": _object(
            {
                "capabilities": _words("What each model must be able to do."),
                "regions": _words("Where each model must run, in one of them."),
                "retention": {"const": "none", "description": "No model may keep requests."},
                "training": {"const": False, "description": "No model may train on requests."},
            },
            "What holds for every model of the tier, and for those of its fallbacks too.",
        ),
    },
    "A tier.",
    ("models",),
)
_HEALTH = _object(
    {
        "allowed_fails": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "So many failures in a row, and a model is left alone for a while.",
        },
        "failure_share": _number(
            "Such a share of failures in the window, and it is too.", exclusiveMinimum=0, maximum=1
        ),
        "min_results": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Results that a share is judged on at least.",
        },
        "window_s": _number("How long results count, in seconds.", exclusiveMinimum=0, maximum=1e6),
        "cooldown_s": _number(
            "The first pause, in seconds; it doubles each time.", exclusiveMinimum=0, maximum=1e6
        ),
        "max_cooldown_s": _number("The longest pause.", exclusiveMinimum=0, maximum=1e6),
        "probe_share": _number(
            "The share of requests that try a model after its pause.", minimum=0, maximum=1
        ),
        "latency": {
            "type": "string",
            "enum": ["median", "p95"],
            "description": "The figure that `strategy: latency` compares.",
        },
    },
    "When a failing model is left alone, and how it is tried again.",
)
SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "tiers",
    **_object(
        {
            "default": {
                "type": "string",
                "pattern": _WORD,
                "description": "The tier of requests that no rule routes.",
            },
            "models": {
                "type": "object",
                "description": "The models by name.",
                "maxProperties": 1000,
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": _MODEL,
            },
            "tiers": {
                "type": "object",
                "description": "The tiers by name.",
                "minProperties": 1,
                "maxProperties": 200,
                "propertyNames": {"pattern": _WORD},
                "additionalProperties": _TIER,
            },
            "health": _HEALTH,
            "output_tokens": _tokens(
                "What an answer is thought to have, when prices are compared and a request sets "
                f"no `max_tokens`; {OUTPUT_TOKENS} where not said."
            ),
            "region_from": {
                "type": "string",
                "pattern": _FIELD,
                "description": "The field that names the region in which a request must stay; "
                "`route.region` where not said.",
            },
            "class_from": {
                "type": "string",
                "pattern": _FIELD,
                "description": "The field that names the class of the data in a request; "
                "`context.attributes.data_class` where not said.",
            },
        },
        "Tiers of models, and what each model can and may do (`data/tiers.yaml`).",
        ("models", "tiers"),
    ),
}


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


def problems(normal: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong with a normal form that its schema cannot say, each with the path to it.

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
    close = get_close_matches(name, list(known)[:500], n=1) if len(name) <= 80 else []
    meant = f", did you mean `{close[0]}`?" if close else ""
    return f"there is no {kind} `{name}`{meant}"


def lacking(model: Mapping[str, Any], requires: Mapping[str, Any]) -> str:
    """What a model lacks of what a tier requires; empty where that is nothing.

    >>> lacking({"capabilities": ["tools"], "regions": ["us"]}, {"regions": ["eu"]})
    'runs in none of the regions eu'
    """
    lacks = sorted(set(requires.get("capabilities", ())) - set(model["capabilities"]))
    if lacks:
        return "lacks " + ", ".join(lacks)
    regions = requires.get("regions", ())
    if regions and not set(regions) & set(model["regions"]):
        return "runs in none of the regions " + ", ".join(regions)
    if "retention" in requires and model["retention"] != "none":
        return "may keep requests"
    if "training" in requires and model["training"]:
        return "may train on requests"
    return ""


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
