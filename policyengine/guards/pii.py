"""The guard `pii`: personal data that has a form of its own, in the texts of a request.

    pii: {entities: [EMAIL_ADDRESS, CREDIT_CARD, US_SSN], min_score: 0.5}

Entities are found by their form, then validated (check digits, number ranges, calendars), and
lifted by words near them. A score of 0.9 and more is a find that chance hardly gives; from 0.6 a
typical form; below 0.5 what many other things look like, too, so that by default it is reported
only beside a word that says what it is. Names, places and organisations have no form: a model
finds them, where `names` says which (`_pii/names.py`). Presidio's recognisers and those of others
look beside ours, where `presidio` names them (`_pii/presidio.py`). `docs/pii.md` lists all that
is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from policyengine.guards._pii import names, presidio
from policyengine.guards._pii.config import SCHEMA, chosen, normal
from policyengine.guards._pii.finder import Finder
from policyengine.plugins import TEXT_FINDING

READS: Literal["texts"] = "texts"
COST: Final = 100
FINDING: Mapping[str, str] = TEXT_FINDING
HOLDBACK: Final = 2_100


def types(config: Any) -> list[str]:
    """The types that findings may have.

    >>> types(normal(["EMAIL", "US_SSN"]))
    ['EMAIL_ADDRESS', 'US_SSN']
    """
    denied = ["DENIED"] if config["deny"] else []
    customs = [each["name"] for each in config["custom"]]
    by_model = names.ENTITIES.intersection(config["entities"]) if "names" in config else set()
    entities = [e.name for e in chosen(n for n in config["entities"] if n not in by_model)]
    others = config.get("presidio", {}).get("entities", ())
    return list(dict.fromkeys([*entities, *customs, *denied, *sorted(by_model), *others]))


def cost(config: Any) -> int:
    """Microseconds for 1,000 characters, by what else is asked to look.

    >>> cost(normal(["US_SSN"])) < cost(normal({"entities": ["PERSON"], "names": "shipped"}))
    True
    """
    found = COST
    if "presidio" in config:
        found += presidio.COST
    if "names" in config:
        found += names.COSTS[config["names"]["kind"]]
    return found


def build(config: Any) -> Finder:
    """A finder for a configuration in its long form.

    Raises `ValueError` for an entity that there is not, and for a custom one that makes no sense.

    >>> finder = build(normal(["EMAIL_ADDRESS"]))
    >>> [(f["type"], f["start"], f["end"]) for f in finder([("request.user", "to bob@acme.com.")])]
    [('EMAIL_ADDRESS', 3, 15)]
    """
    return Finder.of(config)


__all__ = ["COST", "FINDING", "HOLDBACK", "READS", "SCHEMA", "build", "cost", "normal", "types"]
