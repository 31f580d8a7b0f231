"""What a decision holds, which limits it found exceeded, and how its counters stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policyengine.charges import Unit
from policyengine.decision import Decision
from policyengine.state.store import Ledger


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter that holds something for a request: what is spent and reserved, the request too.

    `meter` is its name as far as a counter's key tells it: a long one stands there as a digest.
    """

    meter: str
    scope: str
    window: str
    unit: Unit
    limit: int | None
    spent: int
    reserved: int


def counters(decision: Decision, store: Ledger | None, now: float) -> tuple[Counter, ...]:
    """The counters that hold something for a decision, at a time in seconds since 1970."""
    held = decision.reservation
    if held is None or store is None:
        return ()
    standings = store.standing(held.charges, now)
    return tuple(
        Counter(
            charge.key.partition("|")[0], charge.scope, charge.window, charge.unit, charge.limit,
            standing.spent, standing.reserved,
        )
        for charge, standing in zip(held.charges, standings, strict=True)
    )  # fmt: skip


def reserved(decision: Decision) -> dict[str, int]:
    """What is held for a decision, by unit.

    One request may be held in several counters, such as a day's and a month's; it counts once, with
    the largest amount.
    """
    found: dict[str, int] = {}
    for hold in decision.reservation.holds if decision.reservation else ():
        found[hold.unit] = max(found.get(hold.unit, 0), hold.amount)
    return found


def exceeded(decision: Decision) -> list[Mapping[str, Any]]:
    """What the limits found that a decision says to be exceeded, each once."""
    found: list[Mapping[str, Any]] = []
    for reason in (*decision.reasons, *decision.shadow):
        for finding in reason.evidence:
            if "meter" in finding and finding not in found:
                found.append(finding)
    return found
