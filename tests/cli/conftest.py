"""Running the command line in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policyengine.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `policyengine` with arguments in an empty folder: `run("check", "x", input="")`."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "POLICYENGINE_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(
            main, arguments, input=input, prog_name="policyengine", terminal_width=80
        )

    return invoke


@pytest.fixture
def bundle(run: Run) -> Path:
    """The blank starter, in the folder `b`."""
    assert run("init", "b").exit_code == 0
    return Path("b")


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a real process that imports this checkout."""
    root = str(Path(__file__).resolve().parents[2])
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": root, "PYTHONUTF8": "1", "COLUMNS": "80"}
