"""The ledgers that this room's shared tests hold to the contract of `policyengine.state.store`.

A store joins them with one entry of `LEDGERS`. What opens it gets pytest's request, so that it may
ask for fixtures of its own (`request.getfixturevalue`) or skip, and a name: two calls with one name
open the same ledger as two processes would (a ledger in memory is only ever opened once), and a new
name is a ledger that holds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from policyengine.state.memory import MemoryStore
from policyengine.state.sqlite import SqliteStore


def _memory(request: pytest.FixtureRequest, name: str) -> MemoryStore:
    return MemoryStore()


def _sqlite(request: pytest.FixtureRequest, name: str) -> SqliteStore:
    folder: Path = request.getfixturevalue("tmp_path")
    return SqliteStore(folder / f"{name}.db")


LEDGERS: dict[str, Callable[[pytest.FixtureRequest, str], Any]] = {
    "memory": _memory,
    "sqlite": _sqlite,
}
# Those that several processes can open at once.
SHARED = sorted(set(LEDGERS) - {"memory"})


@pytest.fixture(params=LEDGERS)
def opens(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Opens a ledger of one kind by its name; all that were opened are closed in the end."""
    opened: list[Any] = []

    def open_one(name: str = "ledger") -> Any:
        opened.append(LEDGERS[request.param](request, name))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(opens: Callable[[], Any]) -> Any:
    """An empty ledger of each kind."""
    return opens()
