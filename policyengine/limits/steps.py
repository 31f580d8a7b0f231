"""The limit `steps`: how many steps a session or an agent may take.

    steps: {per: [session.id], steps: 50}

Every request that is allowed is a step. Where no window is said all of them count, until nothing
has happened for 30 days (`forget_after`).
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


_ONE: Final = {"steps": 1}
_KIND: Final = _clause.Kind(
    name="steps",
    about="Steps of a session or an agent, in all or in a window of time.",
    units={"steps": "steps"},
    amounts=_amounts,
    window="total",
    idle="30d",
)
SCHEMA: Mapping[str, Any] = _clause.schema(_KIND)
FINDING: Mapping[str, str] = _telling.FINDING


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal({"steps": 50})["limits"]
    [{'unit': 'steps', 'limit': 50, 'window': 'total', 'idle': '30d'}]
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
    return ("STEPS",)


def build(config: Any) -> Meter:
    """A meter for a configuration in its long form; raises `ValueError` where it has no sense.

    >>> meter = build(normal({"per": ["session.id"], "steps": 50}))
    >>> [charge] = meter.charges(Asked({"session": {"id": "s1"}}, "", 0.0, None))
    >>> charge.amount, charge.limit, charge.window, charge.scope
    (1, 50, 'total', 'session.id=s1')
    """
    return _clause.build(_KIND, config)
