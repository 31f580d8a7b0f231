"""The file of the store `sqlite`: opened, shared by threads, and written in transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeVar

from policyengine.errors import StateError

# Seconds to wait for another process that writes.
BUSY: Final = 5.0

# Bytes of a page of a new file. A call writes a page or two, so that smaller ones take less; in the
# next smaller ones a rolling window or the holds of three counters do not fit well any more.
_PAGE: Final = 2048
# Bytes that are written before a call moves them into the file, and waits for the disk.
_AHEAD: Final = 16 << 20

# Files of version 0 have the table of rows only; a later version adds and never changes.
VERSION: Final = 1
_SCHEMA: Final = (
    """\
CREATE TABLE IF NOT EXISTS state (
    space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires REAL,
    PRIMARY KEY (space, key)
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS expiring ON state (expires) WHERE expires IS NOT NULL",
    # A counter: `here_` are the amounts in its newest slot, `older` those in the others, as
    # triples of eight bytes. Nothing in it expires before `due`.
    """\
CREATE TABLE IF NOT EXISTS counters (
    key BLOB NOT NULL PRIMARY KEY, newest INTEGER NOT NULL, floor INTEGER NOT NULL,
    spent INTEGER NOT NULL, held INTEGER NOT NULL,
    here_spent INTEGER NOT NULL, here_held INTEGER NOT NULL,
    dies REAL NOT NULL, due REAL NOT NULL, older BLOB NOT NULL
) WITHOUT ROWID""",
    # What ids hold (`until` they expire), and with no key those that were settled lately. It stays
    # small, so that it can be looked through: `done` has those of long ago.
    """\
CREATE TABLE IF NOT EXISTS recent (
    id BLOB NOT NULL PRIMARY KEY, until REAL NOT NULL,
    key BLOB, slot INTEGER NOT NULL, amount INTEGER NOT NULL, more TEXT
) WITHOUT ROWID""",
    """\
CREATE TABLE IF NOT EXISTS done (
    id BLOB NOT NULL PRIMARY KEY, until REAL NOT NULL, amount INTEGER NOT NULL
) WITHOUT ROWID""",
    """\
CREATE TABLE IF NOT EXISTS events (
    stream BLOB NOT NULL, number INTEGER NOT NULL, until REAL NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (stream, number)
) WITHOUT ROWID""",
    f"PRAGMA user_version = {VERSION}",
)

# One charge that has room in the slot that its counter is in, and its settlement, are a statement
# each, which takes half as long as a transaction of several. It does all or nothing; where it is
# not as simple, it stops with an error, and a transaction finds out why. What is between its own
# part and the limit is a number, whoever wrote it: text and bytes are greater than all numbers.
QUICK_RESERVE: Final = "INSERT INTO reserving VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
QUICK_SETTLE: Final = "INSERT INTO settling VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_QUICK: Final = (
    """\
CREATE TEMP VIEW reserving AS SELECT
    NULL AS id, NULL AS key, NULL AS amount, NULL AS most, NULL AS slot, NULL AS since,
    NULL AS now, NULL AS dies, NULL AS expires""",
    """\
CREATE TEMP TRIGGER quick_reserve INSTEAD OF INSERT ON reserving BEGIN
    INSERT INTO recent SELECT NEW.id, NEW.expires, NEW.key, NEW.slot, NEW.amount, NULL
    WHERE NOT EXISTS (SELECT 1 FROM done WHERE id = NEW.id);
    UPDATE counters SET
        held = held + NEW.amount, here_held = here_held + NEW.amount,
        dies = max(dies, NEW.dies), due = min(due, NEW.expires)
    WHERE changes() = 1 AND key = NEW.key AND newest = NEW.slot AND floor = NEW.since
        AND spent BETWEEN here_spent AND NEW.most AND held BETWEEN here_held AND NEW.most
        AND spent + held + NEW.amount <= NEW.most AND (dies > NEW.now OR held > 0);
    SELECT RAISE(ABORT, 'not as simple') WHERE changes() = 0;
END""",
    """\
CREATE TEMP VIEW settling AS SELECT
    NULL AS id, NULL AS key, NULL AS slot, NULL AS held, NULL AS amount, NULL AS most,
    NULL AS dies, NULL AS until""",
    """\
CREATE TEMP TRIGGER quick_settle INSTEAD OF INSERT ON settling BEGIN
    UPDATE recent SET key = NULL, until = NEW.until
    WHERE id = NEW.id AND key = NEW.key AND slot = NEW.slot AND amount = NEW.held AND more IS NULL;
    UPDATE counters SET
        held = held - NEW.held, here_held = here_held - NEW.held,
        spent = spent + NEW.amount, here_spent = here_spent + NEW.amount,
        dies = max(dies, NEW.dies)
    WHERE changes() = 1 AND key = NEW.key AND newest = NEW.slot
        AND here_held BETWEEN NEW.held AND NEW.most AND held BETWEEN here_held AND NEW.most
        AND spent BETWEEN here_spent AND NEW.most - NEW.amount;
    SELECT RAISE(ABORT, 'not as simple') WHERE changes() = 0;
END""",
)

Execute = Callable[..., sqlite3.Cursor]
_T = TypeVar("_T")


class SqliteFile:
    """A connection for all threads of a process; a forked process opens its own."""

    def __init__(self, path: str | os.PathLike[str], durable: bool, busy: float) -> None:
        self.path = Path(path)
        self._durable = durable
        self._busy = busy
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        with self._used():
            pass

    def close(self) -> None:
        """Lets go of the file. Using the store again opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connected()
            except (sqlite3.Error, OSError) as error:
                raise _failed(error) from error

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other writer comes into."""
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _undone(connection)
                raise

    def _transaction(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """The same for the hot path: calls `work(execute, *arguments)` in a transaction."""
        with self._lock:
            try:
                connection = self._connected()
                execute = connection.execute
                execute("BEGIN IMMEDIATE")
                try:
                    done = work(execute, *arguments)
                    execute("COMMIT")
                except BaseException:
                    _undone(connection)
                    raise
            except (sqlite3.Error, OSError) as error:
                raise _failed(error) from error
        return done

    def _quick(self, statement: str, arguments: tuple[Any, ...]) -> bool:
        """Whether one of the quick statements has done what it does."""
        with self._lock:
            try:
                connection = self._connection
                if connection is None or self._process != os.getpid():
                    connection = self._connected()
                connection.execute(statement, arguments)
            except sqlite3.IntegrityError:
                return False
            except (sqlite3.Error, OSError) as error:
                raise _failed(error) from error
        return True

    def _connected(self) -> sqlite3.Connection:
        # INVARIANT: a connection is never used in a process that did not open it.
        if self._connection is None or self._process != os.getpid():
            self._connection = self._opened()
            self._process = os.getpid()
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        # SQLite gives the files beside it the mode of the file itself.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=self._busy, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA page_size = {_PAGE}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA wal_autocheckpoint = {_AHEAD // page}")
            # What was erased is overwritten, not only forgotten.
            connection.execute("PRAGMA secure_delete = ON")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                message = "the store was written by a later version of policyengine"
                raise StateError("store-failed", message)
            if version < VERSION:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    connection.execute(statement)
                connection.execute("COMMIT")
            for statement in _QUICK:
                connection.execute(statement)
        except (sqlite3.Error, StateError):
            connection.close()
            raise
        return connection


def _undone(connection: sqlite3.Connection) -> None:
    # SQLite may have done so already: where the disk is full, for one.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _failed(error: sqlite3.Error | OSError) -> StateError:
    code = getattr(error, "sqlite_errorcode", 0) or 0
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StateError("store-full", "there is no room for what is to be stored")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StateError("store-busy", "others wrote to the store all the time")
        case _:
            return StateError("store-failed", f"the store failed ({type(error).__name__})")
