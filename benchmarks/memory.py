"""Peak memory of compiling and of a loaded program, each in a process of its own.

Two figures: what Python's own allocator handed out at most (`tracemalloc`), and by how much the
process's peak of resident memory grew (Linux only). Imports are made before either begins.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import rulesets
from harness import Effort, Race, progress
from rulesets import MIX, written

import policyengine

SECTION = "memory"
COMPILED = "loading files, checking and compiling"
LOADED = "a program loaded from its file, and its Engine"
_STATUS = Path("/proc/self/status")


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Bytes for compiling 1,000 rules, and for loaded programs of 1,000 and 10,000."""
    if wanted and SECTION not in wanted:
        return
    most = 10_000 if effort.once > 1 else 100
    for what, count in ((COMPILED, most // 10), (LOADED, most // 10), (LOADED, most)):
        progress(f"memory of a {what}")
        with tempfile.TemporaryDirectory() as place:
            folder = rulesets.write(Path(place), written(MIX, count, "cel"))
            if what == LOADED:
                rulesets.mixed(count).save(folder / "program")
            found = {"Python's own": _measured(what, "python", folder)}
            if _STATUS.exists():
                found["resident"] = _measured(what, "resident", folder)
        yield Race(SECTION, f"peak memory of {what}, {count:,} rules", "", found, unit="bytes")


def _measured(what: str, how: str, folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, __file__, what, how, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(json.loads(done.stdout))


def _compiled(folder: Path) -> Any:
    return policyengine.compile(policyengine.check(policyengine.load(folder)))


def _loaded(folder: Path) -> Any:
    return policyengine.Engine(policyengine.Program.load(folder / "program"))


def _resident() -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _child(what: str, how: str, folder: Path) -> int:
    work: Callable[[Path], Any] = _loaded if what == LOADED else _compiled
    with tempfile.TemporaryDirectory() as place:
        # Imports everything, and holds nothing afterwards.
        small = Path(place)
        rulesets.program(small, written(MIX, 1, "cel")).save(small / "program")
        work(small)
    if how == "resident":
        before = _resident()
        work(folder)
        return _resident() - before
    tracemalloc.start()
    work(folder)
    return tracemalloc.get_traced_memory()[1]


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
