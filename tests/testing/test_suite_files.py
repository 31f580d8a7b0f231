"""What is wrong with a test file is said at its line."""

from __future__ import annotations

from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from policyengine.diagnostics import CompileError
from policyengine.source import Source
from policyengine.testing import json_schema
from policyengine.testing.suite import read_suite

HEAD = "apiVersion: policyengine.dev/v1\nkind: TestSuite\nname: s\n"

# The text after the head; slug, line, column and a part of the message of each finding.
WRONG = [
    ("test: []\n", [("unknown-key", 4, 1, "`test`")]),
    ("tests: {}\n", [("wrong-type", 4, 8, "a list")]),
    ("tests: [{name: a}]\n", [("missing-key", 4, 9, "`expect`")]),
    (
        "tests:\n  - name: a\n    expect: {verdct: deny}\n",
        [("unknown-key", 6, 14, "`verdct`")],
    ),
    (
        "tests:\n  - name: a\n    expect: {verdict: no}\n",
        [("wrong-value", 6, 23, "`verdict` must be")],
    ),
    (
        "tests:\n  - name: a\n    expect: {rules: 3}\n",
        [("wrong-type", 6, 21, "`rules` must be a list")],
    ),
    (
        (
            "tests:\n  - name: a\n    expect: {verdict: deny}\n"
            "  - name: a\n    expect: {allowed: true}\n"
        ),
        [("duplicate-test", 7, 11, "two tests `a`")],
    ),
    (
        (
            "fixtures: {one: {}}\ntests:\n  - name: a\n"
            "    fixtures: [on]\n    expect: {allowed: true}\n"
        ),
        [("unknown-fixture", 7, 16, "no fixture `on`")],
    ),
    (
        "tests:\n  - name: a\n    policy: x\n    expext: {compile_errors: []}\n",
        [("missing-key", 5, 5, "`expect`"), ("unknown-key", 7, 5, "`expext`")],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_findings(text: str, expected: list[tuple[str, int, int, str]]) -> None:
    with pytest.raises(CompileError) as raised:
        read_suite(Source("tests/s.yaml", HEAD + text))
    found = [(d.slug, d.span.line, d.span.column) for d in raised.value.diagnostics]
    assert found == [part[:3] for part in expected]
    for diagnostic, (*_, message) in zip(raised.value.diagnostics, expected, strict=True):
        assert message in diagnostic.message


def test_misspelt_keys_get_a_suggestion() -> None:
    with pytest.raises(CompileError) as raised:
        read_suite(Source("s.yaml", HEAD + "tests: [{name: a, expect: {obligation: {}}}]\n"))
    assert raised.value.diagnostics[0].note == "did you mean `obligations`?"


GOOD = dedent(
    """
    clock: "2026-01-01T00:00:00Z"
    fixtures: {base: {request: {model: x, user: null}}}
    tests:
      - name: a
        point: llm.request
        fixtures: [base]
        matrix: {n: [1, null, {a: b}]}
        facts: {words: error}
        expect:
          verdict: "${matrix.n}"
          rules: {include: [a]}
          obligations: {route: null}
      - name: b
        files: {policy.yaml: "x"}
        expect: {compile_errors: [{slug: a, line: 3}]}
        skip: not now
    """
)


def test_the_schema_agrees_with_the_reader() -> None:
    schema = Draft202012Validator(json_schema())
    Draft202012Validator.check_schema(json_schema())
    read_suite(Source("s.yaml", HEAD + GOOD))
    assert schema.is_valid(YAML(typ="safe").load(HEAD + GOOD))
    for text, findings in WRONG:
        if findings[0][0] not in ("duplicate-test", "unknown-fixture"):
            assert not schema.is_valid(YAML(typ="safe").load(HEAD + text)), text
