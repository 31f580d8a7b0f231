"""The tiers of a bundle as configurations of other routers: one router, one file.

A file here offers `ABOUT` (one line), `FORM` (`yaml` or `json`) and `export(routing)`. What the
other router cannot say is never dropped silently: it stands in the notes of what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, cast

from policyengine import plugins
from policyengine.charges import Costs, Usage
from policyengine.errors import FactError, PolicyEngineError
from policyengine.prices import PriceBook
from policyengine.program import Program, Route
from policyengine.routing.tiers import Tiers

# Prices are asked for so many tokens, so that rounding up to a micro-dollar is of no matter.
_MILLION = 1_000_000


class ExportError(PolicyEngineError):
    """A bundle has nothing that could be exported."""


class Exported(NamedTuple):
    """A configuration as plain JSON values, and what it does not say."""

    value: Any
    notes: tuple[str, ...]


class Exporter(Protocol):
    """What a file in this room offers."""

    ABOUT: str
    FORM: Literal["yaml", "json"]

    def export(self, routing: Routing) -> Exported:
        """The configuration."""


class Rate(NamedTuple):
    """US dollars for a million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Routing:
    """What a bundle says of routing: its tiers, prices, and the rules that route, with their tier.

    `plain` is the normal form of `data/tiers.yaml`, `now` the time of the prices in seconds.
    """

    bundle: str
    version: str
    plain: Mapping[str, Any]
    tiers: Tiers
    prices: Costs | None
    routes: tuple[tuple[str, str], ...]
    now: float

    @staticmethod
    def of(program: Program, now: float) -> Routing:
        """That of a compiled bundle. Raises `ExportError` for one without tiers."""
        plain = program.data.get("tiers")
        if plain is None:
            message = f"the bundle `{program.bundle}` has no tiers; they stand in data/tiers.yaml"
            raise ExportError(message)
        book = program.data.get("prices")
        routes = dict.fromkeys(
            (f"{rule.policy}/{rule.id}", effect.to)
            for point in program.points.values()
            for rule in point.rules
            for effect in rule.obligations
            if isinstance(effect, Route)
        )
        return Routing(
            program.bundle,
            program.version,
            plain,
            Tiers.of(plain),
            None if book is None else PriceBook.of(book),
            tuple(routes),
            now,
        )

    def rate(self, model: str) -> Rate | None:
        """What a model costs, None where that is not known."""
        if self.prices is None:
            price = self.plain["models"][model].get("price")
            if price is None:
                return None
            each = (price["input_cost_per_token"], price["output_cost_per_token"])
            return Rate(*(round(dollars * _MILLION, 9) for dollars in each))
        try:
            each_way = [
                self.prices.cost(model, usage, self.now)
                for usage in (Usage(input_tokens=_MILLION), Usage(output_tokens=_MILLION))
            ]
        except FactError:
            return None
        return Rate(*(micro / 1e6 for micro in each_way))

    def chain(self, tier: str) -> list[tuple[str, list[str]]]:
        """A tier and its fallbacks, each with those of its models that may serve the tier."""
        return [
            (stage.tier, [member.name for member in stage.members])
            for stage in self.tiers.chain(tier).stages
        ]

    def ordered(self, tier: str, models: list[str]) -> list[str]:
        """Models in the order of a tier's strategy, as far as that is known beforehand."""
        match self.plain["tiers"][tier]["strategy"]:
            case "cheapest":
                return sorted((m for m in models if self.rate(m)), key=self._dollars)
            case "latency":
                about = self.plain["models"]
                return sorted(models, key=lambda m: about[m].get("latency_ms", float("inf")))
            case _:
                return models

    def _dollars(self, model: str) -> float:
        rate = self.rate(model)
        return rate.input + rate.output if rate else float("inf")


def weights(routing: Routing, tier: str) -> dict[str, float]:
    """The weights of a tier's models."""
    return {member["model"]: member["weight"] for member in routing.plain["tiers"][tier]["models"]}


def called(routing: Routing, model: str, where: str) -> str:
    """What a model is called in another router: as the file says, or `provider/id`."""
    about = routing.plain["models"][model]
    own = about.get("id", model)
    told: str = about.get("names", {}).get(where, "")
    return told or (f"{about['provider']}/{own}" if about["provider"] else own)


def unsaid(routing: Routing, router: str) -> Iterator[str]:
    """What no router but ours can say: why a request is of a tier, and rules about its data."""
    for tier, rules in together((tier, rule) for rule, tier in routing.routes):
        yield (
            f"tier `{tier}` is chosen by {rules}: their conditions are decided by policyengine, "
            f"not by {router}"
        )
    models = routing.plain["models"]
    for denied, names in together((_denied(model), name) for name, model in models.items()):
        yield f"no {denied} may go to {names}: {router} does not look"
    for name, model in models.items():
        if "classes" in model:
            yield f"model `{name}` is for some classes of data only: {router} does not look"
    for name, tier in routing.plain["tiers"].items():
        if tier["strategy"] in ("sticky", "weighted") and tier["sticky_by"]:
            field = tier["sticky_by"]
            yield f"tier `{name}` gives a `{field}` the same model always: {router} draws anew"
        if tier["prefer_requested"]:
            yield f"tier `{name}` prefers the model that a request names: {router} does not"


def regions(routing: Routing) -> Iterator[str]:
    """Where models are, which the file of another router does not say."""
    models = routing.plain["models"].items()
    for where, names in together((", ".join(model["regions"]), name) for name, model in models):
        yield f"only for the regions {where}: {names}"


def together(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What several names share, with these names; what is empty is left out.

    >>> list(together([("eu", "a"), ("us", "b"), ("", "c"), ("eu", "d")]))
    [('eu', '`a`, `d`'), ('us', '`b`')]
    """
    found: dict[str, list[str]] = {}
    for shared, name in pairs:
        if shared:
            found.setdefault(shared, []).append(f"`{name}`")
    for shared, names in found.items():
        yield shared, ", ".join(names)


def _denied(model: Mapping[str, Any]) -> str:
    return ", ".join(sorted(kind for kind, verdict in model["data"].items() if verdict == "deny"))


def exporter(name: str) -> Exporter:
    """The exporter of this name. Raises `KeyError`."""
    return cast(Exporter, plugins.find("exports", name))


def exporters() -> list[str]:
    """The names of all exporters, sorted."""
    return plugins.names("exports")
