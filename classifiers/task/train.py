"""Trains the classifier of the fact `task`; run from the project's root.

    python classifiers/task/train.py

Public rows come from `$POLICYENGINE_DATA`, our own from `own.txt`. Everything is seeded: the same
data and versions give the same weights. The head over the pieces is fitted to scores of rows that
the pieces were not fitted to: public rows are held out by source, our own by line.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import rows as data  # noqa: E402
from rows import Row  # noqa: E402

from policyengine.guards import _linear  # noqa: E402
from policyengine.guards._task.model import _DROPPED, KINDS, ROWS, Model  # noqa: E402
from policyengine.guards._task.reading import FEATURES, Reading  # noqa: E402

WEIGHTS = HERE / "weights"
FOLDS = 5
MOST = 400
"""Rows of one public source; those that are taken are the same in each run."""
STRENGTH = 20.0
HEAD_STRENGTH = 20.0
OWN = 2.0
"""What a row of ours counts beside a public one: it was written to be an example of its kind."""


class Table:
    """Rows with their pieces and forms, read once."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.readings = [Reading.of(row.text) for row in self.rows]
        self.kind = np.array([KINDS.index(row.kind) for row in self.rows])
        self.forms = np.array([reading.features() for reading in self.readings])
        self.pieces = _pieces(self.readings)
        self.weight = _weights(self.rows)
        self.fold = np.array([fold_of(row) for row in self.rows])


def fold_of(row: Row) -> int:
    """The fold in which a row is held out, with all others of its source or line."""
    return zlib.crc32(row.group.encode()) % FOLDS


def taken(rows: Sequence[Row]) -> list[Row]:
    """Rows of which no public source has more than `MOST`, chosen by the sum of their text."""
    found, seen = [], Counter[str]()
    for row in sorted(rows, key=lambda row: zlib.crc32(row.text.encode())):
        key = f"{row.source}|{row.kind}"
        seen[key] += 1
        if row.source.startswith("own-") or seen[key] <= MOST:
            found.append(row)
    return found


def _pieces(readings: Sequence[Reading]) -> csr_matrix:
    indptr, indices, values = [0], [], []
    for reading in readings:
        buckets, _, _ = _linear.pieces(reading.words, np)
        indices.append((buckets >> _DROPPED).astype(np.int32))
        values.append(np.full(len(buckets), max(len(buckets), 1) ** -0.5, np.float32))
        indptr.append(indptr[-1] + len(buckets))
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(indices), np.array(indptr)),
        shape=(len(readings), ROWS),
    )
    matrix.sum_duplicates()
    return matrix


def _weights(rows: Sequence[Row]) -> np.ndarray:
    """Sources count by the root of their size, and all kinds the same."""
    sizes = Counter(_source(row) for row in rows)
    weight = np.array(
        [
            (OWN if row.source.startswith("own-") else 1.0) * sizes[_source(row)] ** -0.5
            for row in rows
        ]
    )
    kinds = np.array([row.kind for row in rows])
    for kind in KINDS:
        chosen = kinds == kind
        weight[chosen] *= len(rows) / len(KINDS) / max(weight[chosen].sum(), 1e-9)
    return weight


def _source(row: Row) -> str:
    # Our own rows of a kind are one source in all languages.
    return f"{row.kind}|{'own' if row.source.startswith('own-') else row.source}"


def fit_pieces(table: Table, chosen: np.ndarray) -> tuple[bytes, float]:
    """Weights of pieces as bytes, and what a step is worth; inverse frequencies are folded in."""
    matrix = table.pieces[chosen]
    frequency = np.bincount(matrix.indices, minlength=ROWS)
    idf = np.log((1 + matrix.shape[0]) / (1 + frequency)).astype(np.float32) / 4
    scaled = csr_matrix(
        (matrix.data * idf[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
    )
    model = LogisticRegression(C=STRENGTH, max_iter=100, tol=1e-3)
    model.fit(scaled, table.kind[chosen], sample_weight=table.weight[chosen])
    weights = np.zeros((len(KINDS), ROWS))
    weights[model.classes_] = model.coef_ * idf
    # The few largest are cut off: a step of a byte then fits the many small ones.
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) / 127
    steps = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return np.ascontiguousarray(steps.T).tobytes(), scale


def crossed(table: Table) -> np.ndarray:
    """The raw scores of all rows, each by weights that saw none of its source or line."""
    raw = np.zeros((len(table.rows), len(KINDS)))
    for fold in range(FOLDS):
        held = table.fold == fold
        raw[held] = scores(table, held, *fit_pieces(table, ~held))
    return raw


def fit(table: Table, chosen: np.ndarray, raw: np.ndarray) -> Model:
    """The model of the chosen rows; its head is fitted to raw scores from `crossed`."""
    slope, bias, forms = fit_head(table, chosen, raw)
    weights, scale = fit_pieces(table, chosen)
    return Model(weights, scale, slope, tuple(bias), tuple(map(tuple, forms)))


def scores(table: Table, held: np.ndarray, weights: bytes, scale: float) -> np.ndarray:
    """The raw scores of rows."""
    steps = np.frombuffer(weights, "i1").reshape(ROWS, len(KINDS)).astype(np.float32)
    found: np.ndarray = (table.pieces[held] @ steps) * scale
    return found


def fit_head(
    table: Table, chosen: np.ndarray, raw: np.ndarray
) -> tuple[float, list[float], list[list[float]]]:
    """A slope for all raw scores, and for each kind a bias and weights of the prompt's form."""
    raws, forms = raw[chosen], table.forms[chosen]
    wanted, weight = table.kind[chosen], table.weight[chosen]
    weight = weight / weight.mean()
    count, width = len(KINDS), len(FEATURES)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        slope, bias = flat[0], flat[1 : 1 + count]
        by_form = flat[1 + count :].reshape(count, width)
        odds = slope * raws + bias + forms @ by_form.T
        odds -= odds.max(axis=1, keepdims=True)
        chances = np.exp(odds)
        chances /= chances.sum(axis=1, keepdims=True)
        rows = np.arange(len(wanted))
        value = -(weight * np.log(chances[rows, wanted] + 1e-12)).sum()
        off = chances * weight[:, None]
        off[rows, wanted] -= weight
        # The bias is a weight like the others: no kind is likelier because it has more rows.
        value += HEAD_STRENGTH * (flat[1:] ** 2).sum()
        grad = np.concatenate([[(off * raws).sum()], off.sum(axis=0), (off.T @ forms).ravel()])
        grad[1:] += 2 * HEAD_STRENGTH * flat[1:]
        return float(value), grad

    start = np.zeros(1 + count + count * width)
    start[0] = 1.0
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return (
        float(found[0]),
        found[1 : 1 + count].tolist(),
        found[1 + count :].reshape(count, width).tolist(),
    )


def write(model: Model) -> None:
    """The model's files, and their manifest."""
    WEIGHTS.mkdir(exist_ok=True)
    (WEIGHTS / "pieces.bin").write_bytes(model.file())
    head = {
        "slope": round(model.slope, 6),
        "kinds": {
            kind: {
                "bias": round(bias, 6),
                "forms": {
                    name: round(value, 6) for name, value in zip(FEATURES, forms, strict=True)
                },
            }
            for kind, bias, forms in zip(KINDS, model.bias, model.forms, strict=True)
        },
    }
    (WEIGHTS / "head.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
    manifest = {
        "files": {name: data.digest(WEIGHTS / name) for name in ("pieces.bin", "head.json")},
        "made_by": "classifiers/task/train.py",
        "data": {
            data.TRAIN: data.digest(data.DATA / data.TRAIN),
            "own.txt": data.digest(HERE / "own.txt"),
        },
    }
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Train, and write the weights."""
    table = Table(taken([*data.public_rows(), *data.own_rows()]))
    print(f"{len(table.rows):,} rows", file=sys.stderr)
    model = fit(table, np.ones(len(table.rows), bool), crossed(table))
    write(model)


if __name__ == "__main__":
    main()
