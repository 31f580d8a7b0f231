"""`make bench`: everything, as ratios on the terminal, as JSON, and in docs/benchmarks.md.

`--only WORD` measures the sections (expressions, rules, compile, guards, ledger, routing,
sessions, startup, memory) and cases whose name has the word; `--quick` measures too briefly to
trust a figure, and shows that all answers agree. The documentation is written only by a whole run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import bundles
import compiling
import expressions
import guards_injection
import guards_pii
import guards_task
import guards_topic
import guards_words
import leases
import ledger
import ledger_redis
import memory
import report
import routing
import sessions
import startup
from harness import FULL, QUICK, DisagreementError, Race
from peers import installed

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = (
    expressions,
    bundles,
    compiling,
    guards_pii,
    guards_injection,
    guards_task,
    guards_topic,
    guards_words,
    ledger,
    ledger_redis,
    leases,
    routing,
    sessions,
    startup,
    memory,
)


def arguments() -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME", help="this one only")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--json",
        type=Path,
        default=ROOT / "benchmarks" / "results" / "latest.json",
        metavar="FILE",
        help="where the figures are written",
    )
    return parser.parse_args()


def main() -> int:
    """Measure and write; 1 where a target is missed by a run that is not quick."""
    asked = arguments()
    peers, missing = installed(asked.peer)
    for name, why in missing.items():
        print(f"without {name}: {why}", file=sys.stderr)
    began = time.perf_counter()
    races = []
    try:
        for race in _races(peers, asked):
            races.append(race)
            print(f"[{time.perf_counter() - began:4.0f} s] {report.text(race)}\n", flush=True)
    except DisagreementError as error:
        print(f"{error}; nothing is written", file=sys.stderr)
        return 1
    if not races:
        print("nothing has such a name", file=sys.stderr)
        return 2
    made_on = report.machine(peers)
    asked.json.parent.mkdir(exist_ok=True, parents=True)
    asked.json.write_text(json.dumps(report.data(made_on, races), indent=2) + "\n")
    if not (asked.quick or asked.only or asked.peer):
        import plot

        (ROOT / "docs" / "benchmarks.md").write_text(report.page(made_on, races))
        plot.draw(races, ROOT / "docs" / report.PLOT)
    if asked.quick:
        return 0
    missed = report.missed(races)
    for line in missed:
        print(f"MISSED  {line}")
    return 1 if missed else 0


def _races(peers: dict[str, ModuleType], asked: argparse.Namespace) -> Iterator[Race]:
    for section in SECTIONS:
        yield from section.results(peers, QUICK if asked.quick else FULL, asked.only)


if __name__ == "__main__":
    sys.exit(main())
