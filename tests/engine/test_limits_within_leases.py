"""An event loop decides within leases itself, and leaves trips to a store to threads."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from threading import current_thread
from typing import Any

import policyengine
from policyengine import Engine
from policyengine.charges import Usage
from policyengine.rules.load import load_text
from policyengine.state.leases import LeasedStore
from policyengine.state.memory import MemoryStore

START = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
TREE = {
    "bundle.yaml": """apiVersion: policyengine.dev/v1
kind: Bundle
name: limits
version: 1.0.0
defaults: {llm.request: allow}
""",
    "p.yaml": """apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules:
  - id: many
    rate: {per: [subject.id], requests: 1000, window: 1h}
    deny: Slow.
""",
}


class Slow(MemoryStore):
    BLOCKING = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def _by(self) -> None:
        self.asked.append(current_thread().name)

    def reserve(self, *arguments: Any) -> Any:
        self._by()
        return super().reserve(*arguments)

    def settle(self, *arguments: Any) -> Any:
        self._by()
        return super().settle(*arguments)

    def take(self, *arguments: Any) -> Any:
        self._by()
        return super().take(*arguments)


def test_what_needs_no_trip_is_decided_in_the_loop_and_the_rest_in_threads() -> None:
    shared = Slow()
    deciding: list[str] = []

    class Watched(LeasedStore):
        def reserve(self, *arguments: Any) -> Any:
            deciding.append(current_thread().name)
            return super().reserve(*arguments)

    store = Watched(shared, share=0.1)
    assert store.BLOCKING
    program = policyengine.compile(policyengine.check(load_text(TREE)))
    engine = Engine(program, store, clock=lambda: START)
    request = {
        "request": {"model": "m", "input_tokens": 10, "max_tokens": 10, "messages": []},
        "subject": {"id": "sam"},
    }

    async def work() -> None:
        for _ in range(60):
            decision = await engine.adecide("llm.request", request)
            assert decision.allowed, decision
            assert decision.reservation is not None
            assert (await engine.asettle(decision.reservation, Usage(10, 5))).counted

    asyncio.run(work())
    assert shared.asked
    assert current_thread().name not in shared.asked
    assert current_thread().name not in deciding
    # Leases of 4, 8, 16 ...: each takes one trip.
    assert 2 <= len(deciding) <= 12
    store.sync(START.timestamp())
    [key] = shared._counters
    assert shared._counters[key].spent == 60


def test_a_store_that_does_not_block_has_leases_that_do_not() -> None:
    assert not LeasedStore(MemoryStore()).BLOCKING
