"""What a request adds to counters: amounts, keys and scopes, and what is told where there is no
room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.charges import Asked, Charge, Standing, Usage
from policyengine.errors import FactError
from policyengine.limits import _estimate, budget, concurrency, rate, spend, steps
from policyengine.limits._scopes import Scope, key
from policyengine.limits._telling import FINDING, told
from policyengine.prices import PriceBook
from policyengine.prices import normal as priced
from policyengine.tokens import tokens

NOW = 1_795_262_400.0  # 2026-11-21T12:00:00Z
BOOK = PriceBook.of(
    priced(
        {
            "currency": "USD",
            "valid_from": "2026-01-01",
            "models": {
                "small": {
                    "input_cost_per_token": 1e-6,
                    "output_cost_per_token": 5e-6,
                    "max_output_tokens": 4000,
                },
                "open": {"input_cost_per_token": 1e-6, "output_cost_per_token": 5e-6},
            },
        }
    )
)


def asked(request: Mapping[str, Any], model: str = "small", **rest: Any) -> Asked:
    return Asked({"request": request, "subject": {"id": "sam"}, **rest}, model, NOW, BOOK)


def charges(clause: Any, value: Any, what: Asked) -> list[Charge]:
    return list(clause.build(clause.normal(value)).charges(what))


def test_one_charge_for_each_limit() -> None:
    value = {
        "per": ["subject.id"],
        "meter": "m",
        "limits": [
            {"window": "minute", "requests": 9, "tokens": 5000},
            {"window": "7d", "tokens": 90_000},
        ],
    }
    request = {"input_tokens": 300, "max_tokens": 200}
    found = charges(rate, value, asked(request))
    assert [(c.key, c.unit, c.amount, c.limit) for c in found] == [
        ("m|requests|minute@UTC|subject.id|sam", "requests", 1, 9),
        ("m|tokens|minute@UTC|subject.id|sam", "tokens", 500, 5000),
        ("m|tokens|7d|subject.id|sam", "tokens", 500, 90_000),
    ]
    assert {c.scope for c in found} == {"subject.id=sam"}
    assert [c.window for c in found] == ["minute in UTC", "minute in UTC", "7d"]
    assert found[0].resets == NOW + 60


def test_money_is_that_of_the_model_that_serves() -> None:
    value = {"window": "day", "limit_usd": 5}
    request = {"model": "other", "input_tokens": 300, "max_tokens": 200}
    [found] = charges(spend, value, asked(request))
    assert (found.unit, found.amount, found.limit) == ("micro_usd", 300 + 5 * 200, 5_000_000)
    with pytest.raises(FactError) as error:
        charges(spend, value, asked(request, model="other"))
    assert error.value.code == "unknown-price"
    with pytest.raises(FactError) as error:
        charges(spend, value, asked(request)._replace(prices=None))
    assert error.value.code == "unknown-price"


def test_the_model_of_a_scope_is_the_one_that_serves() -> None:
    value = {"per": ["request.model"], "window": "day", "requests": 5}
    [found] = charges(rate, value, asked({"model": "asked-for"}, model="serves"))
    assert found.scope == "request.model=serves"


@pytest.mark.parametrize(
    ("request_", "missing", "out"),
    [
        ({"max_tokens": 100}, {"assume": 1000}, 100),
        ({"max_tokens": 0}, {"assume": 1000}, 0),
        # Several answers are paid for each.
        ({"max_tokens": 100, "n": 5}, {"assume": 1000}, 500),
        ({"n": 3}, {"assume": 1000}, 3000),
        ({"max_tokens": 100_000}, {"assume": 1000}, 4000),
        ({}, {"assume": 1000}, 1000),
        ({}, {"assume": 9000}, 4000),
        ({}, "model_limit", 4000),
        ({"endpoint": "embeddings"}, "refuse", 0),
    ],
)
def test_tokens_of_the_answer(request_: Mapping[str, Any], missing: Any, out: int) -> None:
    assert _estimate.estimate(asked(request_), missing).output_tokens == out


@pytest.mark.parametrize(
    ("request_", "model", "missing", "code"),
    [
        ({}, "small", "refuse", "no-max-tokens"),
        ({}, "open", "model_limit", "no-max-tokens"),
        ({"max_tokens": -1}, "small", {"assume": 1}, "bad-tokens"),
        ({"max_tokens": 10**12}, "small", {"assume": 1}, "bad-tokens"),
        ({"max_tokens": True}, "small", {"assume": 1}, "bad-tokens"),
        ({"max_tokens": 1.0}, "small", {"assume": 1}, "bad-tokens"),
        ({"max_tokens": "9"}, "small", {"assume": 1}, "bad-tokens"),
        ({"input_tokens": -1}, "small", {"assume": 1}, "bad-tokens"),
        ({"input_images": 10**12}, "small", {"assume": 1}, "bad-tokens"),
    ],
)
def test_what_cannot_be_estimated(
    request_: Mapping[str, Any], model: str, missing: Any, code: str
) -> None:
    with pytest.raises(FactError) as error:
        _estimate.estimate(asked(request_, model), missing)
    assert error.value.code == code


def test_a_point_without_a_request_has_no_tokens() -> None:
    with pytest.raises(FactError) as error:
        _estimate.estimate(Asked({"tool": {}}, "small", NOW, BOOK), {"assume": 1})
    assert error.value.code == "no-estimate"


def test_all_that_a_model_reads_is_counted() -> None:
    text = "x" * 400
    request = {
        "system": text,
        "messages": [
            {"role": "user", "content": text, "name": "ada!"},
            {"role": "assistant", "tool_calls": [{"name": "find", "arguments": text}]},
            {"role": "tool", "content": text},
        ],
        "inputs": [text],
        "documents": [{"title": "titl", "content": text}],
        "memory": [text],
        "tools": [{"name": "find", "description": text}],
        "max_tokens": 1,
    }
    found = _estimate.estimate(asked(request), {"assume": 1})
    assert found.input_tokens == 8 * 100 + 4 * 1 + 3 * 4
    with_pictures = _estimate.estimate(asked({**request, "input_images": 2}), {"assume": 1})
    assert with_pictures.input_tokens == found.input_tokens + 2 * 1600
    seen = [{"kind": "image_url", "where": "messages[0]"}, {"kind": "file"}, {"kind": 7}, {}]
    unscanned = _estimate.estimate(asked({**request, "unscanned": seen}), {"assume": 1})
    assert unscanned.input_tokens == found.input_tokens + 1600
    told = _estimate.estimate(asked({**request, "input_tokens": 7}), {"assume": 1})
    assert told.input_tokens == 7


def test_the_texts_of_a_request_are_read_once() -> None:
    class Counted(dict[str, Any]):
        read = 0

        def get(self, key: str, default: Any = None) -> Any:
            self.read += key == "messages"
            return super().get(key, default)

    request = Counted(messages=[{"role": "user", "content": "x" * 40}], max_tokens=10)
    shared = asked(request)._replace(memo={})
    for what, reads in ((shared, 1), (asked(request), 3)):
        request.read = 0
        for window in ("day", "week", "month"):
            [found] = charges(rate, {"window": window, "tokens": 50}, what)
            assert found.amount == 10 + 4 + 10
        assert request.read == reads


JUNK: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
PARTS = ("system", "messages", "inputs", "documents", "memory", "tools", "max_tokens", "endpoint")


@given(st.dictionaries(st.sampled_from(PARTS), JUNK))
def test_an_estimate_is_a_number_or_an_error(request: dict[str, Any]) -> None:
    try:
        found = _estimate.estimate(asked(request), {"assume": 10})
    except FactError as error:
        code = error.code
    else:
        code = "" if found.input_tokens >= 0 and 0 <= found.output_tokens <= 4000 else "absurd"
    assert code in ("", "bad-tokens", "no-estimate")


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 10**6}]}]},
        {"messages": "x"},
        {"messages": ["x"]},
        {"inputs": [["x"]]},
        {"system": 7},
        {"tools": {"name": "x"}},
    ],
)
def test_what_cannot_be_read_is_no_discount(request_: Mapping[str, Any]) -> None:
    with pytest.raises(FactError) as error:
        _estimate.estimate(asked(request_), {"assume": 1})
    assert error.value.code == "no-estimate"


@given(st.text(alphabet=st.characters(), max_size=50), st.text(max_size=50))
def test_longer_texts_have_no_fewer_tokens(one: str, two: str) -> None:
    assert tokens(one) <= tokens(one + two)
    assert (tokens(one) > 0) == bool(one)


VALUES = st.text(max_size=80) | st.integers(-(2**63) + 1, 2**63 - 1) | st.booleans()


@given(st.lists(VALUES, min_size=1, max_size=4), st.lists(VALUES, min_size=1, max_size=4))
def test_no_two_scopes_share_a_key(one: list[Any], two: list[Any]) -> None:
    def whole(values: list[Any]) -> str:
        return "|".join(map(key, values))

    same = [(type(v), v) for v in one] == [(type(v), v) for v in two]
    assert (whole(one) == whole(two)) == same


@pytest.mark.parametrize(
    ("one", "two"),
    [("1", 1), ("true", True), (1, True), ("~1", 1), ("#" + "0" * 64, "x"), ("a|b", "a"), ("", 0)],
)
def test_clever_values_do_not_share_a_key(one: Any, two: Any) -> None:
    assert key(one) != key(two)
    # A value cannot pass for the hash of another one either.
    assert key(key("a b")) != key("a b")


@given(st.text(max_size=2000))
def test_keys_are_short_and_plain(value: str) -> None:
    found = key(value)
    assert len(found) <= 65
    assert found.isascii()
    assert not set(found) & set("|{}, \n\0")


@pytest.mark.parametrize(
    "subject",
    [
        {}, {"id": None}, {"id": ""}, {"id": 1.5}, {"id": ["sam"]}, {"id": {"a": 1}}, "sam", None,
        {"id": 10**30},
    ],
)  # fmt: skip
def test_a_scope_without_a_value_is_an_error(subject: Any) -> None:
    with pytest.raises(FactError) as error:
        Scope.of(["subject.id"]).values(Asked({"subject": subject}, "", NOW, None))
    assert error.value.code == "no-scope"
    assert "subject.id" in error.value.message


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31m", "x" * 65, "\u202eevil", "\ud800"])
def test_what_is_told_of_a_scope_prints(value: str) -> None:
    shown = Scope.of(["subject.id"]).shown((value,))
    assert shown.startswith("subject.id=#")
    assert len(shown) == len("subject.id=#") + 8


def test_equal_scopes_in_other_fields_have_other_counters() -> None:
    what = asked({}, key="sam")._replace(input={"subject": {"id": "sam", "key": "sam"}})
    keys = {
        charges(rate, {"per": [field], "window": "day", "requests": 5}, what)[0].key
        for field in ("subject.id", "subject.key")
    }
    assert len(keys) == 2


def test_a_day_elsewhere_is_another_counter() -> None:
    value = {"window": "day", "requests": 5}
    keys = {
        charges(rate, {**value, "zone": zone}, asked({}))[0].key
        for zone in ("UTC", "Europe/Berlin", "Asia/Tokyo")
    }
    assert len(keys) == 3


def test_steps_and_parallel_requests_are_one_each() -> None:
    [step] = charges(steps, {"per": ["subject.id"], "steps": 50}, asked({}))
    assert (step.unit, step.amount, step.limit, step.resets, step.width) == ("steps", 1, 50, 0, 0)
    assert step.lasts == 30 * 86400
    [shorter] = charges(steps, {"steps": 50, "forget_after": "2h"}, asked({}))
    assert shorter.lasts == 7200
    [one] = charges(concurrency, {"parallel": 5}, asked({}))
    assert (one.unit, one.amount, one.limit, one.slot, one.since) == ("parallel", 1, 5, 0, 0)


@given(st.integers(1, 10**6), st.integers(1, 10_000), st.integers(0, 10**6))
def test_a_budget_finds_something_when_less_than_the_share_is_left(
    limit: int, points: int, used: int
) -> None:
    share = f"{points // 100}.{points % 100:02d}%" if points < 10_000 else "100%"
    value = {"meter": "m", "window": "day", "tokens": limit, "below": share}
    [charge] = charges(budget, value, asked({}))
    assert charge.amount == 0
    assert charge.limit is not None
    left = limit - used
    assert (used > charge.limit) == (left * 10_000 < limit * points)


def test_a_budget_reads_the_counter_of_a_limit() -> None:
    shared = {"meter": "m", "per": ["subject.id"], "window": "month", "zone": "Asia/Tokyo"}
    request = {"input_tokens": 10, "max_tokens": 10}
    [spent] = charges(spend, {**shared, "limit_usd": 100}, asked(request))
    [looked] = charges(budget, {**shared, "limit_usd": 100, "below": "20%"}, asked(request))
    assert looked.key == spent.key
    assert looked[4:9] == spent[4:9]


def test_a_budget_tells_the_whole_limit() -> None:
    value = {"meter": "m", "window": "month", "limit_usd": 100, "below": "20%"}
    meter = budget.build(budget.normal(value))
    [charge] = meter.charges(asked({}))
    found = meter.finding(charge, Standing(85_000_000, 1_000_000), NOW)
    assert found["type"] == "BUDGET"
    assert (found["limit"], found["asked"]) == (100_000_000, 0)
    assert found["why"] == (
        "less than 20% left of 100.00 USD a month: 85.00 spent, 1.00 reserved; resets "
        "2026-12-01T00:00:00Z"
    )


def finding(clause: Any, value: Any, standing: Standing, **request: Any) -> Mapping[str, Any]:
    meter = clause.build(clause.normal(value))
    [charge] = meter.charges(asked(request))
    found: Mapping[str, Any] = meter.finding(charge, standing, NOW)
    assert found.keys() == FINDING.keys()
    kinds = {"string": str, "int": int}
    assert all(type(found[name]) is kinds[kind] for name, kind in FINDING.items())
    return found


def test_a_refusal_says_all() -> None:
    value = {
        "meter": "budgets/user",
        "per": ["subject.id"],
        "window": "day",
        "zone": "Europe/Berlin",
        "limit_usd": 5,
    }
    found = finding(spend, value, Standing(4_900_000, 50_000), input_tokens=0, max_tokens=24_000)
    assert found == {
        "type": "SPEND",
        "meter": "budgets/user",
        "scope": "subject.id=sam",
        "window": "day in Europe/Berlin",
        "unit": "micro_usd",
        "asked": 20_000,
        "limit": 5_000_000,
        "spent": 4_900_000,
        "reserved": 50_000,
        "resets": "2026-11-21T23:00:00Z",
        "retry_after": 11 * 3600,
        "why": "5.00 USD a day in Europe/Berlin for subject.id=sam: 4.90 spent, 0.05 reserved, "
        "0.02 asked; resets 2026-11-22T00:00:00+01:00",
    }


def test_a_window_that_rolls_says_when_there_is_room_again() -> None:
    old = int(NOW) - 3000
    found = finding(
        rate, {"window": "1h", "requests": 2}, Standing(2, 0, ((old, 1), (int(NOW) - 60, 1)))
    )
    assert found["resets"] == "2026-11-21T12:11:00Z"
    assert found["retry_after"] == 660
    assert found["why"] == (
        "2 requests in any 1h: 2 used, 1 asked; room again at 2026-11-21T12:11:00Z"
    )


@pytest.mark.parametrize(
    ("clause", "value", "standing", "retry", "why"),
    [
        (steps, {"steps": 50}, Standing(50, 0), -1, "50 steps in total: 50 used, 1 asked"),
        (concurrency, {"parallel": 1}, Standing(0, 1), 1, "1 request at once: 1 under way"),
        (
            rate,
            {"window": "hour", "tokens": 10},
            Standing(0, 0),
            -1,
            "10 tokens an hour: 0 used, 1,000 asked",
        ),
    ],
)
def test_where_no_time_helps(
    clause: Any, value: Any, standing: Standing, retry: int, why: str
) -> None:
    found = finding(clause, value, standing, input_tokens=0)
    assert (found["resets"], found["retry_after"], found["why"]) == ("", retry, why)


def test_a_charge_whose_limit_was_lifted_can_be_told() -> None:
    charge = Charge("k", "tokens", 5, None, 0, 0, 60, 60, 60, "all", "minute in UTC")
    assert told("RATE", "m", charge, Standing(9, 0), 3.0)["limit"] == 0


def test_usage_starts_at_nothing() -> None:
    assert BOOK.cost("small", Usage(), NOW) == 0
