"""Labelled texts for training: public data, own phrases, and what is made of them.

Public data is read from `$POLICYENGINE_DATA` (or `../shared/data`) and never copied. Both classes
are disguised at equal or, for harmless texts, greater rates, so that no disguise is itself a mark
of an attack.
"""

from __future__ import annotations

import base64
import codecs
import gzip
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import phrases
import records
import security

ROOT = Path(__file__).resolve().parents[2]
MAX_TEXT = 12_000
OWN_EACH = 130
OWN_RECORDS = 700
OWN_SECURITY = 700

DOCUMENTS = {"document", "tool-json", "code"}
"""Kinds that come as tools' and documents' texts."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text, whether it holds an attack, where it is from, and where the attack stands."""

    text: str
    label: int
    source: str
    kind: str
    span: tuple[int, int] | None = None
    lang: str = "en"
    is_copy: bool = False

    @property
    def is_data(self) -> bool:
        """Whether the text is one that a tool or a document gives, not a user."""
        return self.kind in DOCUMENTS or "indirect" in self.kind


def data() -> Path:
    """The folder of the public data."""
    return Path(os.environ.get("POLICYENGINE_DATA", ROOT.parent / "shared" / "data"))


def load(name: str) -> list[Example]:
    """The rows of a file of the public data."""
    with gzip.open(data() / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        Example(
            row["text"][:MAX_TEXT],
            int(row["label"]),
            row["source"],
            row.get("kind") or "",
            tuple(row["span"]) if row.get("span") else None,
            row.get("lang") or "en",
        )
        for row in rows
    ]


def own(seed: int) -> list[Example]:
    """Rows of our own phrases, and harmless mails, events, messages and records of our own."""
    made = [
        Example(text, 0, f"own-records-{half}", "document")
        for half in (0, 1)
        for text in records.texts(seed, OWN_RECORDS, half)
    ]
    made += [
        Example(text, 0, "own-security", "instruction")
        for text in security.texts(seed, OWN_SECURITY)
    ]
    return made + [
        Example(text, label, f"own-{lang}", kind, None, lang)
        for text, label, kind, lang in phrases.rows(seed, OWN_EACH)
    ]


def embedded(attacks: Sequence[Example], hosts: Sequence[Example], seed: int) -> list[Example]:
    """Each attack set into a document of its own, at a sentence's end, with its place."""
    chance = random.Random(seed)
    found = []
    for attack in attacks:
        host = chance.choice(hosts).text
        size = chance.choice((400, 900, 2000, 4000))
        start = chance.randrange(max(len(host) - size, 0) + 1)
        host = host[start : start + size]
        ends = [i + 1 for i, c in enumerate(host) if c in ".\n"] or [len(host)]
        at = chance.choice(ends)
        before, body = host[:at] + chance.choice((" ", "\n", "\n\n")), attack.text[:1500]
        text = before + body + chance.choice((" ", "\n")) + host[at:]
        found.append(
            replace(
                attack,
                text=text,
                kind="indirect",
                span=(len(before), len(before) + len(body)),
            )
        )
    return found


def typos(text: str, chance: random.Random, rate: float = 0.08) -> str:
    """Letters swapped, left out, doubled or replaced, at about this rate per word letter."""
    letters = list(text)
    i = 1
    while i < len(letters) - 1:
        if letters[i].isalpha() and letters[i + 1].isalpha() and chance.random() < rate:
            match chance.randrange(4):
                case 0:
                    letters[i], letters[i + 1] = letters[i + 1], letters[i]
                case 1:
                    letters[i] = ""
                case 2:
                    letters[i] *= 2
                case _:
                    letters[i] = chance.choice("abcdefghijklmnopqrstuvwxyz")
            i += 2
        i += 1
    return "".join(letters)


def swaps(text: str, chance: random.Random, rate: float = 0.5) -> str:
    """Two neighbouring inner letters swapped in about this part of the longer words."""
    words = text.split(" ")
    for i, word in enumerate(words):
        if len(word) >= 4 and word.isalpha() and chance.random() < rate:
            j = chance.randrange(1, len(word) - 2)
            words[i] = word[:j] + word[j + 1] + word[j] + word[j + 2 :]
    return " ".join(words)


_LEET = str.maketrans("oieastOIEAST", "013457013457")
DISGUISES: Mapping[str, Callable[[str], str]] = {
    "leet": lambda text: text.translate(_LEET),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "spaced": lambda text: " ".join(text.replace(" ", "")),
    "dotted": lambda text: ".".join(text.replace(" ", "")),
    "no-spaces": lambda text: text.replace(" ", ""),
    "url": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "html": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "zero-width": lambda text: "\u200b".join(text),
    "fullwidth": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "homoglyphs": lambda text: text.translate(str.maketrans("aeopcyxi", "аеорсухі")),
    "marks": lambda text: "".join(c + "\u0336" if c.isalpha() else c for c in text),
    "tags": lambda text: "".join(chr(0xE0000 + ord(c)) if " " <= c <= "~" else c for c in text),
    "bold": lambda text: "".join(f"**{c}**" if c.isalpha() else c for c in text),
}

# Harmless text is disguised more often: what is odd must not be what is evil.
_RATES: Mapping[int, Mapping[str, float]] = {
    1: {"typos": 0.12, "swaps": 0.06, "leet": 0.005, "no-spaces": 0.01},
    0: {
        "typos": 0.10,
        "swaps": 0.05,
        "leet": 0.05,
        "no-spaces": 0.012,
        "base64": 0.01,
        "hex": 0.006,
        "rot13": 0.006,
        "reversed": 0.006,
        "spaced": 0.006,
        "url": 0.005,
        "html": 0.006,
        "bold": 0.004,
    },
}


def disguised(examples: Sequence[Example], seed: int) -> list[Example]:
    """Disguised copies of some of the shorter examples, of both classes."""
    chance = random.Random(seed)
    found = []
    for example in examples:
        if len(example.text) > 700 or example.span is not None:
            continue
        pick = chance.random()
        for how, rate in _RATES[example.label].items():
            pick -= rate
            if pick < 0:
                found.append(
                    replace(example, text=_disguise(how, example.text, chance), is_copy=True)
                )
                break
    return found


def _disguise(how: str, text: str, chance: random.Random) -> str:
    if how == "typos":
        return typos(text, chance)
    if how == "swaps":
        return swaps(text, chance)
    return DISGUISES[how](text)
