"""How long a process waits for `import policyengine`, above a bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

from harness import Effort, Race, Target, progress

SECTION = "startup"
IMPORT = "import policyengine"
TARGET = Target(60e6, "ns")
CODES = {
    "bare interpreter": "pass",
    IMPORT: IMPORT,
    "and Engine": "from policyengine import Engine",
    "and load, check, compile": "from policyengine import load; import policyengine.rules.load",
}


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds above a bare interpreter, by what is imported."""
    if wanted and not any(word in f"{SECTION} import" for word in wanted):
        return
    progress("imports")
    taken: dict[str, list[float]] = {name: [] for name in CODES}
    for _ in range(2 * effort.once + 1):
        for name, code in CODES.items():
            taken[name].append(_nanoseconds(code))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    bare = medians.pop("bare interpreter")
    yield Race(
        SECTION,
        "import",
        "Above a bare interpreter, median of fresh processes.",
        {name: median - bare for name, median in medians.items()},
        target=TARGET,
        judged=IMPORT,
    )


def _nanoseconds(code: str) -> int:
    began = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter_ns() - began
