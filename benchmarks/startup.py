"""How long a process waits for `import policyengine`, above a bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def _milliseconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - began) * 1000


def results() -> dict[str, float]:
    """Median milliseconds above a bare interpreter, by what is imported."""
    codes = {
        "bare interpreter": "pass",
        "import policyengine": "import policyengine",
        "and Engine": "from policyengine import Engine",
        "and load, check, compile": "from policyengine import load; import policyengine.rules.load",
    }
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(ROUNDS):
        for name, code in codes.items():
            taken[name].append(_milliseconds(code))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    bare = medians.pop("bare interpreter")
    return {name: median - bare for name, median in medians.items()}
