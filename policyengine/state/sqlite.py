"""The store `sqlite`: rows, counters and streams in one file.

Several threads and processes of a machine share it.

The file is in write-ahead mode, so that readers do not wait for a writer, and only its owner may
read it. It belongs on a local disk: write-ahead mode does not work over a network.
"""

from __future__ import annotations

import os

from policyengine.state._sqlite_file import BUSY
from policyengine.state._sqlite_ledger import SqliteLedger
from policyengine.state._sqlite_tidying import forget, put_away
from policyengine.state.store import REMEMBERED, Row

# A value of another type is none of ours, whoever put it there.
_GET = (
    "SELECT value, expires FROM state WHERE space = ? AND key = ? AND typeof(value) = 'blob'"
    " AND typeof(expires) IN ('real', 'integer', 'null')"
)
_EXTEND = "UPDATE state SET expires = ? WHERE space = ? AND key = ?"
_DELETE = "DELETE FROM state WHERE space = ? AND key = ?"
_PUT = "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)"


class SqliteStore(SqliteLedger):
    """Rows, a ledger and streams in an SQLite file, which is made (mode 0600) if it is not there.

    Threads may share it, and a forked process opens the file anew. What a call has done survives
    the end of the process, also by SIGKILL; with `durable` that of the machine too, and each call
    waits for the disk. It is remembered for `remembered` seconds what became of an id. A call waits
    up to `busy` seconds while others write. Raises `StateError` where the file cannot be opened,
    read or written, and then nothing of the call was done: `store-full`, `store-busy`,
    `store-damaged`, `store-failed`.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SqliteStore(pathlib.Path(folder) / "state.db")
    ...     store.put("a", "k", Row(b"1"))
    ...     found = store.get("a", "k", now=0.0)
    ...     store.close()
    >>> found
    Row(value=b'1', expires=None)
    """

    # An event loop asks it in a thread: a call may wait for other processes.
    BLOCKING = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durable: bool = False,
        remembered: float = REMEMBERED,
        busy: float = BUSY,
    ) -> None:
        self._remembered = remembered
        super().__init__(path, durable, busy)

    def get(self, space: str, key: str, now: float) -> Row | None:
        """The row, unless there is none or it has expired."""
        with self._used() as connection:
            found = connection.execute(_GET, (space, key)).fetchone()
        row = Row(*found) if found else None
        return None if row is None or row.is_over(now) else row

    def add(self, space: str, key: str, row: Row, now: float) -> Row:
        """Keeps a row where there is none in force; gives the row that is kept then."""
        with self._written() as connection:
            found = connection.execute(_GET, (space, key)).fetchone()
            there = Row(*found) if found else None
            if there is not None and not there.is_over(now):
                return there
            connection.execute(_PUT, (space, key, *row))
            return row

    def put(self, space: str, key: str, row: Row) -> None:
        """Keeps a row, in place of any other."""
        with self._written() as connection:
            connection.execute(_PUT, (space, key, *row))

    def extend(self, space: str, key: str, expires: float | None) -> bool:
        """Lets a row that is there expire at another time; whether there is one."""
        with self._written() as connection:
            return connection.execute(_EXTEND, (expires, space, key)).rowcount > 0

    def delete(self, space: str, key: str) -> bool:
        """Forgets a row; whether there was one."""
        with self._written() as connection:
            return connection.execute(_DELETE, (space, key)).rowcount > 0

    def purge(self, now: float) -> int:
        """Forgets all rows that have expired, and says how many; and all else that is over."""
        with self._written() as connection:
            put_away(connection.execute)
            forget(connection.execute, now)
            return connection.execute("DELETE FROM state WHERE expires <= ?", (now,)).rowcount

    def __repr__(self) -> str:
        return f"SqliteStore({str(self.path)!r})"
