"""What recorded requests cost, and what they would cost with another bundle.

Requests are compared where both ways send them and both prices are known. What is refused is no
saving, and what has no price is not free: both are counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from policyengine.analysis.recorded import POINT, Recorded
from policyengine.analysis.replay import Outcome, as_recorded, prices_of, replayed, usage_of

if TYPE_CHECKING:
    from policyengine.program import Program

ASSUMPTIONS: Final = (
    "Every model is taken to read and write as many tokens as the recorded one did. Answers of "
    "another model have other lengths, and other texts: measure it on a part of the traffic.",
    "Caches are taken to be as warm as they were, and nothing is asked again where an answer is "
    "worse.",
    "Models are taken to answer: fallbacks, health and latencies as observed play no part.",
)
# Requests without a price are named by so many of their lines for each reason.
_NAMED: Final = 5


@dataclass(slots=True)
class Row:
    """Requests that have something in common, such as a tier.

    `before` and `after` are micro-dollars of those `compared`; the others are refused, wait for a
    person, or have no known price.
    """

    name: str
    requests: int = 0
    compared: int = 0
    before: int = 0
    after: int = 0

    @property
    def change(self) -> float | None:
        """The share of the cost that comes on top; negative where it becomes less."""
        return (self.after - self.before) / self.before if self.before else None


@dataclass(slots=True)
class Unpriced:
    """Requests whose cost is not known: of which model, why, how many, and where some of them are.

    `side` is `before` or `after`.
    """

    side: str
    model: str
    why: str
    requests: int = 0
    where: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Savings:
    """What a bundle would have made of recorded requests, at the `prices` of one of the two.

    `total` compares all that can be compared, `estimated` those of them whose usage nobody
    recorded. `refused` and `waiting` were sent before and would not be now; `admitted` the other
    way round. `elsewhere` go to another model, each way a row in `moves`; `free` are those sent to
    one whose price is 0. `limited` are requests by the meter of a limit that they exceed, `errors`
    by the code of a rule's error. `others` are requests at points that cost nothing.
    """

    bundle: str
    base: str
    prices: str
    requests: int
    others: int
    first: str
    last: str
    total: Row
    estimated: Row
    refused: Row
    waiting: Row
    admitted: Row
    elsewhere: Row
    free: Row
    moves: tuple[Row, ...]
    tiers: tuple[Row, ...]
    models: tuple[Row, ...]
    rules: tuple[Row, ...]
    tasks: tuple[Row, ...]
    limited: tuple[Row, ...]
    unpriced: tuple[Unpriced, ...]
    errors: tuple[Row, ...]

    @property
    def priced(self) -> float | None:
        """The share of the requests that both send which can be compared."""
        return self.total.compared / self.total.requests if self.total.requests else None

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain JSON values."""
        plain: dict[str, Any] = {"unit": "micro_usd", **asdict(self)}
        plain["priced"] = self.priced
        plain["assumptions"] = list(ASSUMPTIONS)
        return plain


@dataclass(frozen=True, slots=True)
class _Pair:
    recorded: Recorded
    before: Outcome
    after: Outcome
    estimated: bool

    @property
    def both(self) -> bool:
        return self.before.sent and self.after.sent

    @property
    def costs(self) -> tuple[int, int] | None:
        """What it costs either way, where that can be compared."""
        if not self.both or self.before.cost is None or self.after.cost is None:
            return None
        return self.before.cost, self.after.cost


def savings(
    program: Program,
    requests: Iterable[Recorded],
    base: Program | None = None,
    each: Callable[[Sequence[Recorded]], Iterable[Recorded]] | None = None,
) -> Savings:
    """What a program makes of recorded requests, beside what was, or what a base makes of them.

    All costs are by the prices of the program, else those of the base. `each` is handed the
    requests that are to be decided and gives them back one by one, to show how far it is.
    """
    # A store does not go back in time.
    ordered = sorted(requests, key=lambda one: one.now)
    named = "" if base is None else _name(base)
    prices, whose = prices_of(program), _name(program)
    if prices is None and base is not None:
        prices, whose = prices_of(base), named
    usages = [usage_of(one, prices) for one in ordered]
    if base is None:
        before = [as_recorded(one, u, prices) for one, u in zip(ordered, usages, strict=True)]
    else:
        before = list(replayed(base, ordered, usages, prices))
    shown = ordered if each is None else each(ordered)
    pairs = [
        _Pair(one, was, now, one.usage is None)
        for one, was, now in zip(
            shown, before, replayed(program, ordered, usages, prices), strict=True
        )
    ]
    whose = "" if prices is None else whose
    return _counted(_name(program), named, whose, pairs)


def _name(program: Program) -> str:
    return f"{program.bundle} {program.version}"


def _counted(bundle: str, base: str, prices: str, every: Sequence[_Pair]) -> Savings:
    pairs = [pair for pair in every if pair.recorded.point == POINT]
    both = [pair for pair in pairs if pair.both]
    refused = [p for p in pairs if p.before.sent and p.after.verdict == "deny"]
    waiting = [p for p in pairs if p.before.sent and p.after.verdict == "require_approval"]
    return Savings(
        bundle=bundle,
        base=base,
        prices=prices,
        requests=len(pairs),
        others=len(every) - len(pairs),
        first=_time(every[0]) if every else "",
        last=_time(every[-1]) if every else "",
        total=_row("total", both),
        estimated=_row("estimated", [p for p in both if p.estimated]),
        refused=_unsent("refused", refused),
        waiting=_unsent("waiting", waiting),
        admitted=_row("admitted", [p for p in pairs if p.after.sent and not p.before.sent]),
        elsewhere=_row("elsewhere", [p for p in both if p.before.model != p.after.model]),
        free=_row("free", [p for p in both if p.costs is not None and _is_free(p)]),
        moves=_rows(both, _move),
        tiers=_rows(both, lambda p: [p.after.tier or "no tier"]),
        models=_rows(both, lambda p: [p.after.model or "no model"]),
        rules=_rows(pairs, lambda p: p.after.rules),
        tasks=_rows(both, lambda p: [p.after.task or p.before.task or "not said"]),
        limited=_rows(pairs, lambda p: p.after.limits),
        unpriced=_unpriced(pairs),
        errors=_rows(every, lambda p: p.after.errors),
    )


def _time(pair: _Pair) -> str:
    return pair.recorded.now.isoformat().replace("+00:00", "Z")


def _is_free(pair: _Pair) -> bool:
    return pair.after.cost == 0 and pair.before.cost != 0


def _move(pair: _Pair) -> list[str]:
    was, now = pair.before.model, pair.after.model
    return [] if was == now else [f"{was or 'no model'} -> {now or 'no model'}"]


def _row(name: str, pairs: Iterable[_Pair]) -> Row:
    row = Row(name)
    for pair in pairs:
        row.requests += 1
        costs = pair.costs
        if costs is not None:
            row.compared += 1
            row.before += costs[0]
            row.after += costs[1]
    return row


def _unsent(name: str, pairs: Sequence[_Pair]) -> Row:
    """What is not sent any more: what it did cost, where that is known."""
    costs = [pair.before.cost for pair in pairs if pair.before.cost is not None]
    return Row(name, len(pairs), len(costs), sum(costs), 0)


def _rows(pairs: Sequence[_Pair], names: Callable[[_Pair], Sequence[str]]) -> tuple[Row, ...]:
    """A row for each name, the dearest first."""
    found: dict[str, list[_Pair]] = {}
    for pair in pairs:
        for name in names(pair):
            found.setdefault(name, []).append(pair)
    rows = [_row(name, held) for name, held in found.items()]
    return tuple(sorted(rows, key=lambda row: (-row.before, -row.requests, row.name)))


def _unpriced(pairs: Sequence[_Pair]) -> tuple[Unpriced, ...]:
    found: dict[tuple[str, str, str], Unpriced] = {}
    for pair in pairs:
        for side, outcome in _sides(pair):
            key = (side, outcome.model, outcome.unpriced)
            row = found.setdefault(key, Unpriced(*key))
            row.requests += 1
            if len(row.where) < _NAMED:
                row.where.append(pair.recorded.where)
    return tuple(sorted(found.values(), key=lambda row: (-row.requests, row.side, row.model)))


def _sides(pair: _Pair) -> Iterator[tuple[str, Outcome]]:
    for side, outcome in (("before", pair.before), ("after", pair.after)):
        if outcome.sent and outcome.cost is None:
            yield side, outcome
