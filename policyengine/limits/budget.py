"""The question `budget`: whether little is left of a limit that others are charged to.

    budget: {meter: user-month, per: [subject.id], window: month, limit_usd: 100, below: 20%}

It charges nothing. It reads the counter of a limit with the same `meter`, `per`, window and zone,
and finds something once less than the share `below` is left: in time to warn, or to take a
cheaper model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from policyengine.charges import Asked, Charge, Meter, Standing, frees_at
from policyengine.limits import _clause, _telling
from policyengine.plugins import Finding

READS: Literal["charges"] = "charges"
COST = 1
LOOKS = True
_WHOLE: Final = 10_000


def _amounts(asked: Asked, config: Mapping[str, Any]) -> Mapping[str, int]:
    return _NOTHING


_NOTHING: Final = {"micro_usd": 0, "tokens": 0, "requests": 0, "steps": 0}
_KIND: Final = _clause.Kind(
    name="budget",
    about="Whether less than a share is left of a limit that others are charged to.",
    units={
        "limit_usd": "micro_usd",
        "tokens": "tokens",
        "requests": "requests",
        "steps": "steps",
    },
    amounts=_amounts,
    settings={"below": ""},
    own={
        "below": {
            "type": "string",
            "pattern": r"^(100|[1-9]?[0-9](\.[0-9]{1,2})?)%$",
            "x-wanted": "must be a share such as `20%`",
            "description": "The share of the limit; something is found while less is left.",
        }
    },
)
SCHEMA: Mapping[str, Any] = {**_clause.schema(_KIND), "required": ["meter", "below"]}
FINDING: Mapping[str, str] = _telling.FINDING


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal({"meter": "m", "window": "day", "requests": 10, "below": "20%"})["below"]
    '20%'
    """
    return _clause.normal(_KIND, value)


def problems(value: Any) -> list[_clause.Problem]:
    """What no schema says about a clause's value: paths in it, and what is wrong there."""
    # No process that decides needs it.
    from policyengine.limits import _mistakes

    found = _mistakes.problems(_KIND, value)
    if not _points(value["below"]):
        found.append((("below",), "there is never less left than nothing"))
    return found


def fields(config: Any) -> dict[_clause.Path, str]:
    """The input's fields that a question names, by their places in the clause's value."""
    return _clause.fields(config)


def counters(config: Any) -> list[str]:
    """The counters that a question reads: what their keys begin with."""
    return _clause.counters(config)


def types(config: Any) -> tuple[str, ...]:
    """The types that findings may have."""
    return ("BUDGET",)


def _points(share: str) -> int:
    """A share in hundredths of a percent."""
    return int(Decimal(share.removesuffix("%")) * 100)


@dataclass(frozen=True, slots=True)
class _Budget:
    """The meter: charges of nothing, which have room while enough is left."""

    limits: _clause.Limits
    below: str

    def charges(self, asked: Asked) -> Sequence[Charge]:
        """A charge of 0 for each limit. Raises `FactError` for a scope without a value."""
        rest = _WHOLE - _points(self.below)
        charges = self.limits.charges(asked)
        # Less than the share is left exactly when more than the rest is used, in whole numbers.
        return [c._replace(limit=(c.limit or 0) * rest // _WHOLE) for c in charges]

    def finding(self, charge: Charge, standing: Standing, now: float) -> Finding:
        """What is found where less is left."""
        found = _telling.told("BUDGET", self.limits.meter, charge, standing, now)
        rows = self.limits.rows
        limit = next(row.limit for row in rows if charge.key.startswith(row.prefix))
        why = _telling.sentence(charge._replace(limit=limit), standing, frees_at(charge, standing))
        return {**found, "limit": limit, "why": f"less than {self.below} left of {why}"}


def build(config: Any) -> Meter:
    """A meter for a configuration in its long form; raises `ValueError` where it has no sense.

    >>> config = {"meter": "m", "window": "day", "limit_usd": 10, "below": "20%"}
    >>> [charge] = build(normal(config)).charges(Asked({}, "", 0.0, None))
    >>> charge.amount, charge.limit
    (0, 8000000)
    """
    return _Budget(_clause.build(_KIND, config), config["below"])
