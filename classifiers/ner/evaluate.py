"""Measures the shipped names model; run from the project's root.

    python classifiers/ner/evaluate.py [--json FILE] [--markdown FILE]

The guard `pii` runs as it ships, with `names: shipped`. A find is right where start, end and label
are right. `all` counts every find, `default` those at or above the usual least score of 0.5, and
`lower case` the first on texts in lower case. No threshold is chosen here, and the practice exams
are not trained on. Places inside postal addresses, which one exam labels as a whole, count neither
way. Intervals are percentile bootstraps over texts, 95 %.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import rows  # noqa: E402
from rows import Row  # noqa: E402

from policyengine.guards import _weights, pii  # noqa: E402
from policyengine.guards._pii.name_model import LABELS  # noqa: E402

EXAMS = ("pii.practice-ner", "pii.practice-synthetic")
# What a clause says beside `names`.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "all": {"min_score": 0.0},
    "default": {},
    "lower case": {"min_score": 0.0},
}
SEED = 5
TIMES = 500

Counts = tuple[int, int, int]
"""Right finds, finds, and names that should be found."""


def counts(some: Sequence[Row], said_too: Mapping[str, Any]) -> dict[str, list[Counts]]:
    """By label, the counts of each text."""
    asked = {"entities": list(LABELS), "names": "shipped", **said_too}
    finder = pii.build(pii.normal(asked))
    result: dict[str, list[Counts]] = {label: [] for label in LABELS}
    for row in some:
        found = {(f["start"], f["end"], f["type"]) for f in finder([("text", row.text)])}
        gold = set(row.spans)
        for label in LABELS:
            said = {
                span
                for span in found
                if span[2] == label and (span in gold or not _in_address(row, span))
            }
            true = {span for span in gold if span[2] == label}
            result[label].append((len(said & true), len(said), len(true)))
    return result


def _in_address(row: Row, span: tuple[int, int, str]) -> bool:
    return span[2] != "PERSON" and any(a < span[1] and span[0] < b for a, b in row.addresses)


def figures(some: Sequence[Counts]) -> dict[str, Any]:
    """Precision, recall, F1 and its interval."""
    rng = random.Random(SEED)
    named = [each for each in some if any(each)]
    drawn = sorted(_f1(rng.choices(named, k=len(named))) for _ in range(TIMES)) if named else [0.0]
    right, said, gold = map(sum, zip(*some, strict=True)) if some else (0, 0, 0)
    return {
        "f1": _f1(some),
        "low": drawn[int(0.025 * len(drawn))],
        "high": drawn[int(0.975 * len(drawn))],
        "precision": round(right / max(1, said), 3),
        "recall": round(right / max(1, gold), 3),
        "names": gold,
    }


def _f1(some: Sequence[Counts]) -> float:
    right, said, gold = (sum(each[n] for each in some) for n in range(3))
    return round(2 * right / max(1, said + gold), 3)


def speed(some: Sequence[Row]) -> float:
    """Microseconds of processor time for texts of 1,000 characters, the median of five rounds."""
    text = " ".join(row.text for row in some)
    texts = [text[n : n + 1_000] for n in range(0, min(len(text), 40_000) - 999, 1_000)]
    asked = {"entities": list(LABELS), "names": "shipped"}
    finder = pii.build(pii.normal(asked))
    finder([("text", texts[0])])
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for each in texts:
            finder([("text", each)])
        rounds.append((time.process_time() - began) / len(texts) * 1e6)
    return round(statistics.median(rounds))


def _lower(row: Row) -> Row:
    return rows.in_case(row, row.text.lower())


def report() -> dict[str, Any]:
    """All figures, and the digests of what they were measured on."""
    training = rows.training()
    parts = {name: [row for row in training if row.source == name] for name in rows.HELD}
    parts.update({name: [rows.alike(row) for row in rows.read(name)] for name in EXAMS})
    found: dict[str, Any] = {}
    for name, some in parts.items():
        found[name] = {"texts": len(some)}
        for way, said_too in WAYS.items():
            texts = [_lower(row) for row in some] if way == "lower case" else some
            each = counts(texts, said_too)
            found[name][way] = {label: figures(each[label]) for label in LABELS}
    return {
        "model": _weights.version("ner"),
        "data": {name: rows.digest(name) for name in (*rows.FILES, *EXAMS)},
        "figures": found,
        "microseconds for 1,000 characters": speed(parts[EXAMS[1]]),
    }


def markdown(whole: Mapping[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        "# Names, places and organisations",
        "",
        "Made by `classifiers/ner/evaluate.py`; do not edit. Exact span and label: `all` finds,",
        "those of the `default` score, and of texts in `lower case`. UNER-EWT, WNUT17-dev and",
        "CrossNER-ai are sources that were held out of training and chose the better of two",
        "recipes; the practice sets chose nothing.",
        "",
        "| texts | finds | label | names | precision | recall | F1 (95 %) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, ways in whole["figures"].items():
        for way in WAYS:
            for label, of in ways[way].items():
                lines.append(
                    f"| {name} | {way} | {label} | {of['names']} | {of['precision']:.3f} "
                    f"| {of['recall']:.3f} | {of['f1']:.3f} ({of['low']:.3f}-{of['high']:.3f}) |"
                )
    lines += ["", f"Model {whole['model']}. Digests (SHA-256) of the data:", ""]
    lines += [f"- {name}: {digest}" for name, digest in whole["data"].items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    asked = parser.parse_args()
    whole = report()
    if asked.json:
        asked.json.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    if asked.markdown:
        asked.markdown.write_text(markdown(whole), encoding="utf-8")
    if not asked.json and not asked.markdown:
        sys.stdout.write(markdown(whole))


if __name__ == "__main__":
    main()
