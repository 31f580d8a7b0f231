"""Counters, what is held of them, and streams of events in an SQLite file.

Every call is one transaction. One that waits for nothing but its own counter is a few statements;
all else reads counters, counts as the store in memory does, and writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state._counting import (
    MOST,
    Counter,
    ceiling,
    checked,
    checked_amounts,
    reservation_over,
    too_much,
)
from policyengine.state._sqlite_counters import (
    Counters,
    Holds,
    damaged,
    holds_of,
    name_of,
    remember_slots,
    slot_of,
    written,
)
from policyengine.state._sqlite_file import QUICK_RESERVE, QUICK_SETTLE, Execute, SqliteFile
from policyengine.state._sqlite_tidying import TIDIED, tidied

_FIND: Final = "SELECT until, key, slot, amount, more FROM recent WHERE id = ?"
_FOUND_DONE: Final = "SELECT amount FROM done WHERE id = ?"
_PUT: Final = "INSERT OR REPLACE INTO recent VALUES (?, ?, ?, ?, ?, ?)"
# As the quick statements of one charge (`_sqlite_file`), for several in a transaction.
_ADD_RECENT: Final = (
    "INSERT OR IGNORE INTO recent SELECT ?, ?, ?, ?, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM done WHERE id = ?)"
)
_ADD_HELD: Final = (
    "UPDATE counters SET held = held + ?, here_held = here_held + ?,"
    " dies = max(dies, ?), due = min(due, ?) WHERE key = ? AND newest = ? AND floor = ?"
    " AND spent BETWEEN here_spent AND ? AND held BETWEEN here_held AND ?"
    " AND spent + held <= ? AND (dies > ? OR held > 0)"
)
_END_RECENT: Final = (
    "UPDATE recent SET key = NULL, more = NULL, until = ?"
    " WHERE id = ? AND key = ? AND slot = ? AND amount = ? AND more = ?"
)
_END_HELD: Final = (
    "UPDATE counters SET held = held - ?, here_held = here_held - ?, spent = spent + ?,"
    " here_spent = here_spent + ?, dies = max(dies, ?) WHERE key = ? AND newest = ?"
    " AND here_held BETWEEN ? AND ? AND held BETWEEN here_held AND ?"
    " AND spent BETWEEN here_spent AND ?"
)


class _NotAsSimple(Exception):  # noqa: N818
    """Something is special, and what was begun is undone."""


class _Found(NamedTuple):
    """What is known of an id: what it holds until when, or nothing any more."""

    until: float
    holds: Holds | None
    amount: int


class SqliteLedger(SqliteFile):
    """The part of `SqliteStore` that keeps to `Ledger`."""

    _remembered: float
    _calls: int = 0
    # Where it was last looked for what is over.
    _hands: tuple[bytes, bytes, bytes] = (b"", b"", b"")

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them; those that have no room, by position."""
        if len(charges) == 1:
            key, _, amount, limit, slot, since, _, lasts, _, _, _ = charges[0]
            # What is not as it should be, the checks below say.
            if type(amount) is type(slot) is type(since) is type(lasts) is int and amount >= 0:
                most = MOST if limit is None or limit > MOST else limit
                one = (
                    b"s" + name_of(id), name_of(key), amount, most, slot, since, now, now + lasts,
                    expires,
                )  # fmt: skip
                if since <= slot <= MOST and expires > now and self._quick(QUICK_RESERVE, one):
                    return {}
        checked(charges, now, expires)
        name = b"s" + name_of(id)
        match len(charges):
            case 0:
                return {}
            case 1:
                pass
            case _ if expires > now:
                with suppress(_NotAsSimple):
                    return self._transaction(_reserve_simply, name, charges, now, expires)
        return self._transaction(self._reserve, name, charges, now, expires)

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones that an id held, and until later."""
        checked(charges, now, expires)
        return self._transaction(self._raise, b"s" + name_of(id), charges, now, expires)

    def settle(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Counts what was really used in place of what was held; whether it was not done before."""
        checked_amounts(holds, amounts)
        name = b"s" + name_of(id)
        done = False
        if len(holds) == 1:
            ((key, _, held, slot, lasts),) = holds
            until = now + self._remembered
            one = (name, name_of(key), slot, held, amounts[0], MOST, now + lasts, until)
            done = self._quick(QUICK_SETTLE, one)
        elif holds:
            until = now + self._remembered
            with suppress(_NotAsSimple):
                done = self._transaction(_settle_simply, name, holds, amounts, now, until)
        done = done or self._transaction(self._finish, name, holds, amounts, now)
        self._tidied(now)
        return done

    def release(self, id: str, holds: Sequence[Hold], now: float) -> bool:
        """Gives back all that was held; whether it was not settled or released before."""
        done = self._transaction(self._finish, b"s" + name_of(id), (), (), now)
        self._tidied(now)
        return done

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what was settled, never below nothing; whether it was not done before.

        `id` is the refund's own.
        """
        checked_amounts(holds, amounts)
        done = self._transaction(self._refund, b"r" + name_of(id), holds, amounts, now)
        self._tidied(now)
        return done

    def take(self, id: str, charge: Charge, least: int, now: float, expires: float) -> int:
        """Holds as much of a charge as there is room for, if that is at least `least`; else 0."""
        checked((charge,), now, expires)
        return self._transaction(self._take, b"s" + name_of(id), charge, least, now, expires)

    def standing(self, charges: Sequence[Charge], now: float) -> Sequence[Standing]:
        """How the counters stand, without the charges."""
        checked([charge._replace(key=str(n)) for n, charge in enumerate(charges)], now)
        with self._used() as connection:
            counters = Counters(connection.execute, now)
            found = _standings(counters, charges)
            if all(counters.due(name_of(charge.key)) > now for charge in charges):
                return found
        return self._transaction(_given_back, charges, now)

    def append(self, stream: str, event: bytes, now: float, keep: int, lasts: float) -> None:
        """Adds an event to a stream, which keeps the newest `keep` for `lasts` seconds."""
        self._transaction(_append, name_of(stream), event, now, keep, now + lasts)
        self._tidied(now)

    def events(self, stream: str, now: float) -> Sequence[bytes]:
        """The events of a stream, oldest first."""
        with self._used() as connection:
            ask = "SELECT event FROM events WHERE stream = ? AND until > ? ORDER BY number"
            rows = connection.execute(ask, (name_of(stream), now)).fetchall()
        if any(type(event) is not bytes for (event,) in rows):
            damaged()
        return [event for (event,) in rows]

    def _reserve(
        self, execute: Execute, id: bytes, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        counters = Counters(execute, now)
        if _known(execute, id, counters, now):
            return {}
        refused = _no_room(counters, charges, [0] * len(charges))
        if refused and any(counters.due(name_of(charges[n].key)) <= now for n in refused):
            counters.give_back()
            refused = _no_room(counters, charges, [0] * len(charges))
        if not refused:
            holds = [_held(counters, charge, now, expires) for charge in charges]
            execute(_PUT, (id, expires, *written(holds)))
            remember_slots(execute, id, charges, holds, expires + self._remembered)
        return refused

    def _raise(
        self, execute: Execute, id: bytes, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        counters = Counters(execute, now)
        found = _known(execute, id, counters, now)
        holds = found.holds if found else None
        if found is None or not holds:
            raise reservation_over()
        if [name_of(charge.key) for charge in charges] != [key for key, _, _ in holds]:
            raise reservation_over()
        former = [amount for _, _, amount in holds]
        refused = _no_room(counters, charges, former)
        if refused and any(counters.due(name_of(charges[n].key)) <= now for n in refused):
            counters.give_back()
            refused = _no_room(counters, charges, former)
        if refused:
            return refused
        until = max(expires, found.until)
        raised: Holds = []
        for charge, (key, slot, before) in zip(charges, holds, strict=True):
            counter, newest, since = counters.seen(charge)
            counter.advance(newest, since)
            counter.hold(slot, charge.amount - before)
            counter.dies = max(counter.dies, now + charge.lasts)
            counters.write(key, counter, until)
            raised.append((key, slot, charge.amount))
        execute(_PUT, (id, until, *written(raised)))
        remember_slots(execute, id, charges, raised, until + self._remembered)
        return {}

    def _take(
        self, execute: Execute, id: bytes, charge: Charge, least: int, now: float, expires: float
    ) -> int:
        counters = Counters(execute, now)
        found = _known(execute, id, counters, now)
        if found is not None:
            return found.amount
        counter, _, since = counters.seen(charge)
        room = ceiling(charge.limit) - counter.used(since)
        if room < charge.amount and counters.due(name_of(charge.key)) <= now:
            counters.give_back()
            counter, _, since = counters.seen(charge)
            room = ceiling(charge.limit) - counter.used(since)
        amount = min(charge.amount, room)
        if amount < least or amount <= 0:
            return 0
        hold = _held(counters, charge._replace(amount=amount), now, expires)
        execute(_PUT, (id, expires, *written([hold])))
        remember_slots(execute, id, [charge], [hold], expires + self._remembered)
        return amount

    def _finish(
        self,
        execute: Execute,
        id: bytes,
        holds: Sequence[Hold],
        amounts: Sequence[int],
        now: float,
    ) -> bool:
        found = _find(execute, id)
        if found is not None and found.holds is None:
            return False
        counters = Counters(execute, now)
        slots: dict[bytes, int] = {}
        changed: dict[bytes, Counter] = {}
        for key, slot, amount in (found.holds or []) if found else ():
            slots[key] = slot
            if (counter := counters[key]) is not None:
                counter.hold(slot, -amount)
                changed[key] = counter
        for hold, amount in zip(holds, amounts, strict=True):
            key = name_of(hold.key)
            # A later one than asked for, if a clock had been set back.
            slot = slots[key] if key in slots else slot_of(execute, id, hold)
            counter = changed.get(key) or counters[key] or Counter(slot)
            counter.dies = max(counter.dies, now + hold.lasts)
            counter.settle(slot, amount)
            changed[key] = counter
        for key, counter in changed.items():
            counters.write(key, counter)
        took = found.amount if found else 0
        execute(_PUT, (id, now + self._remembered, None, 0, took, None))
        return True

    def _refund(
        self,
        execute: Execute,
        id: bytes,
        holds: Sequence[Hold],
        amounts: Sequence[int],
        now: float,
    ) -> bool:
        if _find(execute, id) is not None:
            return False
        counters = Counters(execute, now)
        for hold, amount in zip(holds, amounts, strict=True):
            key = name_of(hold.key)
            if (counter := counters[key]) is not None:
                counter.refund(hold.slot, amount)
                counters.write(key, counter)
        execute(_PUT, (id, now + self._remembered, None, 0, 0, None))
        return True

    def _tidied(self, now: float) -> None:
        """Once in a while, puts away what was settled and forgets some of what is over."""
        self._calls += 1
        if self._calls % TIDIED == 0:
            # What was asked is done, so that this fails is no error of it: next time, then.
            with suppress(StateError):
                self._hands = self._transaction(tidied, self._hands, now)


def _reserve_simply(
    execute: Execute, id: bytes, charges: Sequence[Charge], now: float, expires: float
) -> dict[int, Standing]:
    """Holds charges that have room in the slots that their counters are in."""
    holds = [(name_of(charge.key), charge.slot, charge.amount) for charge in charges]
    if execute(_ADD_RECENT, (id, expires, *written(holds), id)).rowcount != 1:
        raise _NotAsSimple
    for (key, slot, amount), charge in zip(holds, charges, strict=True):
        most = ceiling(charge.limit)
        dies = now + charge.lasts
        words = (amount, amount, dies, expires, key, slot, charge.since)
        if execute(_ADD_HELD, (*words, most, most, most - amount, now)).rowcount != 1:
            raise _NotAsSimple
    return {}


def _settle_simply(
    execute: Execute,
    id: bytes,
    holds: Sequence[Hold],
    amounts: Sequence[int],
    now: float,
    until: float,
) -> bool:
    """Settles what is held as the holds say, in the slots that their counters are in."""
    held = [(name_of(hold.key), hold.slot, hold.amount) for hold in holds]
    if execute(_END_RECENT, (until, id, *written(held))).rowcount != 1:
        raise _NotAsSimple
    for (key, slot, before), hold, amount in zip(held, holds, amounts, strict=True):
        words = (before, before, amount, amount, now + hold.lasts, key, slot)
        if execute(_END_HELD, (*words, before, MOST, MOST, MOST - amount)).rowcount != 1:
            raise _NotAsSimple
    return True


def _append(
    execute: Execute, stream: bytes, event: bytes, now: float, keep: int, until: float
) -> None:
    ask = "SELECT coalesce(max(number), 0) + 1 FROM events WHERE stream = ?"
    (number,) = execute(ask, (stream,)).fetchone()
    execute("INSERT INTO events VALUES (?, ?, ?, ?)", (stream, number, until, event))
    drop = "DELETE FROM events WHERE stream = ? AND (number <= ? OR until <= ?)"
    execute(drop, (stream, number - keep, now))


def _given_back(execute: Execute, charges: Sequence[Charge], now: float) -> list[Standing]:
    counters = Counters(execute, now)
    for charge in charges:
        counters.seen(charge)
    counters.give_back()
    return _standings(counters, charges)


def _standings(counters: Counters, charges: Iterable[Charge]) -> list[Standing]:
    seen = [counters.seen(charge) for charge in charges]
    return [counter.standing(since) for counter, _, since in seen]


def _no_room(
    counters: Counters, charges: Sequence[Charge], former: Sequence[int]
) -> dict[int, Standing]:
    refused: dict[int, Standing] = {}
    for position, (charge, before) in enumerate(zip(charges, former, strict=True)):
        counter, _, since = counters.seen(charge)
        if counter.used(since) - before + charge.amount > ceiling(charge.limit):
            if charge.limit is None:
                raise too_much()
            refused[position] = counter.standing(since)
    return refused


def _held(counters: Counters, charge: Charge, now: float, expires: float) -> tuple[bytes, int, int]:
    counter, slot, since = counters.seen(charge)
    counter.advance(slot, since)
    counter.hold(slot, charge.amount)
    counter.dies = max(counter.dies, now + charge.lasts)
    key = name_of(charge.key)
    counters.write(key, counter, expires)
    return key, slot, charge.amount


def _known(execute: Execute, id: bytes, counters: Counters, now: float) -> _Found | None:
    """What is known of an id; what it held is given back where that has expired."""
    found = _find(execute, id)
    if found is None or found.holds is None or found.until > now:
        return found
    for key, _, _ in found.holds:
        counters[key]
    counters.give_back()
    return None


def _find(execute: Execute, id: bytes) -> _Found | None:
    row = execute(_FIND, (id,)).fetchone()
    if row is not None:
        until, key, slot, amount, more = row
        if type(until) is not float or type(amount) is not int:
            damaged()
        return _Found(until, None if key is None else holds_of(key, slot, amount, more), amount)
    row = execute(_FOUND_DONE, (id,)).fetchone()
    return None if row is None else _Found(0.0, None, row[0])
