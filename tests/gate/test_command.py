"""The verb `policyengine gate`: exit codes, formats, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from policyengine.cli import main


def run(repository: Any, *arguments: str) -> Any:
    ours = ["gate", "--repo", str(repository.path), "--base", "main", "--head", "work"]
    return CliRunner().invoke(main, [*ours, *arguments])


@pytest.mark.parametrize(
    ("change", "arguments", "code", "words"),
    [
        ({"src/cart.py": "x"}, (), 0, "ALLOWED: this change may land"),
        ({"src/auth/a.py": "x"}, (), 0, "once the agents below have run"),
        ({".env": "x"}, (), 7, "DENIED"),
        ({"CODEOWNERS": "x"}, (), 7, "APPROVAL MISSING"),
        ({"CODEOWNERS": "x"}, ("--approved-by", "ada"), 0, "given by ada"),
        ({"CODEOWNERS": "x"}, ("--approved-by", "ada", "--author", "Ada"), 7, "APPROVAL MISSING"),
        ({"policy/security.yaml": "a: ["}, (), 3, "policyengine check"),
        ({"policy/tests/security.yaml": None}, (), 4, "policyengine test"),
        ({"src/cart.py": "x"}, ("--policies", "src"), 3, "NOT EVALUATED"),
        ({"src/cart.py": "x"}, ("--head", "nowhere"), 2, "NOT EVALUATED"),
        ({"src/cart.py": "x"}, ("--approved-by", "="), 2, "needs a name"),
        ({"src/cart.py": "x"}, ("--repo", "/nowhere"), 2, "not in a git repository"),
    ],
)
def test_exit_codes(shop, change: Any, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = run(shop(change), *arguments)
    assert result.exit_code == code, result.output
    assert words in result.output


def test_json(shop) -> None:
    result = run(shop({"src/auth/a.py": "x"}), "--format", "json")
    report = json.loads(result.output)
    assert report["outcome"] == "allowed"
    assert [trigger["agent"] for trigger in report["triggers"]] == ["security-scan"]


def test_output_goes_to_a_file_and_the_exit_code_stays(shop, tmp_path: Path) -> None:
    target = tmp_path / "reports" / "gate.json"
    result = run(shop({".env": "x"}), "--format", "json", "--output", str(target))
    assert result.exit_code == 7
    assert json.loads(target.read_text())["outcome"] == "denied"


def test_colours_are_for_terminals(shop) -> None:
    repository = shop({".env": "x"})
    assert "\x1b[" not in run(repository).output
    assert "\x1b[" in run(repository, "--color").output
