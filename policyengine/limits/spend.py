"""The limit `spend`: US dollars in a window of time.

    spend: {per: [subject.id], window: day, zone: Europe/Berlin, limit_usd: 5}

What a request will cost is estimated from its length, `max_tokens` and the price book of the
bundle, for the model that will serve it, and settled after the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from policyengine.charges import Asked, Meter
from policyengine.limits import _clause, _estimate, _telling
from policyengine.prices import priced

READS: Literal["charges"] = "charges"
COST = 1


def _amounts(asked: Asked, config: Mapping[str, Any]) -> Mapping[str, int]:
    usage = _estimate.estimate(asked, config["missing_max_tokens"])
    return {"micro_usd": priced(asked.prices, asked.model, usage, asked.now)}


_KIND: Final = _clause.Kind(
    name="spend",
    about="US dollars that may be spent in a window of time.",
    units={"limit_usd": "micro_usd"},
    amounts=_amounts,
    settings={"missing_max_tokens": _estimate.ASSUMED},
    own={"missing_max_tokens": _estimate.SCHEMA},
)
SCHEMA: Mapping[str, Any] = _clause.schema(_KIND)
FINDING: Mapping[str, str] = _telling.FINDING


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal({"window": "day", "limit_usd": 5})["limits"]
    [{'unit': 'micro_usd', 'limit': 5000000, 'window': 'day', 'zone': 'UTC'}]
    """
    return _clause.normal(_KIND, value)


def problems(value: Any) -> list[_clause.Problem]:
    """What no schema says about a clause's value: paths in it, and what is wrong there.

    >>> problems({"window": "total", "zone": "Europe/Berlin", "limit_usd": 5})
    [(('zone',), '`zone` has no say here: the window `total` never ends')]
    """
    # No process that decides needs it.
    from policyengine.limits import _mistakes

    return _mistakes.problems(_KIND, value)


def fields(config: Any) -> dict[_clause.Path, str]:
    """The input's fields that a question names, by their places in the clause's value.

    Where there is no model that is asked for, nothing has a price.
    """
    return {(): "request.model", **_clause.fields(config)}


def counters(config: Any) -> list[str]:
    """The counters that a question charges: what their keys begin with."""
    return _clause.counters(config)


def types(config: Any) -> tuple[str, ...]:
    """The types that findings may have."""
    return ("SPEND",)


def build(config: Any) -> Meter:
    """A meter for a configuration in its long form; raises `ValueError` where it has no sense."""
    return _clause.build(_KIND, config)
