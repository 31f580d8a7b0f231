"""Help, suggestions and the page made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from policyengine.cli import main
from policyengine.cli._docs import markdown
from policyengine.cli._exits import MEANINGS, Exit

VERBS = [
    "analyze",
    "check",
    "eval",
    "explain",
    "export",
    "fmt",
    "gate",
    "import",
    "init",
    "repl",
    "schema",
    "test",
]


def test_verbs_are_the_files_of_the_room() -> None:
    assert set(VERBS) <= set(main.list_commands(click.Context(main)))


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help(run: Callable, golden: Callable[[str, str], None], verb: str) -> None:
    result = run(*filter(None, (verb, "--help")))
    assert result.exit_code == 0
    golden(f"{verb or 'policyengine'}.txt", result.output)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_and_the_common_options(run: Callable, verb: str) -> None:
    text = run(verb, "--help").output
    assert "Examples:" in text
    assert f"policyengine {verb}" in text.partition("Examples:")[2]
    assert "--color / --no-color" in text
    assert "--debug" in text


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


def test_the_page_is_fresh() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
    made = "run `python -m policyengine.cli._docs > docs/cli.md`"
    assert page.read_text(encoding="utf-8") == markdown(), made


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("chek",), "did you mean `check`?"),
        (("zzz",), "there are: analyze, check"),
        (("check", "--formt", "json"), "Did you mean"),
        (("check", "--format", "xml"), "'pretty'"),
        (("eval",), "takes a bundle and `--input`"),
    ],
)
def test_usage_errors(run: Callable, arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == Exit.USAGE
    assert told in result.stderr
    assert result.stdout == ""


def test_without_a_verb_the_help_is_shown(run: Callable) -> None:
    result = run()
    assert result.exit_code == Exit.USAGE
    assert "Commands:" in result.output
