"""The store `memory`: rows, counters and streams in this process, gone with it.

For tests and single processes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from threading import Lock
from typing import Final

from policyengine.charges import Charge, Hold, Standing
from policyengine.state._counting import (
    MOST,
    Counter,
    ceiling,
    checked,
    checked_amounts,
    reservation_over,
    too_much,
)
from policyengine.state.store import REMEMBERED, Row

# How many ids it is remembered of what became of them: some 200 MB.
MOST_IDS: Final = 1_000_000
# Of how many counters or streams it is seen whether they are over, whenever a new one is made. So
# no call stops for long, and at most about a third of those that are kept are over.
_SWEPT: Final = 4
_SLACK: Final = 64

# What an id holds: when that expires, and an amount in a slot of each counter.
_Holds = list[tuple[str, int, int]]
_Reservation = tuple[float, _Holds]
# A charge that has room: key, amount, its counter, slot and since in it, and until when it is kept.
_Seen = tuple[str, int, Counter, int, int, float]


class _Stream:
    """Events with the time at which each is over, and when all of them are."""

    __slots__ = ("dies", "events")

    def __init__(self) -> None:
        self.dies = 0.0
        self.events: deque[tuple[float, bytes]] = deque()


class MemoryStore:
    """Rows, a ledger and streams in dicts; threads may share it.

    It is remembered for `remembered` seconds what became of an id, though of the latest `most_ids`
    only: a process that serves a thousand requests a second would else keep 600 million of them.

    >>> store = MemoryStore()
    >>> store.add("a", "k", Row(b"1"), now=0.0), store.add("a", "k", Row(b"2"), now=0.0).value
    (Row(value=b'1', expires=None), b'1')
    >>> charge = Charge("sam", "requests", 1, 1, 0, 0, 0, 60, 0, "subject.id=sam", "ever")
    >>> store.reserve("r1", [charge], now=0.0, expires=9.0)
    {}
    >>> store.reserve("r2", [charge], now=0.0, expires=9.0)
    {0: Standing(spent=0, reserved=1, slots=((0, 1),))}
    """

    def __init__(self, *, remembered: float = REMEMBERED, most_ids: int = MOST_IDS) -> None:
        self._remembered = remembered
        self._most_ids = most_ids
        self._lock = Lock()
        self._rows: dict[tuple[str, str], Row] = {}
        self._counters: dict[str, Counter] = {}
        self._held: dict[str, _Reservation] = {}
        # When something that is held expires. What was settled stays in it for a while.
        self._due: list[tuple[float, str]] = []
        # What is settled or released, with what it first held; a refund's id stands in a tuple.
        self._done: dict[str | tuple[str], int] = {}
        self._forgetting: deque[tuple[float, str | tuple[str]]] = deque()
        # Of ids that hold in later slots than they asked for (a clock was set back): until when it
        # is remembered, and the slots by counter. Once they have expired it is not known else.
        self._moved: OrderedDict[str, tuple[float, dict[str, int]]] = OrderedDict()
        self._streams: dict[str, _Stream] = {}
        # INVARIANT: each key of the dict is in the ring once.
        self._counter_ring: deque[str] = deque()
        self._stream_ring: deque[str] = deque()

    def get(self, space: str, key: str, now: float) -> Row | None:
        """The row, unless there is none or it has expired."""
        with self._lock:
            row = self._rows.get((space, key))
        return None if row is None or row.is_over(now) else row

    def add(self, space: str, key: str, row: Row, now: float) -> Row:
        """Keeps a row where there is none in force; gives the row that is kept then."""
        with self._lock:
            there = self._rows.get((space, key))
            if there is None or there.is_over(now):
                there = self._rows[space, key] = row
            return there

    def put(self, space: str, key: str, row: Row) -> None:
        """Keeps a row, in place of any other."""
        with self._lock:
            self._rows[space, key] = row

    def extend(self, space: str, key: str, expires: float | None) -> bool:
        """Lets a row that is there expire at another time; whether there is one."""
        with self._lock:
            row = self._rows.get((space, key))
            if row is not None:
                self._rows[space, key] = row._replace(expires=expires)
        return row is not None

    def delete(self, space: str, key: str) -> bool:
        """Forgets a row; whether there was one."""
        with self._lock:
            return self._rows.pop((space, key), None) is not None

    def purge(self, now: float) -> int:
        """Forgets all rows that have expired, and says how many; and all else that is over."""
        with self._lock:
            over = [place for place, row in self._rows.items() if row.is_over(now)]
            for place in over:
                del self._rows[place]
            self._give_back(now)
            self._sweep_counters(now, len(self._counter_ring))
            self._sweep_streams(now, len(self._stream_ring))
            self._forget(now, len(self._forgetting))
            self._forget_slots(now, len(self._moved))
        return len(over)

    def close(self) -> None:
        """Keeps everything: there is nothing to let go of."""

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them; those that have no room, by position."""
        checked(charges, now, expires)
        with self._lock:
            if self._due and self._due[0][0] <= now:
                self._give_back(now)
            if id in self._held or id in self._done:
                return {}
            counters = self._counters
            refused: dict[int, Standing] = {}
            seen: list[_Seen] = []
            moved = False
            # Unpacked, and without a call for each charge: this is the hot path.
            for key, _, amount, limit, slot, since, _, lasts, _, _, _ in charges:
                counter = counters.get(key)
                if counter is None or (counter.dies <= now and not counter.held):
                    counter = Counter(slot)
                elif counter.newest > slot:
                    since += counter.newest - slot
                    slot = counter.newest
                    moved = True
                if since == counter.floor:
                    used = counter.spent + counter.held
                else:
                    used = counter.used(since)
                if used + amount > (MOST if limit is None or limit > MOST else limit):
                    if limit is None:
                        raise too_much()
                    refused[len(seen)] = counter.standing(since)
                seen.append((key, amount, counter, slot, since, now + lasts))
            if not refused:
                self._hold(id, seen, now, expires, moved)
        return refused

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones that an id held, and until later."""
        checked(charges, now, expires)
        with self._lock:
            self._give_back(now)
            held = self._held.get(id)
            if held is None or [c.key for c in charges] != [key for key, _, _ in held[1]]:
                raise reservation_over()
            refused: dict[int, Standing] = {}
            seen: list[_Seen] = []
            for charge, (_, _, former) in zip(charges, held[1], strict=True):
                counter, slot, since = self._seen(charge, now)
                used = counter.used(since) - former
                if used + charge.amount > ceiling(charge.limit):
                    if charge.limit is None:
                        raise too_much()
                    refused[len(seen)] = counter.standing(since)
                seen.append((charge.key, charge.amount, counter, slot, since, now + charge.lasts))
            if refused:
                return refused
            holds: _Holds = []
            for (key, held_in, former), (_, amount, counter, slot, since, dies) in zip(
                held[1], seen, strict=True
            ):
                self._keep(key, counter, now, dies)
                counter.advance(slot, since)
                counter.hold(held_in, amount - former)
                holds.append((key, held_in, amount))
            until = max(held[0], expires)
            self._reserved(id, until, holds)
            if id in self._moved:
                self._remember_slots(id, holds, now, until)
        return {}

    def settle(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Counts what was really used in place of what was held; whether it was not done before."""
        checked_amounts(holds, amounts)
        with self._lock:
            if id in self._done:
                return False
            slots = self._finish(id, now)
            counters = self._counters
            for (key, _, _, slot, lasts), amount in zip(holds, amounts, strict=True):
                if slots:
                    # A later one than asked for, if a clock had been set back.
                    slot = slots.get(key, slot)
                counter = counters.get(key)
                if counter is None or counter.is_over(now):
                    counter = Counter(slot)
                self._keep(key, counter, now, now + lasts)
                counter.settle(slot, amount)
        return True

    def release(self, id: str, holds: Sequence[Hold], now: float) -> bool:
        """Gives back all that was held; whether it was not settled or released before."""
        with self._lock:
            if id in self._done:
                return False
            self._finish(id, now)
        return True

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what was settled, never below nothing; whether it was not done before.

        `id` is the refund's own.
        """
        checked_amounts(holds, amounts)
        with self._lock:
            if (id,) in self._done:
                return False
            self._remember((id,), 0, now)
            for hold, amount in zip(holds, amounts, strict=True):
                counter = self._counters.get(hold.key)
                if counter is not None and not counter.is_over(now):
                    counter.refund(hold.slot, amount)
        return True

    def take(self, id: str, charge: Charge, least: int, now: float, expires: float) -> int:
        """Holds as much of a charge as there is room for, if that is at least `least`; else 0."""
        checked((charge,), now, expires)
        with self._lock:
            self._give_back(now)
            held = self._held.get(id)
            if held is not None:
                return held[1][0][2]
            if id in self._done:
                return self._done[id]
            counter, slot, since = self._seen(charge, now)
            amount = min(charge.amount, ceiling(charge.limit) - counter.used(since))
            if amount < least or amount <= 0:
                return 0
            seen = [(charge.key, amount, counter, slot, since, now + charge.lasts)]
            self._hold(id, seen, now, expires, slot != charge.slot)
        return amount

    def standing(self, charges: Sequence[Charge], now: float) -> Sequence[Standing]:
        """How the counters stand, without the charges."""
        with self._lock:
            self._give_back(now)
            seen = [self._seen(charge, now) for charge in charges]
            return [counter.standing(since) for counter, _, since in seen]

    def append(self, stream: str, event: bytes, now: float, keep: int, lasts: float) -> None:
        """Adds an event to a stream, which keeps the newest `keep` for `lasts` seconds."""
        with self._lock:
            there = self._streams.get(stream)
            if there is None:
                there = self._streams[stream] = _Stream()
                self._sweep_streams(now, _SWEPT)
                self._stream_ring.append(stream)
            there.dies = max(there.dies, now + lasts)
            events = there.events
            events.append((now + lasts, event))
            while events and (len(events) > keep or events[0][0] <= now):
                events.popleft()

    def events(self, stream: str, now: float) -> Sequence[bytes]:
        """The events of a stream, oldest first."""
        with self._lock:
            there = self._streams.get(stream)
            return [event for until, event in there.events if until > now] if there else []

    def __repr__(self) -> str:
        return "MemoryStore()"

    def _seen(self, charge: Charge, now: float) -> tuple[Counter, int, int]:
        """The counter of a charge, or one that is not kept yet; its slot and since in it."""
        counter = self._counters.get(charge.key)
        if counter is None or counter.is_over(now):
            counter = Counter(charge.slot)
        late = max(counter.newest - charge.slot, 0)
        return counter, charge.slot + late, charge.since + late

    def _keep(self, key: str, counter: Counter, now: float, dies: float) -> None:
        """Keeps a counter, at least until a time."""
        if dies > counter.dies:
            counter.dies = dies
        there = self._counters.get(key)
        if there is counter:
            return
        self._counters[key] = counter
        if there is None:
            self._sweep_counters(now, _SWEPT)
            self._counter_ring.append(key)

    def _hold(
        self, id: str, seen: Sequence[_Seen], now: float, expires: float, moved: bool
    ) -> None:
        holds: _Holds = []
        for key, amount, counter, slot, since, dies in seen:
            self._keep(key, counter, now, dies)
            if since > counter.floor or slot > counter.newest:
                counter.advance(slot, since)
            counter.hold(slot, amount)
            holds.append((key, slot, amount))
        self._reserved(id, expires, holds)
        if moved:
            self._remember_slots(id, holds, now, expires)
        elif self._moved:
            # It was held before, and that has expired.
            self._moved.pop(id, None)

    def _reserved(self, id: str, expires: float, holds: _Holds) -> None:
        self._held[id] = (expires, holds)
        heappush(self._due, (expires, id))
        if len(self._due) > 2 * len(self._held) + _SLACK:
            self._due = [(held[0], id) for id, held in self._held.items()]
            heapify(self._due)

    def _finish(self, id: str, now: float) -> dict[str, int]:
        """Gives back what an id holds, for good; its slots by counter."""
        held = self._held.pop(id, None)
        holds = held[1] if held else []
        self._remember(id, holds[0][2] if holds else 0, now)
        moved = self._moved.pop(id, None) if self._moved else None
        return moved[1] if moved and not held else self._given(holds)

    def _give_back(self, now: float) -> None:
        """Gives back what has expired. Its id may be held anew, and settled all the same."""
        while self._due and self._due[0][0] <= now:
            _, id = heappop(self._due)
            held = self._held.get(id)
            # It may be gone by now, or have been raised to expire later.
            if held is not None and held[0] <= now:
                del self._held[id]
                self._given(held[1])

    def _given(self, holds: _Holds) -> dict[str, int]:
        slots: dict[str, int] = {}
        for key, slot, amount in holds:
            slots[key] = slot
            counter = self._counters.get(key)
            if counter is not None:
                counter.hold(slot, -amount)
        return slots

    def _remember(self, id: str | tuple[str], amount: int, now: float) -> None:
        self._done[id] = amount
        self._forgetting.append((now + self._remembered, id))
        if self._forgetting[0][0] <= now or len(self._forgetting) > self._most_ids:
            self._forget(now, _SWEPT)

    def _forget(self, now: float, most: int) -> None:
        """Forgets what became of a few ids of long ago."""
        forgetting = self._forgetting
        for _ in range(most):
            if not forgetting or (forgetting[0][0] > now and len(forgetting) <= self._most_ids):
                return
            self._done.pop(forgetting.popleft()[1], None)

    def _remember_slots(self, id: str, holds: _Holds, now: float, expires: float) -> None:
        self._forget_slots(now, _SWEPT)
        self._moved[id] = expires + self._remembered, {key: slot for key, slot, _ in holds}

    def _forget_slots(self, now: float, most: int) -> None:
        moved = self._moved
        for _ in range(min(most, len(moved))):
            id, (until, slots) = moved.popitem(last=False)
            if until > now and len(moved) < self._most_ids:
                moved[id] = until, slots

    def _sweep_counters(self, now: float, most: int) -> None:
        ring = self._counter_ring
        for _ in range(min(most, len(ring))):
            key = ring.popleft()
            if self._counters[key].is_over(now):
                del self._counters[key]
            else:
                ring.append(key)

    def _sweep_streams(self, now: float, most: int) -> None:
        ring = self._stream_ring
        for _ in range(min(most, len(ring))):
            stream = ring.popleft()
            if self._streams[stream].dies <= now:
                del self._streams[stream]
            else:
                ring.append(stream)
