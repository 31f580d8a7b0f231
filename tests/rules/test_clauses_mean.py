"""What clauses stand for: their CEL against the obvious meaning."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.cel.interpret import evaluate
from policyengine.cel.unparse import unparse
from policyengine.guards import words
from policyengine.program import Allow, Deny, FactInfo, Tag, Trigger
from policyengine.rules.check import check
from policyengine.rules.desugar.names import regex
from policyengine.rules.load import load_text
from policyengine.rules.model import CheckedBundle, CheckedRule

HEAD = "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: b\nversion: 1.0.0\n"
POLICY = "apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata: {name: p}\non: [%s]\nrules:\n%s"


def checked(rules: str, point: str = "llm.request", manifest: str = "") -> CheckedBundle:
    return check(load_text({"bundle.yaml": HEAD + manifest, "p.yaml": POLICY % (point, rules)}))


def rules_of(text: str, point: str = "llm.request", manifest: str = "") -> list[CheckedRule]:
    return list(checked(text, point, manifest).points[point].rules)


def cel_of(clause: str, point: str = "llm.request") -> str:
    rule = rules_of(f"  - {{id: a, {clause}, warn: x}}", point)[0]
    return unparse(rule.conditions[0].expression.ast.root)


@pytest.mark.parametrize(
    ("clause", "cel"),
    [
        ("models: [opus]", 'request.model == "opus"'),
        ("models: [opus, sonnet]", 'request.model in ["opus", "sonnet"]'),
        ("models: ['gpt-*']", 'request.model.startsWith("gpt-")'),
        ("models: ['*-mini']", 'request.model.endsWith("-mini")'),
        ("models: ['**mini*']", 'request.model.contains("mini")'),
        ("models: ['*']", "true"),
        ("models: ['g*-m?']", r'request.model.matches("(?s)^g.*\\-m.$")'),
        ("models: {not: [opus]}", '!(request.model == "opus")'),
        ("models: {any: ['o*'], not: [opus]}",
         'request.model.startsWith("o") && !(request.model == "opus")'),
        ("tools: [shell]", 'has(request.tools) && request.tools.exists(t, t.name == "shell")'),
        ("words: [a]", 'size(words(["a"])) > 0'),
        ("words: {any: [a], ignore_case: false}",
         'size(words({"any": ["a"], "ignore_case": false})) > 0'),
    ],
)  # fmt: skip
def test_what_a_clause_stands_for(clause: str, cel: str) -> None:
    assert cel_of(clause) == cel


def test_tools_are_called_or_offered() -> None:
    assert cel_of("tools: [shell]", "tool.call") == 'tool.name == "shell"'
    assert cel_of("paths: a", "change.proposed") == 'size(paths("a")) > 0'


NAMES = st.text(st.sampled_from("ab*?.\n-\\$世"), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=3), st.text(st.sampled_from("ab.\n-\\$世"), max_size=6))
def test_globs_against_the_obvious_meaning(names: list[str], model: str) -> None:
    """`*` is any text, `?` any one character, and all else itself."""
    pieces = {"*": "(?:.|\n)*", "?": "(?:.|\n)"}
    expected = any(
        re.fullmatch("".join(pieces.get(c) or re.escape(c) for c in name), model) for name in names
    )
    rule = rules_of(f"  - {{id: a, models: {json.dumps(names)}, warn: x}}")[0]
    assert evaluate(rule.conditions[0].expression, {"request": {"model": model}}) is expected


def test_a_glob_is_no_pattern() -> None:
    assert regex("a.b*[c]?(d)") == r"(?s)^a\.b.*\[c\].\(d\)$"


def test_policy_text_stays_a_constant() -> None:
    evil = '"] || true || ["'
    rule = rules_of(f"  - {{id: a, models: ['{evil}'], warn: x}}")[0]
    assert evaluate(rule.conditions[0].expression, {"request": {"model": "m"}}) is False
    assert evaluate(rule.conditions[0].expression, {"request": {"model": evil}}) is True


def test_sugar_stands_at_the_clause() -> None:
    text = "  - id: a\n    models:\n      - opus\n      - 'gpt-*'\n    warn: x\n"
    condition = rules_of(text)[0].conditions[0]
    tree = condition.expression.ast
    assert str(condition.span) == "p.yaml:7:5"
    root: Any = tree.root
    places = {str(tree.span(part)) for part in (root, *root.args)}
    assert places == {"p.yaml:7:5", "p.yaml:8:9", "p.yaml:9:9"}


def test_questions_are_in_their_normal_form() -> None:
    long = {"any": ["x"], "match": "word", "ignore_case": True}
    text = """
  - {id: a, words: [x], warn: x}
  - {id: b, when: 'size(words({"any": ["x"]})) > 1', warn: x}
  - {id: c, when: size(words(constants.list)) > 1, warn: x}
"""
    rules = rules_of(text, manifest="constants: {list: [x]}\n")
    questions = [list(rule.conditions[0].facts.values()) for rule in rules]
    assert questions == [[FactInfo("words", long, words.COST)]] * 3


def test_what_an_error_counts_as() -> None:
    text = """
  - {id: a, when: request.stream, deny: x}
  - {id: b, when: request.stream, allow: true}
  - {id: c, when: request.stream, trigger: x}
  - {id: d, when: request.stream, warn: x}
  - {id: e, when: request.stream, require_approval: x, on_error: skip}
"""
    counted = {rule.rule.id: rule.on_error for rule in rules_of(text)}
    assert counted == {"a": "match", "b": "skip", "c": "match", "d": "skip", "e": "skip"}


def test_a_rule_that_allows_and_restricts_is_two() -> None:
    """On an error the restriction must hold and the permission must not."""
    rules = rules_of("  - {id: a, when: request.stream, allow: true, trigger: x, tag: [t]}")
    assert [(r.rule.verdict, r.rule.obligations, r.on_error) for r in rules] == [
        (Allow(), (Tag({"t": "true"}),), "skip"),
        (None, (Trigger("x"),), "match"),
    ]


def test_modes_and_defaults() -> None:
    text = "  - {id: a, deny: x}\n  - {id: b, mode: shadow, deny: y}\nmode: warn\n"
    bundle = checked(text, manifest="defaults: {tool.call: allow}\n")
    assert [rule.mode for rule in bundle.points["llm.request"].rules] == ["warn", "shadow"]
    assert bundle.points["tool.call"].default == "allow"
    assert bundle.points["tool.result"].default == "deny"


def test_an_overlay_takes_the_place_of_a_policy() -> None:
    over = HEAD + "extends: [{path: base}]\nconstants: {most: 2}\n"
    base = HEAD + "constants: {most: 1, other: 3}\n"
    files = {
        "bundle.yaml": over,
        "base/bundle.yaml": base,
        "base/p.yaml": POLICY % ("llm.request", "  - {id: old, deny: x}"),
        "base/q.yaml": (POLICY % ("llm.request", "  - {id: kept, deny: x}")).replace(
            "name: p}", "name: q}\nfinal: true"
        ),
        "p.yaml": POLICY % ("llm.request", "  - {id: new, deny: x}"),
        "q.yaml": (POLICY % ("llm.request", "  - {id: added, deny: y}")).replace(
            "name: p", "name: q"
        ),
    }
    bundle = check(load_text(files))
    ids = [(rule.policy.name, rule.rule.id) for rule in bundle.points["llm.request"].rules]
    assert ids == [("p", "new"), ("q", "kept"), ("q", "added")]
    assert bundle.constants == {"most": 2, "other": 3}


def test_variables_are_in_order_and_only_where_they_are_used() -> None:
    policy = """apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
variables:
  c: variables.b && variables.a
  b: variables.a
  a: request.stream
rules:
  - {id: x, when: variables.c, deny: y}
"""
    bundle = check(load_text({"bundle.yaml": HEAD, "p.yaml": policy}))
    assert list(bundle.points["llm.request"].variables["p"]) == ["a", "b", "c"]
    assert bundle.points["tool.call"].variables == {}


def test_a_scalar_that_yaml_reads_as_something_else_is_cel_too() -> None:
    rules = rules_of("  - {id: a, when: true, deny: x}\n  - {id: b, unless: false, deny: x}")
    assert [rule.conditions[0].expression.ast.text.value for rule in rules] == ["true", "false"]
    assert [rule.conditions[0].negate for rule in rules] == [False, True]
    assert rules[0].rule.verdict == Deny("x")
