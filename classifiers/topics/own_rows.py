"""The rows that were written for this project, in `own/`.

A line is `+ text` (on the file's topic) or `- text` (not on it, though its words look like it).
`{a|b}` stands for one of several words; a line is spread into as many rows as its longest choice
has, each choice taken in turn, so that no line outweighs the others by the product of its choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from policyengine.guards._topic.tokens import words

FOLDER = Path(__file__).resolve().parent / "own"
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A text, its line's key (rows of one line belong together), and the topic or None."""

    text: str
    line: str
    topic: str | None
    beside: str | None


def own_rows() -> list[OwnRow]:
    """All rows, in the order of the files' names."""
    return [
        row
        for path in sorted(FOLDER.glob("*.txt"))
        if path.stem != "phrases"
        for row in _rows(path)
    ]


def _rows(path: Path) -> Iterator[OwnRow]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        sign, _, text = line.partition(" ")
        for spread in spread_out(text):
            topic = path.stem if sign == "+" else None
            yield OwnRow(spread, f"{path.stem}:{number}", topic, path.stem)


def spread_out(line: str) -> list[str]:
    """The rows of a line.

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


def phrases() -> dict[str, dict[str, float]]:
    """For each listed phrase what it weighs for which topics; `own/phrases.txt` says how."""
    found: dict[str, dict[str, float]] = {}
    for line in (FOLDER / "phrases.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, listed = line.partition(":")
        topic, weight = head.split()
        for phrase in listed.split(","):
            found.setdefault(" ".join(words(phrase)), {})[topic] = float(weight)
    return found
