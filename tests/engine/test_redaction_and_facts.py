"""Redactions against character masks, facts against what guards may do, in whole bundles."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyengine
from policyengine.decision import Decision
from policyengine.engine.redaction import Piece, merged
from policyengine.engine.transforms import Transforms
from policyengine.errors import FactError
from policyengine.guards import words
from policyengine.rules.check import check
from policyengine.rules.load import load_text
from policyengine.state.keys import Keys

NOW = datetime(2024, 2, 29, tzinfo=UTC)
TRANSFORMS = Transforms(Keys({}))
MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.request: allow}
"""


def program(rules: str, variables: str = "{}") -> policyengine.Program:
    policy = f"""\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {{name: p}}
on: [llm.request]
variables: {variables}
rules:
{rules}
"""
    return policyengine.compile(check(load_text({"bundle.yaml": MANIFEST, "p.yaml": policy})))


class Guard:
    """A guard `words` that gives what it is told to, by the first word of the question."""

    READS, SCHEMA, COST, FINDING = words.READS, words.SCHEMA, words.COST, words.FINDING
    normal = staticmethod(words.normal)

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def build(self, config: Any) -> Any:
        def find(texts: Sequence[tuple[str, str]]) -> Any:
            self.asked.append(config["any"][0])
            answer = self.answers[config["any"][0]]
            if isinstance(answer, BaseException):
                raise answer
            return answer(texts) if callable(answer) else answer

        return find


def found(field: str, start: int, end: int) -> dict[str, Any]:
    return {"type": "WORD", "field": field, "start": start, "end": end, "score": 1.0, "why": ""}


def decide(rules: str, guard: Guard, text: Any = "a secret", **more: Any) -> Decision:
    engine = policyengine.Engine(program(rules), guards={"words": guard})
    input = {"request": {"model": "m", "system": text, **more}}
    return engine.decide("llm.request", input, now=NOW)


PLACES = st.integers(0, 12)
PIECES = st.lists(
    st.tuples(st.sampled_from("ab"), PLACES, PLACES, st.sampled_from(["r1", "r2", "r3"])).filter(
        lambda p: p[1] < p[2]
    ),
    max_size=8,
)


@settings(deadline=None)
@given(PIECES)
def test_masks_cover_what_was_found_and_nothing_else(drawn: Any) -> None:
    texts = {"a": "abcdefghijkl", "b": "ABCDEFGHIJKL"}
    pieces = [Piece(field, start, end, "WORD", "mask", rule) for field, start, end, rule in drawn]
    redactions, content, _ = merged(pieces, texts, TRANSFORMS)
    for field, text in texts.items():
        covered = {at for f, start, end, _ in drawn if f == field for at in range(start, end)}
        wanted = "".join("*" if at in covered else c for at, c in enumerate(text))
        assert content.get(field, text) == wanted
    places = [(r.field, r.start, r.end) for r in redactions]
    assert all(one[0] != two[0] or one[2] <= two[1] for one, two in pairwise(places))
    told = {
        (r.field, at, rule) for r in redactions for at in range(r.start, r.end) for rule in r.rules
    }
    assert all(
        (field, at, rule) in told for field, start, end, rule in drawn for at in range(start, end)
    )


@settings(deadline=None)
@given(PIECES, st.sampled_from(["label", "remove"]))
def test_content_is_the_text_with_its_spans_replaced(drawn: Any, style: Any) -> None:
    texts = {"a": "abcdefghijkl", "b": "ABCDEFGHIJKL"}
    pieces = [Piece(field, start, end, "WORD", style, rule) for field, start, end, rule in drawn]
    redactions, content, _ = merged(pieces, texts, TRANSFORMS)
    assert set(content) == {piece.field for piece in pieces}
    for field, changed in content.items():
        text = texts[field]
        for redaction in reversed([r for r in redactions if r.field == field]):
            text = text[: redaction.start] + redaction.replacement + text[redaction.end :]
        assert changed == text


REDACT = """\
  - id: mask
    words: [x]
    redact: {with: mask}
"""


def test_spans_of_several_rules_become_one() -> None:
    rules = REDACT + "  - id: label\n    words: [y]\n    redact: {with: label}\n"
    guard = Guard(x=[found("request.system", 2, 5)], y=[found("request.system", 4, 8)])
    decision = decide(rules, guard)
    assert decision.verdict == "allow"
    assert [(r.start, r.end, r.rules) for r in decision.redactions] == [(2, 8, ("mask", "label"))]
    assert decision.content == {"request.system": "a ******"}
    assert "secret" not in decision.to_json()


@pytest.mark.parametrize(
    "finding",
    [
        found("request.system", 2, 99),
        found("request.system", -1, 2),
        found("request.system", 3, 3),
        found("request.nothing", 0, 1),
        {"type": "WORD", "start": 0, "end": 1},
        {"type": "WORD", "field": "request.system", "start": 0},
    ],
)
def test_what_cannot_be_replaced_is_denied(finding: Any) -> None:
    decision = decide(REDACT, Guard(x=[finding]))
    assert decision.verdict == "deny"
    assert [reason.code for reason in decision.reasons][-1] == "not-redactable"
    assert decision.redactions == ()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (FactError("fact-timeout", "too slow"), "too slow"),
        (RuntimeError("quotes a secret"), "`words` failed (RuntimeError)"),
        ("text", "`words` gave no list of findings"),
        (None, "`words` gave no list of findings"),
        ([1], "`words` failed (TypeError)"),
        ([{"start": "2"}], "`words` failed (EvaluationError)"),
    ],
)
def test_a_guard_that_fails_restricts(answer: Any, why: str) -> None:
    decision = decide(REDACT, Guard(x=answer))
    assert decision.verdict == "deny"
    assert [(f.status, f.why, f.rules) for f in decision.facts] == [("failed", why, ("mask",))]
    assert "secret" not in decision.to_json()


def test_what_a_finding_does_not_declare_goes_no_further() -> None:
    decision = decide(REDACT, Guard(x=[{**found("request.system", 2, 8), "match": "secret"}]))
    assert decision.content == {"request.system": "a ******"}
    assert "secret" not in decision.to_json()


def test_recorded_facts_do_not_make_unreadable_texts_readable() -> None:
    engine = policyengine.Engine(program(REDACT))
    input = {"request": {"model": "m", "system": ["no text"]}}
    known = {"words": [found("request.system", 0, 1)]}
    decision = engine.decide("llm.request", input, facts=known, now=NOW)
    assert decision.verdict == "deny"


RULES = """\
  - id: cheap
    when: request.model == "no"
    deny: no
  - id: both
    when: words(["dear"]).exists(f, f.start == 0) && words(["cheap"]) != [] && request.model != "x"
    deny: both
  - id: one
    words: [cheap]
    warn: one
"""


@pytest.mark.parametrize(
    ("model", "cheap", "asked", "statuses"),
    [
        ("no", 1, [], ["skipped", "skipped"]),
        ("x", 1, ["cheap"], ["used", "skipped"]),
        ("m", 0, ["cheap"], ["used", "skipped"]),
        ("m", 1, ["cheap", "dear"], ["used", "used"]),
    ],
)
def test_facts_are_asked_for_cheapest_first_and_only_while_they_matter(
    model: str, cheap: int, asked: list[str], statuses: list[str]
) -> None:
    guard = Guard(cheap=[found("request.system", 0, 1)] * cheap, dear=[])
    decision = decide(RULES, guard, model=model)
    assert guard.asked == asked
    assert [fact.status for fact in decision.facts] == statuses
    assert [fact.rules for fact in decision.facts] == [("both", "one"), ("both",)]
    why = "the verdict was deny already" if model == "no" else "no rule needed it"
    assert {fact.why for fact in decision.facts if fact.status == "skipped"} <= {why}


def test_a_deny_that_skips_on_error_keeps_no_other_from_asking() -> None:
    rules = """\
  - id: broken
    when: request.max_tokens / 0 > 1
    deny: broken
    on_error: skip
  - id: words
    words: [x]
    deny: words
"""
    decision = decide(rules, Guard(x=[found("request.system", 0, 1)]), max_tokens=1)
    assert decision.verdict == "deny"
    assert [error.rule for error in decision.errors] == ["broken"]


@pytest.mark.parametrize("text", ["words(['x']) == []", "!(words(['x']) != [])"])
def test_a_failed_fact_is_no_empty_one(text: str) -> None:
    rules = f'  - id: r\n    when: "{text}"\n    deny: r\n'
    assert decide(rules, Guard(x=FactError("f", "m"))).verdict == "deny"
    allow = f'  - id: r\n    when: "{text}"\n    allow: r\n'
    assert [r.code for r in decide(allow, Guard(x=FactError("f", "m"))).reasons] == ["default"]


def test_a_variable_that_no_rule_uses_asks_nothing() -> None:
    compiled = program("  - id: r\n    deny: r\n", "{v: 'size(words([\"x\"]))'}")
    engine = policyengine.Engine(compiled, guards={"words": Guard()})
    assert engine.decide("llm.request", {"request": {"model": "m"}}).verdict == "deny"


def test_what_must_be_awaited_fails_without_waiting() -> None:
    async def later(texts: Any) -> list[Any]:
        await asyncio.sleep(0)
        return []

    engine = policyengine.Engine(program(REDACT), guards={"words": Guard(x=lambda t: later(t))})
    input = {"request": {"model": "m", "system": "text"}}
    refused = engine.decide("llm.request", input, now=NOW)
    assert refused.verdict == "deny"
    assert refused.facts[0].why == "`words` must be awaited: use `adecide`"
    awaited = asyncio.run(engine.adecide("llm.request", input, now=NOW))
    assert awaited.verdict == "allow"


def test_fields_of_texts_have_names_of_their_own() -> None:
    seen: list[str] = []

    def find(texts: Any) -> list[Any]:
        seen.extend(field for field, _ in texts)
        return []

    files = {"bundle.yaml": MANIFEST, "p.yaml": POLICY_ON_TOOLS}
    compiled = policyengine.compile(check(load_text(files)))
    engine = policyengine.Engine(compiled, guards={"words": Guard(x=find)})
    arguments = {"a.b": "1", "a": {"b": "2", "[0]": "3"}, "": "4", "b[0]": "5", "b": ["6"]}
    engine.decide("tool.call", {"tool": {"name": "t", "arguments": arguments}}, now=NOW)
    assert len(seen) == len(set(seen)) >= 6


POLICY_ON_TOOLS = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [tool.call]
rules:
  - id: r
    words: [x]
    deny: r
"""


@pytest.mark.parametrize(
    ("arguments", "verdict", "fields"),
    [
        ({"acme": 1}, "deny", []),
        ({"a": {"b acme": "acme"}}, "deny", ['tool.arguments.a["b acme"]']),
        ({"#names": "acme"}, "allow", ['tool.arguments["#names"]']),
        ({"a": "acme"}, "allow", ["tool.arguments.a"]),
    ],
)
def test_what_stands_in_names_is_denied_not_replaced(
    arguments: Any, verdict: str, fields: list[str]
) -> None:
    files = {
        "bundle.yaml": MANIFEST.replace("llm.request", "tool.call"),
        "p.yaml": """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [tool.call]
rules:
  - id: r
    words: [acme]
    redact: {with: mask}
""",
    }
    engine = policyengine.Engine(policyengine.compile(check(load_text(files))))
    decided = engine.decide("tool.call", {"tool": {"name": "t", "arguments": arguments}}, now=NOW)
    assert (decided.verdict, list(decided.content)) == (verdict, fields)
    denied = [reason.code for reason in decided.reasons if reason.effect == "deny"]
    assert denied == (["not-redactable"] if verdict == "deny" else [])


PLACED = found("request.messages[0].content", 0, 3)


@pytest.mark.parametrize(
    "finding",
    [
        {},
        {"type": "WORD"},
        *({key: value for key, value in PLACED.items() if key != gone}
          for gone in ("field", "start", "end")),
        {**PLACED, "score": float("nan")},
    ],
)  # fmt: skip
@pytest.mark.parametrize("effect", ["deny: no", "redact: {with: mask}", "redact: {with: keep}"])
def test_findings_without_a_place_or_a_score_are_errors(finding: Any, effect: str) -> None:
    rule = f"  - id: r\n    words: [x]\n    {effect}"
    decided = decide(rule, Guard(x=[finding]))
    assert decided.verdict == "deny"
    assert [error.code for error in decided.errors] == ["fact-malformed"]
