"""What a gateway holds of one counter: its leases, and what of them is used.

No lock, no store and no clock are in here: `policyengine.state.leases` has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from policyengine.charges import Charge, Hold, Standing
from policyengine.state._counting import MOST

# A lease is at most this part of what is left, so that the next gateways find something too.
SPARE = 8
# When a lease is renewed, as a part of its length: while it can still be used if the store is gone.
RENEWED = 0.75
# The most that may be owed where there is no limit.
UNLIMITED = -MOST
NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class Terms:
    """How leases are cut: see `LeasedStore`, whose parameters these are."""

    share: float
    least: int
    seconds: float
    margin: float


class Lease(NamedTuple):
    """An amount that the shared store holds for this gateway under an id, from a time on."""

    id: str
    size: int
    taken: float


@dataclass(slots=True, eq=False)
class Account:
    """A slot of a counter as one gateway has it.

    INVARIANT: `idle + held + spent` is the sum of the leases. Below zero, `idle` is owed: counted
    here, and not yet known to the shared store.
    """

    # The latest charge, for what it says of the counter; its amount means nothing.
    charge: Charge
    terms: Terms
    seen: float = NEVER
    # What a lease should be: learnt from how fast they are used.
    want: int = 0
    usual: int = 0
    # So little is left that nothing is kept idle, and since when that is known.
    scarce: bool = False
    looked: float = NEVER
    leases: list[Lease] = field(default_factory=list)
    idle: int = 0
    held: int = 0
    spent: int = 0
    # What a charge must leave of `idle`, and how much may be owed without telling at once.
    floor: int = 0
    low: int = 0
    # Told as soon as so much is spent: the oldest lease is used up.
    full: int = 1 << 200
    # In use from, to be renewed at, over at.
    begins: float = NEVER
    renews: float = NEVER
    ends: float = NEVER
    # Since when something has been owed, where there is no lease.
    owes: float = math.inf
    # Something was held in it, so its slot has begun.
    used: bool = False
    # Its slot is over: nothing is added any more.
    closing: bool = False
    # When which charge was refused, and how the counter stood.
    refused: tuple[float, Charge, Standing] | None = None

    def __post_init__(self) -> None:
        self._bounded()

    @property
    def clean(self) -> bool:
        """Whether the shared store knows all of it, and holds nothing for it."""
        return not (self.leases or self.held or self.spent or self.idle)

    def is_due(self, now: float) -> bool:
        """Whether it is to be settled with the shared store."""
        return not self.clean and not self.begins <= now < self.renews

    def is_warm(self, now: float) -> bool:
        """Whether a lease would be used, and there is enough for one, as far as is known."""
        terms = self.terms
        soon = terms.seconds / terms.least
        if self.scarce and 0 <= now - self.looked < soon:
            return False
        return terms.share > 0 and now - self.seen <= soon

    def hoard(self, scarce: bool, now: float) -> None:
        """Learns whether anything may be kept idle."""
        self.scarce, self.looked = scarce, now

    def limits(self, limit: int | None) -> None:
        """Takes the limit of a charge for its own; nothing may be idle then."""
        self.charge = self.charge._replace(limit=limit)
        self._bounded()

    def _bounded(self) -> None:
        self.floor = self.low = UNLIMITED if self.charge.limit is None else 0

    def size(self, amount: int, left: int, now: float) -> int:
        """How much to lease where so much is left and a charge takes `amount`."""
        terms = self.terms
        if left <= 0:
            return 0
        # Charges differ: a lease is for this one and others of the usual size.
        self.usual = amount if not self.usual else (3 * self.usual + amount) // 4
        few = amount + (terms.least - 1) * self.usual
        most = max(int(terms.share * left), few)
        self.want = min(max(self.want, few), most)
        self.hoard(left // SPARE < few, now)
        return min(self.want, left // SPARE)

    def add(self, lease: Lease) -> None:
        """Has a lease more."""
        self.leases.append(lease)
        self.idle += lease.size
        self.timed()

    def in_slot(self, charge: Charge) -> Charge:
        """A charge of this counter in the slot of the account, which is no earlier one."""
        later = self.charge.slot - charge.slot
        if later <= 0:
            return charge
        return charge._replace(slot=charge.slot + later, since=charge.since + later)

    def fits(self, charge: Charge, now: float) -> bool:
        """Whether a charge in its slot can be held without asking the shared store."""
        if self.closing:
            return False
        if charge.limit is None:
            known = self.clean or self.begins <= now < self.ends
            return known and self.held + self.spent + charge.amount <= MOST
        if not self.begins <= now < self.ends or charge.slot > self.charge.slot:
            return False
        return charge.limit == self.charge.limit and 0 < self.idle >= charge.amount

    def hold(self, amount: int, limit: int | None, now: float) -> bool:
        """Holds an amount; without a limit, more than is idle. Whether that begins to be owed."""
        self.idle -= amount
        self.held += amount
        self.seen = now
        self.used = True
        if limit is not None or self.idle >= 0:
            return False
        self.low = min(self.low, self.idle)
        if self.leases or self.owes < math.inf:
            return False
        self.owes = now
        self.timed()
        return True

    def give_back(self, held: int, spent: int) -> None:
        """Has settled what was held with what was spent."""
        self.held -= held
        self.spent += spent
        self.idle += held - spent

    @property
    def tells(self) -> bool:
        """Whether the shared store is to be told at once of what was settled."""
        hoards = self.scarce and self.idle > 0
        return hoards or self.spent >= self.full or self.idle < self.low or self.closing

    def used_up(self) -> Lease | None:
        """Takes out the oldest lease, if all of it is spent."""
        if not self.leases or self.spent < self.leases[0].size:
            return None
        lease = self.leases.pop(0)
        self.spent -= lease.size
        # Before its time, so the next may be larger.
        self.want *= 2
        self.timed()
        return lease

    def emptied(self, keep: int) -> tuple[list[Lease], int]:
        """Takes out all leases but the `keep` newest, and all that was spent."""
        cut = len(self.leases) - keep
        old, spent = self.leases[:cut], self.spent
        if 2 * self.idle > self.want:
            self.want //= 2
        self.leases = self.leases[cut:]
        self.spent = 0
        self.idle = sum(lease.size for lease in self.leases) - self.held
        self.owes = math.inf
        self._bounded()
        self.timed()
        return old, spent

    @property
    def watch(self) -> float:
        """When its newest lease is to be renewed."""
        newest = self.leases[-1].taken if self.leases else self.owes
        return newest + self.terms.seconds * RENEWED

    def block(self) -> None:
        """Adds nothing until `timed`: it is being settled."""
        self.renews = self.ends = NEVER

    def timed(self) -> None:
        """Says anew from when and until when it may be used, and what is told when."""
        terms = self.terms
        opened, newest = (
            (self.leases[0].taken, self.leases[-1].taken) if self.leases else (self.owes, self.owes)
        )
        self.full = self.leases[0].size if self.leases else 1 << 200
        if opened == math.inf:
            self.begins = self.renews = self.ends = NEVER
            return
        self.begins = newest - terms.margin
        self.renews = opened + terms.seconds * RENEWED
        self.ends = opened + terms.seconds - terms.margin

    def part(self, amount: int) -> Hold:
        """An amount of it, as the shared store settles it."""
        charge = self.charge
        return Hold(charge.key, charge.unit, amount, charge.slot, charge.lasts)

    def seen_with(self, standing: Standing, charge: Charge, now: float) -> Standing:
        """How the counter stands if what is idle here is not counted, and what is owed is."""
        if self.charge.slot < charge.since:
            return standing
        known = sum(x.size for x in self.leases if x.taken + self.terms.seconds > now)
        change = self.held + self.spent - known
        slots = dict(standing.slots)
        at = self.charge.slot
        if at not in slots and change < 0 and slots:
            at = max(slots)
        slots[at] = slots.get(at, 0) + change
        return Standing(
            min(standing.spent + self.spent, MOST),
            min(max(standing.reserved + self.held - known, 0), MOST),
            tuple(sorted((slot, amount) for slot, amount in slots.items() if amount > 0)),
        )
