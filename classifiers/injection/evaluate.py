"""Measures the guard `injection` on practice exams; run from the project's root.

    python classifiers/injection/evaluate.py [--json FILE] [--markdown FILE]

No threshold is chosen here and nothing is trained: the guard runs as it ships. Beside the rates at
the shipped thresholds stands the true positive rate where exactly 1 % of an exam's harmless texts
are flagged. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import examples
from examples import Example

from policyengine.guards import _weights, injection
from policyengine.plugins import Texts

EXAMS = {
    "practice-direct": ("injection.practice-direct", "user"),
    "practice-indirect": ("injection.practice-indirect", "tool"),
    "practice-overdefence": ("injection.practice-overdefence", "user"),
}
SEED = 7
LENGTH = 4_000


def findings(text: str, source: str, threshold: Any) -> Sequence[Mapping[str, Any]]:
    """What the guard finds in one text of a source."""
    finder = injection.build(injection.normal({"threshold": threshold}))
    return finder(Texts([("text", text)], origins={"text": source}))


def score(text: str, source: str) -> float:
    """The classifier's highest score, in the text or in a view of it."""
    return max(
        (f["score"] for f in findings(text, source, 0.0) if f["why"].startswith("classifier")),
        default=0.0,
    )


def is_found(text: str, source: str, level: str = "balanced") -> bool:
    """Whether the guard finds anything at a shipped level."""
    return bool(findings(text, source, level))


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The interval in which a rate lies with 95 % (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    z, p = 1.96, hits / total
    middle = p + z * z / (2 * total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low, high = (middle - half) / (1 + z * z / total), (middle + half) / (1 + z * z / total)
    return max(low, 0.0), min(high, 1.0)


def rate(hits: Sequence[bool]) -> dict[str, Any]:
    """A rate with its interval."""
    low, high = wilson(sum(hits), len(hits))
    return {
        "rate": round(sum(hits) / max(len(hits), 1), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(hits),
    }


def exam(rows: Sequence[Example], source: str) -> dict[str, Any]:
    """Rates on an exam: at each level, and where 1 % of its harmless texts are flagged."""
    result: dict[str, Any] = {}
    for level in injection.LEVELS:
        result[level] = {
            name: rate([is_found(row.text, source, level) for row in rows if row.label == label])
            for name, label in (("found", 1), ("false", 0))
            if any(row.label == label for row in rows)
        }
    attacks = [score(row.text, source) for row in rows if row.label]
    harmless = sorted((score(row.text, source) for row in rows if not row.label), reverse=True)
    if attacks:
        limit = harmless[int(len(harmless) * 0.01)]
        result["found at 1 %"] = rate([s > limit for s in attacks])
        result["auc"] = round(auc(attacks, harmless), 4)
    kinds = sorted({_kind(row) for row in rows})
    result["kinds"] = {
        f"{kind} ({'attack' if label else 'harmless'})": rate(
            [is_found(r.text, source) for r in rows if (_kind(r), r.label) == (kind, label)]
        )
        for kind in kinds
        for label in (0, 1)
        if any((_kind(r), r.label) == (kind, label) for r in rows)
    }
    return result


def _kind(row: Example) -> str:
    return row.kind.rpartition(":")[2] or row.source


def auc(attacks: Sequence[float], harmless: Sequence[float]) -> float:
    """The chance that an attack scores higher than a harmless text."""
    ranked = sorted([(s, 1) for s in attacks] + [(s, 0) for s in harmless])
    rank_sum, i = 0.0, 0
    while i < len(ranked):
        j = i
        while j < len(ranked) and ranked[j][0] == ranked[i][0]:
            j += 1
        rank_sum += sum(label for _, label in ranked[i:j]) * (i + j + 1) / 2
        i = j
    return (rank_sum - len(attacks) * (len(attacks) + 1) / 2) / (len(attacks) * len(harmless))


def disguises(rows: Sequence[Example], source: str) -> dict[str, Any]:
    """Of the attacks, and of the harmless texts, how many are found in each disguise."""
    chance = random.Random(SEED)
    ways: dict[str, Callable[[str], str]] = {
        "plain": str,
        **examples.DISGUISES,
        "typos": lambda text: examples.typos(text, chance),
        "swaps": lambda text: examples.swaps(text, chance),
    }
    found = {}
    for name, change in ways.items():
        found[name] = {
            "found": rate([is_found(change(r.text), source) for r in rows if r.label]),
            "false": rate([is_found(change(r.text), source) for r in rows if not r.label]),
        }
    return found


def in_documents(attacks: Sequence[Example], hosts: Sequence[Example]) -> dict[str, Any]:
    """Attacks set into the middle third or anywhere of harmless documents of 4,000 characters."""
    chance = random.Random(SEED)
    text = "\n\n".join(row.text for row in hosts)
    found, places = [], []
    clean = []
    for attack in attacks:
        room = max(LENGTH - len(attack.text), 500)
        start = chance.randrange(len(text) - room)
        host = text[start : start + room]
        at = chance.randrange(len(host))
        at = host.rfind(" ", 0, at) + 1
        whole = f"{host[:at]}{attack.text} {host[at:]}"
        hits = findings(whole, "document", "balanced")
        found.append(bool(hits))
        end = at + len(attack.text)
        places.append(any(h["start"] < end and h["end"] > at for h in hits))
        clean.append(bool(findings(text[start : start + LENGTH], "document", "balanced")))
    return {"found": rate(found), "found at its place": rate(places), "false": rate(clean)}


def evaluate() -> dict[str, Any]:
    """All results, as JSON."""
    result: dict[str, Any] = {
        "model": _weights.version("injection"),
        "data": {
            name: hashlib.sha256((examples.data() / f"{name}.jsonl.gz").read_bytes()).hexdigest()
            for name, _ in EXAMS.values()
        },
        "exams": {},
    }
    rows = {name: examples.load(file) for name, (file, _) in EXAMS.items()}
    for name, (_, source) in EXAMS.items():
        result["exams"][name] = exam(rows[name], source)
    result["disguises"] = {
        "practice-direct": disguises(rows["practice-direct"], "user"),
        "practice-indirect": disguises(rows["practice-indirect"][::3], "tool"),
    }
    indirect = rows["practice-indirect"]
    hosts = [row for row in indirect if not row.label and len(row.text) > 100]
    attacks = [row for row in indirect if row.label]
    # The benign half of the same exam gives the documents, so no training text is in them.
    result["documents"] = {
        "all": in_documents(attacks, hosts),
        "with a frame": in_documents(
            [replace(a) for a in attacks if not a.kind.endswith(":direct")], hosts
        ),
    }
    return result


def _cell(value: Mapping[str, Any]) -> str:
    return f"{100 * value['rate']:.1f} % ({100 * value['low']:.1f}-{100 * value['high']:.1f})"


def markdown(result: Mapping[str, Any]) -> str:
    """The results as tables."""
    lines = [
        "# The guard `injection` on practice exams",
        "",
        "Made by `classifiers/injection/evaluate.py`; do not edit.",
        "",
        f"Model `{result['model']}`. Rates with 95 % intervals; thresholds are the shipped ones.",
        "",
        "| exam | level | attacks found | harmless flagged |",
        "|---|---|---|---|",
    ]
    for name, part in result["exams"].items():
        for level in injection.LEVELS:
            cells = [_cell(part[level][k]) if k in part[level] else "" for k in ("found", "false")]
            lines.append(f"| {name} | {level} | {' | '.join(cells)} |")
        if "auc" in part:
            lines.append(
                f"| {name} | classifier at 1 % | {_cell(part['found at 1 %'])} "
                f"| AUC {part['auc']} |"
            )
    lines += ["", "| exam, disguise | attacks found | harmless flagged |", "|---|---|---|"]
    for name, part in result["disguises"].items():
        for way, rates in part.items():
            lines.append(f"| {name}, {way} | {_cell(rates['found'])} | {_cell(rates['false'])} |")
    lines += ["", "| in documents of 4,000 characters | rate |", "|---|---|"]
    for name, part in result["documents"].items():
        lines += [f"| {name}: {what} | {_cell(value)} |" for what, value in part.items()]
    lines += ["", "| exam, kind (balanced) | flagged |", "|---|---|"]
    for name, part in result["exams"].items():
        lines += [f"| {name}, {kind} | {_cell(v)} |" for kind, v in part["kinds"].items()]
    lines += ["", "| data | SHA-256 |", "|---|---|"]
    lines += [f"| {name} | `{digest}` |" for name, digest in result["data"].items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    asked = parser.parse_args()
    result = evaluate()
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n")
    text = markdown(result)
    if asked.markdown:
        asked.markdown.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
