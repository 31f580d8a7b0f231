"""The fact `velocity`: faster, wider, at other hours or more of them than this agent's own past.

    velocity: {per: [agent.id], of: volume, sensitivity: 4}

| `of` | compares | with |
|---|---|---|
| `volume` | calls in a bucket, and in three; gaps between them | buckets in which it did anything |
| `scope` | different files, tools, hosts and repositories in it | the same |
| `agents` | different agents in it, of a team or a project | the same |
| `trend` | calls in each of the two newest buckets | the older ones |
| `hours` | this hour of the day | the same hour of earlier working days, or weekends |

What is usual are medians, so that a past with some outbreaks does not excuse the next. Before
`at_least` events nothing is found. A bucket is a stretch of time such as five minutes; those
without any event do not count, so that nights do not make the morning look fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from policyengine.sessions import _events as past
from policyengine.sessions._calls import Trend, Volume
from policyengine.sessions._different import Agents, Scope
from policyengine.sessions._hours import Hours
from policyengine.sessions._speed import Judge, Question, Watching

READS: Literal["events"] = "events"
COST: Final = 800

# The length of a bucket, and how far back the past goes.
SPANS: Final[Mapping[str, tuple[str, str]]] = {
    "volume": ("5m", "7d"),
    "scope": ("15m", "7d"),
    "agents": ("1h", "7d"),
    "trend": ("1d", "21d"),
    "hours": ("1h", "28d"),
}
JUDGES: Final[Mapping[str, Judge]] = {
    "volume": Volume(),
    "trend": Trend(),
    "scope": Scope(),
    "agents": Agents(),
    "hours": Hours(),
}
FEWEST_BUCKETS: Final = 8
MOST_BUCKETS: Final = 20_000

SCHEMA: Mapping[str, Any] = {
    "description": "Faster, wider or at other hours than this agent's own past.",
    "oneOf": [
        {"enum": sorted(SPANS), "description": "What is compared, for each agent."},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "per": {**past.PER, "default": ["agent.id"]},
                "of": {
                    "enum": sorted(SPANS),
                    "default": "volume",
                    "description": "What is compared.",
                },
                "bucket": {
                    **past.SPAN,
                    "description": "Stretches of time that are compared, such as `5m`.",
                },
                "baseline": {**past.SPAN, "description": "How far the past goes back."},
                "sensitivity": {
                    "type": "number",
                    "minimum": 1,
                    "maximum": 20,
                    "default": 4,
                    "description": "How many times what is usual varies; lower finds more.",
                },
                "at_least": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 2_000,
                    "default": 20,
                    "description": "Events before anything is judged.",
                },
                "from": past.FROM,
            },
        },
    ],
}
FINDING: Mapping[str, str] = {
    "type": "string",
    "of": "string",
    "observed": "double",
    "expected": "double",
    "limit": "double",
    "baseline": "int",
    "why": "string",
}


def normal(value: Any) -> dict[str, Any]:
    """The long form.

    >>> found = normal("trend")
    >>> found["of"], found["bucket"], found["baseline"]
    ('trend', 86400, 1814400)
    """
    if isinstance(value, str):
        value = {"of": value}
    of = value.get("of", "volume")
    bucket, baseline = SPANS.get(of, SPANS["volume"])
    return {
        "per": past.listed(value.get("per", ["agent.id"])),
        "of": of,
        "bucket": past.seconds(value.get("bucket", bucket)),
        "baseline": past.seconds(value.get("baseline", baseline)),
        "sensitivity": float(value.get("sensitivity", 4)),
        "at_least": value.get("at_least", 20),
        "from": value.get("from", "store"),
    }


fields = past.scope_fields


def build(config: Any) -> Watching:
    """The question, ready; raises `ValueError` for buckets that do not fit into the baseline."""
    buckets = config["baseline"] // config["bucket"]
    if config["of"] == "hours" and config["bucket"] != 3_600:
        raise ValueError("`hours` always compares hours: leave `bucket` out")
    if not FEWEST_BUCKETS <= buckets <= MOST_BUCKETS:
        raise ValueError(f"`baseline` must be {FEWEST_BUCKETS} to {MOST_BUCKETS:,} times `bucket`")
    if config["of"] not in ("volume", "hours") and config["from"] == "input":
        raise ValueError(f"`{config['of']}` is not read from the input")
    question = Question(
        config["of"],
        config["bucket"],
        config["baseline"],
        config["sensitivity"],
        config["at_least"],
    )
    given = config["from"] == "input"
    return Watching(tuple(config["per"]), config["baseline"], given, question, JUDGES[config["of"]])
