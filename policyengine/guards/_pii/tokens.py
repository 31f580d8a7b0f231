"""Finding what is one word of letters and digits: each long word with a digit is looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from policyengine.guards._pii.entity import Entity, Hit, Strength, hit
from policyengine.guards._pii.view import View

_SHORTEST: Final = 9
_LONGEST: Final = 110
_LONG: Final = b"w" * _SHORTEST

Judge = Callable[[str], Strength | None]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What words of some lengths may be."""

    judges: dict[int, tuple[tuple[Entity, Judge], ...]]

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> Tokens:
        """The table for some entities."""
        filed: dict[int, list[tuple[Entity, Judge]]] = {}
        for entity in entities:
            for length, judge in entity.tokens.items():
                if not _SHORTEST <= length <= _LONGEST:
                    raise ValueError(f"`{entity.name}` has words of {length} characters")
                filed.setdefault(length, []).append((entity, judge))
        return cls({length: tuple(each) for length, each in filed.items()})

    def scan(self, view: View) -> Iterator[Hit]:
        """What the long words of a text are."""
        words = view.words()
        shape, judges = view.shape, self.judges
        start = words.find(_LONG)
        while start >= 0:
            end = words.find(b" ", start + _SHORTEST)
            end = len(words) if end < 0 else end
            found = judges.get(end - start)
            if found and shape.find("9", start, end) >= 0:
                yield from _judged(view, start, end, found)
            start = words.find(_LONG, end)


def _judged(
    view: View, start: int, end: int, judges: Iterable[tuple[Entity, Judge]]
) -> Iterator[Hit]:
    token = view.text[start:end]
    capitals = token.upper()
    for entity, judge in judges:
        strength = judge(token if entity.exact else capitals)
        if strength is not None:
            yield hit(entity, view, start, end, strength, "form")
