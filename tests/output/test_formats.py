"""Every format says every kind of result, whatever texts it holds."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.charges import Charge, Hold, Reservation
from policyengine.decision import (
    Approval,
    Decision,
    FactUse,
    Notice,
    Reason,
    Redaction,
    Routing,
    RuleError,
    Tagged,
    Triggered,
)
from policyengine.diagnostics import Diagnostic
from policyengine.output import formats, renderer
from policyengine.output.github import command
from policyengine.output.reports import CheckReport, DecidedInput
from policyengine.source import Span
from policyengine.testing.results import CaseResult, Difference, SuiteResults

EVIL = "a\x1b[31m\x00\n::error::b%\u202e\ud800]]>&<\"'"


def decision(text: str = "text") -> Decision:
    span = Span(text, 3, 5, 3, 9)
    found = {"type": text, "field": text, "start": 1, "end": 2}
    past = {"type": text, "why": text}
    reason = Reason("rule", "deny", text, text, text, text, span, evidence=(found, past))
    return Decision(
        point="llm.request",
        verdict="deny",
        reasons=(reason, Reason("default", "deny")),
        obligations=(
            Approval(text, (text,), 2),
            Redaction(text, 1, 2, text, (text,)),
            Routing(text, text, 0),
            Triggered(text, True, (text,), {}),
            Notice(text, text),
            Tagged(text, text, text),
        ),
        errors=(RuleError(text, text, "overflow", text, span, "match"),),
        facts=(FactUse(text, "used", text, 2), FactUse(text, "skipped", text)),
        shadow=(reason,),
        bundle=text,
        version="1.0.0",
        digest="",
        input_digest="",
        time_ns=1_768_478_400_000_000_000,
    )


def limited(text: str = "text") -> Decision:
    """A decision of which limits say more than the others do."""
    span = Span(text, 3, 5, 3, 9)
    why = f"2 requests a minute for {text}: 2 used, 1 asked; resets 2026-01-15T12:01:00Z"
    found = {"type": "RATE", "meter": text, "retry_after": 78_300, "why": why}
    charge = Charge(f"{text}|k", "micro_usd", 1_200, 5_000_000, 0, 0, 60, 60, 60, text, text)
    charges = (
        charge,
        charge._replace(unit="parallel", limit=2, amount=1),
        charge._replace(limit=None),
    )
    holds = tuple(Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges)
    return Decision(
        point="llm.request",
        verdict="deny",
        reasons=(Reason("rule", "deny", text, text, text, span=span, evidence=(found,)),),
        obligations=(
            Routing(text, text, 0, text, (text, text), text, ((text, text),) * 7),
            Routing(text, "", 0, text),
        ),
        errors=(RuleError(text, text, "unknown-price", text, span, "match"),),
        facts=(),
        shadow=(),
        bundle=text,
        version="1.0.0",
        digest="",
        input_digest="",
        time_ns=1_768_478_400_000_000_000,
        reservation=Reservation(text, holds, 1_768_479_000.0, text, charges),
    )


def results(text: str = "text") -> SuiteResults:
    span = Span(text, 3, 5, 3, 9)
    wrong = Difference(text, {"a": text}, [text], span)
    return SuiteResults(
        cases=(
            CaseResult(text, text, "passed", span),
            CaseResult(text, text, "failed", span, differences=(wrong,), decision=decision(text)),
            CaseResult("other", text, "error", span, message=text),
            CaseResult("other", text, "skipped", span, message=text),
        ),
        diagnostics=(Diagnostic("slug", text, span, text, text),),
    )


def checks(text: str = "text") -> list[CheckReport]:
    found = Diagnostic("slug", text, Span(text, 3, 5, 4, 9), text, text)
    warned = Diagnostic("other", text, Span(text, 3, 5, 3, 9), severity="warning")
    return [
        CheckReport(text, (found, warned)),
        CheckReport("good", (), "name", "1.0.0", policies=2, rules=1),
    ]


VALUES: dict[str, Any] = {
    "check": checks,
    "tests": results,
    "decision": decision,
    "decisions": lambda text: [
        DecidedInput(text, decision(text)),
        DecidedInput(text, limited(text)),
    ],
}
PAIRS = [(format, kind) for kind in VALUES for format in formats(kind)]  # type: ignore[arg-type]


def test_formats_by_kind() -> None:
    assert formats("check") == ["pretty", "github", "json"]
    assert formats("tests") == ["pretty", "github", "json", "junit"]
    assert formats("decision") == ["pretty", "json"]
    assert formats("explanation") == ["pretty", "json"]
    with pytest.raises(KeyError):
        renderer("junit", "check")
    with pytest.raises(KeyError):
        renderer("text", "check")


@pytest.mark.parametrize(("format", "kind"), PAIRS)
def test_no_text_escapes(format: str, kind: Any) -> None:
    told = renderer(format, kind)(VALUES[kind](EVIL))
    assert not any(ord(c) < 32 and c != "\n" for c in told)
    assert "\u202e" not in told or format == "junit"
    if format == "github":
        starts = [line for line in told.split("\n") if line.startswith("::")]
        assert all(line.startswith(("::error ", "::warning ")) for line in starts)


@pytest.mark.parametrize(("format", "kind"), PAIRS)
def test_colours_change_no_text(format: str, kind: Any) -> None:
    render = renderer(format, kind)
    assert click.unstyle(render(VALUES[kind]("text"), color=True)) == render(VALUES[kind]("text"))


@pytest.mark.parametrize("kind", VALUES)
def test_json_says_its_format(kind: Any) -> None:
    told = json.loads(renderer("json", kind)(VALUES[kind](EVIL)))
    assert (told["format"], told["kind"]) == (1, kind)


def test_junit_counts() -> None:
    root = ET.fromstring(renderer("junit", "tests")(results()))
    assert {k: root.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
    }
    empty = ET.fromstring(renderer("junit", "tests")(SuiteResults(())))
    assert (empty.get("tests"), empty.get("errors")) == ("1", "1")


@given(st.text())
def test_junit_is_always_xml(text: str) -> None:
    ET.fromstring(renderer("junit", "tests")(results(text)))


@given(st.text(), st.text())
def test_a_workflow_command_is_one_line(message: str, title: str) -> None:
    told = command("error", message, {"title": title})
    assert "\n" not in told
    assert "\r" not in told
    properties, _, data = told.removeprefix("::error title=").partition("::")
    assert _unescaped(properties) == title
    assert _unescaped(data) == message


def _unescaped(text: str) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def test_the_whole_decision_is_told(golden: Any) -> None:
    golden("decision.txt", renderer("pretty", "decision")(decision()) + "\n")
    golden("decision-limited.txt", renderer("pretty", "decision")(limited()) + "\n")


def test_limits_are_safe_to_print() -> None:
    told = renderer("pretty", "decision")(limited(EVIL))
    assert not any(ord(c) < 32 and c != "\n" for c in told)
    assert "\u202e" not in told


def test_json_says_when_there_is_room() -> None:
    assert json.loads(renderer("json", "decision")(limited()))["retry_after"] == 78_300
    assert "retry_after" not in json.loads(renderer("json", "decision")(decision()))


def test_the_whole_run_is_told(golden: Any) -> None:
    golden("tests.txt", renderer("pretty", "tests")(results()) + "\n")
    golden("tests-github.txt", renderer("github", "tests")(results()) + "\n")


def test_the_whole_check_is_told(golden: Any) -> None:
    golden("check.txt", renderer("pretty", "check")(checks()) + "\n")
    golden("check-github.txt", renderer("github", "check")(checks()) + "\n")
