"""The benchmark runs, and what it compares gives equal answers. Nothing here depends on time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEERS = {
    "cel-expr-python": "cel_expr_python",
    "cel-python": "celpy",
    "common-expression-language": "cel",
    "cedarpy": "cedarpy",
    "pycasbin": "casbin",
    "regopy": "regopy",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def measured(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = run(*arguments, "--json", str(folder / "figures.json"))
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads((folder / "figures.json").read_text())["results"]
    return results


def test_rules_agree_with_those_by_hand_and_the_documentation_stays(tmp_path: Path) -> None:
    page = ROOT / "docs" / "benchmarks.md"
    before = page.read_bytes()
    results = measured(tmp_path, "--only", "rules", "--peer", "none")
    [hundred] = [each for each in results if each["title"] == "100 rules"]
    assert list(hundred["median"]) == ["hand-written `if`s", "hand-written tables", "policyengine"]
    assert all(figure > 0 for each in results for figure in each["median"].values())
    assert page.read_bytes() == before


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_agrees_or_says_why_it_takes_no_part(tmp_path: Path, name: str) -> None:
    pytest.importorskip(PEERS[name], reason=f"{name} comes with `make bench`")
    arguments = ("--only", "one typed rule", "--only", "exists` over 4", "--peer", name)
    rule, loop, *_ = measured(tmp_path, *arguments)
    assert rule["title"] == "one typed rule"
    assert [each for each in rule["median"] if each.startswith(name)]
    assert loop["absent"] or [each for each in loop["median"] if each.startswith(name)]


def test_a_name_that_nothing_has(tmp_path: Path) -> None:
    done = run("--only", "no such case", "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 2
    assert not (tmp_path / "figures.json").exists()


HARNESS = """
import sys
sys.path.insert(0, sys.argv[1])
from harness import QUICK, DisagreementError, Way, race
answers = {"right": Way(lambda x: x > 1), "other": Way(OTHER)}
try:
    race(answers, INPUTS, QUICK)
except DisagreementError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("other", "inputs", "said"),
    [
        ("lambda x: x > 1", "[1, 2]", ""),
        ("lambda x: x >= 1", "[1, 2]", "other answers True to input 0, and right False"),
        ("lambda x: int(x > 1)", "[1, 2]", "other answers 0 to input 0, and right False"),
        ("lambda x: x > 1", "[2, 3]", "all inputs have the answer True: agreeing would say little"),
    ],
)
def test_nothing_is_timed_before_all_agree(other: str, inputs: str, said: str) -> None:
    code = HARNESS.replace("OTHER", other).replace("INPUTS", inputs)
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "benchmarks")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == said
