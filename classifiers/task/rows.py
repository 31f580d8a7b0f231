"""The rows that the classifier of tasks is trained and measured on: public ones and our own.

Public rows are read from `$POLICYENGINE_DATA`; their labels are made into our kinds by the table
`KINDS`, and say little more than where a row comes from. Our own rows stand in `own.txt` (training)
and `exam.jsonl` (never trained on, and written before anything was tuned).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = Path(os.environ.get("POLICYENGINE_DATA") or ROOT.parent / "shared" / "data")
TRAIN = "routing.task.train.jsonl.gz"
STRONG = ("routing.practice-needs-strong.jsonl.gz", "routing.needs-strong.train.jsonl.gz")

# Our kind of a public row, by its label. What is not here is no honest example of any.
KINDS: Mapping[str, str] = {
    "code": "code",
    "math": "math",
    "reasoning": "math",
    "factual_qa": "question",
    "commonsense_mc": "question",
    "expert_qa": "question",
    "transform_text": "summary",
    "command_chat": "chat",
    "persona_writing": "writing",
}
# Lists of words to make a sentence of, and prompts that set up a role, are neither asked by users.
LEFT_OUT = ("LLMRouter-commongen", "awesome-chatgpt-prompts")
# Collections whose parts were cut out of one set of tasks: held out together.
FAMILIES: Mapping[str, str] = {
    "LLMRouter-human_eval": "human_eval",
    "llmrouter-human_eval": "human_eval",
    "LLMRouter-mbpp": "mbpp",
    "llmrouter-mbpp": "mbpp",
    "LLMRouter-math": "math",
    "llmrouter-math": "math",
    "LLMRouter-trivia_qa": "trivia_qa",
    "llmrouter-trivia_qa": "trivia_qa",
    "LLMRouter-agentverse-mgsm": "mgsm",
    "LLMRouter-agentverse-logicgrid": "logicgrid",
}
_CHOICE = re.compile(r"\{([^{}]*)\}")
# What is said to a voice assistant is as often a question as an order.
_ASKS = re.compile(
    r"(?:what|who|whose|when|where|why|how|which|is|are|was|were|do|does|did|can|could|should|will"
    r"|would|has|have|am|may|what's|whats|who's)\b(?!.*\byou\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt, its kind, its language where that is known, and what it is held out with."""

    text: str
    kind: str
    source: str
    lang: str = ""
    group: str = ""


def public_rows() -> list[Row]:
    """Public rows in the order of their file, without those that say what one of the exam does."""
    return _without_exam(_public())


def _without_exam(rows: Iterator[Row]) -> list[Row]:
    said = {_letters(row.text) for row in exam_rows()}
    return [row for row in rows if _letters(row.text) not in said]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _public() -> Iterator[Row]:
    with gzip.open(DATA / TRAIN, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            source = family(row["source"])
            if row["source"] in LEFT_OUT:
                continue
            kind = KINDS[row["label"]]
            if kind == "chat" and _ASKS.match(row["text"]):
                kind = "question"
            yield Row(row["text"], kind, source, "en", source)


def family(source: str) -> str:
    """What a source is held out with."""
    if source.startswith("T0-"):
        return "T0"
    return FAMILIES.get(source, source)


def own_rows() -> list[Row]:
    """Our own rows, in the order of their file; those of one line have one group."""
    return _without_exam(_own())


def _own() -> Iterator[Row]:
    lines = (HERE / "own.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        head, _, text = line.partition(": ")
        kind, lang = head.split()
        # A line's group decides in which fold it is held out.
        for spread in spread_out(text.replace("\\n", "\n")):
            yield Row(spread, kind, f"own-{lang}", lang, f"own:{number}")


def spread_out(line: str) -> list[str]:
    """The rows of a line: as many as its longest choice has, each choice taken in turn.

    >>> spread_out("{a|b} and {1|2|3}")
    ['a and 1', 'b and 2', 'a and 3']
    """
    choices = [group.split("|") for group in _CHOICE.findall(line)]
    found = []
    for turn in range(max(map(len, choices), default=1)):
        taken = iter(choices)
        found.append(_CHOICE.sub(lambda _, t=turn, k=taken: _turn(next(k), t), line))
    return found


def _turn(options: list[str], turn: int) -> str:
    return options[turn % len(options)]


def exam_rows() -> list[Row]:
    """Our own exam."""
    lines = (HERE / "exam.jsonl").read_text(encoding="utf-8").splitlines()
    rows = map(json.loads, lines)
    return [Row(row["text"], row["label"], "own exam", row["lang"], row["id"]) for row in rows]


def strong_rows(file: str) -> list[tuple[str, str]]:
    """Prompts with `weak_ok`, `strong_needed` or `both_fail`: whether a weak model was enough."""
    with gzip.open(DATA / file, "rt", encoding="utf-8") as lines:
        return [(row["text"], row["label"]) for row in map(json.loads, lines)]


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
