"""Finding what has a fixed shape: each run of digits is looked at once, for all entities.

A form is filed under its first run of digits and the two characters of the shape that follow it
(`999-99-9999` under `999-9`), so that most runs in a text are done with after one look into a
dict. What is filed there is compared with the shape around the run, and then checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from policyengine.guards._pii.entity import Entity, Form, Hit, Strength, hit
from policyengine.guards._pii.view import View

_RUN = re.compile("9+")
_LETTERS = "9Aa"
_BESIDE = " -./:+()@,"
_NEXT = _BESIDE + "Aa"
_LONGEST = 34


@dataclass(frozen=True, slots=True)
class _Shaped:
    """One shape of an entity, `offset` characters before the run that it is filed under."""

    entity: Entity
    shape: str
    offset: int
    strength: Strength

    def at(self, view: View, run: int, end: int) -> Hit | None:
        """What stands at a run of digits."""
        shape, own = view.shape, self.shape
        start = run - self.offset
        if start < 0 or not shape.startswith(own, start):
            return None
        end = start + len(own)
        if not _stands_alone(shape, start, end):
            return None
        found = view.text[start:end]
        check = self.entity.check
        if check is None:
            return hit(self.entity, view, start, end, self.strength, "pattern")
        if not found.isalnum():
            found = "".join(filter(str.isalnum, found))
        if not check(found.upper()):
            return None
        return hit(self.entity, view, start, end, self.strength, "pattern and check")


def _stands_alone(shape: str, start: int, end: int) -> bool:
    """Whether nothing joins a range to more letters or digits (`1.` before it, `-2` behind)."""
    if shape[end] in _LETTERS or (shape[end] in "-./" and shape[end + 1] == "9"):
        return False
    if not start:
        return True
    before = shape[start - 1]
    if before in "9Aa+":
        return False
    return not (before in "-./" and start > 1 and shape[start - 2] == "9")


Look = Callable[[View, int, int], Hit | None]


@dataclass(frozen=True, slots=True)
class Runs:
    """What the runs of digits of a text may be, for some entities."""

    looks: dict[str, tuple[Look, ...]]

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> Runs:
        """The table for some entities."""
        filed: dict[str, list[Look]] = {}
        for entity in entities:
            for keys, look in _filed(entity):
                for key in keys:
                    filed.setdefault(key, []).append(look)
        return cls({key: tuple(looks) for key, looks in filed.items()})

    def scan(self, view: View) -> Iterator[Hit]:
        """What stands at the runs of digits of a text."""
        if not self.looks:
            return
        shape, get = view.shape, self.looks.get
        for found in _RUN.finditer(shape):
            start, end = found.span()
            # A longer run is no key; its digits are not copied to find that out.
            looks = get(shape[start : end + 2]) if end - start <= _LONGEST else None
            if looks:
                for look in looks:
                    hit = look(view, start, end)
                    if hit is not None:
                        yield hit


def _filed(entity: Entity) -> Iterator[tuple[Iterable[str], Look]]:
    for form in entity.forms:
        for shape in shapes(form, entity.folded):
            found = _RUN.search(shape)
            if found is None:
                raise ValueError(f"a form of `{entity.name}` has no digit")
            look = _Shaped(entity, shape, found.start(), form.strength).at
            follows = shape[found.end() : found.end() + 2]
            yield [found.group() + rest for rest in _rests(follows)], look
    if entity.at is not None:
        for start in entity.starts:
            rests = {rest for follows in start.follows for rest in _any(follows)}
            yield ["9" * length + rest for length in start.lengths for rest in rests], entity.at


def shapes(form: Form, folded: bool = False) -> list[str]:
    """All shapes that a form stands for.

    >>> from policyengine.guards._pii.entity import SHAPED
    >>> shapes(Form("99~9X", SHAPED, "-"))
    ['9999', '999A', '99-99', '99-9A']
    """
    joined = ["", *form.separators] if "~" in form.shape else [""]
    found = [
        "".join(each)
        for separator in joined
        for each in product(*(_options(c, separator) for c in form.shape))
    ]
    if folded:
        found += [shape.replace("A", "a") for shape in found if "A" in shape]
    return found


def _options(character: str, separator: str) -> Iterable[str]:
    if character == "~":
        return (separator,)
    return "9A" if character == "X" else character


def _rests(follows: str) -> list[str]:
    """The two characters behind a run, where a form says so many of them."""
    if len(follows) == 2:
        return [follows]
    if follows:
        return [follows + any for any in _BESIDE]
    return [first + second for first in _BESIDE for second in _NEXT + "9"]


def _any(follows: str) -> Iterator[str]:
    first, second = follows[0], follows[1]
    for a in _NEXT if first == "*" else first:
        for b in _NEXT + "9" if second == "*" else second:
            yield a + b
