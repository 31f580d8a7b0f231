"""What an installation brings: one package with the starters in it, and the gate's."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [path] = folder.glob("*.whl")
    return ZipFile(path)


def test_top_level_names(wheel: ZipFile) -> None:
    names = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "policyengine",
        "policyengine_ci",
    }


def test_every_file_of_the_starters_is_in_it(wheel: ZipFile) -> None:
    inside = set(wheel.namelist())
    wanted = {
        f"policyengine/starters/{path.relative_to(ROOT / 'policies').as_posix()}"
        for path in (ROOT / "policies").rglob("*")
        if path.is_file()
    }
    assert "policyengine/starters/gateway/tests/models.yaml" in wanted
    assert wanted <= inside


def test_the_weights_of_every_classifier_are_in_it(wheel: ZipFile) -> None:
    inside = set(wheel.namelist())
    wanted = {
        f"policyengine/weights/{folder.parent.name}/{path.name}"
        for folder in (ROOT / "classifiers").glob("*/weights")
        for path in folder.iterdir()
    }
    assert "policyengine/weights/injection/manifest.json" in wanted
    assert wanted <= inside


def test_data_files_are_in_it(wheel: ZipFile) -> None:
    inside = set(wheel.namelist())
    assert "policyengine/py.typed" in inside
    assert "policyengine/rules/points/llm.request.json" in inside


def test_nothing_else_is_in_it(wheel: ZipFile) -> None:
    strangers = [
        name
        for name in wheel.namelist()
        if "__pycache__" in name or name.endswith((".pyc", ".orig")) or "/." in name
    ]
    assert strangers == []


def test_licence_command_and_requirements(wheel: ZipFile) -> None:
    [info] = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert "policyengine = policyengine.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    metadata = message_from_string(wheel.read(f"{info}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    always = {
        line.partition(">=")[0].replace(".", "-"): line.partition(";")[2].strip()
        for line in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in line
    }
    windows = always.pop("tzdata").replace('"', "'")
    assert windows == "platform_system == 'Windows'"
    assert set(always) == {"click", "jsonschema", "pydantic", "ruamel-yaml"}
    assert not any(always.values())


LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_locks_have_hashes_and_no_addresses(lock: Path) -> None:
    lines = lock.read_text(encoding="utf-8").splitlines()
    pins = [i for i, line in enumerate(lines) if "==" in line and not line.startswith(" ")]
    assert pins
    assert [lines[i] for i in pins if "--hash=sha256:" not in lines[i + 1]] == []
    assert [line for line in lines if "://" in line or line.startswith("--")] == []


def test_every_extra_has_a_lock_and_core_is_in_all_of_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"]) - {"dev", "all"}
    assert {path.stem for path in LOCKS} == {f"lock-{extra}" for extra in extras} | {
        "lock-optional",
        "core",
        "dev",
        "build",
    }
    core = set(pinned(ROOT / "requirements" / "core.txt"))
    for lock in LOCKS:
        if lock.stem != "build":
            assert core <= set(pinned(lock)), lock.name


def pinned(lock: Path) -> list[str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.split(";")[0].rstrip(" \\") for line in lines if line[:1].isalnum()]
