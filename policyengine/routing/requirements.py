"""What a tier requires of every model, and what a model lacks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lacking(model: Mapping[str, Any], requires: Mapping[str, Any]) -> str:
    """What a model lacks of what a tier requires; empty where that is nothing.

    >>> lacking({"capabilities": ["tools"], "regions": ["us"]}, {"regions": ["eu"]})
    'runs in none of the regions eu'
    """
    lacks = sorted(set(requires.get("capabilities", ())) - set(model["capabilities"]))
    if lacks:
        return "lacks " + ", ".join(lacks)
    regions = requires.get("regions", ())
    if regions and not set(regions) & set(model["regions"]):
        return "runs in none of the regions " + ", ".join(regions)
    if "retention" in requires and model["retention"] != "none":
        return "may keep requests"
    if "training" in requires and model["training"]:
        return "may train on requests"
    return ""
