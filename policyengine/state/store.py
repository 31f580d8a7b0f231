"""What every store of state keeps to: rows of bytes under a space and a key, which may expire.

A store is one file of this room, and passes `tests/state/test_stores.py`. Times are seconds since
1970 and come from the caller, so that a test can move them.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


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
