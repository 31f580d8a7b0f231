"""What every store of state keeps to: rows of bytes under a space and a key, which may expire.

A store is one file of this room, keeps to `Store` and `Ledger`, and passes
`tests/state/test_stores.py` and `tests/state/test_ledgers.py`. Times are seconds since
1970 and come from the caller, so that a test can move them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from policyengine.charges import Charge, Hold, Standing


class Row(NamedTuple):
    """A value, and when it expires (None: never)."""

    value: bytes
    expires: float | None = None

    def is_over(self, now: float) -> bool:
        """Whether it has expired."""
        return self.expires is not None and self.expires <= now


class Store(Protocol):
    """Rows by space and key. All methods are atomic, and raise `StateError` where they fail."""

    def get(self, space: str, key: str, now: float) -> Row | None:
        """The row, unless there is none or it has expired."""

    def add(self, space: str, key: str, row: Row, now: float) -> Row:
        """Keeps a row where there is none in force; gives the row that is kept then."""

    def put(self, space: str, key: str, row: Row) -> None:
        """Keeps a row, in place of any other."""

    def extend(self, space: str, key: str, expires: float | None) -> bool:
        """Lets a row that is there expire at another time; whether there is one."""

    def delete(self, space: str, key: str) -> bool:
        """Forgets a row; whether there was one."""

    def purge(self, now: float) -> int:
        """Forgets all rows that have expired; how many."""

    def close(self) -> None:
        """Lets go of files and connections. Using the store again opens them again."""


class Ledger(Protocol):
    """Counters of amounts, what is held of them, and streams of events.

    Reserve, then settle or release; what is held counts. An id is reserved, settled, released and
    refunded at most once, whoever tries again: what was done with it is remembered for
    `REMEMBERED` seconds. A reservation that is neither settled nor released by its `expires` is
    given back; settling it later still counts all of it. Slots never go back: where a counter has
    a later slot than the one asked for (a clock was set back), that slot takes its place, and
    `since` moves with it. What was held is settled in the slot in which it was held, also once it
    has expired: for as long as what became of an id is remembered. All methods are atomic, and
    raise `StateError` where they fail.

    Amounts are whole numbers from 0 to 2^53, and a counter holds no more than that: `bad-amount`.
    The distance from `since` to `slot` is always the same for a key. What is held keeps a counter
    from being forgotten. Whether an id whose reservation has expired can be held anew is for the
    store to say; whether it was settled is always known. A refund's id is looked up among refunds
    only.
    """

    def reserve(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds all charges, or none of them.

        Gives how those counters stand that have no room, by the position of the charge; none,
        if all is held. No two charges may have one key. An id that is known is held already.
        """

    def raised(
        self, id: str, charges: Sequence[Charge], now: float, expires: float
    ) -> Mapping[int, Standing]:
        """Holds these amounts in place of the smaller ones that an id held, and until later.

        The charges are in the order of those that were reserved, in their slots. As `reserve`: all
        or none. An id that is not held any more is an error, `reservation-over`.
        """

    def settle(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Counts what was really used in place of what was held; whether it was not done before."""

    def release(self, id: str, holds: Sequence[Hold], now: float) -> bool:
        """Gives back all that was held; whether it was not settled or released before."""

    def refund(self, id: str, holds: Sequence[Hold], amounts: Sequence[int], now: float) -> bool:
        """Takes amounts off what was settled, never below nothing; whether it was not done before.

        `id` is the refund's own.
        """

    def take(self, id: str, charge: Charge, least: int, now: float, expires: float) -> int:
        """Holds as much of a charge as there is room for, if that is at least `least`; else 0.

        For leases. An id that is known gives what it took.
        """

    def standing(self, charges: Sequence[Charge], now: float) -> Sequence[Standing]:
        """How the counters stand, without the charges."""

    def append(self, stream: str, event: bytes, now: float, keep: int, lasts: float) -> None:
        """Adds an event to a stream, which keeps the newest `keep` for `lasts` seconds."""

    def events(self, stream: str, now: float) -> Sequence[bytes]:
        """The events of a stream, oldest first."""


# For how many seconds it is remembered what became of an id: a week.
REMEMBERED = 7 * 24 * 3600
