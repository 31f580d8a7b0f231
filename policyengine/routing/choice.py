"""Choosing the model that serves a request, and those to try after it.

What a request must have (room, capabilities, a region, rules about its data) is never relaxed. How
models fare only moves them: one in its cool-down comes after all others, and is used when there is
no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from policyengine.charges import Costs, Usage
from policyengine.errors import FactError
from policyengine.prices import PriceBook
from policyengine.routing.hashing import hashed, mixed, rank, share
from policyengine.routing.needs import Needs, needs_of
from policyengine.routing.observed import Snapshot, cooling
from policyengine.routing.tiers import Member, Stage, Tiers

__all__ = ["Choice", "choose", "needs_of", "unfit"]

_EMPTY: Final[Mapping[str, Any]] = {}
# Keeps the draw for trying a model again apart from the one for weights.
_TRYING: Final = 0x7472_7969_6E67
_DRAWN: Final = 0x6472_6177_6E
_UNPRICED: Final = "its price is not known"
_PICO_IN_MICRO: Final = 1_000_000
# So many models are named in an error; a tier may have a hundred.
_NAMED: Final = 12


class Choice(NamedTuple):
    """The model to use, of which tier it is, and the models to try after it, in order.

    `rejected` are models that cannot serve the request, and why. Nothing of a request's text is in
    any of these.
    """

    tier: str
    model: str
    fallbacks: tuple[str, ...]
    why: str
    rejected: tuple[tuple[str, str], ...]


class _At(NamedTuple):
    """What the strategies look at."""

    tiers: Tiers
    needs: Needs
    observed: Snapshot
    prices: Costs | None
    now: float


# A model's place in its tier for this request: the lowest key first, then in the order of the list.
_Ranked = tuple[float, int, Member]


def choose(
    tiers: Tiers,
    tier: str,
    needs: Needs,
    observed: Snapshot | None,
    prices: Costs | None,
    now: float,
) -> Choice:
    """The model for a request that is routed to a tier.

    `observed` is a snapshot of how models stand, `now` in seconds since 1970. Equal arguments give
    equal choices. Raises `FactError("unknown-tier")`, and `FactError("no-model")` where no model of
    the tier and its fallbacks may serve the request; it says why for each.

    >>> from policyengine.routing.tiers import normal
    >>> models = {"small": {"context_tokens": 8000}, "large": {}}
    >>> plain = normal({"models": models, "tiers": {"t": {"models": ["small", "large"]}}})
    >>> choose(Tiers.of(plain), "t", Needs(9000), None, None, 0.0)[1:4]
    ('large', (), 'priority: place 2 of 2')
    """
    chain = tiers.chain(tier)
    at = _At(tiers, needs, observed or _EMPTY, prices, now)
    rejected = [*chain.rejected]
    groups: tuple[list[tuple[Stage, _Ranked]], ...] = ([], [], [])
    for stage in chain.stages:
        for ranked in _ranked(stage, at, rejected):
            seen = at.observed.get(ranked[2].name)
            groups[_standing(seen, at) if seen else 0].append((stage, ranked))
    ready, waiting, paused = groups
    order = ready + waiting + paused if waiting or paused else ready
    if not order:
        raise FactError("no-model", _nobody(tier, rejected))
    stage, first = order[0]
    return Choice(
        stage.tier,
        first[2].name,
        tuple([ranked[2].name for _, ranked in order[1:]]),
        _why(stage, first, at, tier, [ranked[2].name for _, ranked in paused]),
        tuple(rejected),
    )


def _seed(at: _At) -> int:
    """What stands for chance in this choice."""
    # Micro-seconds are what the clocks of most machines tell.
    drawn = at.now * 1e6 if at.needs.draw is None else at.needs.draw * 18446744073709551615.0
    return mixed(int(drawn), _DRAWN)


def _tries(at: _At) -> bool:
    """Whether this request tries what has failed before, or is not known yet."""
    return share(mixed(_seed(at), _TRYING)) < at.tiers.health.probe_share


def _ranked(stage: Stage, at: _At, rejected: list[tuple[str, str]]) -> list[_Ranked]:
    """The models of a tier that may serve the request, in the order of its strategy."""
    needs = at.needs
    able = []
    asked = needs.output_tokens or 0
    tokens = needs.input_tokens + asked
    for member in stage.members:
        # What `unfit` asks, for nearly all models that fit.
        if (
            (not member.context_tokens or tokens <= member.context_tokens)
            and asked <= (member.max_output_tokens or asked)
            and needs.capabilities <= member.capabilities
            and (not needs.region or needs.region in member.regions)
            and member.denied.isdisjoint(needs.kinds)
            and (member.classes is None or needs.data_class in member.classes)
        ):
            able.append(member)
        else:
            rejected.append((member.name, unfit(member, needs)))
    found = _STRATEGIES[stage.strategy](stage, able, at, rejected)
    if stage.prefer_requested and needs.preferred:
        found.sort(key=lambda ranked: ranked[2].name != needs.preferred)
    return found


def unfit(member: Member, needs: Needs) -> str:
    """Why a model cannot serve a request; empty where it can."""
    room, asked = member.context_tokens, needs.output_tokens or 0
    if room and needs.input_tokens + asked > room:
        return f"its context of {room} tokens is too small"
    if member.max_output_tokens and asked > member.max_output_tokens:
        return f"it answers with {member.max_output_tokens} tokens at most"
    if not needs.capabilities <= member.capabilities:
        return "lacks " + ", ".join(sorted(needs.capabilities - member.capabilities))
    if needs.region and needs.region not in member.regions:
        return "does not run in the region asked for"
    if not member.denied.isdisjoint(needs.kinds):
        return "may not have " + ", ".join(sorted(member.denied & needs.kinds))
    if member.classes is not None and needs.data_class not in member.classes:
        return "may not have data of this class"
    return ""


def _standing(seen: Mapping[str, Any], at: _At) -> int:
    """0: to be used; 1: after those, as it has failed and may be tried; 2: in its cool-down."""
    until = seen.get("until")
    if not until:
        return 0
    if cooling(until, seen.get("seconds", math.inf), at.now):
        return 2
    return 0 if _tries(at) else 1


def _in_order(
    stage: Stage, able: list[Member], at: _At, rejected: list[tuple[str, str]]
) -> list[_Ranked]:
    return [(0.0, member.place, member) for member in able]


def _by_price(
    stage: Stage, able: list[Member], at: _At, rejected: list[tuple[str, str]]
) -> list[_Ranked]:
    answered = at.needs.output_tokens
    if answered is None:
        answered = at.tiers.output_tokens
    price = _priced_by(at.prices)
    found: list[_Ranked] = []
    for member in able:
        most = member.max_output_tokens
        try:
            cost = price(member, at, min(answered, most) if most else answered)
        except FactError as error:
            dated = error.code == "outdated-price"
            rejected.append((member.name, "its price is out of date" if dated else _UNPRICED))
        else:
            found.append((cost, member.place, member))
    found.sort()
    return found


_Price = Callable[[Member, _At, int], int]


def _priced_by(prices: Costs | None) -> _Price:
    """What says what a model costs for so many tokens of answer, in micro-dollars."""
    if prices is None:
        return _own_price
    return _book_price if isinstance(prices, PriceBook) else _asked_price


def _own_price(member: Member, at: _At, answered: int) -> int:
    if member.input_price < 0:
        raise FactError("unknown-price", "neither price book nor tiers have the model's price")
    return math.ceil(at.needs.input_tokens * member.input_price + answered * member.output_price)


def _book_price(member: Member, at: _At, answered: int) -> int:
    """What `_asked_price` would say, in a third of the time."""
    asked = at.needs.input_tokens
    book: Any = at.prices
    reads, writes = book.rates(member.name, asked, at.now)
    if (reads is None and asked) or (writes is None and answered):
        raise FactError("unknown-price", "the price book lacks a price of the model")
    # Pico-dollars, rounded up to micro-dollars.
    return -(-(asked * (reads or 0) + answered * (writes or 0)) // _PICO_IN_MICRO)


def _asked_price(member: Member, at: _At, answered: int) -> int:
    usage = Usage(input_tokens=at.needs.input_tokens, output_tokens=answered)
    prices: Any = at.prices
    cost: int = prices.cost(member.name, usage, at.now)
    return cost


def _by_latency(
    stage: Stage, able: list[Member], at: _At, rejected: list[tuple[str, str]]
) -> list[_Ranked]:
    found: list[_Ranked] = []
    for member in able:
        known = at.observed.get(member.name, _EMPTY).get("latency_ms", member.latency_ms)
        if known is None:
            # It comes last, but is tried now and then, or nobody would ever know.
            known = -1.0 if _tries(at) else math.inf
        found.append((known, member.place, member))
    found.sort()
    return found


def _by_weight(
    stage: Stage, able: list[Member], at: _At, rejected: list[tuple[str, str]]
) -> list[_Ranked]:
    key = at.needs.keys.get(stage.sticky_by) if stage.sticky_by else None
    seed = _seed(at) if key is None else hashed(f"{stage.salt}\0{key}")
    found = [(rank(seed, m.hash, m.weight), m.place, m) for m in able]
    found.sort()
    return found


_Strategy = Callable[[Stage, list[Member], _At, list[tuple[str, str]]], list[_Ranked]]
_STRATEGIES: Final[Mapping[str, _Strategy]] = {
    "priority": _in_order,
    "cheapest": _by_price,
    "latency": _by_latency,
    "weighted": _by_weight,
    "sticky": _by_weight,
}


def _why(stage: Stage, first: _Ranked, at: _At, asked: str, paused: list[str]) -> str:
    key, _, member = first
    if stage.prefer_requested and member.name == at.needs.preferred:
        said = "requested"
    else:
        said = _WORDS[stage.strategy](key, member, stage, at)
    if stage.tier != asked:
        said += f"; of the fallback tier `{stage.tier}`"
    if member.name in paused:
        return said + "; all that may serve it are in cool-down"
    if at.observed and at.observed.get(member.name, _EMPTY).get("until"):
        said += "; tried after a cool-down"
    return f"{said}; in cool-down: {', '.join(paused[:_NAMED])}" if paused else said


def _weight(how: str, member: Member, stage: Stage) -> str:
    return f"{how}, weight {member.weight:g} of {stage.weight:g}"


def _drawn(key: float, member: Member, stage: Stage, at: _At) -> str:
    if stage.sticky_by and stage.sticky_by in at.needs.keys:
        return _weight(f"{stage.strategy} by {stage.sticky_by}", member, stage)
    lost = f" (no {stage.sticky_by})" if stage.sticky_by else ""
    return _weight(f"{stage.strategy}: drawn{lost}", member, stage)


def _timed(key: float, member: Member, stage: Stage, at: _At) -> str:
    if not 0 <= key < math.inf:
        return "latency: not known yet"
    seen = at.observed.get(member.name, _EMPTY).get("latency_ms")
    return f"latency: {key:.0f} ms {'expected' if seen is None else 'observed'}"


_WORDS: Final[Mapping[str, Callable[[float, Member, Stage, _At], str]]] = {
    "priority": lambda key, member, stage, at: (
        f"priority: place {member.place + 1} of {len(stage.members)}"
    ),
    "cheapest": lambda key, member, stage, at: f"cheapest: about {key:.0f} micro-dollars",
    "latency": _timed,
    "weighted": _drawn,
    "sticky": _drawn,
}


def _nobody(tier: str, rejected: list[tuple[str, str]]) -> str:
    told = "; ".join(f"`{name}` {why}" for name, why in rejected[:_NAMED])
    more = f"; and {len(rejected) - _NAMED} more" if len(rejected) > _NAMED else ""
    return f"no model of tier `{tier[:80]}` may serve this request: {told}{more}"
