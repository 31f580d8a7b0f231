"""The store `memory`: rows in this process, gone with it. For tests and single processes."""

from __future__ import annotations

from threading import Lock

from policyengine.state.store import Row


class MemoryStore:
    """Rows in a dict; threads may share it.

    >>> store = MemoryStore()
    >>> store.add("a", "k", Row(b"1"), now=0.0), store.add("a", "k", Row(b"2"), now=0.0).value
    (Row(value=b'1', expires=None), b'1')
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        self._lock = Lock()

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
        """Forgets all rows that have expired; how many."""
        with self._lock:
            over = [place for place, row in self._rows.items() if row.is_over(now)]
            for place in over:
                del self._rows[place]
        return len(over)

    def close(self) -> None:
        """Keeps everything: there is nothing to let go of."""

    def __repr__(self) -> str:
        return "MemoryStore()"
