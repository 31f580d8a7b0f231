"""Limits on money, where nobody says what models cost: every request would be an error of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policyengine.cel.suggestions import listed
from policyengine.diagnostics import Diagnostic
from policyengine.program import FactInfo
from policyengine.rules.clauses import providers
from policyengine.rules.model import Bundle, CheckedPoint
from policyengine.source import Span

_IMPORT = "`policyengine import prices --from FILE --to data/prices.json` takes them from a list"


def unpriced(bundle: Bundle, points: Iterable[CheckedPoint]) -> Iterator[Diagnostic]:
    """What limits on money lack: a price book, or the prices of models that tiers have.

    A host may bring prices of its own, so these are warnings.
    """
    place = next(_places(points), None)
    if place is None:
        return
    book = bundle.data.get("prices")
    if book is None:
        message = "a limit counts money, and the bundle has no `data/prices.json`"
        help = f"without prices every request is an error of the limit; {_IMPORT}"
        yield Diagnostic("no-prices", message, place, help=help, severity="warning")
        return
    missing = _without_price(bundle.data.get("tiers") or {}, book)
    if missing:
        file = next((path for path in bundle.sources if "data/tiers." in path), bundle.root)
        message = f"`data/prices.json` has no price for {listed(missing)}, which tiers have"
        help = f"limits on money refuse requests to models without a price; {_IMPORT}"
        where = Span.start_of(file)
        yield Diagnostic("unpriced-model", message, where, help=help, severity="warning")


def _places(points: Iterable[CheckedPoint]) -> Iterator[Span]:
    """Where conditions charge money."""
    for point in points:
        for rule in point.rules:
            for condition in rule.conditions:
                if any(map(_charges_money, condition.facts.values())):
                    yield condition.span


def _charges_money(fact: FactInfo) -> bool:
    provider: Any = providers()[fact.provider]
    if provider.READS != "charges" or getattr(provider, "LOOKS", False):
        return False
    rows = fact.config.get("limits", ()) if isinstance(fact.config, Mapping) else ()
    return any(isinstance(row, Mapping) and row.get("unit") == "micro_usd" for row in rows)


def _without_price(tiers: Mapping[str, Any], book: Mapping[str, Any]) -> list[str]:
    """The models of tiers that the price book lacks, also under another name."""
    used = {
        member["model"] for tier in tiers.get("tiers", {}).values() for member in tier["models"]
    }
    return sorted(used - book["models"].keys() - book["aliases"].keys())
