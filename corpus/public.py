"""The public sets: third-party texts that are read from a folder beside the project, not copied.

They are looked for in `$POLICYENGINE_DATA`, else in `../shared/data`. What is read has the SHA-256
that stands here, so figures that were measured on a file can be measured again on the same bytes.
Each row carries its own source and licence; the sources named here are the largest of each set.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from policyengine.analysis.labelled import Labelled, read_labelled

ROOT: Final = Path(__file__).resolve().parent.parent
VARIABLE: Final = "POLICYENGINE_DATA"


class PublicSetError(Exception):
    """A public set that is not there, or is not the one that is known by its name."""


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A file of labelled texts: what it is for, how many rows it has, whence, under what licence.

    A practice exam is measured on, and never trained or tuned on.
    """

    file: str
    sha256: str
    rows: int
    use: Literal["training", "practice exam"]
    sources: tuple[str, ...]
    licences: tuple[str, ...]


SETS: Final[Mapping[str, PublicSet]] = {
    "injection.practice-direct": PublicSet(
        "injection.practice-direct.jsonl.gz",
        "3a33eeecfecc1dc4cd524908194af745e034eb7d83bcde33ee810f1a27fc3d1b",
        645,
        "practice exam",
        ("deepset/prompt-injections",),
        ("Apache-2.0",),
    ),
    "injection.practice-indirect": PublicSet(
        "injection.practice-indirect.jsonl.gz",
        "ca6d0e4673ac69294f68e3c3372ee144f59b1582e7fe9f3c0f91122f6f0d522c",
        796,
        "practice exam",
        ("AgentDojo",),
        ("MIT",),
    ),
    "injection.practice-overdefence": PublicSet(
        "injection.practice-overdefence.jsonl.gz",
        "bb7fb0d6f0547d227d67bb647487a0288587e2c14e3448deb49dc32b20d66eac",
        935,
        "practice exam",
        ("CyberSecEval-FRR", "XSTest-safe"),
        ("CC-BY-4.0", "MIT"),
    ),
    "injection.train": PublicSet(
        "injection.train.jsonl.gz",
        "3575e39168db89941f713b4c82f2ee8745b86d8f5bb5eb5b49932043ef228eb7",
        29_012,
        "training",
        (
            "neuralchemy",
            "synthetic-indirect(ASB instr.)",
            "clinc150",
            "t0-p3-subset",
            "nq-open",
            "awesome-chatgpt-prompts",
        ),
        (
            "Apache-2.0",
            "BSD-3-Clause",
            "CC-BY-3.0",
            "CC-BY-4.0",
            "CC-BY-SA",
            "CC-BY-SA-3.0",
            "CC-BY-SA-4.0",
            "CC0-1.0",
            "MIT",
        ),
    ),
    "pii.ner-train": PublicSet(
        "pii.ner-train.jsonl.gz",
        "7d153945a6de47ca594b114093ffc456562fa430c3ba601fa8566862d51e8070",
        23_670,
        "training",
        ("BTC", "WNUT17-train", "UNER-EWT-dev", "wikigold", "CrossNER-politics", "SEC-filings"),
        ("CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0", "MIT"),
    ),
    "pii.practice-ner": PublicSet(
        "pii.practice-ner.jsonl.gz",
        "92c48b964328e2ab3f8835c634788278e37ad3a504a0b6da4b69a7d94dfc58dd",
        1_284,
        "practice exam",
        ("WNUT17-test",),
        ("CC-BY-4.0",),
    ),
    "pii.practice-synthetic": PublicSet(
        "pii.practice-synthetic.jsonl.gz",
        "55367612a3ac7c630cc35769325a6240bb6e53d95cd8af47c8594d8e61f7c253",
        1_500,
        "practice exam",
        ("presidio-research synth_dataset_v2",),
        ("CC-BY-SA-3.0-US", "MIT"),
    ),
    "pii.synth-train": PublicSet(
        "pii.synth-train.jsonl.gz",
        "3629847f71a83755115e3a61d549f12606705a34ac77e07955e014e578340009",
        3_129,
        "training",
        ("own-templates", "presidio-research generated_large"),
        ("CC-BY-SA-3.0-US", "MIT"),
    ),
    "routing.needs-strong.train": PublicSet(
        "routing.needs-strong.train.jsonl.gz",
        "580f1912579d5661a12c42c74d81f5614cc0d7f1dd5bae733755a4fa29b4092b",
        7_996,
        "training",
        ("RouteLLM-MMLU",),
        ("Apache-2.0", "MIT"),
    ),
    "routing.practice-needs-strong": PublicSet(
        "routing.practice-needs-strong.jsonl.gz",
        "ece93744d04351142841eef670c081a4b2413b092b9af79dc83e4912a7003d00",
        1_319,
        "practice exam",
        ("RouteLLM-GSM8K",),
        ("Apache-2.0", "MIT"),
    ),
    "routing.task.train": PublicSet(
        "routing.task.train.jsonl.gz",
        "43848de58c8b827f17d71d096d218e1d7a77655da01403e7db01f1b124a7c47e",
        9_921,
        "training",
        (
            "clinc150",
            "nq-open",
            "gsm8k",
            "cyberseceval-instruct",
            "awesome-chatgpt-prompts",
            "LLMRouter-commonsense_qa",
        ),
        ("Apache-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC0-1.0", "MIT"),
    ),
    "topics.practice": PublicSet(
        "topics.practice.jsonl.gz",
        "eca6e5bcc3bd6844700365afdd8a033eda0b75267b45e2dc5b411e30f5066c27",
        1_554,
        "practice exam",
        ("openai-moderation-1680",),
        ("MIT",),
    ),
    "topics.train": PublicSet(
        "topics.train.jsonl.gz",
        "ee6790e9f82a19df81f278c3e61cf307042fe4e7690be5d1a9d3158b5af37984",
        16_167,
        "training",
        (
            "CrossNER-politics",
            "neg:clinc150",
            "MedQuAD",
            "neg:nq-open",
            "neg:t0-p3-subset",
            "t-davidson-neither",
        ),
        ("Apache-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA", "CC-BY-SA-3.0", "CC0-1.0", "MIT"),
    ),
}
"""The public sets by name."""


def folder() -> Path:
    """Where the sets are looked for."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else ROOT.parent / "shared" / "data"


def load(name: str, where: Path | None = None) -> Labelled:
    """The rows of a set, after its bytes were proved to be the known ones.

    `where` is the folder, if it is not the usual one. Raises `PublicSetError` for a name that
    there is not, a file that is missing, and one with another digest.

    >>> load("pii.unknown")
    Traceback (most recent call last):
    ...
    corpus.public.PublicSetError: there is no public set `pii.unknown`
    """
    return read_labelled(read_bytes(name, where), name)


def read_bytes(name: str, where: Path | None = None) -> bytes:
    """The bytes of a set as they are stored; raises as `load` does."""
    known = SETS.get(name)
    if known is None:
        raise PublicSetError(f"there is no public set `{name}`")
    at = where if where is not None else folder()
    try:
        data = (at / known.file).read_bytes()
    except FileNotFoundError:
        raise PublicSetError(
            f"`{known.file}` is not in {at}; put it there, or say in ${VARIABLE} where it is"
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != known.sha256:
        raise PublicSetError(
            f"`{known.file}` is not the file that is known by this name: its SHA-256 is {found}, "
            f"not {known.sha256}"
        )
    return data


def available(where: Path | None = None) -> list[str]:
    """The names of the sets whose files are there, whatever is in them."""
    at = where if where is not None else folder()
    return [name for name, known in SETS.items() if (at / known.file).is_file()]
