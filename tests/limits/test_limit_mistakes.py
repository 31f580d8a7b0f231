"""Mistakes in limit clauses are reported at the very part that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policyengine
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.limits import budget, rate, spend
from policyengine.plugins import fact_provider

BUNDLE = 'apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: "0.1.0"\n'
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {{name: p}}
on: [llm.request]
rules:
  - id: r
    {clause}
    deny: No.
"""


def mistakes(folder: Path, clause: str, point: str = "llm.request") -> Iterator[Diagnostic]:
    (folder / "bundle.yaml").write_text(BUNDLE)
    policy = POLICY.format(clause=clause).replace("llm.request", point)
    (folder / "p.yaml").write_text(policy)
    try:
        policyengine.check(policyengine.load(folder))
    except CompileError as error:
        yield from error.diagnostics


# `@` stands before the part that is wrong.
CASES = [
    ("spend: {window: day, limit_usd: @-5}", "must be at least 0"),
    ("spend: {window: day, limit_usd: @0}", "lets nothing through"),
    ("spend: {window: day, limit_usd: @0.0000001}", "millionths"),
    ("spend: {window: day, limit_usd: @1e30}", "at most"),
    ("spend: {window: day, limit_usd: @true}", "a number"),
    ("spend: {window: @fortnight, limit_usd: 5}", "`24h`"),
    ("spend: {window: @9000d, limit_usd: 5}", "longer than a year"),
    ("spend: {window: day, zone: @Berlin, limit_usd: 5}", "did you mean `Europe/Berlin`"),
    ("spend: {window: day, zone: @Europe/Brelin, limit_usd: 5}", "did you mean `Europe/Berlin`"),
    ("spend: {window: day, zone: @Nowhere, limit_usd: 5}", "`Nowhere` is no time zone"),
    ("spend: {window: total, zone: @Europe/Berlin, limit_usd: 5}", "never ends"),
    ("spend: {window: 24h, zone: @Europe/Berlin, limit_usd: 5}", "rolls"),
    ("spend: @{window: day}", "say `limit_usd`"),
    ("spend: @{limit_usd: 5}", "no `window`"),
    ("spend: {window: day, limit_usd: 5, forget_after: @3d}", "is for `window: total`"),
    ("spend: {window: total, limit_usd: 5, forget_after: @3651d}", "longer than ten years"),
    ("spend: {window: day, limit_usd: 5, @limts: []}", "did you mean `limits`"),
    ("spend: {window: @day, limits: [{window: day, limit_usd: 5}]}", "stands beside `limits`"),
    ("spend: {limits: [@{window: day}]}", "say `limit_usd`"),
    ("spend: {limits: [@{limit_usd: 5}]}", "`window`"),
    ("spend: {limits: @[]}", "must not be empty"),
    ("spend: {per: [subject.id, @subject.id], window: day, limit_usd: 5}", "twice"),
    ("spend: {per: [@'a b'], window: day, limit_usd: 5}", "such as `subject.id`"),
    ("spend: {window: day, limit_usd: 5, missing_max_tokens: {assume: @-1}}", "at least 0"),
    ("rate: @{window: minute}", "say `requests` or `tokens`"),
    ("rate: {window: minute, requests: @1.5}", "an integer"),
    ("rate: {window: minute, tokens: @0}", "lets nothing through"),
    ("concurrency: @{per: [subject.id]}", "say `parallel`"),
    ("concurrency: {parallel: 5, @window: day}", "not a key"),
    ("steps: @{per: [session.id]}", "say `steps`"),
    ("steps: {steps: 5, zone: @Europe/Berlin}", "`total` never ends"),
    ("budget: @{window: day, limit_usd: 5, below: 20%}", "lacks `meter`"),
    ("budget: @{meter: m, window: day, limit_usd: 5}", "lacks `below`"),
    ("budget: {meter: m, window: day, limit_usd: 5, below: @200%}", "such as `20%`"),
    ("budget: {meter: m, window: day, limit_usd: 5, below: @0%}", "less left than nothing"),
]


@pytest.mark.parametrize(("clause", "text"), CASES)
def test_where_a_mistake_stands(tmp_path: Path, clause: str, text: str) -> None:
    [found] = mistakes(tmp_path, clause.replace("@", ""))
    assert (found.span.line, found.span.column) == (7, 5 + clause.index("@"))
    assert text in f"{found.message} {found.note}"


WINDOWS = [
    # The same window twice.
    ("{window: day, limit_usd: 5}, {window: @day, limit_usd: 6}", "already"),
    ("{window: 24h, limit_usd: 5}, {window: @1d, limit_usd: 6}", "already"),
    # What the longer window lets through the shorter one never sees the end of.
    ("{window: @day, limit_usd: 5}, {window: month, limit_usd: 5}", "`month` ends at 5"),
    ("{window: month, limit_usd: 5}, {window: @day, limit_usd: 5}", "`month` ends at 5"),
    ("{window: @day, limit_usd: 5}, {window: total, limit_usd: 4}", "`total` ends at 4"),
    ("{window: @1h, limit_usd: 5}, {window: 2h, limit_usd: 5}", "`2h` ends at 5"),
    ("{window: @hour, limit_usd: 5}, {window: 24h, limit_usd: 5}", "`24h` ends at 5"),
    # A window that lies across two others sees both of their limits.
    ("{window: @1h, limit_usd: 10}, {window: day, limit_usd: 5}", "`day` ends at 5"),
    ("{window: @week, limit_usd: 10}, {window: month, limit_usd: 5}", "`month` ends at 5"),
]


@pytest.mark.parametrize(("limits", "text"), WINDOWS)
def test_limits_that_can_never_be_reached(tmp_path: Path, limits: str, text: str) -> None:
    clause = f"spend: {{limits: [{limits}]}}"
    [found] = mistakes(tmp_path, clause.replace("@", ""))
    assert (found.span.line, found.span.column) == (7, 5 + clause.index("@"))
    assert text in found.message


SOUND = [
    "spend: {limits: [{window: day, limit_usd: 5}, {window: month, limit_usd: 50}]}",
    # A week may lie in two months, 30 days in two months, and a day may have 25 hours.
    "spend: {limits: [{window: week, limit_usd: 5}, {window: month, limit_usd: 5}]}",
    "spend: {limits: [{window: 24h, limit_usd: 5}, {window: month, limit_usd: 3}]}",
    "spend: {limits: [{window: day, limit_usd: 5}, {window: 24h, limit_usd: 5}]}",
    "rate: {limits: [{window: day, requests: 5}, {window: day, tokens: 5}]}",
    "spend: {zone: Asia/Tokyo, limits: [{window: day, limit_usd: 5}, {window: 30d, limit_usd: 9}]}",
    "spend: {limits: [{window: day, zone: Asia/Tokyo, limit_usd: 5}, {window: day, limit_usd: 5}]}",
    "spend: {per: [request.metadata.cost-center], window: day, limit_usd: 0.000001}",
    "concurrency: {per: [subject.id], parallel: 1}",
    "steps: {per: [session.id], steps: 1}",
    "budget: {meter: p/r, window: 30d, tokens: 100, below: 0.5%}",
]


@pytest.mark.parametrize("clause", SOUND)
def test_sound_clauses(tmp_path: Path, clause: str) -> None:
    assert list(mistakes(tmp_path, clause)) == []


@pytest.mark.parametrize(
    ("clause", "field"),
    [
        ("spend: {per: [agent.id], window: day, limit_usd: 5}", "request"),
        ("rate: {per: [agent.id], window: day, requests: 5, tokens: 5}", "request"),
        ("rate: {per: [agent.idd], window: day, requests: 5}", "agent.idd"),
        ("rate: {per: [agent.id], window: day, requests: 5}", ""),
        ("concurrency: {per: [agent.id], parallel: 5}", ""),
        ("steps: {per: [agent.id], steps: 5}", ""),
    ],
)
def test_money_and_tokens_are_of_requests_to_models(
    tmp_path: Path, clause: str, field: str
) -> None:
    found = [problem.message for problem in mistakes(tmp_path, clause, "tool.call")]
    assert found == ([f"`{field}` is not a field of `tool.call`"] if field else [])


def slow_most(short: int, long: int, amount: int) -> int:
    """The most that fits into one window of `short` hours under a limit per `long` hours.

    Both windows are fixed stretches from hour 0 on; all is spent as late or as early as possible.
    """
    most = 0
    for start in range(0, 60 * short, short):
        touched = {hour // long for hour in range(start, start + short)}
        most = max(most, amount * len(touched))
    return most


@given(st.sampled_from([(1, 24), (24, 168), (1, 168)]), st.integers(1, 20), st.integers(1, 20))
def test_a_limit_is_called_pointless_only_where_it_is(
    hours: tuple[int, int], short: int, long: int
) -> None:
    names = {1: "hour", 24: "day", 168: "week"}
    value = {
        "limits": [
            {"window": names[hours[0]], "requests": short},
            {"window": names[hours[1]], "requests": long},
        ]
    }
    assert bool(rate.problems(value)) == (slow_most(*hours, long) <= short)


@pytest.mark.parametrize("field", ["tool.command", "tool.arguments.query", "tool.arguments.a.b"])
def test_what_an_agent_writes_names_no_counter(tmp_path: Path, field: str) -> None:
    clause = f"rate: {{per: [{field}], window: minute, requests: 5}}"
    [found] = mistakes(tmp_path, clause, "tool.call")
    assert (found.slug, found.span.line) == ("bad-scope", 7)
    assert not list(mistakes(tmp_path, clause.replace(field, "tool.name"), "tool.call"))


@pytest.mark.parametrize(
    "clause",
    [
        "spend: {window: total, limit_usd: 5}",
        "rate: {window: total, requests: 5}",
        "rate: {window: total, requests: 5, forget_after: 3650d}",
        "steps: {steps: 5}",
        "budget: {meter: m, window: total, limit_usd: 5, below: 20%}",
    ],
)
def test_a_total_needs_nothing_else(tmp_path: Path, clause: str) -> None:
    assert not list(mistakes(tmp_path, clause))
    [found] = mistakes(tmp_path, "steps: {steps: 5, forget_after: 3651d}")
    assert "longer than ten years" in found.message


NO_PRICES = '{"currency": "USD", "valid_from": "2026-01-01", "models": {}}'
LOOKING = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {{name: p}}
on: [llm.request]
rules:
  - {{id: user, spend: {{per: [subject.id], window: day, limit_usd: 5}}, deny: No.}}
  - id: low
    budget: {{{budget}, limit_usd: 5, below: 20%}}
    warn: Little is left.
"""


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("meter: p/user, per: [subject.id], window: day", None),
        ("meter: p/usr, per: [subject.id], window: day", "did you mean `p/user`?"),
        (
            "meter: p/user, per: [subject.key], window: day",
            "`p/user` counts `micro_usd` in `day@",
        ),
        (
            "meter: p/user, per: [subject.id], window: month",
            "`p/user` counts `micro_usd` in `day@",
        ),
        (
            "meter: p/user, per: [subject.id], window: 24h",
            "`p/user` counts `micro_usd` in `day@",
        ),
        ("meter: elsewhere, window: day", "the name of the limit"),
    ],
)
def test_a_budget_that_nobody_charges_is_a_warning(
    tmp_path: Path, budget: str, told: str | None
) -> None:
    (tmp_path / "bundle.yaml").write_text(BUNDLE)
    (tmp_path / "p.yaml").write_text(LOOKING.format(budget=budget))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.json").write_text(NO_PRICES)
    warnings = policyengine.check(policyengine.load(tmp_path)).warnings
    if told is None:
        assert warnings == ()
        return
    [warning] = warnings
    assert warning.slug == "uncharged-budget"
    assert (warning.span.line, warning.span.column) == (8, 21)
    assert told in warning.note + warning.help


@pytest.mark.parametrize("name", ["spend", "rate", "steps", "budget", "concurrency"])
def test_a_limit_without_limits_cannot_be_built(name: str) -> None:
    provider = fact_provider(name)
    value = {"meter": "m", "below": "5%"} if name == "budget" else {}
    with pytest.raises(ValueError, match="there is no limit"):
        provider.build({**provider.normal({**value, "limits": []})})


def test_normal_forms_do_not_change_any_more() -> None:
    value = {"per": ["subject.id"], "window": "day", "zone": "Asia/Tokyo", "limit_usd": 0.1}
    assert spend.normal(value) == {
        "meter": "",
        "per": ["subject.id"],
        "limits": [{"unit": "micro_usd", "limit": 100_000, "window": "day", "zone": "Asia/Tokyo"}],
        "missing_max_tokens": {"assume": 1000},
    }
    several = {"limits": [{"window": "day", "limit_usd": 0.1}], "zone": "Asia/Tokyo"}
    assert spend.normal({"per": ["subject.id"], **several}) == spend.normal(value)
    config = budget.normal({"meter": "m", "window": "total", "steps": 5, "below": "5%"})
    assert config["limits"] == [{"unit": "steps", "limit": 5, "window": "total", "idle": "3650d"}]
