"""What a gateway holds for requests under way, and which of their ids it knows.

No lock, no store and no clock are in here: `policyengine.state.leases` has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from policyengine.state._lease import Account

# An amount in an account for each charge that is held here, in their order.
Parts = list[tuple[Account, int]]
# The id under which the shared store holds the other charges, and their positions.
Direct = tuple[str, Sequence[int]]
# When a reservation expires, and what it holds. No class: one is made in every decision.
Held = tuple[float, Parts, Direct | None]


class Ids:
    """Reservations by id: what they hold here, or that they are over.

    `done` and `before` are the ids of the past, in two generations: True for those that were
    settled or released, False for those that the shared store knows if anybody does. Each lasts
    `remembered` seconds, or until it has half of `most` ids. INVARIANT: no reservation expires
    before `earliest`, and none that is not in the queue before `fresh`.
    """

    __slots__ = (
        "_most", "_queue", "_remembered", "_turned", "before", "done", "earliest", "fresh", "held",
    )  # fmt: skip

    def __init__(self, remembered: float, most: int) -> None:
        self._remembered, self._most = remembered, most
        self._turned = -math.inf
        self.held: dict[str, Held] = {}
        self.done: dict[str, bool] = {}
        self.before: dict[str, bool] = {}
        self.earliest = self.fresh = math.inf
        # What was held at the last look, the next to expire last. What was settled stays in it.
        self._queue: list[tuple[float, str]] = []

    def knows(self, id: str) -> bool:
        """Whether it is held here, or was."""
        return id in self.held or id in self.done or id in self.before

    def is_over(self, id: str) -> bool:
        """Whether it was settled or released here."""
        return self.done.get(id) or self.before.get(id) or False

    def hold(self, id: str, held: Held) -> None:
        """Keeps what a reservation holds from now on."""
        self.held[id] = held
        self.fresh = min(self.fresh, held[0])
        self.earliest = min(self.earliest, held[0])

    def finish(self, id: str) -> Held | None:
        """Takes out what a reservation holds: it is settled, or about to be."""
        self.done[id] = True
        return self.held.pop(id, None)

    def resume(self, id: str, held: Held) -> None:
        """Keeps again what could not be settled."""
        self.done.pop(id, None)
        self.before.pop(id, None)
        self.hold(id, held)

    def expired(self, now: float) -> list[Held]:
        """Takes out what has been held for too long."""
        over: list[Held] = []
        if now < self.earliest:
            return over
        # Looking at everything each time would be slow where many requests are never settled.
        if now >= self.fresh:
            self._queue = sorted(((held[0], id) for id, held in self.held.items()), reverse=True)
            self.fresh = math.inf
        queue = self._queue
        while queue and queue[-1][0] <= now:
            _, id = queue.pop()
            held = self.held.get(id)
            # It may have been raised, to expire later.
            if held is not None and held[0] <= now:
                over.append(self.held.pop(id))
                self.done[id] = False
        self.earliest = min(self.fresh, queue[-1][0] if queue else math.inf)
        return over

    def turn(self, now: float) -> None:
        """Forgets ids of long ago.

        Threads whose clocks differ a little turn it once; a clock that was set far back, again.
        """
        full = 2 * len(self.done) >= self._most
        if full or not self._turned - self._remembered <= now < self._turned + self._remembered:
            self.before, self.done, self._turned = self.done, {}, now
