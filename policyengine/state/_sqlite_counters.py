"""Counters and holds as rows of an SQLite file.

A row that was not written here is an error, never a free budget.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from policyengine.charges import Charge, Hold
from policyengine.errors import StateError
from policyengine.state._counting import Counter
from policyengine.state._sqlite_file import Execute

NEVER: Final = float("inf")
_SLOT: Final = struct.Struct("<qqq")

_READ: Final = (
    "SELECT newest, floor, here_spent, here_held, dies, due, older FROM counters WHERE key = ?"
)
_WRITE: Final = "INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HELD: Final = "SELECT id, until, key, slot, amount, more FROM recent WHERE key IS NOT NULL"

Holds = list[tuple[bytes, int, int]]


class Counters:
    """The counters that a transaction reads and writes, and when something in each expires."""

    def __init__(self, execute: Execute, now: float) -> None:
        self._execute = execute
        self._now = now
        self._there: dict[bytes, Counter] = {}
        self._due: dict[bytes, float] = {}

    def __getitem__(self, key: bytes) -> Counter | None:
        if key not in self._there:
            row = self._execute(_READ, (key,)).fetchone()
            if row is None:
                return None
            self._there[key], self._due[key] = _counter(*row)
        counter = self._there[key]
        return None if counter.is_over(self._now) else counter

    def seen(self, charge: Charge) -> tuple[Counter, int, int]:
        """The counter of a charge, or a new one; its slot and since in it."""
        counter = self[name_of(charge.key)] or Counter(charge.slot)
        late = max(counter.newest - charge.slot, 0)
        return counter, charge.slot + late, charge.since + late

    def due(self, key: bytes) -> float:
        """Before when nothing expires in a counter."""
        return self._due.get(key, NEVER)

    def write(self, key: bytes, counter: Counter, due: float = NEVER) -> None:
        """Writes a counter, in which something expires at a time."""
        self._there[key] = counter
        self._due[key] = min(self._due.get(key, NEVER), due)
        self.put(key)

    def put(self, key: bytes) -> None:
        """Writes a counter as it is."""
        counter = self._there[key]
        here = counter.amounts.get(counter.newest, (0, 0))
        older = b"".join(
            _SLOT.pack(slot, *two)
            for slot, two in counter.amounts.items()
            if slot != counter.newest and (two[0] or two[1])
        )
        self._execute(
            _WRITE,
            (
                key, counter.newest, counter.floor, counter.spent, counter.held,
                here[0], here[1], counter.dies, self._due[key], older,
            ),
        )  # fmt: skip

    def give_back(self) -> None:
        """Gives back all that has expired, and finds out anew when what is left does."""
        over: list[tuple[bytes]] = []
        due: dict[bytes, float] = {}
        given: dict[bytes, Counter] = {}
        for id, until, *row in self._execute(_HELD).fetchall():
            holds = holds_of(*row)
            for key, slot, amount in holds:
                if until > self._now:
                    due[key] = min(due.get(key, NEVER), until)
                elif (counter := self[key]) is not None:
                    counter.hold(slot, -amount)
                    given[key] = counter
            if until <= self._now:
                over.append((id,))
        for id in over:
            self._execute("DELETE FROM recent WHERE id = ?", id)
        for key in {*self._there, *given}:
            self._due[key] = due.get(key, NEVER)
            self.put(key)


def written(holds: Holds) -> tuple[bytes, int, int, str | None]:
    (key, slot, amount), *others = holds
    more = [[key.decode("utf-8", "surrogatepass"), slot, amount] for key, slot, amount in others]
    return key, slot, amount, json.dumps(more) if more else None


def holds_of(key: Any, slot: Any, amount: Any, more: Any) -> Holds:
    try:
        others = [(name_of(k), s, a) for k, s, a in json.loads(more)] if more else []
    except (AttributeError, TypeError, ValueError, RecursionError):
        damaged()
    holds = [(key, slot, amount), *others]
    for name, at, held in holds:
        if not (type(name) is bytes and type(at) is type(held) is int):
            damaged()
    return holds


def remember_slots(
    execute: Execute, id: bytes, charges: Sequence[Charge], holds: Holds, until: float
) -> None:
    """Remembers in which slots an id holds, where they are later than it asked for."""
    for charge, (key, slot, _) in zip(charges, holds, strict=True):
        if slot != charge.slot:
            execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", (_moved(id, key), until, slot))


def slot_of(execute: Execute, id: bytes, hold: Hold) -> int:
    """The slot in which an id held what has expired; of what it never held, the one asked for."""
    words = (_moved(id, name_of(hold.key)),)
    row = execute("SELECT amount FROM done WHERE id = ?", words).fetchone()
    if row is None:
        return hold.slot
    if type(row[0]) is not int:
        damaged()
    # It may have been held anew since then, in a later slot.
    return max(row[0], hold.slot)


def _moved(id: bytes, key: bytes) -> bytes:
    # Names of ids begin with other letters.
    return b"m%d:" % len(id) + id + key


def _counter(
    newest: Any, floor: Any, spent: Any, held: Any, dies: Any, due: Any, older: Any
) -> tuple[Counter, float]:
    """A counter as its row says. A row that we did not write is an error, not a free budget."""
    numbers = (newest, floor, spent, held)
    if any(type(number) is not int for number in numbers) or type(older) is not bytes:
        damaged()
    if type(dies) is not float or type(due) is not float or len(older) % _SLOT.size:
        damaged()
    counter = Counter(newest, floor, dies)
    counter.amounts = {slot: [s, h] for slot, s, h in _SLOT.iter_unpack(older)}
    counter.amounts[newest] = [spent, held]
    if any(number < 0 for two in counter.amounts.values() for number in two):
        damaged()
    counter.spent = sum(two[0] for two in counter.amounts.values())
    counter.held = sum(two[1] for two in counter.amounts.values())
    return counter, due


def name_of(text: str) -> bytes:
    # Half a character, which hostile JSON may hold, is a name like another.
    return text.encode("utf-8", "surrogatepass")


def damaged() -> NoReturn:
    raise StateError("store-damaged", "the store holds something that was not written by it")
