"""`policyengine analyze`: the verb around `policyengine.analysis.savings`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from policyengine.cli._exits import Exit

DATA = Path(__file__).resolve().parents[2] / "corpus" / "requests" / "routing-requests.jsonl"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "analysis.md"


@pytest.fixture
def routing(run: Callable) -> str:
    """The starter with tiers and prices, and the recorded week."""
    assert run("init", "routing", "--starter", "routing").exit_code == Exit.OK
    Path("week.jsonl").write_bytes(DATA.read_bytes())
    return "routing"


def test_the_page_shows_what_is_said(run: Callable, routing: str) -> None:
    result = run("analyze", routing, "--requests", "week.jsonl")
    assert result.exit_code == Exit.OK, result.output
    shown = PAGE.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    assert _form(result.stdout).startswith(_form(shown)), result.stdout[:800]
    assert result.stdout == run("analyze", routing, "--requests", "week.jsonl").stdout


def _form(text: str) -> str:
    """A text without its numbers: those move with the classifiers and price lists of the day."""
    return re.sub(r"\s+", " ", re.sub(r"[-+]?[0-9][0-9.,]*", "#", text)).strip()


def test_as_json_and_markdown(run: Callable, routing: str) -> None:
    plain = json.loads(
        run("analyze", routing, "--requests", "week.jsonl", "--format", "json").stdout
    )
    assert plain["requests"] == 62
    markdown = run("analyze", routing, "--requests", "week.jsonl", "--format", "markdown").stdout
    assert markdown.startswith("## routing ")
    assert "| sent both ways | 62 |" in markdown


def test_several_files_and_a_base(run: Callable, routing: str) -> None:
    rows = DATA.read_text(encoding="utf-8").splitlines(keepends=True)
    Path("a.jsonl").write_text("".join(rows[:30]), encoding="utf-8")
    Path("b.jsonl").write_text("".join(rows[30:]), encoding="utf-8")
    parts = ("--requests", "b.jsonl", "--requests", "a.jsonl", "--format", "json")
    both = json.loads(run("analyze", routing, *parts).stdout)
    whole = json.loads(
        run("analyze", routing, "--requests", "week.jsonl", "--format", "json").stdout
    )
    assert both["total"] == whole["total"]
    same = json.loads(run("analyze", routing, *parts, "--base", routing).stdout)
    assert same["total"]["before"] == same["total"]["after"]
    assert same["moves"] == []


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("{}", (), "r.jsonl:1: a row is an object with `input`"),
        ('{"input": {}}', (), "r.jsonl:1: the row has no `time`; `--clock`"),
        ('{"input": {}}', ("--clock", "noon"), "is not a time"),
        ("", (), "there are no requests"),
        (None, (), "there is no file `r.jsonl`"),
    ],
)
def test_what_cannot_be_read(
    run: Callable, routing: str, text: str | None, arguments: tuple[str, ...], message: str
) -> None:
    if text is not None:
        Path("r.jsonl").write_text(text)
    result = run("analyze", routing, "--requests", "r.jsonl", *arguments)
    assert result.exit_code == Exit.USAGE
    assert message in result.stderr


def test_the_clock_is_for_those_without_a_time(run: Callable, routing: str) -> None:
    Path("r.jsonl").write_text('{"input": {"request": {"model": "gpt-5"}}}')
    told = run(
        "analyze", routing, "--requests", "r.jsonl", "--clock", "2026-01-15T12:00:00Z"
    ).stdout
    assert "2026-01-15T12:00:00Z to 2026-01-15T12:00:00Z" in told
    assert "1 request without recorded usage" in told
