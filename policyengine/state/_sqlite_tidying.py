"""Putting away what was settled lately in an SQLite file, and forgetting what is over."""

from __future__ import annotations

from typing import Final

from policyengine.state._sqlite_file import Execute

# What was settled lately is put away once in so many calls, and some of what is over forgotten.
TIDIED: Final = 256
_LOOKED_AT: Final = 2 * TIDIED
# Of tables in the order of their keys: where the next rows end, and to forget what is over in them.
_SWEPT: Final = (
    (
        "SELECT id FROM done WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?",
        "DELETE FROM done WHERE id > ? AND id <= ? AND until <= ?",
        "DELETE FROM done WHERE id > ? AND until <= ?",
    ),
    (
        "SELECT key FROM counters WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?",
        "DELETE FROM counters WHERE key > ? AND key <= ? AND dies <= ? AND held = 0",
        "DELETE FROM counters WHERE key > ? AND dies <= ? AND held = 0",
    ),
    (
        "SELECT stream FROM events WHERE stream > ? ORDER BY stream LIMIT 1 OFFSET ?",
        "DELETE FROM events WHERE stream > ? AND stream <= ? AND until <= ?",
        "DELETE FROM events WHERE stream > ? AND until <= ?",
    ),
)


def tidied(
    execute: Execute, hands: tuple[bytes, bytes, bytes], now: float
) -> tuple[bytes, bytes, bytes]:
    put_away(execute)
    first, second, third = (
        _swept(execute, *statements, hand, now)
        for statements, hand in zip(_SWEPT, hands, strict=True)
    )
    return first, second, third


def put_away(execute: Execute) -> None:
    """Moves what was settled to where it does not lie in the way."""
    execute("INSERT OR REPLACE INTO done SELECT id, until, amount FROM recent WHERE key IS NULL")
    execute("DELETE FROM recent WHERE key IS NULL")


def forget(execute: Execute, now: float) -> None:
    """Forgets all of ids, counters and events that is over."""
    execute("DELETE FROM done WHERE until <= ?", (now,))
    execute("DELETE FROM counters WHERE dies <= ? AND held = 0", (now,))
    execute("DELETE FROM events WHERE until <= ?", (now,))


def _swept(execute: Execute, ask: str, part: str, rest: str, hand: bytes, now: float) -> bytes:
    """Forgets what is over among the next rows of a table; where to go on."""
    end = execute(ask, (hand, _LOOKED_AT)).fetchone()
    if end is None or type(end[0]) is not bytes:
        execute(rest, (hand, now))
        return b""
    execute(part, (hand, end[0], now))
    return end[0]
