"""The limit `concurrency`: how many requests may be under way at one time.

    concurrency: {per: [subject.id], parallel: 5}

A request is under way from its decision until it is settled or released, or its reservation
expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from policyengine.charges import Asked, Meter
from policyengine.limits import _clause, _telling

READS: Literal["charges"] = "charges"
COST = 1


def _amounts(asked: Asked, config: Mapping[str, Any]) -> Mapping[str, int]:
    return _ONE


_ONE: Final = {"parallel": 1}
_KIND: Final = _clause.Kind(
    name="concurrency",
    about="Requests that may be under way at one time.",
    units={"parallel": "parallel"},
    amounts=_amounts,
    timed=False,
)
SCHEMA: Mapping[str, Any] = _clause.schema(_KIND)
FINDING: Mapping[str, str] = _telling.FINDING


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal({"parallel": 5})["limits"]
    [{'unit': 'parallel', 'limit': 5}]
    """
    return _clause.normal(_KIND, value)


def problems(value: Any) -> list[_clause.Problem]:
    """What no schema says about a clause's value: paths in it, and what is wrong there."""
    # No process that decides needs it.
    from policyengine.limits import _mistakes

    return _mistakes.problems(_KIND, value)


def fields(config: Any) -> dict[_clause.Path, str]:
    """The input's fields that a question names, by their places in the clause's value."""
    return _clause.fields(config)


def counters(config: Any) -> list[str]:
    """The counters that a question charges: what their keys begin with."""
    return _clause.counters(config)


def types(config: Any) -> tuple[str, ...]:
    """The types that findings may have."""
    return ("CONCURRENCY",)


def build(config: Any) -> Meter:
    """A meter for a configuration in its long form; raises `ValueError` where it has no sense.

    >>> meter = build(normal({"parallel": 5}))
    >>> [charge] = meter.charges(Asked({}, "", 0.0, None))
    >>> charge.amount, charge.limit, charge.window, charge.scope
    (1, 5, 'at once', 'all')
    """
    return _clause.build(_KIND, config)
