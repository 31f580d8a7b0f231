"""cel-python's own tests, run against the drop-in.

They are fetched from its source distribution; nothing of it is kept here. `docs/celpy.md` says how
many pass, and why the rest do not; that table is what this test holds the numbers against.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.5.0"
PAGE = ROOT / "docs" / "celpy.md"

# What `import celpy` finds: the drop-in under the other's name. The program and the library for
# Cloud Custodian are cel-python's own; they are its users, as other programs are.
ALIAS = """
import sys
from importlib import import_module

DROP_IN = "policyengine.compat.celpy"
drop_in = import_module(DROP_IN)
for part in ("adapter", "celparser", "celtypes", "evaluation"):
    sys.modules[f"celpy.{part}"] = import_module(f"{DROP_IN}.{part}")
drop_in.__path__ = [SOURCE]
sys.modules["celpy"] = drop_in
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cel-python's source distribution, unpacked, with the alias beside it."""
    folder = tmp_path_factory.mktemp("cel-python")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
        "--disable-pip-version-check", f"cel-python=={VERSION}",
    ]  # fmt: skip
    fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = list(folder.glob("cel_python-*.tar.gz"))
    if fetched.returncode or not found:
        pytest.skip(f"cel-python's source distribution cannot be fetched: {fetched.stderr[-300:]}")
    with tarfile.open(found[0]) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / f"cel_python-{VERSION}"
    (folder / "alias" / "celpy").mkdir(parents=True)
    alias = ALIAS.replace("SOURCE", repr(str(unpacked / "src" / "celpy")))
    (folder / "alias" / "celpy" / "__init__.py").write_text(alias)
    return unpacked


def _run(source: Path, *arguments: str) -> None:
    path = os.pathsep.join([str(source.parent / "alias"), str(ROOT), str(source / "src")])
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment = {**kept, "PYTHONPATH": path, "CEL_TRACE": ""}
    subprocess.run(
        [sys.executable, *arguments],
        cwd=source, env=environment, capture_output=True, check=False, timeout=600,
    )  # fmt: skip


def _documented() -> dict[str, tuple[int, int]]:
    rows = re.findall(r"^\| `([\w. @]+)` \| ([\d,]+) \| ([\d,]+) \|", PAGE.read_text(), re.M)
    return {name: (int(a.replace(",", "")), int(b.replace(",", ""))) for name, a, b in rows}


def test_the_unit_tests(source: Path) -> None:
    report = source / "units.xml"
    _run(
        source, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
        "--continue-on-collection-errors", f"--junitxml={report}", "tests",
    )  # fmt: skip
    passed: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        if not list(case):
            passed[case.get("classname", "").rpartition(".")[2]] += 1
    wanted = {name: n for name, (n, _) in _documented().items() if name.startswith("test_")}
    assert wanted, "the page has no table of the unit tests"
    assert {name: passed[name] for name in wanted} == wanted


@pytest.mark.skipif(find_spec("behave") is None, reason="behave is not installed")
def test_the_features(source: Path) -> None:
    report = source / "features.json"
    path = os.pathsep.join([str(source.parent / "alias"), str(ROOT)])
    _run(
        source, "-m", "behave", "-D", "env=x", "-D", f"PYTHONPATH={path}",
        "--format", "json", "--outfile", str(report), "features",
    )  # fmt: skip
    found: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
    for feature in json.loads(report.read_text()):
        for scenario in feature.get("elements", ()):
            tags = {*feature["tags"], *scenario["tags"]}
            unfinished = bool(tags & {"wip", "future"})
            found[unfinished][scenario["status"] == "passed"] += 1
    told = _documented()
    for name, unfinished in (("features", False), ("features @wip", True)):
        counted = found[unfinished]
        assert (counted[True], counted.total()) == told[name], name
