"""The cost of recorded requests in tables, for every format that has some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyengine.analysis.savings import ASSUMPTIONS
from policyengine.output.text import count, line

if TYPE_CHECKING:
    from policyengine.analysis.savings import Row, Savings

# Rows of a table; all of them are in the JSON.
_LISTED = 15
_COST = ("", "requests", "compared", "before USD", "after USD", "change")


@dataclass(frozen=True, slots=True)
class Table:
    """A title, the heads of columns (the first is text, the others numbers), and rows of cells."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def title(found: Savings) -> str:
    """What was analysed."""
    against = f"against {found.base}" if found.base else "against what was recorded"
    asked = count(found.requests, "request")
    return line(f"{found.bundle} {against}: {asked}, {found.first} to {found.last}")


def tables(found: Savings) -> Iterator[Table]:
    """The tables that say something, the totals first."""
    # Cents are lost in a small recording, and all that is read in a large one.
    digits = 6 if max(found.total.before, found.total.after) < 100_000_000 else 2
    yield _totals(found, digits)
    for name, rows in (
        ("by tier", found.tiers),
        ("by model", found.models),
        ("by kind of task", found.tasks),
        ("by rule", found.rules),
    ):
        if len(rows) > 1 or (rows and name == "by rule"):
            yield _costs(name, rows, digits)
    if found.moves:
        yield _costs("to another model", found.moves, digits)
    for name, rows in (
        ("limits exceeded", found.limited),
        ("rules that could not be evaluated", found.errors),
    ):
        if rows:
            yield _counts(name, rows)
    if found.unpriced:
        yield _unpriced(found)


_UNKNOWN = (
    "the price book lacks the models, or the days (`policyengine import prices` fills "
    "`data/prices.json`)"
)
_NOT_SENT = "no request is sent both ways"


def notes(found: Savings) -> Iterator[str]:
    """What is to be known of the numbers."""
    if not found.total.compared:
        yield f"Nothing can be compared: {_UNKNOWN if found.unpriced else _NOT_SENT}."
    else:
        yield f"All costs are by the prices of {found.prices}."
    for number, told in (
        (found.total.requests - found.total.compared, "without a known price: in none of the sums"),
        (found.estimated.requests, "without recorded usage: estimated from their length"),
        (found.free.requests, "to a model whose price is 0: machines of one's own are not free"),
        (found.others, "at other decision points: decided, without a cost"),
    ):
        if number:
            yield f"{count(number, 'request')} {told}."
    yield from ASSUMPTIONS


def _totals(found: Savings, digits: int) -> Table:
    rows = [_cost("sent both ways", found.total, digits)]
    if found.estimated.requests:
        rows.append(_cost("  of these, usage estimated", found.estimated, digits))
    if found.elsewhere.requests:
        rows.append(_cost("  of these, to another model", found.elsewhere, digits))
    for told, row in (
        ("refused now, no saving", found.refused),
        ("waits for a person now", found.waiting),
    ):
        if row.requests:
            rows.append((told, *_cost("", row, digits)[1:4], "", ""))
    if found.admitted.requests:
        rows.append(("sent only now", f"{found.admitted.requests:,}", "", "", "", ""))
    priced = found.priced
    note = "" if priced is None else f"{priced:.1%} of what is sent both ways could be priced"
    return Table("cost", _COST, tuple(rows), note)


def _costs(name: str, rows: Sequence[Row], digits: int) -> Table:
    told = tuple(_cost(line(row.name), row, digits) for row in rows[:_LISTED])
    return Table(name, _COST, told, _more(len(rows)))


def _counts(name: str, rows: Sequence[Row]) -> Table:
    told = tuple((line(row.name), f"{row.requests:,}") for row in rows[:_LISTED])
    return Table(name, ("", "requests"), told, _more(len(rows)))


def _more(number: int) -> str:
    return f"and {number - _LISTED:,} more, in the JSON" if number > _LISTED else ""


def _cost(name: str, row: Row, digits: int) -> tuple[str, ...]:
    change = "" if row.change is None else f"{row.change:+.1%}"
    money = [
        f"{amount / 1e6:,.{digits}f}" if row.compared else "" for amount in (row.before, row.after)
    ]
    return (name, f"{row.requests:,}", f"{row.compared:,}", *money, change)


def _unpriced(found: Savings) -> Table:
    rows = []
    for row in found.unpriced[:_LISTED]:
        told = f"{row.model or 'no model'}, {row.side}: {row.why}; first in {row.where[0]}"
        rows.append((line(told), f"{row.requests:,}"))
    return Table("without a known price", ("", "requests"), tuple(rows), _more(len(found.unpriced)))
