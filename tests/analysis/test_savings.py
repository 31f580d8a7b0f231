"""Recorded requests: what is read, what is compared, and what is never counted as saved."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policyengine
from policyengine.analysis import json_lines
from policyengine.analysis.recorded import Recorded, RecordError, read_recorded
from policyengine.analysis.savings import Row, Savings, savings
from policyengine.charges import Usage
from policyengine.output import formats, renderer
from policyengine.program import Program
from policyengine.rules.load import load_text

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "corpus" / "requests" / "routing-requests.jsonl"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
BUNDLE = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.request: allow, tool.call: allow}
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules:
"""
PRICES = {
    "currency": "USD",
    "valid_from": "2026-01-01",
    "models": {
        "large": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5},
        "small": {"input_cost_per_token": 1e-7, "output_cost_per_token": 1e-6},
        "house": {"input_cost_per_token": 0, "output_cost_per_token": 0},
    },
}
TIERS = """\
models: {large: {}, small: {}, house: {}}
tiers:
  economy: {models: [small, large]}
  inside: {models: [house]}
"""
ROUTING = """\
  - id: cheap
    when: has(subject.team) && subject.team == "sales"
    route: economy
"""


def program(rules: str = "", *, prices: bool = True) -> Program:
    files = {"bundle.yaml": BUNDLE, "data/tiers.yaml": TIERS}
    if prices:
        files["data/prices.json"] = json.dumps(PRICES)
    if rules:
        files["p.yaml"] = POLICY + rules
    return policyengine.compile(policyengine.check(load_text(files)))


def request(model: str = "large", team: str = "sales", **more: Any) -> Recorded:
    """1,000 tokens in and 100 out: 2,000 micro-dollars with `large`, 200 with `small`."""
    input = {"request": {"model": model, "messages": []}, "subject": {"id": "sam", "team": team}}
    usage = Usage(input_tokens=1000, output_tokens=100)
    return replace(Recorded("a.jsonl:1", "llm.request", input, NOON, model, usage), **more)


def money(row: Row) -> tuple[int, int, int, int]:
    return row.requests, row.compared, row.before, row.after


def by_name(rows: tuple[Row, ...]) -> dict[str, tuple[int, int, int, int]]:
    return {row.name: money(row) for row in rows}


def test_before_and_after() -> None:
    found = savings(program(ROUTING), [request(), request(), request(team="dev")])
    assert money(found.total) == (3, 3, 6000, 2400)
    assert by_name(found.tiers) == {
        "economy": (2, 2, 4000, 400),
        "no tier": (1, 1, 2000, 2000),
    }
    assert by_name(found.models) == {"small": (2, 2, 4000, 400), "large": (1, 1, 2000, 2000)}
    assert by_name(found.rules) == {"p/cheap": (2, 2, 4000, 400)}
    assert by_name(found.moves) == {"large -> small": (2, 2, 4000, 400)}
    assert money(found.elsewhere) == (2, 2, 4000, 400)
    assert found.total.change == pytest.approx(-0.6)
    assert (found.bundle, found.base, found.prices) == ("b 1.0.0", "", "b 1.0.0")


def test_the_base_takes_the_place_of_what_was() -> None:
    found = savings(program(), [request(), request()], base=program(ROUTING))
    assert money(found.total) == (2, 2, 400, 4000)
    assert by_name(found.moves) == {"small -> large": (2, 2, 400, 4000)}
    assert found.base == "b 1.0.0"


DENY = """\
  - id: two
    rate: {per: [subject.id], window: day, requests: 2}
    deny: Enough for today.
"""


def test_what_is_refused_is_no_saving() -> None:
    found = savings(program(DENY), [request()] * 5)
    assert money(found.total) == (2, 2, 4000, 4000)
    assert money(found.refused) == (3, 3, 6000, 0)
    assert by_name(found.limited) == {"p/two": (3, 0, 0, 0)}
    turned = savings(program(), [request()] * 5, base=program(DENY))
    assert money(turned.total) == (2, 2, 4000, 4000)
    assert turned.refused.requests == 0
    assert turned.admitted.requests == 3


def test_what_waits_for_a_person_is_no_saving() -> None:
    rule = "  - {id: ask, when: 'true', require_approval: {message: Wait., from: [ops]}}\n"
    found = savings(program(rule), [request()])
    assert (found.total.requests, money(found.waiting)) == (0, (1, 1, 2000, 0))
    assert found.priced is None


def test_what_has_no_price_is_not_free() -> None:
    found = savings(program(ROUTING), [request(), request("mystery", where="a.jsonl:7")])
    assert money(found.total) == (2, 1, 2000, 200)
    assert found.priced == 0.5
    (row,) = found.unpriced
    assert (row.side, row.model, row.requests, row.where) == ("before", "mystery", 1, ["a.jsonl:7"])
    nothing = savings(program(ROUTING, prices=False), [request()])
    assert (nothing.total.compared, nothing.prices) == (0, "")
    assert {row.why for row in nothing.unpriced} == {"the bundle has no `data/prices.json`"}
    told = renderer("pretty", "analysis")(nothing)
    assert "Nothing can be compared" in told


def test_what_has_a_price_of_nothing_is_said() -> None:
    rule = "  - {id: inside, when: 'true', route: inside}\n"
    found = savings(program(rule), [request()])
    assert money(found.free) == (1, 1, 2000, 0)
    assert "machines of one's own are not free" in renderer("pretty", "analysis")(found)


def test_usage_that_nobody_recorded_is_estimated_and_counted_apart() -> None:
    text = {"messages": [{"role": "user", "content": "x" * 3984}]}
    one = request(usage=None)
    input = {**one.input, "request": {"model": "large", "max_tokens": 50, **text}}
    found = savings(program(ROUTING), [replace(one, input=input), request()])
    assert money(found.estimated) == (1, 1, 1500, 150)
    assert money(found.total) == (2, 2, 3500, 350)
    unsaid = savings(program(), [request(usage=None)])
    assert money(unsaid.total) == (1, 1, 10_000, 10_000)


def test_a_recorded_cost_counts_for_its_own_model_only() -> None:
    usage = Usage(input_tokens=1000, output_tokens=100, cost_micro_usd=777)
    found = savings(program(ROUTING), [request(usage=usage), request(usage=usage, team="dev")])
    assert by_name(found.models) == {"small": (1, 1, 777, 200), "large": (1, 1, 777, 777)}
    bare = savings(program(ROUTING), [request(usage=Usage(cost_micro_usd=777))])
    assert bare.unpriced[0].why == "its usage is not known"


SPEND = """\
  - id: budget
    spend: {per: [subject.id], window: day, limit_usd: 0.01}
    deny: No money left.
  - id: at-once
    concurrency: {per: [subject.id], parallel: 1}
    deny: One at a time.
"""


def test_budgets_run_out_by_what_was_really_used_and_at_the_recorded_times() -> None:
    # The estimate is 10,000 micro-dollars for each, of which 2,000 are used: nine fit one by one.
    asked = [request(now=NOON + timedelta(minutes=i)) for i in range(9)]
    input = {**asked[0].input, "request": {"model": "large", "max_tokens": 200, "messages": []}}
    asked = [replace(one, input=input) for one in asked]
    found = savings(program(SPEND), asked)
    assert (found.total.requests, found.refused.requests) == (5, 4)
    assert by_name(found.limited) == {"p/budget": (4, 0, 0, 0)}
    tomorrow = replace(asked[0], now=NOON + timedelta(days=1))
    assert savings(program(SPEND), [*asked, tomorrow]).total.requests == 6


def test_requests_are_under_way_as_long_as_they_were() -> None:
    asked = [request(now=NOON + timedelta(seconds=i), lasts=2.5) for i in range(4)]
    input = {**asked[0].input, "request": {"model": "small", "max_tokens": 10, "messages": []}}
    asked = [replace(one, input=input) for one in asked]
    found = savings(program(SPEND), asked)
    assert by_name(found.limited) == {"p/at-once": (2, 0, 0, 0)}
    assert savings(program(SPEND), [replace(one, lasts=0.0) for one in asked]).limited == ()


def test_other_points_are_decided_and_cost_nothing() -> None:
    call = Recorded("a:2", "tool.call", {"tool": {"name": "x", "arguments": {}}}, NOON, "")
    found = savings(program(), [request(), call])
    assert (found.requests, found.others, found.total.requests) == (1, 1, 1)


def test_recorded_facts_are_used_instead_of_asking() -> None:
    rule = "  - {id: code, task: [code], route: economy}\n"
    facts = {"task": [{"type": "CODE", "score": 0.9, "why": "recorded"}]}
    found = savings(program(rule), [request(facts=facts), request(facts={"task": []})])
    assert by_name(found.tasks) == {"not said": (1, 1, 2000, 2000), "code": (1, 1, 2000, 200)}


def test_hostile_inputs_are_counted_not_raised() -> None:
    deep: Any = {}
    for _ in range(3000):
        deep = {"a": deep}
    asked = [
        request(input={"request": 5}, usage=None),
        request(input={"request": {"model": ["x"], "max_tokens": -4}}, usage=None),
        request(input=deep, usage=None),
        request(usage=Usage(input_tokens=5, cached_tokens=9)),
    ]
    found = savings(program(SPEND), asked)
    assert found.requests == 4
    assert found.total.compared == 0


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(chance: random.Random) -> None:
    asked = [request(now=NOON + timedelta(minutes=i), where=f"a:{i}") for i in range(6)]
    mixed = list(asked)
    chance.shuffle(mixed)
    assert savings(_DENYING, mixed) == savings(_DENYING, asked)


_DENYING = program(DENY)


@pytest.fixture(scope="module")
def week() -> Savings:
    bundle = policyengine.load(ROOT / "policies" / "routing")
    routing = policyengine.compile(policyengine.check(bundle))
    return savings(routing, read_recorded(DATA.read_bytes(), DATA.name))


def test_the_shipped_week(week: Savings) -> None:
    """The parts add up to the whole, and routing makes this traffic cheaper."""
    assert (week.requests, week.total.requests, week.total.compared) == (62, 62, 61)
    for rows in (week.tiers, week.models, week.tasks):
        assert sum(row.requests for row in rows) == week.total.requests
        assert sum(row.before for row in rows) == week.total.before
        assert sum(row.after for row in rows) == week.total.after
    assert week.estimated.requests == 3
    assert [row.model for row in week.unpriced] == ["house-7b"]
    assert week.total.after < week.total.before
    assert week.errors == ()


def test_every_format_says_what_is_assumed(week: Savings) -> None:
    assert formats("analysis") == ["pretty", "json", "markdown"]
    for format in formats("analysis"):
        told = renderer(format, "analysis")(week)
        assert "other lengths" in told
        assert "house-7b" in told
    plain = json.loads(renderer("json", "analysis")(week))
    assert (plain["format"], plain["kind"], plain["total"]["compared"]) == (1, "analysis", 61)
    assert (plain["unit"], plain["total"]["before"]) == ("micro_usd", week.total.before)


def test_texts_of_recordings_are_only_text() -> None:
    evil = "m|\x1b[31m\n<img src=x>[a](b)"
    found = savings(program(), [request(evil)])
    markdown = renderer("markdown", "analysis")(found)
    assert "<img" not in markdown.replace("\\<img", "")
    assert "\x1b" not in markdown
    assert all("\x1b" not in renderer(format, "analysis")(found) for format in formats("analysis"))


ROW = {"time": "2026-01-15T12:00:00Z", "input": {"request": {"model": "m"}}}


def lines(*rows: Any) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_rows_are_read_with_what_they_say() -> None:
    full = {
        **ROW, "point": "tool.call", "model_used": "n", "latency_ms": 1500, "task": "code",
        "usage": {"input_tokens": 5, "output_tokens": 6, "batch": True}, "request_id": "ignored",
        "facts": {"pii": []}, "time": "2026-01-15T13:00:00.5+01:00",
    }  # fmt: skip
    one, two = read_recorded(lines(ROW) + b"\n\n" + lines(full), "a.jsonl")
    assert (one.where, one.point, one.model, one.usage) == ("a.jsonl:1", "llm.request", "m", None)
    assert (two.where, two.point, two.model, two.lasts) == ("a.jsonl:3", "tool.call", "n", 1.5)
    assert two.now == NOON + timedelta(milliseconds=500)
    assert two.usage == Usage(input_tokens=5, output_tokens=6, batch=True)
    assert read_recorded(gzip.compress(lines(ROW)), "a.gz")[0].model == "m"
    assert read_recorded(lines({"input": {}}), "a", NOON)[0].now == NOON


BAD = [
    (b"{", "not JSON"),
    (b"[1]", "with `input`"),
    (b'{"input": NaN}', "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"\xff", "not JSON"),
    (lines({"time": ROW["time"]}), "with `input`"),
    (lines({"input": {}}), "has no `time`"),
    (lines({**ROW, "time": "yesterday"}), "RFC 3339"),
    (lines({**ROW, "time": 5}), "RFC 3339"),
    (lines({**ROW, "usgae": {}}), "did you mean `usage`"),
    (lines({**ROW, "usage": 5}), "`usage` is an object"),
    (lines({**ROW, "usage": {}}), "lacks `input_tokens`"),
    (lines({**ROW, "usage": {"output_tokens": 5}}), "lacks `input_tokens`"),
    (lines({**ROW, "usage": {"output_token": 5}}), "did you mean `output_tokens`"),
    (lines({**ROW, "usage": {"input_tokens": -1, "output_tokens": 5}}), "sensible number"),
    (lines({**ROW, "usage": {"input_tokens": True, "output_tokens": 5}}), "sensible number"),
    (lines({**ROW, "usage": {"input_tokens": 1.5, "output_tokens": 5}}), "sensible number"),
    (lines({**ROW, "model_used": 5}), "`model_used` is a text"),
    (lines({**ROW, "point": "x" * 201}), "`point` is a text"),
    (lines({**ROW, "latency_ms": -1}), "`latency_ms`"),
    (lines({**ROW, "latency_ms": True}), "`latency_ms`"),
    (lines({**ROW, "facts": {"pii": {}}}), "`facts` are lists"),
]


@pytest.mark.parametrize(("data", "message"), BAD)
def test_bad_lines_are_named(data: bytes, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_recorded(lines(ROW) + b"\n" + data, "a.jsonl")
    assert message in str(caught.value)
    assert (caught.value.line, str(caught.value)[:10]) == (2, "a.jsonl:2:")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\x1f\x8bnot gzip"])
def test_files_without_requests(data: bytes) -> None:
    with pytest.raises(RecordError):
        read_recorded(data, "a.jsonl")


def test_files_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MAX_BYTES", 200)
    with pytest.raises(RecordError, match="larger than"):
        read_recorded(gzip.compress(lines(*[ROW] * 9)), "a.gz")
    monkeypatch.setattr(json_lines, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(json_lines, "MAX_ROWS", 3)
    with pytest.raises(RecordError, match="more than 3 lines"):
        read_recorded(lines(*[ROW] * 9), "a")
