"""What the guards `injection` and `topic` become where their clause names a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from policyengine.guards._injection.model import kind_of
from policyengine.guards._injection.model import shipped as injections
from policyengine.guards._models.cascade import Cascade, ModelFinder, Question
from policyengine.guards._models.config import INJECTION, ONLY_MODELS, Model
from policyengine.plugins import Finder

Build = Callable[[Any], Finder]
"""A guard's `build`, for a configuration without a model."""

LEVELS: Final[Mapping[str, float]] = {"lenient": 0.9, "balanced": 0.5, "strict": 0.2}
"""The least scores that levels name for a model: nobody measured its false alarms here."""

LEAST: Final = 0.02
"""The shipped classifier of injections tells no lower scores."""


def for_injections(config: Mapping[str, Any], shipped: Build, type_: str, holdback: int) -> Finder:
    """A finder of injections that a model judges; signals come from the shipped one.

    Raises `ValueError` for a model that can't, and for a cascade without a band.
    """
    model = Model.of(config["model"])
    own = {**config, "model": "shipped"}
    band = own.pop("cascade", None)
    cascade = None
    if band is not None:
        low, high = band["uncertain"]
        _ordered(low, high)
        if not isinstance(low, str) and low < LEAST:
            raise ValueError(f"`uncertain` begins below {LEAST}, and no lower score is told")
        first = {**own, "threshold": low, "indirect_threshold": low, "signals": []}
        cascade = Cascade(shipped(first), partial(_point, high), near=True)
    question = Question(
        model,
        {INJECTION: type_},
        _level(config["threshold"]),
        _level(config["indirect_threshold"]),
        frozenset(config["sources"]),
        plain=True,
    )
    rest = shipped(own) if config["signals"] else None
    return ModelFinder(question, cascade, rest, max(holdback, model.backend.window))


# From the level that finds most to the one that finds least.
_ORDER: Final = ("strict", "balanced", "lenient")


def _ordered(low: str | float, high: str | float) -> None:
    """Raises `ValueError` where the band is none; a level and a number are not compared here."""
    if isinstance(low, str) and isinstance(high, str):
        low, high = _ORDER.index(low), _ORDER.index(high)
    if not isinstance(low, str) and not isinstance(high, str) and low >= high:
        raise ValueError("the band of `uncertain` ends before it begins")


def _point(level: str | float, source: str) -> float:
    """The score of the shipped classifier that a level names for texts of a source."""
    if isinstance(level, str):
        return injections().points[kind_of(source)][level]
    return level


def _level(threshold: str | float) -> float:
    return LEVELS[threshold] if isinstance(threshold, str) else threshold


def for_topics(config: Mapping[str, Any], shipped: Build, holdback: int) -> Finder:
    """A finder of topics that a model judges; own topics are judged by the shipped classifier.

    Raises `ValueError` for topics that the model, or the first stage of a cascade, does not know.
    """
    topics: Sequence[str] = config["any"]
    if not topics:
        raise ValueError("a model is asked about topics in `any`, and there are none")
    model = Model.of(config["model"], topics)
    own = {key: value for key, value in config.items() if key not in ("model", "cascade")}
    least = float(config["threshold"])
    question = Question(model, {name: name.upper() for name in topics}, least, least)
    cascade = None
    if "cascade" in config:
        without_first(topics, "a cascade begins with the shipped classifier, which")
        low, high = config["cascade"]["uncertain"]
        _ordered(low, high)
        first = shipped({**own, "custom": [], "threshold": low})
        cascade = Cascade(first, lambda source: float(high), near=False)
    rest = shipped({**own, "any": []}) if config["custom"] else None
    return ModelFinder(question, cascade, rest, max(holdback, model.backend.window))


def without_first(topics: Sequence[str], who: str) -> None:
    """Raises `ValueError` for a topic that only other models know."""
    for name in topics:
        if name in ONLY_MODELS:
            raise ValueError(f"{who} does not know `{name}`")
