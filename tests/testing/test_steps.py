"""Tests of several steps: one store, a clock that moves, and what is said when a step fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest

from policyengine.testing import SuiteResults, run

MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: limited
version: 1.2.3
defaults: {llm.request: allow, tool.call: allow}
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: limits}
on: [llm.request]
rules:
  - id: cheaper
    rate: {per: [subject.id], window: minute, requests: 2, on_exceed: {route: economy}}
  - id: two-at-once
    concurrency: {per: [subject.id], parallel: 2}
    deny: Too many at once.
  - id: budget
    spend: {per: [subject.team], window: day, zone: Europe/Berlin, limit_usd: 0.01}
    deny: The team's money is spent.
  - id: never
    when: request.model == "never"
    deny: Not this one.
"""
AGENTS = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: agents}
on: [tool.call]
rules:
  - id: three-searches
    history: {kind: tool.call, name: search, more_than: 2}
    deny: Enough searched.
"""
PRICES = {
    "currency": "USD",
    "valid_from": "2026-01-01",
    "models": {
        "large": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5},
        "small": {"input_cost_per_token": 1e-7, "output_cost_per_token": 1e-6},
    },
}
TIERS = """\
models: {large: {}, small: {}}
tiers:
  economy: {models: [small, large]}
"""
SUITE = """\
apiVersion: policyengine.dev/v1
kind: TestSuite
name: steps
point: llm.request
fixtures:
  sam: {subject: {id: sam, team: dev}, request: {model: large, max_tokens: 100, messages: []}}
  ada: {subject: {id: ada}}
tests:
"""
Outcome = Callable[..., SuiteResults]


@pytest.fixture
def limited(tmp_path: Path) -> Path:
    """The folder of a bundle with limits, prices and tiers."""
    folder = tmp_path / "limited"
    for name in ("tests", "data"):
        (folder / name).mkdir(parents=True)
    (folder / "bundle.yaml").write_text(MANIFEST)
    (folder / "limits.yaml").write_text(POLICY)
    (folder / "data" / "prices.json").write_text(json.dumps(PRICES))
    (folder / "data" / "tiers.yaml").write_text(TIERS)
    return folder


@pytest.fixture
def outcome(limited: Path) -> Outcome:
    """Run tests that are given as YAML, over the bundle with limits."""

    def results(tests: str, **options: object) -> SuiteResults:
        text = SUITE + indent(dedent(tests).strip("\n"), "  ") + "\n"
        (limited / "tests" / "steps.yaml").write_text(text)
        return run(limited, **options)  # type: ignore[arg-type]

    return results


def told(results: SuiteResults) -> list[tuple[str, str, str, object]]:
    return [(c.name, c.outcome, c.message, c.differences) for c in results.cases]


def test_counters_add_up_until_their_window_ends(outcome: Outcome) -> None:
    results = outcome("""
    - name: a minute
      fixtures: [sam]
      steps:
        - repeat: 2
          every: 1s
          expect: {verdict: allow, limits: [], route: null, reserved: {requests: 1, parallel: 1}}
          settle: {input_tokens: 90, output_tokens: 20}
        - expect:
            verdict: allow
            route: {to: economy, model: small, fallbacks: [large], why: priority}
            limits: [{meter: limits/cheaper, scope: subject.id=sam, limit: 2, spent: 2, asked: 1}]
          settle: {input_tokens: 90, output_tokens: 20}
        - after: 1m
          expect: {verdict: allow, route: null}
    """)
    assert results.ok, told(results)


def test_what_is_settled_counts_and_what_is_released_does_not(outcome: Outcome) -> None:
    results = outcome("""
    - name: money
      fixtures: [sam]
      steps:
        - expect:
            verdict: allow
            reserved: {micro_usd: 1000}
            counters: [{meter: limits/budget, window: day in Europe/Berlin, limit: 10000, spent: 0}]
          settle: {input_tokens: 2000, output_tokens: 300}
        - expect:
            counters: [{meter: limits/budget, scope: subject.team=dev, spent: 5000, reserved: 1000}]
          release: true
        - expect: {counters: [{unit: micro_usd, spent: 5000, reserved: {at_most: 1000}}]}
          settle: {cost_micro_usd: 5000}
        - expect:
            verdict: deny
            rules: {include: [budget]}
            retry_after: {at_least: 3600, at_most: 86400}
            reserved: {}
            reasons: [{rule: budget, message: money is spent}]
        - refund: {cost_micro_usd: 4000}
          name: refunded
        - now: "2026-01-15T22:59:59Z"
          expect: {verdict: allow, counters: [{meter: limits/budget, spent: 6000}]}
          settle: {cost_micro_usd: 4000}
        - after: 1s
          expect: {verdict: allow, counters: [{meter: limits/budget, spent: 0}]}
    """)
    # The refund is of the latest request, which was refused: nothing of it is held.
    (case,) = results.cases
    assert (case.outcome, case.step) == ("error", 5)
    assert case.message == "step 5: nothing of the latest request is held"


def test_a_refund_of_a_named_request(outcome: Outcome) -> None:
    results = outcome("""
    - name: money
      fixtures: [sam]
      steps:
        - {name: dear, expect: {verdict: allow}, settle: {cost_micro_usd: 10000}}
        - {expect: {verdict: deny}}
        - {refund: {of: dear, cost_micro_usd: 4000}}
        - now: "2026-01-15T22:59:59Z"
          expect: {verdict: allow, counters: [{meter: limits/budget, spent: 6000}]}
        - after: 1s
          expect: {verdict: allow, counters: [{meter: limits/budget, spent: 0}]}
    """)
    assert results.ok, told(results)


def test_several_requests_are_under_way(outcome: Outcome) -> None:
    results = outcome("""
    - name: two at once
      fixtures: [sam]
      steps:
        - {name: first, expect: {verdict: allow}}
        - {expect: {verdict: allow}}
        - {repeat: 3, expect: {verdict: deny, rules: {include: [two-at-once]}}}
        - {release: {of: first}}
        - {expect: {verdict: allow}}
        - {fixture: ada, expect: {verdict: allow}}
    """)
    assert results.ok, told(results)


def test_what_nobody_settles_is_given_back(outcome: Outcome) -> None:
    results = outcome("""
    - name: forgotten
      fixtures: [sam]
      steps:
        - {repeat: 2, expect: {verdict: allow}}
        - {after: 9m, expect: {verdict: deny}}
        - {after: 2m, expect: {verdict: allow}}
    """)
    assert results.ok, told(results)


def test_a_streamed_answer_holds_more_as_long_as_there_is_room(outcome: Outcome) -> None:
    results = outcome("""
    - name: stream
      fixtures: [sam]
      steps:
        - expect: {verdict: allow, reserved: {micro_usd: 1000}}
          extend: {output_tokens: 400}
        - expect: {counters: [{unit: micro_usd, reserved: 5000}]}
          extend: {output_tokens: 900, room: false}
          settle: {output_tokens: 500}
        - after: 10m
          expect: {counters: [{unit: micro_usd, spent: 5000}]}
    - name: wrong
      fixtures: [sam]
      steps:
        - {expect: {verdict: allow}, extend: {output_tokens: 400, room: false}}
    - name: too much
      fixtures: [sam]
      steps:
        - {expect: {verdict: allow}, extend: {output_tokens: 4000}}
    - name: over
      fixtures: [sam]
      steps:
        - {expect: {verdict: allow}, settle: {}}
        - {extend: {output_tokens: 40}}
    """)
    stream, wrong, much, over = results.cases
    assert stream.outcome == "passed", told(results)
    assert wrong.message == "step 1: `extend`: all limits have room for it"
    assert much.message == "step 1: `extend`: a limit has no room for it"
    assert over.message.startswith("step 2: `extend`: ")


def test_the_last_repetition_may_differ(outcome: Outcome) -> None:
    results = outcome("""
    - name: three
      fixtures: [sam]
      steps:
        - repeat: 3
          expect: {verdict: allow}
          expect_last: {verdict: deny}
    - name: only the last
      fixtures: [sam]
      steps: [{repeat: 3, expect_last: {verdict: deny}}]
    """)
    assert results.ok, told(results)


def test_the_same_key_is_the_same_request(outcome: Outcome) -> None:
    results = outcome("""
    - name: again
      fixtures: [sam]
      steps:
        - {repeat: 5, key: k, expect: {verdict: allow}}
        - {expect: {counters: [{unit: parallel, reserved: 2}]}}
    """)
    assert results.ok, told(results)


def test_models_that_fail_are_tried_last(outcome: Outcome) -> None:
    results = outcome("""
    - name: failing
      fixtures: [sam]
      steps:
        - {repeat: 2, expect: {verdict: allow}, settle: {}}
        - {expect: {route: {model: small, fallbacks: [large]}}, settle: {}}
        - {repeat: 20, observe: {model: small, ok: false, status: 503}}
        - {expect: {route: {model: large, fallbacks: [small]}}, settle: {}}
    """)
    assert results.ok, told(results)


def test_events_are_recorded(limited: Path) -> None:
    (limited / "limits.yaml").write_text(AGENTS)
    (limited / "tests" / "t.yaml").write_text(
        SUITE.replace("llm.request", "tool.call")
        + """\
  - name: searches
    input: {tool: {name: read, arguments: {}}, session: {id: s1}}
    steps:
      - {expect: {verdict: allow}}
      - {repeat: 3, every: 1s, record: {kind: tool.call, name: search}}
      - {expect: {verdict: deny}}
      - {input: {session: {id: s2}}, expect: {verdict: allow}}
"""
    )
    results = run(limited)
    assert results.ok, told(results)


def test_each_case_of_a_matrix_has_a_store_of_its_own(outcome: Outcome) -> None:
    results = outcome("""
    - name: matrix
      fixtures: [sam]
      matrix: {times: [1, 2], cost: [10, 20]}
      steps:
        - repeat: "${matrix.times}"
          expect: {verdict: allow, route: null}
          settle: {cost_micro_usd: "${matrix.cost}"}
        - expect: {verdict: allow, counters: [{unit: micro_usd, spent: {at_most: 40}}]}
    """)
    assert results.counts["passed"] == 4, told(results)


def test_plain_tests_have_an_empty_store_each_and_may_fake_limits(outcome: Outcome) -> None:
    plain = """
    - name: plain %d
      fixtures: [sam]
      expect: {verdict: allow, errors: [], reserved: {requests: 1}, retry_after: null}
    """
    faked = """
    - name: faked
      fixtures: [sam]
      facts: {spend: [{type: SPEND, meter: m, retry_after: 30}]}
      expect: {verdict: deny, rules: [budget], retry_after: 30, limits: [{meter: m}]}
    - name: error
      fixtures: [sam]
      facts: {spend: error}
      expect: {verdict: deny, errors: [{rule: budget, code: faked}]}
    """
    results = outcome("".join(dedent(plain % i) for i in range(4)) + dedent(faked))
    assert results.ok, told(results)


def test_a_step_that_fails_says_which_when_and_why(outcome: Outcome, limited: Path) -> None:
    results = outcome("""
    - name: failing
      fixtures: [sam]
      steps:
        - {expect: {verdict: allow}, settle: {}}
        - name: burst
          after: 2s
          repeat: 4
          every: 500ms
          expect: {verdict: allow}
        - {release: true}
        - {expect: {verdict: allow}}
    """)
    (case,) = results.cases
    assert (case.outcome, case.step) == ("failed", 2)
    assert case.message == (
        "step 2 of 4 `burst`, time 3 of 4, at 2026-01-15T12:00:03Z; "
        "the 2 steps after it were not run"
    )
    assert [(d.what, d.expected, d.actual) for d in case.differences] == [
        ("verdict", "allow", "deny")
    ]
    assert case.differences[0].span.line == 17
    # The explanation is of the moment of the decision, not of what it left behind.
    assert case.explanation is not None
    assert case.explanation.decision.verdict == "deny"
    matched = {rule.rule for rule in case.explanation.rules if rule.result == "matched"}
    assert "two-at-once" in matched
    assert results.to_dict()["cases"][0]["step"] == 2
    json.dumps(results.to_dict())


DIFFERENT = [
    ("{reserved: {requests: 2}}", "reserved.requests", 2, 1),
    ("{reserved: {steps: 1}}", "reserved.steps", 1, 0),
    ("{reserved: {requests: {at_most: 0}}}", "reserved.requests", {"at_most": 0}, 1),
    ("{retry_after: 3}", "retry_after", 3, None),
    ("{route: economy}", "route", {"to": "economy"}, None),
    ("{limits: [{meter: x}]}", "limits[0]", {"meter": "x"}, None),
    (
        "{counters: [{unit: requests, spent: 9}]}",
        "counters[0]",
        {"unit": "requests", "spent": 9},
        {"unit": "requests", "spent": 0},
    ),
]


@pytest.mark.parametrize(("expect", "what", "expected", "actual"), DIFFERENT)
def test_differences_of_amounts(
    outcome: Outcome, expect: str, what: str, expected: object, actual: object
) -> None:
    results = outcome(f"""
    - name: t
      fixtures: [sam]
      steps: [{{expect: {expect}}}]
    """)
    (case,) = results.cases
    assert [(d.what, d.expected, d.actual) for d in case.differences] == [(what, expected, actual)]


def test_what_is_held_where_nothing_should_be(outcome: Outcome) -> None:
    results = outcome("""
    - {name: held, fixtures: [sam], expect: {reserved: {}}}
    - name: exceeded
      fixtures: [sam]
      steps: [{repeat: 3, expect_last: {limits: [], verdict: deny}}]
    """)
    held, exceeded = results.cases
    assert held.differences[0].actual == {"requests": 1, "parallel": 1, "micro_usd": 1000}
    assert [d.what for d in exceeded.differences] == ["limits (others)"]


MISTAKES = [
    ("[{}]", 1, "a step needs `expect`"),
    ("[{expect: {}}]", 1, "says nothing"),
    ("[{expect: {verdict: deny}, after: 5}]", 0, "`after` must be text"),
    ("[{expect: {verdict: deny}, after: soon}]", 1, "is not a length of time"),
    ("[{expect: {verdict: deny}, after: -1s}]", 1, "is not a length of time"),
    ("[{expect: {verdict: deny}, after: 9999999d}]", 1, "is not a length of time"),
    ("[{expect: {verdict: deny}, after: 1s, now: x}]", 1, "`after` or `now`"),
    ("[{expect: {verdict: deny}, now: x}]", 1, "is not a time"),
    ("[{expect: {verdict: allow}}, {input: {a: 1}}]", 2, "a step needs `expect`"),
    ("[{expect: {verdict: allow}}, {input: {a: 1}, release: true}]", 2, "this one has none"),
    ("[{expect: {verdict: allow}}, {key: a, release: true}]", 2, "this one has none"),
    ("[{release: {of: x}}]", 1, "no step before this one"),
    ("[{release: true}]", 1, "nothing of the latest request"),
    ("[{name: a, expect: {verdict: allow}}, {name: a, expect: {verdict: allow}}]", 2, "two steps"),
    ("[{repeat: 6000, expect: {verdict: allow}, release: true}, {repeat: 6000, release: true}]",
     2, "more than 10,000"),
    ("[{expect: {rules: [nevr]}}]", 1, "did you mean `never`"),
    ("[{expect: {verdict: allow}, facts: {words: []}}]", 1, "no rule with the guard"),
    ("[{expect: {verdict: allow}, point: llm.requests}]", 1, "no decision point"),
    ("[{expect: {verdict: allow}, record: {kind: x}}]", 1, "no rule of this point asks"),
    ("[{expect: {verdict: allow}, settle: {model: other, input_tokens: 5}}]", 1, "what was held"),
    ("[{expect: {verdict: allow}, settle: {cached_tokens: 5}}]", 1, "`settle`:"),
    ("[{now: '9999-12-31T23:59:59Z', observe: {model: small}}, {after: 2d, release: true}]",
     2, "beyond the year 9999"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "number", "message"), MISTAKES)
def test_mistakes_name_their_step(outcome: Outcome, steps: str, number: int, message: str) -> None:
    results = outcome(f"""
    - name: t
      fixtures: [sam]
      steps: {steps}
    """)
    assert not results.ok
    if not number:
        assert message in results.diagnostics[0].message
        return
    (case,) = results.cases
    assert (case.outcome, case.step) == ("error", number), case.message
    assert case.message.startswith(f"step {number}: ")
    assert message in case.message
    assert case.span.line == 11


@pytest.mark.parametrize(
    "steps",
    [
        "[{repeat: '${matrix.a}', expect: {verdict: allow}}]",
        "[{expect: {verdict: allow}, settle: {input_tokens: '${matrix.a}'}}]",
        "[{expect: {verdict: allow}, observe: {model: small, status: '${matrix.a}'}}]",
        "[{expect: {verdict: allow}, record: {kind: x, amount: '${matrix.a}'}}]",
    ],
)
def test_a_hole_that_is_filled_with_a_hole_is_no_number(outcome: Outcome, steps: str) -> None:
    results = outcome(f"""
    - name: t
      fixtures: [sam]
      matrix: {{a: ["${{matrix.a}}"]}}
      steps: {steps}
    """)
    (case,) = results.cases
    assert (case.outcome, case.step) == ("error", 1)
    assert "is a text, and must be a number" in case.message


def test_nor_is_it_a_bound(outcome: Outcome) -> None:
    results = outcome("""
    - name: t
      fixtures: [sam]
      matrix: {a: ["${matrix.a}"]}
      expect: {reserved: {requests: {at_least: "${matrix.a}"}}}
    """)
    assert [case.outcome for case in results.cases] == ["failed"]


def test_the_steps_of_a_file_are_bounded(outcome: Outcome) -> None:
    results = outcome("""
    - name: t
      fixtures: [sam]
      matrix: {a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}
      skip: they would take long
      steps: [{repeat: 10000, expect: {verdict: allow}}]
    """)
    last = results.cases[-1]
    assert (len(results.cases), last.outcome) == (11, "error")
    assert "happen more than 100,000 times" in last.message


FORMS = [
    ("[]", "wrong-value", None),
    ("[{expcet: {}}]", "unknown-key", "expect"),
    ("[{settle: {input_token: 1}}]", "unknown-key", "input_tokens"),
    ("[{settle: {input_tokens: -1}}]", "wrong-value", None),
    ("[{expect: {reserved: {dollars: 1}}}]", "wrong-value", None),
    ("[{expect: {limits: [{metr: x}]}}]", "unknown-key", "meter"),
    ("[{fixture: nobody, expect: {verdict: allow}}]", "unknown-fixture", None),
    ("[{repeat: 0, expect: {verdict: allow}}]", "wrong-value", None),
    ("[{observe: {ok: true}}]", "missing-key", None),
]


@pytest.mark.parametrize(("steps", "slug", "hint"), FORMS)
def test_forms_that_are_wrong(outcome: Outcome, steps: str, slug: str, hint: str | None) -> None:
    results = outcome(f"- {{name: t, steps: {steps}}}")
    assert not results.ok
    found = results.diagnostics[0]
    assert found.slug == slug, found
    assert hint is None or hint in (found.note or "") + (found.help or "") + found.message


def test_steps_and_expect_are_two_kinds_of_test(outcome: Outcome) -> None:
    results = outcome("""
    - name: both
      steps: [{expect: {verdict: allow}}]
      expect: {verdict: allow}
    """)
    (found,) = results.diagnostics
    assert (found.slug, found.span.line) == ("unknown-key", 11)


def test_the_second_engine_is_asked_at_each_step(limited: Path, outcome: Outcome) -> None:
    pytest.importorskip("celpy")
    import policyengine
    from policyengine.testing.second_opinion import SecondOpinion

    outcome("""
    - name: asked
      fixtures: [sam]
      steps: [{repeat: 3, expect: {verdict: allow}, settle: {}}, {expect: {verdict: allow}}]
    """)
    checked = policyengine.check(policyengine.load(limited))
    second = SecondOpinion(checked)
    results = run(checked, second=second)
    assert results.ok, told(results)
    assert second.found.agreed == 16
    assert second.found.disagreements == ()


SIXTY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: sixty}
on: [llm.request]
rules:
  - id: sixty
    rate: {per: [subject.id], window: minute, requests: 60}
    deny: Slow down.
  - id: two-at-once
    concurrency: {per: [subject.id], parallel: 2}
    deny: Too many at once.
"""


def test_the_examples_of_the_page_run(limited: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "policy-tests.md"
    section = page.read_text(encoding="utf-8").partition("## Several steps")[2]
    examples = [
        part.partition("```")[0] for part in section.partition("\n## ")[0].split("```yaml\n")
    ]
    (limited / "limits.yaml").write_text(SIXTY)
    (limited / "tests" / "page.yaml").write_text(SUITE + "".join(examples[1:]))
    results = run(limited)
    assert results.counts["passed"] == 2, told(results)
    assert results.ok
