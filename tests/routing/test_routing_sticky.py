"""Assignments by key and by draw: stable, in proportion, and indifferent to who is not there."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.errors import FactError
from policyengine.routing.choice import choose, unfit
from policyengine.routing.hashing import mixed, rank, share
from policyengine.routing.needs import Needs, draw_of
from policyengine.routing.tiers import STRATEGIES, Tiers, normal

NAMES = [f"m{n}" for n in range(8)]
WEIGHTS = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([0.5, 1, 2, 7]), min_size=1, max_size=6
)
KEYS = st.text(max_size=20)


def tiers(weights: dict[str, float], strategy: str = "sticky", **models: Any) -> Tiers:
    members = [{"model": name, "weight": weight} for name, weight in weights.items()]
    tier: dict[str, Any] = {"models": members, "strategy": strategy, "salt": "test"}
    if strategy == "sticky":
        tier["sticky_by"] = "subject.id"
    about = {
        name: {
            "latency_ms": 7 * int(name[1:]) % 5,
            "price": {
                "input_cost_per_token": 3 * int(name[1:]) % 5 / 1e6,
                "output_cost_per_token": 1e-6,
            },
        }
        for name in NAMES
    }
    told = about | {name: about.get(name, {}) | model for name, model in models.items()}
    return Tiers.of(normal({"models": told, "tiers": {"t": tier}}))


def given_to(these: Tiers, key: str, observed: dict[str, Any] | None = None) -> str:
    return choose(these, "t", Needs(keys={"subject.id": key}), observed, None, 100.0).model


@given(WEIGHTS, st.sampled_from(NAMES), KEYS)
def test_a_key_moves_only_to_a_model_that_is_new(
    weights: dict[str, float], new: str, key: str
) -> None:
    before = given_to(tiers(weights), key)
    after = given_to(tiers(weights | {new: weights.get(new, 3.0)}), key)
    assert after in (before, new)


@given(WEIGHTS, KEYS, st.randoms(use_true_random=False))
def test_the_order_of_the_list_is_of_no_matter(
    weights: dict[str, float], key: str, random: Any
) -> None:
    names = list(weights)
    random.shuffle(names)
    assert given_to(tiers(weights), key) == given_to(tiers({n: weights[n] for n in names}), key)


@given(WEIGHTS, st.sets(st.sampled_from(NAMES)), KEYS)
def test_a_key_stays_while_its_model_is_healthy(
    weights: dict[str, float], down: set[str], key: str
) -> None:
    these = tiers(weights)
    own = given_to(these, key)
    paused = {name: {"until": 105.0, "seconds": 10.0} for name in down}
    if own not in down:
        assert given_to(these, key, paused) == own
    elif set(weights) - down:
        assert given_to(these, key, paused) in set(weights) - down


@given(WEIGHTS, KEYS, st.integers(0, 7))
def test_more_weight_never_loses_a_key(weights: dict[str, float], key: str, more: int) -> None:
    own = given_to(tiers(weights), key)
    assert given_to(tiers(weights | {own: weights[own] + more}), key) == own


@given(
    WEIGHTS,
    st.sampled_from(STRATEGIES),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 5),
)
@settings(max_examples=150)
def test_a_model_that_is_rejected_changes_no_choice(
    weights: dict[str, float], strategy: str, draw: float, place: int
) -> None:
    needs = Needs(1000, 10, frozenset(), keys={"subject.id": "sam"}, draw=draw)
    without = choose(tiers(weights, strategy), "t", needs, None, None, 0.0)
    names = list(weights.items())
    names.insert(place, ("small", 9.0))
    small = {"context_tokens": 10, "price": {"input_cost_per_token": 0, "output_cost_per_token": 0}}
    other = choose(tiers(dict(names), strategy, small=small), "t", needs, None, None, 0.0)
    assert (other.model, other.fallbacks) == (without.model, without.fallbacks)
    assert [name for name, _ in other.rejected] == ["small"]


@given(WEIGHTS, st.sampled_from(STRATEGIES), st.sets(st.sampled_from(NAMES)), st.integers(0, 2000))
@settings(max_examples=150)
def test_every_model_that_qualifies_is_there_once(
    weights: dict[str, float], strategy: str, down: set[str], tokens: int
) -> None:
    these = tiers(weights, strategy, m0={"context_tokens": 1000})
    paused = {name: {"until": 105.0, "seconds": 10.0} for name in down}
    if set(weights) == {"m0"} and tokens > 1000:
        with pytest.raises(FactError, match="context of 1000 tokens"):
            choose(these, "t", Needs(tokens), paused, None, 100.0)
        return
    choice = choose(these, "t", Needs(tokens), paused, None, 100.0)
    named = [choice.model, *choice.fallbacks, *(name for name, _ in choice.rejected)]
    assert sorted(named) == sorted(weights)
    healthy = [name for name in (choice.model, *choice.fallbacks) if name not in down]
    assert healthy == [choice.model, *choice.fallbacks][: len(healthy)]


def test_draws_are_in_proportion_to_weights() -> None:
    these = tiers({"m0": 1, "m1": 2, "m2": 7, "m3": 0}, "weighted")
    first, second = Counter[str](), Counter[str]()
    count = 10_000
    for n in range(count):
        choice = choose(these, "t", Needs(draw=draw_of("seed", n)), None, None, 0.0)
        first[choice.model] += 1
        second[choice.fallbacks[0]] += 1
        assert choice.fallbacks[-1] == "m3"
    # Three standard deviations of a binomial share of one half are 1.5 %.
    for name, part in {"m0": 0.1, "m1": 0.2, "m2": 0.7}.items():
        assert abs(first[name] / count - part) < 0.015
    # Of those without the first, the next is in proportion too: 1/10 * 2/9 + 7/10 * 2/3 for m1.
    assert abs(second["m1"] / count - (0.1 * 2 / 9 + 0.7 * 2 / 3)) < 0.015


def test_keys_are_in_proportion_to_weights() -> None:
    these = tiers({"m0": 1, "m1": 9})
    got = Counter(given_to(these, f"user-{n}") for n in range(10_000))
    assert abs(got["m0"] / 10_000 - 0.1) < 0.01


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.sampled_from([0.5, 1.0, 3.0]))
def test_a_rank_is_made_of_what_is_mixed(seed: int, other: int, weight: float) -> None:
    assert rank(seed, other, weight) == -math.log(share(mixed(seed, other))) / weight
    assert rank(seed, other, 0.0) == math.inf


def test_salts_make_assignments_independent() -> None:
    about: dict[str, Any] = {"a": {}, "b": {}}
    both = normal(
        {
            "models": about,
            "tiers": {
                name: {"models": ["a", "b"], "sticky_by": "subject.id"} for name in ("one", "two")
            },
        }
    )
    these = Tiers.of(both)
    pairs = Counter(
        tuple(
            choose(these, tier, Needs(keys={"subject.id": f"u{n}"}), None, None, 0.0).model
            for tier in ("one", "two")
        )
        for n in range(4000)
    )
    assert all(abs(count / 4000 - 0.25) < 0.03 for count in pairs.values())
    assert len(pairs) == 4


def test_assignments_are_the_same_for_ever() -> None:
    """Whoever is in an experiment must not change sides with a release."""
    these = tiers({"m0": 1, "m1": 1, "m2": 2})
    got = "".join(given_to(these, f"user-{n}")[1] for n in range(24))
    assert got == GOLDEN


GOLDEN = "001000011121222122212211"


@given(
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(0, 30)),
    st.sets(st.sampled_from(["tools", "vision"])),
    st.sampled_from(["", "eu", "us"]),
    st.sets(st.sampled_from(["pii", "US_SSN"])),
    st.sampled_from(["", "public"]),
)
def test_what_is_rejected_is_what_does_not_fit(
    read: int, answered: int | None, able: set[str], region: str, kinds: set[str], about: str
) -> None:
    models: dict[str, Any] = {
        "all": {"capabilities": ["tools", "vision"], "regions": ["eu", "us"]},
        "room": {"context_tokens": 20, "max_output_tokens": 10, "regions": ["eu"]},
        "tools": {"capabilities": ["tools"], "data": {"pii": "deny"}, "regions": ["us"]},
        "public": {"classes": ["public"], "capabilities": ["vision"]},
    }
    these = Tiers.of(normal({"models": models, "tiers": {"t": {"models": list(models)}}}))
    needs = Needs(read, answered, frozenset(able), region, frozenset(kinds), about)
    told = dict(choose(these, "t", needs, None, None, 0.0).rejected)
    members = these.chain("t").stages[0].members
    assert told == {m.name: why for m in members if (why := unfit(m, needs))}
