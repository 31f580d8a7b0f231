"""Policy tests, run: what passes, what fails and how it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from policyengine.diagnostics import CompileError
from policyengine.testing import SuiteResults, run, together

Outcome = Callable[..., SuiteResults]

# Each of these expectations of one request passes as it stands.
PASSING = [
    "{verdict: deny}",
    "{allowed: false}",
    "{rules: [no-big-models]}",
    "{rules: [sample/no-big-models]}",
    "{rules: {include: [no-big-models], exclude: [night]}}",
    "{shadow: []}",
    "{reasons: [{rule: no-big-models, code: rule, effect: deny, message: for research}]}",
    "{verdict: deny, errors: []}",
    "{verdict: deny, obligations: {route: null, triggers: [], redactions: [], warnings: []}}",
]

# And these fail, with this difference.
FAILING = [
    ("{verdict: allow}", "verdict", "allow", "deny"),
    ("{allowed: true}", "allowed", True, False),
    ("{rules: []}", "rules", [], ["no-big-models"]),
    ("{rules: [night]}", "rules", ["night"], ["no-big-models"]),
    ("{rules: {include: [night]}}", "rules.include", ["night"], ["no-big-models"]),
    (
        "{rules: {exclude: [no-big-models]}}",
        "rules.exclude",
        ["no-big-models"],
        ["no-big-models"],
    ),
    (
        "{reasons: [{rule: no-big-models, message: other}]}",
        "reasons[0]",
        {"rule": "no-big-models", "message": "other"},
        {"rule": "no-big-models", "message": "Big models are for research."},
    ),
    ("{obligations: {route: economy}}", "obligations.route", {"to": "economy"}, None),
    ("{obligations: {triggers: [scan]}}", "obligations.triggers[0]", {"agent": "scan"}, None),
    ("{obligations: {tags: {a: b}}}", "obligations.tags.a", "b", None),
    ("{obligations: {warnings: [x]}}", "obligations.warnings[0]", "x", []),
    ("{errors: [{code: overflow}]}", "errors[0]", {"code": "overflow"}, None),
    ("{content: {a: b}}", "content.a", "b", None),
    ("{shadow: [watch]}", "shadow", ["watch"], []),
]

BIG = """
- name: t
  fixture: base
  input: {request: {model: big}}
  expect: %s
"""


@pytest.mark.parametrize("expect", PASSING)
def test_expectations_that_are_met(outcome: Outcome, expect: str) -> None:
    results = outcome(BIG % expect)
    assert results.ok, results.cases
    assert results.counts == {"passed": 1, "failed": 0, "error": 0, "skipped": 0}


@pytest.mark.parametrize(("expect", "what", "expected", "actual"), FAILING)
def test_expectations_that_are_not(
    outcome: Outcome, expect: str, what: str, expected: object, actual: object
) -> None:
    results = outcome(BIG % expect)
    (case,) = results.cases
    assert not results.ok
    assert case.outcome == "failed"
    assert [(d.what, d.expected, d.actual) for d in case.differences] == [(what, expected, actual)]
    assert case.differences[0].span.line == 12
    assert case.span.line == 9
    assert case.explanation is not None
    assert case.decision is not None
    json.dumps(results.to_dict())


def test_obligations(outcome: Outcome) -> None:
    results = outcome("""
    - name: sales
      fixtures: [base, sales]
      expect:
        obligations: {route: economy, warnings: [economy tier], tags: {cost: low}}
    - name: route in part
      fixtures: [base, sales]
      expect: {obligations: {route: {rule: cheap, to: economy}}}
    - name: night
      fixture: base
      clock: "2026-01-15T03:00:00Z"
      expect:
        verdict: require_approval
        obligations: {approvals: [{rule: night, approvers: [ops], count: 2}]}
    - name: words
      fixture: base
      input: {request: {messages: [{role: user, content: say alpha}]}}
      expect:
        verdict: allow
        rules: [mask-words]
        obligations: {redactions: [{start: 4, end: 9}]}
        content: {"request.messages[0].content": "say [WORD]"}
    - name: shadow
      fixture: base
      input: {request: {model: small}}
      expect: {verdict: allow, rules: [], shadow: [watch]}
    """)
    assert results.ok, [(c.name, c.message, c.differences) for c in results.cases]


def test_faked_facts(outcome: Outcome) -> None:
    results = outcome("""
    - name: found
      fixture: base
      input: {request: {messages: [{role: user, content: abcdef}]}}
      facts:
        words: [{type: WORD, field: "request.messages[0].content", start: 0, end: 3}]
      expect: {rules: [mask-words]}
    - name: a guard that fails restricts
      fixture: base
      facts: {words: error}
      expect: {rules: [mask-words], errors: [{rule: mask-words, counted_as: match}]}
    - name: an error that is not expected fails
      fixture: base
      facts: {words: error}
      expect: {rules: [mask-words]}
    """)
    assert [case.outcome for case in results.cases] == ["passed", "passed", "failed"]
    assert results.cases[2].differences[0].what == "errors (others)"


def test_matrix(outcome: Outcome) -> None:
    results = outcome("""
    - name: models
      fixture: base
      matrix:
        model: [big, medium]
        team:
          - {name: research, verdict: allow}
          - {name: sales, verdict: allow}
      input: {request: {model: "${matrix.model}"}, subject: {team: "${matrix.team.name}"}}
      expect: {verdict: "${matrix.team.verdict}"}
    - name: named ${matrix.n} times
      fixture: base
      matrix: {n: [1, 2]}
      input: {request: {max_tokens: "${matrix.n}"}}
      expect: {verdict: allow}
    """)
    assert [(case.name, case.outcome) for case in results.cases] == [
        ("models [model=big, team={name: research, verdict: allow}]", "passed"),
        ("models [model=big, team={name: sales, verdict: allow}]", "failed"),
        ("models [model=medium, team={name: research, verdict: allow}]", "passed"),
        ("models [model=medium, team={name: sales, verdict: allow}]", "passed"),
        ("named 1 times", "passed"),
        ("named 2 times", "passed"),
    ]


MISTAKES = [
    ("expect: {rules: [no-bigmodels]}", "has no rule `no-bigmodels`; did you mean"),
    ("expect: {reasons: [{rule: nights}]}", "has no rule `nights`; did you mean `night`?"),
    ("expect: {}", "nothing is tested"),
    ("{point: llm.requests, expect: {verdict: deny}}", "no decision point `llm.requests`"),
    ("{facts: {wrds: []}, expect: {verdict: deny}}", "guard `wrds`; did you mean `words`?"),
    ("{clock: noon, expect: {verdict: deny}}", "`noon` is not a time"),
    ('{input: {request: "${matrix.x}"}, expect: {verdict: deny}}', "has no `x`"),
    (
        '{matrix: {team: [a]}, input: {x: "${matrix.tem}"}, expect: {verdict: deny}}',
        "did you mean `${matrix.team}`?",
    ),
    ("{matrix: {a: []}, expect: {verdict: deny}}", "0 combinations"),
    ('{matrix: {v: [maybe]}, expect: {verdict: "${matrix.v}"}}', "must"),
]


@pytest.mark.parametrize(("test", "message"), MISTAKES)
def test_mistakes_in_a_test_are_errors(outcome: Outcome, test: str, message: str) -> None:
    rest = test[1:-1] if test.startswith("{") else test
    results = outcome(f"- {{name: t, {rest}}}")
    (case,) = results.cases
    assert case.outcome == "error"
    assert message in case.message
    assert not results.ok


BOMBS = [
    # A text that names a long value very often, and an input made of the same value.
    ("a text", 'team: "' + "${matrix.a}" * 2000 + '"'),
    ("the inputs", "groups: [" + '"${matrix.a}", ' * 7_000 + "]"),
]


@pytest.mark.parametrize(("what", "subject"), BOMBS, ids=[bomb[0] for bomb in BOMBS])
def test_a_matrix_cannot_exhaust_memory(outcome: Outcome, what: str, subject: str) -> None:
    results = outcome(f"""
    - name: t
      matrix: {{a: [{"x" * 10_000}]}}
      input: {{subject: {{{subject}}}}}
      expect: {{verdict: deny}}
    """)
    (case,) = results.cases
    assert case.outcome == "error"
    assert what in case.message


def test_skipped_tests_are_visible_and_no_success_alone(outcome: Outcome) -> None:
    skipped = "- {name: later, skip: 'waits for #12', expect: {verdict: deny}}\n"
    results = outcome(skipped)
    assert [(c.outcome, c.message) for c in results.cases] == [("skipped", "waits for #12")]
    assert not results.ok
    assert "every test is skipped" in results.why_not
    assert outcome(skipped + "- {name: now, fixture: base, expect: {verdict: allow}}\n").ok


def test_no_tests_are_a_failure(bundle: Path, outcome: Outcome) -> None:
    assert "there are no tests" in run(bundle).why_not
    assert not run(bundle).ok
    results = outcome("- {name: t, fixture: base, expect: {verdict: allow}}", filter="other")
    assert not results.ok
    assert "matches none of 1 tests" in results.why_not
    assert not outcome("[]", head=SUITE_WITHOUT_TESTS).ok


SUITE_WITHOUT_TESTS = """\
apiVersion: policyengine.dev/v1
kind: TestSuite
name: empty
tests:
"""

THREE = """
- {name: one, fixture: base, expect: {verdict: deny}}
- {name: two, fixture: base, expect: {verdict: allow}}
- {name: three, fixture: base, expect: {verdict: allow}}
"""


def test_filter_order_and_early_stop(outcome: Outcome) -> None:
    assert [c.name for c in outcome(THREE, filter="t !three").cases] == ["two"]
    assert [c.name for c in outcome(THREE, filter="sample/t*").cases] == ["two", "three"]
    stopped = outcome(THREE, fail_fast=True)
    assert ([c.name for c in stopped.cases], stopped.not_run) == (["one"], 2)
    orders = {tuple(c.name for c in outcome(THREE, shuffle_seed=s).cases) for s in range(20)}
    assert len(orders) == 6
    again = [outcome(THREE, shuffle_seed=7).cases for _ in range(2)]
    assert again[0] == again[1]


def test_on_result_is_told_of_each(outcome: Outcome) -> None:
    told: list[tuple[str, int, int]] = []
    outcome(THREE, on_result=lambda result, done, total: told.append((result.name, done, total)))
    assert told == [("one", 1, 3), ("two", 2, 3), ("three", 3, 3)]


def test_results_of_several_bundles(outcome: Outcome, bundle: Path) -> None:
    results = outcome(THREE)
    whole = together([results, results])
    assert whole.counts["passed"] == 4
    assert not whole.ok


def test_an_invalid_bundle_is_a_compile_error(bundle: Path) -> None:
    (bundle / "policy.yaml").write_text("rules: [")
    with pytest.raises(CompileError):
        run(bundle)


COMPILE = [
    ("{compile_errors: [{slug: unknown-field, line: 6, column: 19, file: policy.yaml}]}", True),
    ("{compile_errors: [{message: modle}]}", True),
    ("{compile_errors: []}", False),
    ("{compile_errors: [{slug: unknown-field}, {slug: other}]}", False),
    ("{compile_errors: [{line: 7}]}", False),
]


@pytest.mark.parametrize(("expect", "passes"), COMPILE)
def test_compile_errors(outcome: Outcome, expect: str, passes: bool) -> None:
    results = outcome(f"""
    - name: misspelt
      policy: |
        apiVersion: policyengine.dev/v1
        kind: Policy
        metadata: {{name: p}}
        on: [llm.request]
        rules:
          - {{id: r, when: request.modle == "x", deny: No.}}
      expect: {expect}
    """)
    assert results.ok is passes, results.cases
    if not passes:
        assert results.cases[0].differences


@pytest.mark.parametrize("name", ["../x.yaml", "/x.yaml", "a/../b.yaml", "./a.yaml", "a//b.yaml"])
def test_files_of_compile_tests_stay_inside(outcome: Outcome, name: str) -> None:
    results = outcome(f'- {{name: t, files: {{"{name}": ""}}, expect: {{compile_errors: []}}}}')
    assert results.cases[0].outcome == "error"
    assert "not a path inside a bundle" in results.cases[0].message
