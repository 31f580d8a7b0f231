"""`make bench`: everything, as ratios on the terminal, JSON, and docs/benchmarks.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bundles
import expressions
import report
import startup

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Measure and write; 1 where a target is missed."""
    results = []
    for found in (*expressions.results(), *bundles.results()):
        print(report.text(found), end="\n\n", flush=True)
        results.append(found)
    waited = startup.results()
    for name, milliseconds in waited.items():
        print(f"{name:44} {milliseconds:6.1f} ms above a bare interpreter")
    made_on = report.machine()
    kept = ROOT / "benchmarks" / "results" / "latest.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(report.data(made_on, results, waited), indent=2) + "\n")
    (ROOT / "docs" / "benchmarks.md").write_text(report.page(made_on, results, waited))
    missed = report.missed(results, waited)
    for line in missed:
        print(f"MISSED  {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
