"""Finding what has a fixed shape: each run of digits is looked at once, for all entities.

A form is filed under its first run of digits and the shape beside it (`999-99-9999` under
`,999-9`), so that most runs in a text are done with after one look into a dict. What is filed
there is compared with the shape around the run; what needs a word of context is checked only where
there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from policyengine.guards._pii.entity import Entity, Form, Hit, Strength, hit
from policyengine.guards._pii.view import View, Words

_RUN = re.compile("9+")
# Runs that belong together: dates, times of day and addresses of machines have few shapes. A
# search for a form that begins with one certain character is several times faster.
_ROW = re.compile(r"99*+(?:[-./:]9++){0,5}+(?:(?<=9-99)[ A]99:99:99(?:[,.]999)?+)?+")
_LETTERS: Final = "9Aa"
_LONGEST: Final = 20
# Longer rows are looked at run by run.
_LONGEST_ROW: Final = 40

Look = Callable[[View, int, int], tuple[Hit, ...]]
Row = tuple[Entity, Strength]


@dataclass(frozen=True, slots=True)
class _Shaped:
    """One shape of an entity; its first run of digits is `offset` characters from its start."""

    entity: Entity
    shape: str
    offset: int
    run: int
    strength: Strength

    def fits(self, before: str, after: str) -> bool:
        """Whether it may stand where a run has a character before it and two behind it."""
        if self.offset:
            if self.shape[self.offset - 1] != before:
                return False
        elif before in "Aa+":
            return False
        rest = self.shape[self.offset + self.run :][:2]
        if not after.startswith(rest):
            return False
        return len(rest) == 2 or after[len(rest)] not in _LETTERS


@dataclass(frozen=True, slots=True)
class _Rows:
    """The entities of one shape: those that need no word of context, and those that do."""

    sure: tuple[Row, ...]
    unsure: tuple[Row, ...]
    words: Words

    @classmethod
    def of(cls, rows: Iterable[Row], floor: float) -> _Rows:
        sure: list[Row] = []
        unsure: list[Row] = []
        for row in rows:
            (sure if row[1].alone >= floor else unsure).append(row)
        words = Words.union(entity.words for entity, _ in unsure)
        return cls(tuple(sure), tuple(unsure), words)

    def hits(self, view: View, start: int, end: int) -> Iterator[Hit]:
        """What a range of this shape is."""
        found = view.text[start:end]
        if not found.isalnum():
            found = "".join(filter(str.isalnum, found))
        found = found.upper()
        for entity, strength in self.sure:
            if entity.check is None or entity.check(found):
                yield hit(entity, view, start, end, strength, _why(entity))
        if self.unsure and view.says(self.words, start, end):
            for entity, strength in self.unsure:
                if view.says(entity.words, start, end) and (
                    entity.check is None or entity.check(found)
                ):
                    yield hit(entity, view, start, end, strength, _why(entity))


def _why(entity: Entity) -> str:
    return "pattern" if entity.check is None else "pattern and check"


Group = tuple[int, int, dict[str, _Rows]]
"""Shapes that begin so many characters before a run, and are so long."""

# How much around a run tells what it may be part of, and how many such surroundings are kept.
_BEFORE: Final = 3
_AFTER: Final = 6
_KEPT: Final = 50_000

Run = tuple[int, int, tuple[Look, ...], tuple[Group, ...]]
"""Where a run of a row begins and ends, behind the row's beginning, and what may stand there."""


@dataclass(frozen=True, slots=True)
class _Near:
    """What may stand at a run."""

    groups: tuple[Group, ...]
    looks: tuple[Look, ...]
    run: int

    def among(self, before: str, after: str) -> tuple[Group, ...]:
        """The groups that have a shape which may stand between some more characters."""
        found = []
        for offset, length, shapes in self.groups:
            kept = {
                shape: rows
                for shape, rows in shapes.items()
                if _agree(shape, offset, self.run, before, after)
            }
            if kept:
                found.append((offset, length, kept))
        return tuple(found)


def _agree(shape: str, offset: int, run: int, before: str, after: str) -> bool:
    head = shape[:offset][-_BEFORE:]
    if not before.endswith(head):
        return False
    tail = shape[offset + run :][:_AFTER]
    if not after.startswith(tail):
        return False
    return len(tail) == _AFTER or after[len(tail)] not in _LETTERS


class _Table(dict[str, _Near | None]):
    """What may stand at a run, by the run and what stands beside it; filled when first asked.

    A key is the run with two characters of the shape on each side. A hostile text has many, so that
    not all are kept.
    """

    def __init__(self, entities: Iterable[Entity], floor: float) -> None:
        super().__init__()
        self._floor = floor
        self.around: dict[str, tuple[tuple[Look, ...], tuple[Group, ...]]] = {}
        self.rows: dict[str, tuple[Run, ...]] = {}
        self._shaped: dict[int, list[_Shaped]] = {}
        self._starts: dict[int, list[tuple[tuple[str, ...], tuple[str, ...], Look]]] = {}
        for entity in entities:
            for shaped in _shaped(entity):
                self._shaped.setdefault(shaped.run, []).append(shaped)
            if entity.at is not None:
                for start in entity.starts:
                    for length in start.lengths:
                        each = (start.before, start.follows, entity.at)
                        self._starts.setdefault(length, []).append(each)

    def row(self, shape: str, start: int, end: int) -> tuple[Run, ...]:
        """The runs of a row at which something may stand; kept, but not for ever."""
        runs = []
        for found in _RUN.finditer(shape, start, end):
            low, high = found.span()
            if high - low > _LONGEST:
                continue
            key = _key(shape, low, high)
            looks, groups = self.around.get(key) or self.learn(key, high - low)
            if looks or groups:
                runs.append((low - start, high - start, looks, groups))
        row = tuple(runs)
        if len(self.rows) < _KEPT and end - start <= _LONGEST_ROW:
            self.rows[_key(shape, start, end)] = row
        return row

    def learn(self, key: str, run: int) -> tuple[tuple[Look, ...], tuple[Group, ...]]:
        """What may stand at a run, by more of what stands around it; kept, but not for ever.

        Hostile texts have endless surroundings: from some number on more groups are looked at.
        """
        near = self[key[_BEFORE - 2 : _BEFORE + run + 2]]
        if near is None:
            found: tuple[tuple[Look, ...], tuple[Group, ...]] = ((), ())
        elif len(self.around) >= _KEPT:
            return near.looks, near.groups
        else:
            groups = near.among(key[:_BEFORE], key[_BEFORE + run :]) if near.groups else ()
            found = near.looks, groups
        if len(self.around) < _KEPT:
            self.around[key] = found
        return found

    @property
    def lengths(self) -> set[int]:
        """How long the runs are at which there is something to look for."""
        return {*self._shaped, *self._starts}

    def __missing__(self, key: str) -> _Near | None:
        found = self._near(key[:2], len(key) - 4, key[-2:])
        if len(self) < _KEPT:
            self[key] = found
        return found

    def _near(self, before: str, run: int, after: str) -> _Near | None:
        looks = tuple(
            dict.fromkeys(
                look
                for befores, follows, look in self._starts.get(run, ())
                if _is_one(before, befores) and _is_one(after, follows)
            )
        )
        filed: dict[tuple[int, int], dict[str, list[Row]]] = {}
        for each in self._shaped.get(run, ()):
            if each.fits(before[1], after):
                place = filed.setdefault((each.offset, len(each.shape)), {})
                place.setdefault(each.shape, []).append((each.entity, each.strength))
        if not filed and not looks:
            return None
        groups = tuple(
            (offset, length, {shape: _Rows.of(rows, self._floor) for shape, rows in shapes.items()})
            for (offset, length), shapes in filed.items()
        )
        return _Near(groups, looks, run)


def _is_one(pair: str, pairs: Iterable[str]) -> bool:
    """Whether two characters are one of some pairs, in which `*` is any character."""
    return any(each[0] in ("*", pair[0]) and each[1] in ("*", pair[1]) for each in pairs)


@dataclass(frozen=True, slots=True)
class Runs:
    """What the runs of digits of a text may be, for some entities.

    A find that would score less than `floor` is not looked for.
    """

    table: _Table = field(repr=False)
    floor: float
    idle: tuple[tuple[Look, Callable[[View], bool]], ...]
    """Looks that find nothing in some texts, and what tells so."""

    @classmethod
    def of(cls, entities: Iterable[Entity], floor: float = 0.0) -> Runs:
        """The table for some entities."""
        entities = tuple(entities)
        idle = {each.at: each.idle for each in entities if each.at and each.idle}
        return cls(_Table(entities, floor), floor, tuple(idle.items()))

    def __bool__(self) -> bool:
        return bool(self.table.lengths)

    def scan(self, view: View) -> Iterator[Hit]:
        """What stands at the runs of digits of a text."""
        shape, table = view.shape, self.table
        rows = table.rows
        asleep: set[Look] | None = None
        for number, found in enumerate(_ROW.finditer(shape)):
            if not number & 1023:
                view.check()
            begin, stop = found.span()
            low = begin - _BEFORE
            key = shape[low : stop + _AFTER] if low >= 0 else _key(shape, begin, stop)
            row = rows.get(key)
            if row is None:
                row = table.row(shape, begin, stop)
            for low, high, looks, groups in row:
                start = begin + low
                if looks and asleep is None:
                    asleep = {look for look, idle in self.idle if idle(view)}
                for look in looks:
                    if asleep and look in asleep:
                        continue
                    hits = look(view, start, begin + high)
                    if hits:
                        yield from hits
                for offset, length, shapes in groups:
                    first = start - offset
                    rows_of = shapes.get(shape[first : first + length]) if first >= 0 else None
                    if rows_of is not None and _stands_alone(shape, first, first + length):
                        yield from rows_of.hits(view, first, first + length)


def _key(shape: str, start: int, end: int) -> str:
    """What stands around a run or a row, also near the beginning of a text."""
    if start >= _BEFORE:
        return shape[start - _BEFORE : end + _AFTER]
    return ("," * _BEFORE + shape[: end + _AFTER])[start:]


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


def _shaped(entity: Entity) -> Iterator[_Shaped]:
    for form in entity.forms:
        for shape in shapes(form, entity.folded):
            found = _RUN.search(shape)
            if found is None or found.end() - found.start() > _LONGEST:
                raise ValueError(f"a form of `{entity.name}` has no run of digits to start from")
            start, end = found.span()
            yield _Shaped(entity, shape, start, end - start, form.strength)


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
