"""What can be found: entities as rows of a table, and what finding one gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from policyengine.guards._pii.view import View, Words


class Strength(NamedTuple):
    """The score of a find by itself, and with a word of its context near it."""

    alone: float
    near: float


# INVARIANT: what a number of digits alone could be is reported at the usual threshold of 0.5 only
# beside a word that says so.
DIGITS: Final = Strength(0.05, 0.6)
"""Digits or letters and digits, of which nothing can be checked."""
SHAPED: Final = Strength(0.3, 0.75)
"""A grouping or a mix of letters and digits that is unusual elsewhere, but no check digit."""
CHECKED: Final = Strength(0.4, 0.85)
"""Digits with a check digit: one number in ten has it by chance."""
TYPICAL: Final = Strength(0.6, 0.9)
"""A grouping that is seldom anything else."""
STRONG: Final = Strength(0.75, 0.95)
"""A typical grouping or letters in their places, and a check digit."""
SURE: Final = Strength(0.95, 0.99)
"""A check that chance passes less than once in a hundred, in a shape of its own."""


def listed(text: str) -> tuple[str, ...]:
    """The parts of a text between bars.

    >>> listed("social security|ssn")
    ('social security', 'ssn')
    """
    return tuple(text.split("|"))


class Hit(NamedTuple):
    """Something found: places are those of the view's text."""

    name: str
    start: int
    end: int
    score: float
    why: str


_NONE: Final = Words.of(())


@dataclass(frozen=True, slots=True)
class Form:
    """A fixed shape: `9` a digit, `A` a letter, `X` either, `~` one of the separators or nothing.

    All separators of a find are the same one. Other characters stand for themselves.
    """

    shape: str
    strength: Strength
    separators: str = " -."


APART: Final = (
    *("*" + beside for beside in " ,:()@"),
    *(other + beside for other in " -./:+()@,Aa" for beside in "-./"),
)
"""Before a run: no letter, digit or plus, and no other run with `-`, `.` or `/` between."""


@dataclass(frozen=True, slots=True)
class Start:
    """Which runs of digits a look of its own begins at: their lengths, and what follows them.

    `before` and `follows` are pairs of characters of the shape on its two sides, `*` standing for
    any; at the beginning of a text stands `,,`.
    """

    lengths: Iterable[int]
    follows: tuple[str, ...] = ("**",)
    before: tuple[str, ...] = APART


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of thing that is found.

    `checked` says for readers how a find is validated, `source` where that is written down.
    `words` are those that make a find likelier when they stand near it. An entity has `forms` and
    perhaps a `check` of their letters and digits, or looks `at` a run of digits that `starts` it,
    or is found by the `scan` of its family, which gives all of the entities that it is asked for.
    """

    name: str
    about: str
    region: str = "any"
    checked: str = ""
    source: str = ""
    forms: tuple[Form, ...] = ()
    check: Callable[[str], bool] | None = None
    words: Words = _NONE
    starts: tuple[Start, ...] = ()
    at: Callable[[View, int, int], tuple[Hit, ...]] | None = None
    idle: Callable[[View], bool] | None = None
    """Whether a look at any place of a text finds nothing, by what the text lacks."""
    scan: Callable[[View, frozenset[str]], Iterable[Hit]] | None = None
    tokens: Mapping[int, Callable[[str], Strength | None]] = field(default_factory=dict)
    """For words of some lengths with a digit in them, what they are worth."""
    exact: bool = False
    """Whether its words are judged as they are written."""
    folded: bool = False
    """Whether small letters are as good as capitals."""
    span: int = 64
    """The most characters of one find."""


def hit(entity: Entity, view: View, start: int, end: int, strength: Strength, why: str) -> Hit:
    """A find, its score lifted where a word of the entity's context stands near it."""
    if view.says(entity.words, start, end):
        return Hit(entity.name, start, end, strength.near, f"{why}, context")
    return Hit(entity.name, start, end, strength.alone, why)
