"""The limit `rate`: requests and tokens in a window of time.

    rate: {per: [subject.key], window: minute, requests: 60, tokens: 100000}

Tokens are estimated before the call, prompt and answer together, and settled after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from policyengine.charges import Asked, Meter
from policyengine.limits import _clause, _estimate, _telling

READS: Literal["charges"] = "charges"
COST = 1


def _amounts(asked: Asked, config: Mapping[str, Any]) -> Mapping[str, int]:
    if _is_of_requests(config):
        return _ONE
    usage = _estimate.estimate(asked, config["missing_max_tokens"])
    return {"requests": 1, "tokens": usage.input_tokens + usage.output_tokens}


def _is_of_requests(config: Mapping[str, Any]) -> bool:
    return all(row["unit"] == "requests" for row in config["limits"])


_ONE: Final = {"requests": 1}
_KIND: Final = _clause.Kind(
    name="rate",
    about="Requests and tokens in a window of time.",
    units={"requests": "requests", "tokens": "tokens"},
    amounts=_amounts,
    settings={"missing_max_tokens": _estimate.ASSUMED},
    own={"missing_max_tokens": _estimate.SCHEMA},
)
SCHEMA: Mapping[str, Any] = _clause.schema(_KIND)
FINDING: Mapping[str, str] = _telling.FINDING


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> normal({"window": "1h", "requests": 5})["limits"]
    [{'unit': 'requests', 'limit': 5, 'window': '1h'}]
    """
    return _clause.normal(_KIND, value)


def problems(value: Any) -> list[_clause.Problem]:
    """What no schema says about a clause's value: paths in it, and what is wrong there.

    >>> problems({"window": "minute", "requests": 0})
    [(('requests',), 'a limit of 0 lets nothing through: the rule does so without this clause')]
    """
    # No process that decides needs it.
    from policyengine.limits import _mistakes

    return _mistakes.problems(_KIND, value)


def fields(config: Any) -> dict[_clause.Path, str]:
    """The input's fields that a question names, by their places in the clause's value.

    Where there is no model that is asked for, nothing has tokens.
    """
    model: dict[_clause.Path, str] = {} if _is_of_requests(config) else {(): "request.model"}
    return {**model, **_clause.fields(config)}


def counters(config: Any) -> list[str]:
    """The counters that a question charges: what their keys begin with."""
    return _clause.counters(config)


def types(config: Any) -> tuple[str, ...]:
    """The types that findings may have."""
    return ("RATE",)


def build(config: Any) -> Meter:
    """A meter for a configuration in its long form; raises `ValueError` where it has no sense.

    >>> meter = build(normal({"per": ["subject.key"], "window": "1m", "requests": 60}))
    >>> asked = Asked({"subject": {"key": "k1"}}, "small", 120.0, None)
    >>> [(charge.key, charge.amount, charge.limit) for charge in meter.charges(asked)]
    [('|requests|1m|subject.key|k1', 1, 60)]
    """
    return _clause.build(_KIND, config)
