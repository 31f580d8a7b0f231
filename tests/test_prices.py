"""The price book: what it takes, what it refuses, and that it never rounds down."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import policyengine
from policyengine.charges import Hold, Usage, settled
from policyengine.diagnostics import CompileError
from policyengine.errors import FactError
from policyengine.prices import SCHEMA, PriceBook, kind_of, normal, problems

NOW = 1_795_262_400.0  # 2026-11-21T12:00:00Z


def book(models: Any, **rest: Any) -> PriceBook:
    value = {"currency": "USD", "valid_from": "2026-01-01", **rest, "models": models}
    Draft202012Validator(SCHEMA).validate(value)
    plain = json.loads(json.dumps(normal(value)))
    assert plain == normal(value)
    assert list(problems(plain)) == []
    return PriceBook.of(plain)


ALL = {
    "input_cost_per_token": 3e-6,
    "output_cost_per_token": 15e-6,
    "cache_read_input_token_cost": 3e-7,
    "cache_creation_input_token_cost": 3.75e-6,
    "output_cost_per_reasoning_token": 20e-6,
    "input_cost_per_token_batches": 1.5e-6,
    "output_cost_per_token_batches": 7.5e-6,
    "input_cost_per_image": 0.0048,
    "output_cost_per_image": 0.04,
    "max_output_tokens": 64_000,
}
PLAIN = {"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6}
TIERED = {
    **PLAIN,
    "cache_read_input_token_cost": 3e-7,
    "input_cost_per_token_above_200k_tokens": 6e-6,
    "output_cost_per_token_above_200k_tokens": 22.5e-6,
    "input_cost_per_token_above_1000k_tokens": 9e-6,
}


@pytest.mark.parametrize(
    ("about", "usage", "micro_usd"),
    [
        (PLAIN, Usage(), 0),
        (PLAIN, Usage(1, 0), 3),
        (PLAIN, Usage(1000, 100), 4500),
        # Without prices of their own: cached tokens as others, thinking as answering.
        (PLAIN, Usage(1000, 100, cached_tokens=400, reasoning_tokens=50), 4500),
        (ALL, Usage(1000, 100, cached_tokens=400), 1800 + 120 + 1500),
        (ALL, Usage(1000, 100, cached_tokens=400, cache_write_tokens=100), 1500 + 120 + 375 + 1500),
        (ALL, Usage(0, 100, reasoning_tokens=60), 600 + 1200),
        (ALL, Usage(1000, 100, batch=True), 1500 + 750),
        (ALL, Usage(1000, 0, cached_tokens=400, batch=True), 900 + 120),
        (ALL, Usage(input_images=2, output_images=1), 9600 + 40_000),
        ({"input_cost_per_token": 1e-7}, Usage(11), 2),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0.0}, Usage(500, 500), 0),
        # From some length of the prompt on all tokens cost more, those of the answer too.
        (TIERED, Usage(200_000, 10), 600_000 + 150),
        (TIERED, Usage(200_001, 10), 1_200_006 + 225),
        (TIERED, Usage(200_001, 0, cached_tokens=200_001), 60_001),
        (TIERED, Usage(1_000_001, 10), 9_000_009 + 225),
    ],
)
def test_what_a_use_costs(about: Any, usage: Usage, micro_usd: int) -> None:
    assert book({"m": about}).cost("m", usage, NOW) == micro_usd


@pytest.mark.parametrize(
    ("about", "usage"),
    [
        ({}, Usage()),
        ({"max_output_tokens": 9}, Usage(1)),
        ({"input_cost_per_token": 1e-6}, Usage(1, 1)),
        ({"output_cost_per_token": 1e-6}, Usage(1, 1)),
        (PLAIN, Usage(1, 1, batch=True)),
        (PLAIN, Usage(2, 1, cache_write_tokens=1)),
        (PLAIN, Usage(1, 1, input_images=1)),
        (PLAIN, Usage(1, 1, output_images=1)),
        ({"input_cost_per_token_above_200k_tokens": 1e-6}, Usage(1)),
    ],
)
def test_a_price_that_is_missing_is_an_error_and_not_zero(about: Any, usage: Usage) -> None:
    with pytest.raises(FactError) as error:
        book({"m": about}).cost("m", usage, NOW)
    assert error.value.code == "unknown-price"


@pytest.mark.parametrize("model", ["", "GPT", "openai/gpt", "gpt-latest ", "gpt:free"])
def test_models_are_known_by_their_very_names(model: str) -> None:
    prices = book({"gpt": PLAIN}, aliases={"gpt-latest": "gpt"})
    assert prices.cost("gpt-latest", Usage(1), NOW) == 3
    with pytest.raises(FactError) as error:
        prices.cost(model, Usage(1), NOW)
    assert error.value.code == "unknown-price"
    assert model not in error.value.message or not model


def test_a_name_with_a_provider_is_a_name_of_its_own() -> None:
    prices = book({"gpt": PLAIN, "azure/gpt": {"input_cost_per_token": 4e-6}})
    assert prices.cost("azure/gpt", Usage(1), NOW) == 4
    assert prices.cost("gpt", Usage(1), NOW) == 3


def test_prices_hold_from_their_first_day_to_the_end_of_the_last() -> None:
    prices = book({"m": PLAIN}, valid_from="2026-11-21", valid_until="2026-11-21")
    midnight = NOW - 12 * 3600
    for now in (midnight, midnight + 86_399.9):
        assert prices.cost("m", Usage(1), now) == 3
    for now in (midnight - 0.1, midnight + 86_400):
        with pytest.raises(FactError) as error:
            prices.cost("m", Usage(1), now)
        assert error.value.code == "outdated-price"
        today = "2026-11-20" if now < midnight else "2026-11-22"
        told = f"the prices hold from 2026-11-21 until 2026-11-21, and it is {today}"
        assert error.value.message == told


@pytest.mark.parametrize("now", [-1e18, 1e18, float("nan")])
def test_a_time_that_no_calendar_has_is_an_error_of_the_prices(now: float) -> None:
    prices = book({"m": PLAIN}, valid_from="2026-11-21", valid_until="2026-11-21")
    with pytest.raises(FactError) as error:
        prices.cost("m", Usage(1), now)
    assert error.value.message.endswith("and it is no day of this calendar")


@pytest.mark.parametrize(
    "usage",
    [
        Usage(-1),
        Usage(0, -1),
        Usage(1, 1, cached_tokens=2),
        Usage(2, 1, cached_tokens=1, cache_write_tokens=2),
        Usage(1, 1, reasoning_tokens=2),
        Usage(10**12),
        Usage(True),
        Usage(1.5),  # type: ignore[arg-type]
    ],
)
def test_a_usage_that_makes_no_sense(usage: Usage) -> None:
    with pytest.raises(FactError) as error:
        book({"m": ALL}).cost("m", usage, NOW)
    assert error.value.code == "bad-usage"
    with pytest.raises(FactError):
        settled([], usage, "m", None, NOW)


COUNTS = st.integers(0, 10**6)


@given(
    prices=st.tuples(*[st.decimals(0, 1, places=15) for _ in range(4)]),
    parts=st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
)
def test_money_is_exact_and_rounded_up_once(
    prices: tuple[Decimal, ...], parts: tuple[int, ...]
) -> None:
    names = (
        "input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token",
        "output_cost_per_reasoning_token",
    )  # fmt: skip
    fresh, cached, visible, thought = parts
    usage = Usage(fresh + cached, visible + thought, cached, reasoning_tokens=thought)
    # A price finer than a pico-dollar is rounded up to one.
    pico = [-(-Fraction(price) * 10**12 // 1) for price in prices]
    exact = sum(p * n for p, n in zip(pico, parts, strict=True)) / 10**6
    found = book({"m": dict(zip(names, map(float, prices), strict=True))}).cost("m", usage, NOW)
    assert 0 <= found - exact < 1


@pytest.mark.parametrize(
    ("written", "pico"),
    [
        (1.5e-07, 150_000), ("1.5e-07", None), (Decimal("1.5E-7"), 150_000), (0.1, 10**11),
        (1, 10**12), (1e-13, 1), (3.3333333333e-7, 333_334), (1.0000000000000001e-07, 100_001),
    ],
)  # fmt: skip
def test_prices_are_read_by_their_digits(written: Any, pico: int | None) -> None:
    value = {
        "currency": "USD",
        "valid_from": "2026-01-01",
        "models": {"m": {"input_cost_per_token": written}},
    }
    if pico is None:
        assert not Draft202012Validator(SCHEMA).is_valid(value)
    else:
        assert normal(value)["models"]["m"]["input_cost_per_token"] == pico


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_cost_per_token", -1e-6),
        ("input_cost_per_token", True),
        ("input_cost_per_token", "1e-6"),
        ("input_cost_per_token", None),
        ("input_cost_per_token", [1e-6]),
        ("input_cost_per_token_above_200k_tokens", -1),
        ("max_output_tokens", 0),
        ("max_output_tokens", 1.5),
        ("supports_vision", "yes"),
        ("mode", 7),
    ],
)
def test_what_the_schema_refuses(name: str, value: Any) -> None:
    models = {"m": {name: value}}
    whole = {"currency": "USD", "valid_from": "2026-01-01", "models": models}
    [error] = Draft202012Validator(SCHEMA).iter_errors(whole)
    assert list(error.absolute_path) == ["models", "m", name]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("input_cost_per_token", float("nan"), "from 0 to 1"),
        ("input_cost_per_token", float("inf"), "from 0 to 1"),
        ("input_cost_per_token", 10**400, "from 0 to 1"),
        ("input_cost_per_token", 1.000001, "from 0 to 1"),
        ("output_cost_per_image", 1001, "from 0 to 1,000"),
        ("input_cost_per_tokens", 1e-6, "no kind of price"),
        ("input_cost_per_audio_token", 1e-6, "no kind of price"),
        ("input_cost_per_token_above_200k_tokens_priority", 1e-6, "no kind of price"),
    ],
)
def test_prices_that_make_no_sense(name: str, value: Any, text: str) -> None:
    models = {"m": {name: value}}
    plain = normal({"currency": "USD", "valid_from": "2026-01-01", "models": models})
    [(path, message)] = problems(json.loads(json.dumps(plain)))
    assert path == ("models", "m", name)
    assert text in message


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ({"valid_from": "2026-02-30"}, ("valid_from",)),
        ({"valid_until": "2026-13-01"}, ("valid_until",)),
        ({"valid_until": "2025-12-31"}, ("valid_until",)),
        ({"aliases": {"a": "b"}}, ("aliases", "a")),
        ({"aliases": {"m": "m"}}, ("aliases", "m")),
        ({"aliases": {"a": "b", "b": "m"}}, ("aliases", "a")),
    ],
)
def test_a_book_that_makes_no_sense(rest: Any, path: tuple[str, ...]) -> None:
    value = {"currency": "USD", "valid_from": "2026-01-01", "models": {"m": PLAIN}, **rest}
    assert [found for found, _ in problems(normal(value))] == [path]


def test_what_does_not_matter_is_left_out_and_what_routes_may_ask_is_kept() -> None:
    about = {
        **ALL,
        "mode": "chat",
        "litellm_provider": "x",
        "supports_vision": True,
        "source": "https://example.com",
        "rpm": 500,
    }
    found = book({"m": about}, aliases={"a": "m"}).about("a")
    assert found.keys() == {*ALL, "mode", "litellm_provider", "supports_vision"}
    assert book({"m": ALL}).output_limit("m") == 64_000
    assert book({"m": PLAIN}).output_limit("m") is None
    assert book({"m": PLAIN}).output_limit("unknown") is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("input_cost_per_token_above_128k_tokens", ("input", 128_000)),
        ("cache_read_input_token_cost_above_200k_tokens", ("cache_read", 200_000)),
        ("output_cost_per_token_above_272k_tokens_batches", ("output_batch", 272_000)),
        ("input_cost_per_token_above_0k_tokens", None),
        ("cache_creation_input_token_cost_above_1hr", None),
        ("input_cost_per_token_priority", None),
        ("a" * 5000 + "_above_1k_tokens", None),
        ("_above_" * 2000, None),
    ],
)
def test_kinds_of_prices(name: str, kind: tuple[str, int] | None) -> None:
    assert kind_of(name) == kind


HOLDS = (
    Hold("a", "micro_usd", 900, 0, 60),
    Hold("b", "tokens", 500, 0, 60),
    Hold("c", "requests", 1, 0, 60),
    Hold("d", "steps", 1, 0, 60),
    Hold("e", "parallel", 1, 0, 60),
)


def test_what_a_reservation_is_settled_to() -> None:
    prices = book({"m": PLAIN, "other": ALL})
    assert settled(HOLDS, Usage(100, 10), "m", prices, NOW) == [450, 110, 1, 1, 0]
    # The gateway knows better what it paid, or that another model served.
    assert settled(HOLDS, Usage(100, 10, cost_micro_usd=7), "m", None, NOW) == [7, 110, 1, 1, 0]
    batch = Usage(100, 10, batch=True)
    assert settled(HOLDS, batch, "other", prices, NOW) == [225, 110, 1, 1, 0]


@pytest.mark.parametrize(
    ("usage", "code"),
    [
        (Usage(1, 1), "unknown-price"),
        (Usage(1, 1, cost_micro_usd=-1), "bad-usage"),
        (Usage(1, 1, cost_micro_usd=10**18), "bad-usage"),
        (Usage(1, 1, cost_micro_usd=True), "bad-usage"),
        (Usage(-1, 1, cost_micro_usd=1), "bad-usage"),
    ],
)
def test_what_cannot_be_settled(usage: Usage, code: str) -> None:
    with pytest.raises(FactError) as error:
        settled(HOLDS, usage, "m", None, NOW)
    assert error.value.code == code


def test_without_money_no_price_is_needed() -> None:
    assert settled(HOLDS[1:], Usage(3, 4), "m", None, NOW) == [7, 1, 1, 0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('"input_cost_per_token": @-1e-06', "must be at least 0"),
        ('"input_cost_per_token": @"1e-06"', "must be a number"),
        ('"input_cost_per_token": @true', "must be a number"),
        ('"input_cost_per_token": @2', "must be a number from 0 to 1"),
        ('"input_cost_per_audio_token": @1e-06', "no kind of price that is counted here"),
        ('"max_output_tokens": @0', "must be at least 1"),
    ],
)
def test_what_is_wrong_with_a_bundle_s_prices_has_a_place(
    tmp_path: Path, wrong: str, told: str
) -> None:
    line = f'  "models": {{"m": {{{wrong}}}}}'
    text = f'{{\n  "currency": "USD",\n  "valid_from": "2026-01-01",\n{line}\n}}\n'
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.json").write_text(text.replace("@", ""))
    (tmp_path / "bundle.yaml").write_text(
        'apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: "0.1.0"\n'
    )
    with pytest.raises(CompileError) as error:
        policyengine.load(tmp_path)
    [found] = error.value.diagnostics
    assert told in found.message
    assert found.span.path.endswith("prices.json")
    assert (found.span.line, found.span.column) == (4, 1 + line.index("@"))
