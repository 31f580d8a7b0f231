"""Charging a card once, even when a request is sent twice."""

from decimal import Decimal


def charge(ledger: dict[str, Decimal], key: str, amount: Decimal) -> Decimal:
    return ledger.setdefault(key, amount)
