"""Trains the shipped topics over a table of word vectors, and writes `weights/`.

    python classifiers/topics/train.py CACHE TABLE.npz

TABLE.npz is what `distil.py` makes, CACHE where it keeps the sentence model's vectors. Rows are
those of `own/` and the public training rows. Besides, the sentence model teaches: a head over its
vectors says how likely each piece of a pool is on the topic, and the topic's head learns that, too.
A scale is made of false positive rates on rows whose source neither head saw.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from distil import FILES, Teacher, pool  # noqa: E402
from own_rows import own_rows, phrases  # noqa: E402
from public_rows import Row, background_rows, data_digests, labelled_rows  # noqa: E402

from policyengine.guards._topic.scale import Scale  # noqa: E402
from policyengine.guards._topic.shipped import TOPICS, Phrases  # noqa: E402
from policyengine.guards._topic.tokens import WHOLE, Vocabulary, pieces, words  # noqa: E402

WEIGHTS = Path(__file__).resolve().parent / "weights"
SEED = 20
PARTS = 5
# Each third piece of the pool is taught by the sentence model, and counts so much.
STEP, TAUGHT = 3, 0.3
LEAST, MOST = -2.0, 6.0
SHRINK = 0.9
BACKGROUND = 1500
MOST_WINDOWS = 12


@dataclass
class Space:
    """The table as it will be shipped: eight bits for each number, whitened."""

    vocabulary: Vocabulary
    table: np.ndarray
    scales: np.ndarray

    def units(self, texts: list[list[str]]) -> np.ndarray:
        found = np.zeros((len(texts), self.table.shape[1]), np.float32)
        for i, text in enumerate(texts):
            rows, weights = self.vocabulary.of(text)
            if rows:
                factor = self.scales[rows] * np.array(weights, np.float32)
                found[i] = factor @ self.table[rows]
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        return found / np.maximum(norms, 1e-9)


def space_of(table: Path, aliases: dict[str, str], sample: list[str]) -> Space:
    """The table, whitened by the covariance of a sample of harmless texts and quantised."""
    file = np.load(table)
    listed = file["words"].tolist()
    vectors = file["E"].astype(np.float64)
    rows = {word: row for row, word in enumerate(listed)}
    for alias, word in aliases.items():
        rows.setdefault(alias, rows.get(word, -1))
    vocabulary = Vocabulary(rows, len(listed), len(vectors) - len(listed))
    raw = Space(vocabulary, vectors, np.ones(len(vectors)))
    units = raw.units([words(text) for text in sample])
    spread = np.cov(units.T)
    mean = np.trace(spread) / len(spread)
    shrunk = (1 - SHRINK) * spread + SHRINK * mean * np.eye(len(spread))
    whitened = vectors @ np.linalg.cholesky(np.linalg.inv(shrunk)) * np.sqrt(mean)
    scales = (np.abs(whitened).max(axis=1) / 127).astype(np.float32)
    safe = np.maximum(scales, 1e-12)[:, None]
    return Space(vocabulary, np.round(whitened / safe).astype(np.int8), scales)


def hits(listed: Phrases, texts: list[list[str]]) -> np.ndarray:
    """How much the phrases of each text weigh for each topic, held between `LEAST` and `MOST`."""
    found = np.zeros((len(texts), len(TOPICS)), np.float32)
    for i, text in enumerate(texts):
        for topic, weight in listed.hits(text).items():
            found[i, topic] = max(LEAST, min(MOST, weight))
    return found


def windows(text: str) -> list[str]:
    """A text as the guard reads it, in windows."""
    if len(text) <= WHOLE:
        return [text]
    ends = list(pieces(text))
    return [text[a[0] : b[1]] for a, b in itertools.pairwise(ends)]


def fitted(x: np.ndarray, h: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Head and weight of the phrases of one topic: and bias of one topic: logistic regression."""
    features = np.c_[x * HEAD_SCALE, h[:, None] * PHRASE_SCALE]
    model = LogisticRegression(C=0.01, max_iter=200)
    model.fit(features, y, sample_weight=weight)
    return np.r_[
        model.coef_[0][:-1] * HEAD_SCALE, model.coef_[0][-1] * PHRASE_SCALE, model.intercept_
    ]


# What the two kinds of features are multiplied by before the penalty looks at them.
HEAD_SCALE = 6.0
PHRASE_SCALE = 1.0


@dataclass
class Windows:
    """All windows of the harmless rows; `row` says whose they are."""

    x: np.ndarray
    h: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, space: Space, listed: Phrases, rows: list[Row]) -> Windows:
        found = [
            (number, words(window))
            for number, row in enumerate(rows)
            if row.harmless
            for window in windows(row.text)[:MOST_WINDOWS]
        ]
        texts = [text for _, text in found]
        numbers = np.array([number for number, _ in found])
        return cls(space.units(texts), hits(listed, texts), numbers)


@dataclass
class Taught:
    """Pieces of the pool, and all vectors of the sentence model that there are.

    `rows` holds the numbers of the training rows that it has read, `seen` its vectors of them.
    """

    x: np.ndarray
    h: np.ndarray
    part: np.ndarray
    vectors: np.ndarray
    rows: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(
        cls,
        space: Space,
        listed: Phrases,
        teacher: Teacher,
        rows: list[Row],
        part: dict[str, int],
    ) -> Taught:
        pieces = pool()
        texts = [text for _, text in pieces]
        own = [*(row.text for row in own_rows()), *phrases()]
        vectors = teacher.vectors("pieces", texts)
        read = dict(zip(own, teacher.vectors("own", own), strict=True))
        read.update(zip(texts, vectors, strict=True))
        known = [i for i, row in enumerate(rows) if row.text in read]
        chosen = [words(text) for text in texts[::STEP]]
        return cls(
            space.units(chosen),
            hits(listed, chosen),
            np.array([part.get(source, i % PARTS) for i, (source, _) in enumerate(pieces)])[::STEP],
            vectors[::STEP],
            np.array(known),
            np.array([read[rows[i].text] for i in known]),
        )

    def said(self, y: np.ndarray, fit: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """How likely each piece is on a topic, by a head over the rows that `fit` names."""
        mine = fit[self.rows]
        rows = self.rows[mine]
        head = LogisticRegression(C=0.3, max_iter=150)
        head.fit(self.seen[mine] * HEAD_SCALE, y[rows], sample_weight=weight[rows])
        found: np.ndarray = head.predict_proba(self.vectors * HEAD_SCALE)[:, 1]
        return found


@dataclass
class Lessons:
    """Training rows as numbers: vectors, phrases, sources in five parts, and what rows say."""

    rows: list[Row]
    x: np.ndarray
    h: np.ndarray
    part: np.ndarray
    weight: np.ndarray
    calm: Windows
    taught: Taught

    @classmethod
    def of(cls, space: Space, listed: Phrases, teacher: Teacher) -> Lessons:
        rows = labelled_rows(own_rows())
        texts = [words(row.text[:WHOLE]) for row in rows]
        groups = np.random.default_rng(SEED).permutation(np.unique([r.source for r in rows]))
        part = {source: i % PARTS for i, source in enumerate(groups)}
        return cls(
            rows,
            space.units(texts),
            hits(listed, texts),
            np.array([part[row.source] for row in rows]),
            np.array([row.weight for row in rows]),
            Windows.of(space, listed, rows),
            Taught.of(space, listed, teacher, rows, part),
        )


def train(space: Space, listed: Phrases, teacher: Teacher) -> dict[str, object]:
    """Heads, weights of phrases and scales; a scale is what heads give that saw no such source."""
    lessons = Lessons.of(space, listed, teacher)
    found = [_topic(lessons, number, topic) for number, topic in enumerate(TOPICS)]
    return {
        "topics": list(TOPICS),
        "heads": [[round(float(v), 4) for v in head[:-2]] for head, _ in found],
        "phrase": [round(float(head[-2]), 4) for head, _ in found],
        "least": LEAST,
        "most": MOST,
        "scales": [[round(float(v - head[-1]), 4) for v in scale] for head, scale in found],
    }


def _topic(lessons: Lessons, number: int, topic: str) -> tuple[np.ndarray, tuple[float, ...]]:
    rows, x, h = lessons.rows, lessons.x, lessons.h[:, number]
    y = np.array([topic in row.topics for row in rows])
    known = np.array([topic not in row.unknown for row in rows])
    balance = _balanced(y, lessons.weight, known)
    out, most, calm = np.zeros(len(rows)), np.full(len(rows), -np.inf), lessons.calm
    for k in range(PARTS):
        fit = known & (lessons.part != k)
        head = _taught(lessons, number, y, fit, balance, lessons.taught.part != k)
        test = lessons.part == k
        out[test] = np.c_[x[test], h[test], np.ones(test.sum())] @ head
        mine = lessons.part[calm.row] == k
        heard = np.c_[calm.x[mine], calm.h[mine, number], np.ones(mine.sum())] @ head
        np.maximum.at(most, calm.row[mine], heard)
    head = _taught(lessons, number, y, known, balance, np.ones(len(lessons.taught.x), bool))
    scale = Scale.of(most[known & ~y & np.isfinite(most)].tolist())
    own = np.array([row.source.startswith("own:") for row in rows])
    at = scale.one
    say(
        f"{topic:17s} rows {int(y.sum()):5d}  unseen sources found at 1 %: public "
        f"{_rate(out[y & ~own] > at)}  own {_rate(out[y & own] > at)}  "
        f"near misses {_rate(out[own & ~y & known] > at)}  phrase {head[-2]:.2f}"
    )
    return head, (scale.five, scale.one, scale.tenth)


def _taught(
    lessons: Lessons,
    number: int,
    y: np.ndarray,
    fit: np.ndarray,
    weight: np.ndarray,
    taken: np.ndarray,
) -> np.ndarray:
    """A head from the rows that `fit` names and the pieces that `taken` names, as both classes."""
    taught = lessons.taught
    likely = taught.said(y, fit, weight)[taken]
    x, h = taught.x[taken], taught.h[taken, number]
    weights = np.r_[weight[fit], TAUGHT * likely, TAUGHT * (1 - likely)]
    kept = weights > 1e-3
    return fitted(
        np.r_[lessons.x[fit], x, x][kept],
        np.r_[lessons.h[fit, number], h, h][kept],
        np.r_[y[fit], np.ones(len(x), bool), np.zeros(len(x), bool)][kept],
        weights[kept],
    )


def _rate(found: np.ndarray) -> str:
    return f"{found.mean():.2f}" if len(found) else "none"


def _balanced(y: np.ndarray, weight: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Weights that let the rows of a topic count as a fifth of all."""
    found = weight.copy()
    mine, others = found[y & known].sum(), found[~y & known].sum()
    found[y] *= 0.25 * others / mine
    return found


def say(found: object) -> None:
    """A line of the protocol of the training."""
    sys.stdout.write(f"{found}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("table", type=Path)
    asked = parser.parse_args()
    sample = background_rows(BACKGROUND, SEED)
    space = space_of(asked.table, aliases(), sample)
    listed = Phrases.of(phrases())
    model = train(space, listed, Teacher(asked.cache))
    units = space.units([words(windows(text)[0]) for text in sample])
    units = units[np.linalg.norm(units, axis=1) > 0]
    step = np.abs(units).max(axis=1, keepdims=True) / 127
    harmless = sorted({row.text for row in own_rows() if row.topic is None})
    _write(
        {
            "words.txt": "\n".join(_listed(asked.table)).encode(),
            "aliases.txt": "\n".join(f"{a} {w}".rstrip() for a, w in aliases().items()).encode(),
            "table.i8": space.table.tobytes(),
            "scales.f32": space.scales.astype("<f4").tobytes(),
            "background.i8": np.round(units / step).astype(np.int8).tobytes(),
            "harmless.txt": "\n".join(harmless).encode(),
            "phrases.json": json.dumps(phrases(), separators=(",", ":")).encode(),
            "heads.json": json.dumps(model, separators=(",", ":")).encode(),
        }
    )


def aliases() -> dict[str, str]:
    """Words of other languages by the English one that they share a row with."""
    path = Path(__file__).resolve().parent / "own" / "aliases.tsv"
    found: dict[str, str] = {}
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, others = line.partition(":")
        for other in words(others):
            found.setdefault(other, word.strip())
    return found


def _listed(table: Path) -> list[str]:
    found: list[str] = np.load(table)["words"].tolist()
    return found


def _write(files: dict[str, bytes]) -> None:
    WEIGHTS.mkdir(exist_ok=True)
    for name, content in files.items():
        (WEIGHTS / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {
        "files": sums,
        "made_by": "classifiers/topics/train.py",
        "data": data_digests(FILES),
    }
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    sizes = {name: len(content) for name, content in files.items()}
    say(f"{sizes}, together {sum(sizes.values()):,}")


if __name__ == "__main__":
    main()
