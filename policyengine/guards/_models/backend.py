"""What a backend is: something that gives texts scores by label."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

from policyengine.errors import FactError

Labels = Mapping[str, float]
"""Scores from 0 to 1 by the model's own names of what it knows; one that is absent is 0."""

MOST_JSON = 4_000_000


class Backend(Protocol):
    """A model that can be asked.

    `window` is how many characters of a text it is given at once, and `complete` whether it scores
    all that it knows, so that a label which its answer lacks is one that it does not have.
    """

    @property
    def window(self) -> int: ...

    @property
    def complete(self) -> bool: ...

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        """For each text what the model thinks of it.

        `until` is a time of `time.monotonic`. Raises `FactError`: `model-not-allowed`,
        `model-missing`, `model-damaged`, `model-timeout`, `model-failed` or `model-malformed`.
        """


class Kind(Protocol):
    """What the module of a kind of backend offers; its file's name is the key that users write.

    `SCHEMA` is the JSON Schema of its options, `DEFAULTS` what stands for those not said, `COST`
    microseconds for 1,000 characters.
    """

    SCHEMA: Mapping[str, Any]
    DEFAULTS: Mapping[str, Any]
    COST: int

    def names(self, options: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
        """What the model's own labels mean, where the clause does not say: topics, `injection`.

        None where they are named as what they mean.
        """

    def build(self, options: Mapping[str, Any]) -> Backend:
        """The backend; reads and reaches nothing yet. Raises `ValueError`."""


_kept: dict[tuple[Any, ...], Any] = {}
_locks: dict[tuple[Any, ...], Lock] = {}
_lock = Lock()


def kept(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What was made under a key, made now if it was not yet: once, whichever thread comes first.

    What fails is tried again by the next who asks.

    >>> kept(("example",), list) is kept(("example",), list)
    True
    """
    if key in _kept:
        return _kept[key]
    with _lock:
        lock = _locks.setdefault(key, Lock())
    with lock:
        if key not in _kept:
            _kept[key] = make()
        return _kept[key]


def _forget() -> None:
    """A child of a fork has none of its parent's threads, and must not use its connections."""
    global _lock
    _lock = Lock()
    _locks.clear()
    _kept.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def left(until: float) -> float:
    """The seconds until a time; raises `FactError("model-timeout")` if there are none."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise timed_out()
    return seconds


def timed_out() -> FactError:
    """The model has not answered in time."""
    return FactError("model-timeout", "the model did not answer in time")


def malformed(what: str) -> FactError:
    """The model's answer, or a file of it, is not of the form that it should have."""
    return FactError("model-malformed", what)


def lacking(package: str, extra: str) -> FactError:
    """A package that a kind of backend needs is not installed."""
    return FactError("model-missing", f"the package `{package}` is not installed: {extra}")


def strict_json(content: bytes) -> Any:
    """JSON without doubled keys and without numbers that are none.

    Raises `ValueError`, for what is nested too deep as well.

    >>> strict_json(b'{"a": NaN}')
    Traceback (most recent call last):
    ValueError: `NaN` is no number
    """
    try:
        return json.loads(content, object_pairs_hook=_unique, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"`{name}` is no number")


def is_score(value: Any) -> bool:
    """Whether a value of JSON is a number from 0 to 1."""
    return value.__class__ in (int, float) and 0.0 <= value <= 1.0


def softmax(row: Sequence[float]) -> list[float]:
    """Chances that exclude each other. Raises `FactError` for what is no number.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    top = max(row)
    powers = [math.exp(x - top) for x in row] if math.isfinite(top) else []
    total = sum(powers)
    if not total >= 1.0:
        raise malformed("the model gave no numbers")
    return [power / total for power in powers]


def sigmoid(x: float) -> float:
    """A chance by itself. Raises `FactError` for what is no number.

    >>> sigmoid(0.0)
    0.5
    """
    if not math.isfinite(x):
        raise malformed("the model gave no numbers")
    if x < 0:
        power = math.exp(max(x, -700.0))
        return power / (1.0 + power)
    return 1.0 / (1.0 + math.exp(-x))


def json_file(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object of a model's folder; raises `FactError`."""
    try:
        with (folder / name).open("rb") as file:
            content = file.read(MOST_JSON + 1)
    except OSError:
        raise FactError("model-missing", f"the model lacks `{name}`") from None
    try:
        found = strict_json(content) if len(content) <= MOST_JSON else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise malformed(f"`{name}` of the model is not of its form")
    return found


def checked(folder: Path, name: str, sha256: str | None) -> Path:
    """A file of a model's folder that is there, and has the sum if the clause names one.

    Raises `FactError`: `model-missing` or `model-damaged`.
    """
    path = folder / name
    if not path.is_file():
        raise FactError("model-missing", f"the model lacks `{name}`")
    if sha256 is not None:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise FactError("model-damaged", f"`{name}` is not the one that the clause names")
    return path


def batches(number: int, size: int, until: float) -> Sequence[slice]:
    """Parts of a row of work; raises `FactError` when the time is over before the first."""
    left(until)
    return [slice(i, i + size) for i in range(0, number, size)]


LOCAL: Final[Mapping[str, Any]] = {
    "path": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1_000,
        "description": "The model's folder, below one that the host's variable "
        "POLICYENGINE_MODEL_PATH lists.",
    },
    "sha256": {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "The sum that the file with the weights must have.",
    },
    "tokens": {
        "type": "integer",
        "minimum": 16,
        "maximum": 8_192,
        "description": "Tokens that the model reads at once; longer texts are read in parts. "
        "512 where not said.",
    },
}
"""Options of models in folders."""
TIMEOUT: Final[Mapping[str, Any]] = {
    "type": "integer",
    "minimum": 1,
    "maximum": 60_000,
    "description": "Milliseconds for all that one question needs; 1000 where not said. The time "
    "that a decision has for guards ends it, too.",
}
