"""The results as text, as JSON and as a page of the documentation."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from harness import Result

TARGETS = {"one typed rule": 1.5}
IMPORT_TARGET_MS = 60.0


def machine() -> dict[str, str]:
    """What the figures were measured with."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "processor": _processor(),
        "policyengine": version("policyengine-gateway"),
        "cel-python": version("cel-python"),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"


def duration(nanoseconds: float) -> str:
    """Nanoseconds with three digits and a unit that fits."""
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def text(result: Result) -> str:
    """One benchmark for the terminal."""
    lines = [result.title]
    for name, ratio in result.ratios.items():
        lines.append(f"  {name:42} {duration(result.medians[name]):>9}  {ratio:9.2f}x")
    return "\n".join(lines)


def missed(results: Iterable[Result], startup: Mapping[str, float]) -> list[str]:
    """The targets that were not met, in words."""
    found = [
        f"{result.title}: {ratio:.2f}x hand-written Python, at most {TARGETS[result.title]}x wanted"
        for result in results
        if result.title in TARGETS
        and (ratio := result.ratios["policyengine"]) > TARGETS[result.title]
    ]
    if startup["import policyengine"] > IMPORT_TARGET_MS:
        found.append(f"import policyengine: more than {IMPORT_TARGET_MS:.0f} ms")
    return found


def data(
    made_on: Mapping[str, str], results: Sequence[Result], startup: Mapping[str, float]
) -> dict[str, Any]:
    """Everything as plain JSON values."""
    return {
        "machine": dict(made_on),
        "results": [
            {
                "title": result.title,
                "note": result.note,
                "median_ns": dict(result.medians),
                "ratio": result.ratios,
            }
            for result in results
        ],
        "startup_ms": dict(startup),
    }


def page(
    made_on: Mapping[str, str], results: Sequence[Result], startup: Mapping[str, float]
) -> str:
    """`docs/benchmarks.md`."""
    parts = [
        "# Benchmarks\n",
        "Made by `make bench`; do not edit. All contestants of a table take turns in one run and",
        "have been seen to give the same answer before anything is timed. Figures are medians, and",
        "what carries over to other machines is the ratio, not the time.\n",
        "| | |\n|---|---|",
        *(f"| {name} | {value} |" for name, value in made_on.items()),
    ]
    for result in results:
        parts.append(f"\n## {result.title[0].upper()}{result.title[1:]}\n")
        parts.append(f"{result.note}\n")
        parts.append("| | median | ratio |\n|---|---:|---:|")
        parts += [
            f"| {name} | {duration(result.medians[name])} | {ratio:,.2f} |"
            for name, ratio in result.ratios.items()
        ]
    parts.append("\n## Start-up\n")
    parts.append("Milliseconds above a bare interpreter, median of fresh processes.\n")
    parts.append("| | ms |\n|---|---:|")
    parts += [f"| {name} | {median:.1f} |" for name, median in startup.items()]
    return "\n".join(parts) + "\n"
