"""The results as text, as JSON and as a page of the documentation."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from harness import OURS, Race

INTRODUCTION = """\
# Benchmarks

Made by `make bench`; do not edit. All contestants of a table take turns in one run on the same
inputs, several that match and several that do not, and have been seen to give the same answers
before anything is timed. Figures are medians, and what carries over to other machines is the
ratio, not the time.

- **hand-written Python** is what a good engineer writes who trusts the types: a comprehension,
  `any`, a tuple for `in`, and CEL's own errors: a missing key raises, and an int that leaves 64
  bits raises. It is the measure of all ratios. Where it is `any`, **a loop for `any`** is longer to
  write and takes less time.
- **types checked** is the same, with a test of the class of each value that is read, as an author
  must write who does not know who calls. policyengine always tests them, and in addition gives
  CEL's answer, not an exception, where fields are missing and `&&` or `||` can settle the matter.
- **hand-written tables** is what that engineer writes for many rules: dicts and bisection.
- Of a peer, **ready** means at its best: programs compiled, handles, activations and inputs in
  its own types made beforehand and not timed. **dict in** means as its users call it: compiled
  beforehand, and one plain dict for each call. policyengine is always given a plain dict.
- pycasbin stops at its first match and is only held to that one. regopy and pycasbin do not check
  arithmetic for overflow.
"""

TITLES = {
    "expressions": "Single conditions",
    "rules": "Rules",
    "compile": "Compiling",
    "guards": "Guards",
    "ledger": "Money in stores",
    "routing": "Routing",
    "sessions": "The past of agents",
    "startup": "Start-up",
    "memory": "Memory",
}
PLOT = "benchmarks.svg"


def machine(peers: Mapping[str, ModuleType]) -> dict[str, str]:
    """What the figures were measured with."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "processor": _processor(),
        OURS: _version("policyengine-gateway"),
        **{name: _version(peer.PACKAGE) for name, peer in peers.items()},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"


def duration(nanoseconds: float) -> str:
    """Nanoseconds with three digits and a unit that fits.

    >>> duration(1234.5), duration(2_400_000), duration(52.1)
    ('1.23 us', '2.40 ms', '52.1 ns')
    """
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{_three(nanoseconds / size)} {unit}"
    return f"{_three(nanoseconds)} ns"


def amount(race: Race, name: str) -> str:
    """A contestant's figure with its unit."""
    if race.unit == "bytes":
        return f"{race.medians[name] / 2**20:.1f} MiB"
    return duration(race.medians[name])


def wanted(race: Race) -> str:
    """The target in words, or nothing."""
    if race.target is None:
        return ""
    if race.target.unit == "times":
        return f"at most {race.target.most:.2f}x"
    return f"at most {duration(race.target.most)}"


def measured(race: Race) -> str:
    """What is held against the target."""
    times = race.target is not None and race.target.unit == "times"
    return f"{race.measured:.2f}x" if times else duration(race.measured)


def text(race: Race) -> str:
    """One benchmark for the terminal."""
    lines = [race.title]
    for name, ratio in race.ratios.items():
        lines.append(f"  {name:48} {amount(race, name):>9}  {ratio:12,.2f}x")
    lines += [f"  {name:48}       n/a  {why}" for name, why in race.absent.items()]
    if race.target is not None:
        verdict = "met" if race.met else "MISSED"
        lines.append(f"  {race.judged}: {measured(race)}, {wanted(race)} wanted: {verdict}")
    return "\n".join(lines)


def missed(races: Iterable[Race]) -> list[str]:
    """The targets that were not met, in words."""
    return [f"{r.title}: {measured(r)}, {wanted(r)} wanted" for r in races if not r.met]


def data(made_on: Mapping[str, str], races: Sequence[Race]) -> dict[str, Any]:
    """Everything as plain JSON values."""
    return {
        "machine": dict(made_on),
        "results": [
            {
                "section": race.section,
                "title": race.title,
                "unit": race.unit,
                "median": dict(race.medians),
                "ratio": race.ratios,
                "absent": dict(race.absent),
                "target": None
                if race.target is None
                else {"most": race.target.most, "unit": race.target.unit, "met": race.met},
            }
            for race in races
        ],
    }


def page(made_on: Mapping[str, str], races: Sequence[Race]) -> str:
    """`docs/benchmarks.md`."""
    parts = [INTRODUCTION, "| | |\n|---|---|"]
    parts += [f"| {name} | {value} |" for name, value in made_on.items()]
    parts += ["", *targets(races), "", *side_by_side(races)]
    for section, title in TITLES.items():
        parts.append(f"\n## {title}\n")
        if section == "rules":
            parts.append(f"![Time of a decision by number of rules]({PLOT})\n")
        for race in races:
            if race.section == section:
                parts += _table(race)
    return "\n".join(parts).rstrip() + "\n"


def targets(races: Sequence[Race]) -> list[str]:
    """The table of what was promised and what is."""
    lines = ["## Targets\n", "| | measured | target | |", "|---|---:|---:|---|"]
    for race in races:
        if race.target is not None:
            judged = "" if race.judged in (OURS, race.title) else f": {race.judged}"
            verdict = "met" if race.met else "**missed**"
            lines.append(
                f"| {race.title}{judged} | {measured(race)} | {wanted(race)} | {verdict} |"
            )
    return lines


def side_by_side(races: Sequence[Race]) -> list[str]:
    """The ratios of all contestants, peers by the faster of their ways."""
    shown = [race for race in races if race.section == "expressions" or race.size is not None]
    if not shown:
        return []
    names = [n for n in dict.fromkeys(n for race in shown for n in best(race)) if "hand" not in n]
    lines = [
        "## Side by side\n",
        "Times hand-written Python (plain `if`s for rules); of each peer the faster way.\n",
        f"| | {' | '.join(names)} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for race in shown:
        first = next(iter(race.medians.values()))
        figures = best(race)
        cells = [f"{_three(figures[n] / first)}" if n in figures else "n/a" for n in names]
        lines.append(f"| {race.title} | {' | '.join(cells)} |")
    return lines


def best(race: Race) -> dict[str, float]:
    """The figures with one for each peer: that of its fastest way."""
    found: dict[str, float] = {}
    for name, median in race.medians.items():
        engine = name if name.startswith("hand-written") else name.partition(", ")[0]
        found[engine] = min(found.get(engine, median), median)
    return found


def _table(race: Race) -> list[str]:
    lines = [f"### {race.title[0].upper()}{race.title[1:]}\n"]
    if race.note:
        lines.append(f"{race.note}\n")
    lines.append("| | median | ratio |\n|---|---:|---:|")
    lines += [
        f"| {name} | {amount(race, name)} | {_three(ratio)} |"
        for name, ratio in race.ratios.items()
    ]
    lines += [f"| {name} | n/a | {why} |" for name, why in race.absent.items()]
    lines.append("")
    return lines


def _three(value: float) -> str:
    """Three digits, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    if value < 0.1:
        return f"{value:.2g}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
