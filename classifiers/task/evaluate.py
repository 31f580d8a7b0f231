"""Measures the facts `task` and `complexity`; run from the project's root.

    python classifiers/task/evaluate.py

Prints the page docs/evaluation/task.md. Nothing is tuned here. The classifier is trained anew for
each source that it is measured on, without that source.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import rows as data  # noqa: E402
import train  # noqa: E402

from policyengine.analysis.rates import Rate  # noqa: E402
from policyengine.analysis.sweep import sweep  # noqa: E402
from policyengine.guards import complexity, task  # noqa: E402
from policyengine.guards._task.asked import Asked  # noqa: E402
from policyengine.guards._task.model import KINDS, Model  # noqa: E402

HELD = 400
"""Rows of a held-out source that are measured: as many as are trained on of others."""
SHARES = (0.1, 0.2, 0.3, 0.5)


def request(text: str) -> dict[str, Any]:
    """A request with one message."""
    return {"request": {"model": "m", "messages": [{"role": "user", "content": text}]}}


def judged(text: str) -> tuple[str, bool]:
    """The likeliest kind of a prompt, or nothing below the score of the clause; was it a rule?"""
    found = task.kinds(Asked.of(request(text)))
    kind, score, why = max(found, key=lambda one: one[1], default=("", 0.0, ""))
    return (kind if score >= task.MIN_SCORE else ""), not why.startswith("classifier")


def share(hits: int, total: int) -> str:
    """A rate with its interval, or a dash for nothing."""
    return str(Rate(hits, total)) if total else "-"


def own_exam() -> Iterator[str]:
    """Our own prompts: by kind, by language, by who decided."""
    exam = data.exam_rows()
    answers = [judged(row.text) for row in exam]
    right = [kind == row.kind for row, (kind, _) in zip(exam, answers, strict=True)]
    languages = len({row.lang for row in exam})
    yield f"{len(exam)} prompts in {languages} languages, written by the author of the rules before"
    yield "they were tuned, hits and near misses; never trained on. What one author thinks of is"
    yield "likelier to be in his rules than what users write: these figures are the best case."
    yield ""
    yield f"Right: {share(sum(right), len(right))}. By a rule: {_by(answers, right, True)}; by the"
    yield f"classifier: {_by(answers, right, False)}. Without a kind of at least {task.MIN_SCORE}:"
    yield f"{share(sum(not kind for kind, _ in answers), len(answers))}."
    yield ""
    yield "| kind | prompts | found | of those called so, right |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        of_kind = [k for row, (k, _) in zip(exam, answers, strict=True) if row.kind == kind]
        called = [row.kind for row, (k, _) in zip(exam, answers, strict=True) if k == kind]
        yield (
            f"| {kind} | {len(of_kind)} | {share(of_kind.count(kind), len(of_kind))} "
            f"| {share(called.count(kind), len(called))} |"
        )
    yield ""
    yield "| language | prompts | right |"
    yield "|---|---|---|"
    for lang in dict.fromkeys(row.lang for row in exam):
        hits = [hit for row, hit in zip(exam, right, strict=True) if row.lang == lang]
        yield f"| {lang} | {len(hits)} | {share(sum(hits), len(hits))} |"


def _by(answers: Sequence[tuple[str, bool]], right: Sequence[bool], rule: bool) -> str:
    hits = [hit for (_, by_rule), hit in zip(answers, right, strict=True) if by_rule == rule]
    return share(sum(hits), len(hits))


def unseen_sources() -> Iterator[str]:
    """Public rows, each source judged by a model that never saw it."""
    table = train.Table(train.taken([*data.public_rows(), *data.own_rows()]))
    sources = np.array([row.source for row in table.rows])
    yield "| source | kind | rows | by a rule, right | both, right | classifier alone, right |"
    yield "|---|---|---|---|---|---|"
    totals: Counter[str] = Counter()
    raw = train.crossed(table)
    for source in sorted({row.source for row in table.rows if not row.source.startswith("own-")}):
        model = train.fit(table, sources != source, raw)
        for kind in sorted({row.kind for row in table.rows if row.source == source}):
            held = [
                i for i, row in enumerate(table.rows) if (row.source, row.kind) == (source, kind)
            ][:HELD]
            yield _line(source, kind, table, held, model, totals)
    rate = [share(totals[name], totals["rows"]) for name in ("whole", "alone")]
    ruled = f"{share(totals['right'], totals['ruled'])} of {totals['ruled']:,}"
    yield f"| all |  | {totals['rows']:,} | {ruled} | {rate[0]} | {rate[1]} |"
    yield ""
    yield from _own_lines(table, raw)


def _line(
    source: str,
    kind: str,
    table: train.Table,
    held: Sequence[int],
    model: Model,
    totals: Counter[str],
) -> str:
    ruled = [rule.kind if (rule := table.readings[i].ruled()) else "" for i in held]
    alone = [_likeliest(model, table, i) for i in held]
    whole = [rule or guess for rule, guess in zip(ruled, alone, strict=True)]
    spoken = [rule for rule in ruled if rule]
    totals.update(
        rows=len(held),
        ruled=len(spoken),
        right=spoken.count(kind),
        whole=whole.count(kind),
        alone=alone.count(kind),
    )
    return (
        f"| {source} | {kind} | {len(held)} | {share(spoken.count(kind), len(spoken))} of "
        f"{len(spoken)} | {share(whole.count(kind), len(held))} "
        f"| {share(alone.count(kind), len(held))} |"
    )


def _likeliest(model: Model, table: train.Table, row: int) -> str:
    chances = model.chances(table.readings[row])
    return KINDS[chances.index(max(chances))]


def _own_lines(table: train.Table, raw: np.ndarray) -> Iterator[str]:
    """Our own rows, each judged by a model that saw none of its line."""
    own = np.array([row.source.startswith("own-") for row in table.rows])
    hits: Counter[tuple[str, str]] = Counter()
    for fold in range(train.FOLDS):
        out = own & (table.fold == fold)
        model = train.fit(table, ~out, raw)
        for i in np.flatnonzero(out):
            row = table.rows[i]
            group = "en" if row.lang == "en" else "others"
            hits[row.kind, f"{group} rows"] += 1
            hits[row.kind, f"{group} right"] += _likeliest(model, table, i) == row.kind
    yield "Our own rows, held out by line (the classifier alone, without rules):"
    yield ""
    yield "| kind | English | six other languages |"
    yield "|---|---|---|"
    for kind in KINDS:
        rates = [
            share(hits[kind, f"{group} right"], hits[kind, f"{group} rows"])
            for group in ("en", "others")
        ]
        yield f"| {kind} | {rates[0]} | {rates[1]} |"


def difficulty() -> Iterator[str]:
    """Whether the score of complexity tells which prompts needed a strong model."""
    config = complexity.normal("hard")
    yield "| data | rows | needed a strong model | AUC of the score | AUC of the length alone |"
    yield "|---|---|---|---|---|"
    curves = []
    for file in data.STRONG:
        kept = [(text, label) for text, label in data.strong_rows(file) if label != "both_fail"]
        needed = [label == "strong_needed" for _, label in kept]
        scores = [complexity.scored(config, request(text)) or 0.0 for text, _ in kept]
        lengths = [float(len(text)) for text, _ in kept]
        by_score, by_length = (
            sweep(zip(values, needed, strict=True)) for values in (scores, lengths)
        )
        name = file.removesuffix(".jsonl.gz")
        yield (
            f"| {name} | {len(kept):,} | {share(sum(needed), len(needed))} "
            f"| {auc(by_score)} | {auc(by_length)} |"
        )
        curves.append((name, by_score))
    yield ""
    yield "What of the hard ones is caught when at most so many requests go to the strong model:"
    yield ""
    yield "| data | " + " | ".join(f"{one:.0%} sent" for one in SHARES) + " |"
    yield "|---" * (len(SHARES) + 1) + "|"
    for name, found in curves:
        yield f"| {name} | " + " | ".join(_caught(found, most) for most in SHARES) + " |"


def _caught(found: Any, most: float) -> str:
    total = found.positives + found.negatives
    steps = [
        s.counts for s in found.steps if s.counts.found + s.counts.false_alarms <= most * total
    ]
    return str(steps[-1].recall) if steps else "no threshold"


def auc(found: Any) -> str:
    """The area with its 95 % interval (Hanley and McNeil, 1982)."""
    area, ours, theirs = found.auc, found.positives, found.negatives
    first, second = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (ours - 1) * (first - area**2) + (theirs - 1) * (second - area**2)
    reach = 1.96 * math.sqrt(max(spread, 0.0) / (ours * theirs))
    return f"{area:.3f} ({area - reach:.3f}-{area + reach:.3f})"


def page() -> Iterator[str]:
    """The page, line by line."""
    yield "# Tasks and complexity: figures"
    yield ""
    yield "Made by `classifiers/task/evaluate.py`. Rates have 95 % intervals."
    yield ""
    yield "## Kinds, on our own exam"
    yield ""
    yield from own_exam()
    yield ""
    yield "## Kinds, on sources that the classifier never saw"
    yield ""
    yield "Each source is left out of training as a whole, with all its parts, and then judged. The"
    yield "labels are those of the sources: they say little more than where a row comes from, and"
    yield "many rows of self-instruct, gpqa and clinc150 are of another kind than their label says."
    yield "Prompts that set up a role, and lists of words, are left out."
    yield ""
    yield from unseen_sources()
    yield ""
    yield "## Complexity"
    yield ""
    yield "Multiple-choice questions and school mathematics, with whether a weak and a strong model"
    yield "were right; what both got wrong is left out. No learned difficulty is claimed: the score"
    yield "counts features, and an AUC of 0.5 would be chance."
    yield ""
    yield from difficulty()
    yield ""
    yield "## Data"
    yield ""
    for name in (data.TRAIN, *data.STRONG):
        yield f"- {name}: sha256 {data.digest(data.DATA / name)[:16]}"
    for name in ("own.txt", "exam.jsonl", "weights/manifest.json"):
        yield f"- classifiers/task/{name}: sha256 {data.digest(HERE / name)[:16]}"


def main() -> None:
    """Print the page."""
    for line in page():
        print(line, flush=True)


if __name__ == "__main__":
    main()
