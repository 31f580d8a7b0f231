"""LiteLLM's file of model prices, as entries for `data/prices.json`.

The file is a JSON object of models; `sample_spec` in it explains the keys. Prices that we count are
taken over, and what a model can do. What is priced in ways that are not counted here, such as
seconds of a film, is named and left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NoReturn

from policyengine.prices import ABOUT, SIZES, kind_of, normal, problems

MAX_BYTES: Final = 32 << 20
_MAX_MODELS: Final = 50_000
_MAX_NAME: Final = 200
_MAX_DIGITS: Final = 40
_EXPLAINS: Final = "sample_spec"
_TIERED: Final = "tiered_pricing"


@dataclass(frozen=True, slots=True)
class Imported:
    """What was found: models for a price book, models that were skipped and why.

    `uncounted` are prices that were left out of the models that were taken, by name and in how
    many models.
    """

    models: Mapping[str, Mapping[str, Any]]
    skipped: Mapping[str, str]
    uncounted: Mapping[str, int]


def read_prices(data: bytes, patterns: Iterable[str] = ()) -> Imported:
    """The models of LiteLLM's file that match one of some globs, or all.

    Raises `ValueError` for what is no such file.

    >>> file = b'{"m": {"input_cost_per_token": 1e-06, "max_tokens": 5, "mode": "chat"}}'
    >>> read_prices(file).models
    {'m': {'input_cost_per_token': 1e-06, 'mode': 'chat'}}
    """
    globs = tuple(patterns)
    models: dict[str, Mapping[str, Any]] = {}
    skipped: dict[str, str] = {}
    uncounted: Counter[str] = Counter()
    for name, entry in sorted(_read(data).items()):
        if name == _EXPLAINS or (globs and not any(fnmatchcase(name, glob) for glob in globs)):
            continue
        about = _about(entry) if isinstance(entry, dict) else {}
        why = _unusable(name, entry, about)
        if why:
            skipped[_printable(name)] = why
        else:
            models[name] = about
            uncounted.update(key for key in entry if _is_uncounted(key))
    return Imported(models, skipped, uncounted)


def _read(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise ValueError(f"the file is larger than {MAX_BYTES >> 20} MiB")
    try:
        found = json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant, parse_int=_whole)
    except RecursionError:
        raise ValueError("the file is nested too deeply") from None
    # Its message would quote the file.
    except json.JSONDecodeError as error:
        raise ValueError(f"the file is not JSON (line {error.lineno})") from None
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8") from None
    if not isinstance(found, dict):
        raise ValueError("the file is no object of models")
    if len(found) > _MAX_MODELS:
        raise ValueError(f"the file has more than {_MAX_MODELS:,} models")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no number of JSON")


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("the file has a number that is too long")
    return int(digits)


def _about(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken over of an entry, in the order of its names."""
    about = {key: value for key, value in entry.items() if kind_of(key)}
    about |= dict(_tiers(entry.get(_TIERED)))
    about |= {key: size for key in SIZES if (size := _size(entry.get(key)))}
    about |= {key: entry[key] for key in ABOUT if isinstance(entry.get(key), str)}
    can = {key: value for key, value in entry.items() if key.startswith("supports_")}
    about |= {key: value for key, value in can.items() if isinstance(value, bool)}
    return dict(sorted(about.items()))


def _size(value: Any) -> int | None:
    whole = isinstance(value, float) and value.is_integer()
    size = int(value) if whole or type(value) is int else 0
    return size if 0 < size <= 10**9 else None


def _tiers(tiers: Any) -> Iterator[tuple[str, Any]]:
    """Prices that are listed by the length of the prompt, under the names of single prices."""
    if not isinstance(tiers, list):
        return
    for tier in tiers:
        bounds = tier.get("range") if isinstance(tier, dict) else None
        if not isinstance(bounds, list) or not bounds:
            continue
        start = 0 if bounds[0] == 0 else _size(bounds[0])
        if start is None or start % 1000:
            continue
        ending = f"_above_{start // 1000}k_tokens" if start else ""
        yield from ((key + ending, tier[key]) for key in tier if kind_of(key))


def _is_uncounted(key: str) -> bool:
    return "cost" in key and not kind_of(key)


def _unusable(name: str, entry: Any, about: Mapping[str, Any]) -> str:
    """Why a model cannot be taken; the empty text where it can."""
    if len(name) > _MAX_NAME or not name.isprintable() or not name:
        return "its name is no name"
    if not isinstance(entry, dict):
        return "it is no object"
    prices = {key: value for key, value in about.items() if "cost" in key}
    if not prices:
        return "no price for tokens or pictures"
    for key, value in prices.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"`{key}` is no number"
    if not any(kind_of(key) in _BASIC for key in prices):
        return "no price from the first token on"
    wrong = problems(normal({"currency": "USD", "valid_from": "", "models": {name: about}}))
    return next((text for _, text in wrong), "")


_BASIC: Final = [(kind, 0) for kind in ("input", "output", "input_image", "output_image")]


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:_MAX_NAME])
