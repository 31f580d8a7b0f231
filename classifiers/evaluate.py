"""`make evaluate`: how well the guards find, on texts that they were not made from.

Runs the evaluation of each classifier, and the measurement on this project's own labelled texts,
and writes what they print to `docs/evaluation/`. Each page names its data with digests. The public
sets are read from `../shared/data`, or where `POLICYENGINE_DATA` says.

    python classifiers/evaluate.py             all of it
    python classifiers/evaluate.py topics      one of them
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "evaluation"

# What is measured, by which script, and what its page is about.
EVALUATIONS = {
    "corpus": (ROOT / "corpus" / "measure.py", "all guards, on this project's own labelled texts"),
    "pii": (ROOT / "classifiers" / "pii" / "evaluate.py", "personal data, beside Presidio"),
    "injection": (ROOT / "classifiers" / "injection" / "evaluate.py", "injections"),
    "topics": (ROOT / "classifiers" / "topics" / "evaluate.py", "topics, shipped and own ones"),
    "ner": (ROOT / "classifiers" / "ner" / "evaluate.py", "names, places and organisations"),
    "task": (ROOT / "classifiers" / "task" / "evaluate.py", "kinds of tasks, and complexity"),
}

INDEX = """\
# How well the guards find

Made by `make evaluate`; do not edit. Each page measures on texts that nothing was trained or tuned
on, with 95 % intervals and the digests of the data. Exams are only ever reported: no threshold was
chosen on them.

| page | what |
|---|---|
"""


def page(name: str, script: Path) -> str:
    """What an evaluation prints. Raises `SystemExit` with its complaint where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the evaluation of {name} failed with exit code {done.returncode}")
    return done.stdout.strip() + "\n"


def main(names: list[str]) -> None:
    """Evaluate what is named, or everything, and write the pages."""
    unknown = sorted(set(names) - set(EVALUATIONS))
    if unknown:
        raise SystemExit(f"there is no {unknown[0]}; there are {', '.join(EVALUATIONS)}")
    PAGES.mkdir(exist_ok=True)
    for name in names or EVALUATIONS:
        script, _ = EVALUATIONS[name]
        if not script.exists():
            continue
        began = time.monotonic()
        sys.stderr.write(f"{name} ...\n")
        (PAGES / f"{name}.md").write_text(page(name, script), encoding="utf-8")
        sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    rows = [
        f"| [{name}]({name}.md) | {what} |\n"
        for name, (_, what) in EVALUATIONS.items()
        if (PAGES / f"{name}.md").exists()
    ]
    (PAGES / "README.md").write_text(INDEX + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
