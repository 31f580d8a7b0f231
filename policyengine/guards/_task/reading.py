"""A prompt as it is judged: its form, and the plain letters of its beginning and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policyengine.guards._task.asked import Asked
from policyengine.guards._task.rules import Ruled, begins_with_question, is_given, ruled
from policyengine.guards._task.shape import Shape
from policyengine.guards._text.normal import normalised

HEAD, TAIL = 1_000, 400
"""Characters of the beginning and of the end in which words are read."""
FEATURES: Sequence[str] = (
    "code", "blocks", "asks", "begins", "numbers", "formulas", "given", "length", "items",
)  # fmt: skip
"""What the classifier is told beside the words, by place in `Reading.features`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt's form and plain letters; `tail` is empty where `head` is all of it.

    Capitals are gone, and accents too.
    """

    shape: Shape
    head: str
    tail: str

    @classmethod
    def of(cls, prompt: str) -> Reading:
        """The reading of a prompt.

        >>> Reading.of("Écris un poème").head
        'ecris un poeme'
        """
        rest = prompt[HEAD:]
        # Some characters are many in plain form.
        head = _plain(prompt[:HEAD])[:HEAD]
        return cls(Shape.of(prompt), head, _plain(rest[-TAIL:])[:TAIL] if rest else "")

    @property
    def words(self) -> str:
        """The letters that the classifier sees."""
        return f"{self.head}\n{self.tail}" if self.tail else self.head

    def ruled(self) -> Ruled | None:
        """What the rules are sure of."""
        return ruled(self.head, self.tail, self.shape)

    def features(self) -> list[float]:
        """What the classifier is told beside the words, in the order of `FEATURES`."""
        shape = self.shape
        return [
            float(shape.code_lines > 0),
            float(shape.code_blocks > 0),
            float((self.tail or self.head).rstrip().endswith("?")),
            float(begins_with_question(self.head)),
            min(shape.numbers, 6) / 3,
            min(shape.formulas, 3) / 3,
            float(bool(self.tail) or is_given(self.head)),
            min(shape.characters.bit_length(), 12) / 4,
            min(shape.items, 4) / 4,
        ]


def _plain(text: str) -> str:
    return normalised(text).text.lower()


def asked_of_system(asked: Asked) -> Ruled | None:
    """What the operator's words ask of every prompt: a translation, or what a text says."""
    start = asked.system[:HEAD]
    if not any(stem in start.lower() for stem in _STEMS):
        return None
    plain = _plain(start)
    found = ruled(plain, "", Shape.of(start))
    return found if found is not None and found.kind in ("translation", "summary") else None


_STEMS = ("translat", "übersetz", "tradu", "翻", "訳", "summar", "zusammenfass", "résum", "resum")
