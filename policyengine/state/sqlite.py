"""The store `sqlite`: rows in one file that several threads and processes of a machine share.

The file is in write-ahead mode, so that readers do not wait for a writer, and only its owner may
read it. It belongs on a local disk: write-ahead mode does not work over a network.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from policyengine.errors import StateError
from policyengine.state.store import Row

# Seconds to wait for another process that writes.
BUSY = 5.0

_TABLE = """\
CREATE TABLE IF NOT EXISTS state (
    space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires REAL,
    PRIMARY KEY (space, key)
) WITHOUT ROWID"""
_INDEX = "CREATE INDEX IF NOT EXISTS expiring ON state (expires) WHERE expires IS NOT NULL"
# A value of another type is none of ours, whoever put it there.
_GET = (
    "SELECT value, expires FROM state WHERE space = ? AND key = ? AND typeof(value) = 'blob'"
    " AND typeof(expires) IN ('real', 'integer', 'null')"
)
_EXTEND = "UPDATE state SET expires = ? WHERE space = ? AND key = ?"
_DELETE = "DELETE FROM state WHERE space = ? AND key = ?"
_PUT = "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)"


class SqliteStore:
    """Rows in an SQLite file, which is made (mode 0600) where it is not there.

    Threads may share it, and a forked process opens the file anew. Raises `StateError` where the
    file cannot be opened, read or written.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = SqliteStore(pathlib.Path(folder) / "state.db")
    ...     store.put("a", "k", Row(b"1"))
    ...     found = store.get("a", "k", now=0.0)
    ...     store.close()
    >>> found
    Row(value=b'1', expires=None)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        with self._used():
            pass

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
        """Forgets all rows that have expired; how many."""
        with self._written() as connection:
            return connection.execute("DELETE FROM state WHERE expires <= ?", (now,)).rowcount

    def close(self) -> None:
        """Lets go of the file. Using the store again opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def __repr__(self) -> str:
        return f"SqliteStore({str(self.path)!r})"

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                # INVARIANT: a connection is never used in a process that did not open it.
                if self._connection is None or self._process != os.getpid():
                    self._connection = self._opened()
                    self._process = os.getpid()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                why = f"the store failed ({type(error).__name__})"
                raise StateError("store-failed", why) from error

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other writer comes into."""
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _opened(self) -> sqlite3.Connection:
        # SQLite gives the files beside it the mode of the file itself.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # What was erased is overwritten, not only forgotten.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(_TABLE)
            connection.execute(_INDEX)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
