"""Which model a request gets, which come after it, and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.charges import Costs, Usage
from policyengine.errors import FactError
from policyengine.prices import PriceBook
from policyengine.prices import normal as normal_prices
from policyengine.routing.choice import Choice, choose
from policyengine.routing.needs import Needs
from policyengine.routing.tiers import Tiers, normal

NOW = 1_000.0


class Book:
    """Prices in micro-dollars for a token of input, twice that for output; 0: out of date."""

    def __init__(self, **prices: int) -> None:
        self.prices = prices

    def cost(self, model: str, usage: Usage, now: float) -> int:
        assert now == NOW
        if model not in self.prices:
            raise FactError("unknown-price", f"`{model}` has no price")
        if not self.prices[model]:
            raise FactError("outdated-price", "too old")
        return self.prices[model] * (usage.input_tokens + 2 * usage.output_tokens)

    def output_limit(self, model: str) -> int | None:
        return None


def tiers(models: dict[str, Any] | None = None, **others: Any) -> Tiers:
    about = models or {"a": {}, "b": {}, "c": {}}
    others.setdefault("tiers", {"t": {"models": list(about)}})
    return Tiers.of(normal({"models": about, **others}))


def chosen(these: Tiers, needs: Needs = Needs(), **given: Any) -> Choice:  # noqa: B008
    observed, prices = given.get("observed"), given.get("prices")
    return choose(these, given.get("tier", "t"), needs, observed, prices, NOW)


def order(choice: Choice) -> list[str]:
    return [choice.model, *choice.fallbacks]


@pytest.mark.parametrize(
    ("model", "needs", "why"),
    [
        ({"context_tokens": 100}, Needs(90, 10), ""),
        ({"context_tokens": 100}, Needs(90, 11), "its context of 100 tokens is too small"),
        ({"context_tokens": 100}, Needs(100), ""),
        ({"context_tokens": 100}, Needs(101), "its context of 100 tokens is too small"),
        ({"max_output_tokens": 5}, Needs(1, 5), ""),
        ({"max_output_tokens": 5}, Needs(1, 6), "it answers with 5 tokens at most"),
        ({"max_output_tokens": 5}, Needs(1, None), ""),
        ({"capabilities": ["tools"]}, Needs(capabilities=frozenset({"tools"})), ""),
        ({}, Needs(capabilities=frozenset({"vision", "tools"})), "lacks tools, vision"),
        ({"regions": ["eu"]}, Needs(region="eu"), ""),
        ({"regions": ["us"]}, Needs(region="eu"), "does not run in the region asked for"),
        ({}, Needs(region="eu"), "does not run in the region asked for"),
        ({"data": {"pii": "deny"}}, Needs(kinds=frozenset({"pii", "US_SSN"})), "may not have pii"),
        ({"data": {"pii": "deny"}}, Needs(kinds=frozenset({"secrets"})), ""),
        ({"data": {"pii": "allow"}}, Needs(kinds=frozenset({"pii"})), ""),
        ({"classes": ["public"]}, Needs(data_class="public"), ""),
        ({"classes": ["public"]}, Needs(data_class="secret"), "may not have data of this class"),
        ({"classes": ["public"]}, Needs(), "may not have data of this class"),
        ({}, Needs(data_class="secret"), ""),
    ],
)
def test_hard_rules(model: dict[str, Any], needs: Needs, why: str) -> None:
    everything = {"regions": ["eu", "us"], "capabilities": ["tools", "vision"]}
    choice = chosen(tiers({"a": model, "z": everything}), needs)
    assert order(choice) == (["z"] if why else ["a", "z"])
    assert choice.rejected == ((("a", why),) if why else ())


def test_nobody_qualifies_and_all_are_told_why() -> None:
    these = tiers({"a": {"context_tokens": 10}, "b": {"data": {"pii": "deny"}}})
    with pytest.raises(FactError) as caught:
        chosen(these, Needs(11, kinds=frozenset({"pii"})))
    assert caught.value.code == "no-model"
    assert caught.value.message == (
        "no model of tier `t` may serve this request: `a` its context of 10 tokens is too small; "
        "`b` may not have pii"
    )


def test_an_error_names_a_dozen_models() -> None:
    with pytest.raises(FactError, match="and 88 more"):
        chosen(tiers({f"m{n}": {"context_tokens": 1} for n in range(100)}), Needs(2))


def test_a_request_is_never_quoted() -> None:
    these = tiers({"a": {"classes": ["public"]}, "b": {}, "c": {"classes": ["public"]}})
    told = Needs(region="Zanzibar", data_class="Zanzibar", keys={"subject.id": "Zanzibar"})
    with pytest.raises(FactError) as caught:
        chosen(these, told)
    assert "Zanzibar" not in str(caught.value)
    assert "Zanzibar" not in str(chosen(these, told._replace(region="")))


def test_priority_is_the_order_that_is_written() -> None:
    assert chosen(tiers()) == Choice("t", "a", ("b", "c"), "priority: place 1 of 3", ())


def test_cheapest_by_the_price_book() -> None:
    these = tiers(tiers={"t": {"models": ["a", "b", "c"], "strategy": "cheapest"}})
    choice = chosen(these, Needs(100, 10), prices=Book(a=3, b=1, c=2))
    assert choice == Choice("t", "b", ("c", "a"), "cheapest: about 120 micro-dollars", ())


def test_equal_prices_keep_the_order() -> None:
    these = tiers(tiers={"t": {"models": ["c", "a", "b"], "strategy": "cheapest"}})
    assert order(chosen(these, Needs(9), prices=Book(a=1, b=1, c=1))) == ["c", "a", "b"]


def test_unknown_and_outdated_prices_do_not_qualify() -> None:
    these = tiers(tiers={"t": {"models": ["a", "b", "c"], "strategy": "cheapest"}})
    choice = chosen(these, Needs(9), prices=Book(b=7, c=0))
    assert order(choice) == ["b"]
    assert choice.rejected == (
        ("a", "its price is not known"),
        ("c", "its price is out of date"),
    )
    with pytest.raises(FactError, match="`a` its price is not known"):
        chosen(these)


def test_prices_of_the_file_where_there_is_no_book() -> None:
    models = {
        name: {"price": {"input_cost_per_token": price, "output_cost_per_token": 4e-6}}
        for name, price in {"a": 3e-6, "b": 2e-6}.items()
    }
    these = tiers(models, tiers={"t": {"models": ["a", "b"], "strategy": "cheapest"}})
    assert chosen(these, Needs(10, 5)).why == "cheapest: about 40 micro-dollars"
    # What an answer is thought to have goes in where the request sets no limit.
    assert chosen(these, Needs(10, None)).why == "cheapest: about 2068 micro-dollars"
    assert order(chosen(these, Needs(10), prices=Book(a=1, b=2))) == ["a", "b"]


def test_a_model_is_not_priced_for_more_than_it_answers() -> None:
    these = tiers(
        {"a": {"max_output_tokens": 10}, "b": {}},
        tiers={"t": {"models": ["a", "b"], "strategy": "cheapest"}},
    )
    assert order(chosen(these, Needs(0), prices=Book(a=10, b=1))) == ["a", "b"]


def test_latency_observed_counts_before_what_was_expected() -> None:
    these = tiers(
        {"a": {"latency_ms": 100}, "b": {"latency_ms": 200}, "c": {"latency_ms": 300}},
        tiers={"t": {"models": ["a", "b", "c"], "strategy": "latency"}},
    )
    assert chosen(these).why == "latency: 100 ms expected"
    seen = {"a": {"latency_ms": 250.0, "results": 9, "failures": 0}}
    choice = chosen(these, observed=seen)
    assert (order(choice), choice.why) == (["b", "a", "c"], "latency: 200 ms expected")
    seen["c"] = {"latency_ms": 5.0}
    assert chosen(these, observed=seen).why == "latency: 5 ms observed"


def test_a_latency_that_nobody_knows_is_tried_by_a_share_of_requests() -> None:
    these = tiers(
        {"a": {"latency_ms": 100}, "b": {}},
        tiers={"t": {"models": ["a", "b"], "strategy": "latency"}},
    )
    first = [chosen(these, Needs(draw=n / 2000)).model for n in range(2000)]
    assert 140 < first.count("b") < 260
    only = tiers({"b": {}}, tiers={"t": {"models": ["b"], "strategy": "latency"}})
    assert chosen(only, Needs(draw=0.5)).why == "latency: not known yet"


def test_the_model_that_is_asked_for_comes_first_where_the_tier_says_so() -> None:
    these = tiers(
        tiers={
            "t": {"models": ["a", "b", "c"], "prefer_requested": True},
            "u": {"models": ["a", "b", "c"]},
        }
    )
    assert order(chosen(these, Needs(preferred="b"))) == ["b", "a", "c"]
    assert chosen(these, Needs(preferred="b")).why == "requested"
    assert order(chosen(these, Needs(preferred="x"))) == ["a", "b", "c"]
    assert order(chosen(these, Needs(preferred="b"), tier="u")) == ["a", "b", "c"]


def test_a_requested_model_that_does_not_qualify_is_no_choice() -> None:
    models = {"a": {}, "b": {"context_tokens": 10}}
    these = tiers(models, tiers={"t": {"models": ["a", "b"], "prefer_requested": True}})
    assert order(chosen(these, Needs(11, preferred="b"))) == ["a"]


CHAIN = {
    "t": {"models": ["a", "b"], "fallbacks": ["u"]},
    "u": {"models": ["c"]},
}


def cooling(*names: str, until: float = NOW + 5, seconds: float = 10.0) -> dict[str, Any]:
    return {name: {"until": until, "seconds": seconds} for name in names}


def test_models_of_fallback_tiers_come_after() -> None:
    assert order(chosen(tiers(tiers=CHAIN))) == ["a", "b", "c"]


def test_what_cools_down_comes_last_even_after_other_tiers() -> None:
    choice = chosen(tiers(tiers=CHAIN), observed=cooling("a"))
    assert (choice.tier, order(choice)) == ("t", ["b", "c", "a"])
    assert choice.why == "priority: place 2 of 2; in cool-down: a"
    choice = chosen(tiers(tiers=CHAIN), observed=cooling("a", "b"))
    assert (choice.tier, order(choice)) == ("u", ["c", "a", "b"])
    assert choice.why == "priority: place 1 of 1; of the fallback tier `u`; in cool-down: a, b"


def test_where_all_cool_down_the_first_is_used() -> None:
    choice = chosen(tiers(tiers=CHAIN), observed=cooling("a", "b", "c"))
    assert order(choice) == ["a", "b", "c"]
    assert choice.why == "priority: place 1 of 2; all that may serve it are in cool-down"


def test_cooling_down_relaxes_no_rule() -> None:
    these = tiers({"a": {"data": {"pii": "deny"}}, "b": {}})
    needs = Needs(kinds=frozenset({"pii"}))
    assert order(chosen(these, needs, observed=cooling("b"))) == ["b"]


def test_after_the_pause_a_share_of_requests_tries_again() -> None:
    these = tiers(health={"probe_share": 0.25})
    seen = cooling("a", until=NOW - 1)
    first = [chosen(these, Needs(draw=n / 2000), observed=seen) for n in range(2000)]
    assert 420 < sum(choice.model == "a" for choice in first) < 580
    assert {choice.why for choice in first if choice.model == "a"} == {
        "priority: place 1 of 3; tried after a cool-down"
    }
    assert {tuple(order(c)) for c in first if c.model != "a"} == {("b", "c", "a")}


def test_a_cool_down_longer_than_it_is_ends() -> None:
    """The clock has gone back since: it does not last for ever."""
    seen = cooling("a", until=NOW + 1e9)
    assert chosen(tiers(health={"probe_share": 1}), observed=seen).model == "a"


def test_what_was_observed_may_come_from_another_version() -> None:
    seen = {"a": {}, "b": {"until": 0}, "x": {"until": NOW + 5, "seconds": 10}}
    assert order(chosen(tiers(), observed=seen)) == ["a", "b", "c"]


@pytest.mark.parametrize("strategy", ["priority", "cheapest", "latency", "weighted"])
def test_equal_arguments_give_equal_choices(strategy: str) -> None:
    these = tiers(tiers={"t": {"models": ["a", "b", "c"], "strategy": strategy}})
    for draw in (0.0, 0.3, 0.999_999_999):
        once, again = (
            chosen(these, Needs(5, draw=draw), prices=Book(a=2, b=1, c=3)) for _ in range(2)
        )
        assert once == again


def test_without_a_draw_the_time_decides() -> None:
    these = tiers(tiers={"t": {"models": ["a", "b"], "strategy": "weighted"}})
    first = [choose(these, "t", Needs(), None, None, NOW + n / 1e6).model for n in range(2000)]
    assert 900 < first.count("a") < 1100
    assert first[:50] == [
        choose(these, "t", Needs(), None, None, NOW + n / 1e6).model for n in range(50)
    ]


def test_a_sticky_tier_without_the_key_draws_and_says_so() -> None:
    these = tiers(tiers={"t": {"models": ["a", "b"], "sticky_by": "subject.id"}})
    assert chosen(these).why == "sticky: drawn (no subject.id), weight 1 of 2"
    named = chosen(these, Needs(keys={"subject.id": "sam"}))
    assert named.why == "sticky by subject.id, weight 1 of 2"


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "input_cost_per_token",
                "output_cost_per_token",
                "input_cost_per_token_above_1k_tokens",
                "output_cost_per_token_above_1k_tokens",
            ]
        ),
        st.integers(0, 10**7).map(lambda pico: pico / 10**12),
    ),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.sampled_from([0.0, 1_800_000_000.0]),
)
def test_the_price_book_costs_what_it_says(
    about: dict[str, float], read: int, answered: int, now: float
) -> None:
    """Rates are a shorter way to what `cost` says, errors too."""
    book = {"currency": "USD", "valid_from": "2026-01-01", "models": {"a": about}}
    prices = PriceBook.of(normal_prices(book))
    these = tiers({"a": {}}, tiers={"t": {"models": ["a"], "strategy": "cheapest"}})

    def said(by: Costs) -> str:
        try:
            return choose(these, "t", Needs(read, answered), None, by, now).why
        except FactError as error:
            return error.message

    class Asked:
        """The same book, without a shorter way."""

        cost = staticmethod(prices.cost)
        output_limit = staticmethod(prices.output_limit)

    assert said(prices) == said(Asked())
