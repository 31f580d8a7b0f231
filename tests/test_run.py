"""`make run`: the main job on the recorded inputs comes out as expected."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_everything_comes_out_as_expected(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "corpus" / "run.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'ci'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "UNEXPECTED" not in done.stdout
    assert "policies/gateway/models.yaml:" in done.stdout
    assert "security-scan" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Everything came out as expected.")
