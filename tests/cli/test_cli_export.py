"""`policyengine export`: what it writes, where, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyengine.cli._exits import Exit
from policyengine.rules.yaml import read
from policyengine.source import Source


@pytest.fixture
def tiers(run: Callable[..., Any]) -> Path:
    assert run("init", "r", "--starter", "routing").exit_code == Exit.OK
    return Path("r")


@pytest.mark.parametrize("router", ["portkey", "openrouter"])
def test_json_with_its_notes(run: Callable[..., Any], tiers: Path, router: str) -> None:
    result = run("export", router, "r")
    assert result.exit_code == Exit.OK, result.output
    notes = json.loads(result.stdout)["notes"]
    assert [line.removeprefix("note: ") for line in result.stderr.splitlines()] == notes
    assert any("`code` is chosen by `work/programs-are-for-code-models`" in n for n in notes)


def test_yaml_into_a_file(run: Callable[..., Any], tiers: Path) -> None:
    result = run("export", "litellm", "r", "--out", "config.yaml")
    assert result.exit_code == Exit.OK, result.output
    assert result.stdout == ""
    text = Path("config.yaml").read_text(encoding="utf-8")
    assert text.startswith("# Made by `policyengine export litellm` from routing 0.1.0.\n# - ")
    plain = read(Source("config.yaml", text)).plain()
    assert {row["model_name"] for row in plain["model_list"]} >= {"economy", "on-prem"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("export", "litelm", "r"), "there is no export to `litelm`"),
        (("export", "_text", "r"), "there is no export to `_text`"),
        (("export", "litellm", "nowhere"), "does not exist"),
        (("export", "litellm", "b"), "has no tiers"),
        (("export", "litellm", "."), "several bundles"),
        (("export", "litellm", "r", "--out", "no/such/file"), "cannot be written"),
    ],
)
def test_refusals(
    run: Callable[..., Any], tiers: Path, bundle: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == Exit.USAGE
    assert told in result.stderr


def test_a_bundle_that_is_wrong_is_said_so(run: Callable[..., Any], tiers: Path) -> None:
    file = tiers / "data" / "tiers.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("fallbacks: [fast]", "fallbacks: [economy]"), encoding="utf-8")
    result = run("export", "litellm", "r")
    assert result.exit_code == Exit.INVALID_POLICY
    assert "fallbacks go round: economy -> standard -> economy" in result.output
    assert "tiers.yaml:" in result.output
