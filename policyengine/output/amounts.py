"""What limits count, for people: money, tokens, requests; and what is held of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from policyengine.charges import Reservation
from policyengine.output.text import line

_NOUNS = {
    "tokens": "token",
    "requests": "request",
    "steps": "step",
    "parallel": "request under way",
}
_PLURALS = {"request under way": "requests under way"}


def amount(number: int, unit: str) -> str:
    """An amount of a unit.

    >>> amount(1_234_500, "micro_usd"), amount(1, "requests"), amount(2, "parallel")
    ('1.2345 USD', '1 request', '2 requests under way')
    """
    noun = "USD" if unit == "micro_usd" else _NOUNS.get(unit, unit)
    if number != 1 and unit != "micro_usd":
        noun = _PLURALS.get(noun, f"{noun}s")
    return f"{_number(number, unit)} {noun}"


def _number(number: int, unit: str) -> str:
    return dollars(number) if unit == "micro_usd" else f"{number:,}"


def dollars(micro_usd: int) -> str:
    """Micro-dollars as dollars, with as many digits as they have, and at least two.

    >>> dollars(5_000_000), dollars(-120_001), dollars(1)
    ('5.00', '-0.120001', '0.000001')
    """
    whole, rest = divmod(abs(micro_usd), 1_000_000)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro_usd < 0 else ''}{whole:,}.{digits}"


def seconds(number: int) -> str:
    """A time to wait, in the two largest units that it has.

    >>> seconds(42), seconds(3_700), seconds(90_000)
    ('42 s', '1 h 1 min', '1 d 1 h')
    """
    left, parts = number, []
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count:,} {name}")
    return " ".join(parts[:2]) or "0 s"


def held(reservation: Reservation) -> Iterator[str]:
    """What is held for a request: each amount with its limit, meter, scope and window."""
    for charge in reservation.charges:
        number = amount(charge.amount, charge.unit)
        if charge.limit is not None:
            number = f"{_number(charge.amount, charge.unit)} of {amount(charge.limit, charge.unit)}"
        yield line(f"{number}  {charge.scope}, {charge.window}  ({_meter(charge.key)})")
    for hold in reservation.holds if not reservation.charges else ():
        yield line(f"{amount(hold.amount, hold.unit)}  ({_meter(hold.key)})")
    until = datetime.fromtimestamp(reservation.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield line(f"reservation {reservation.id}, until {until} if nobody settles it")


def _meter(key: str) -> str:
    return key.partition("|")[0] or "no meter"
