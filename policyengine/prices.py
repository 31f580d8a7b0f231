"""The price book of a bundle, `data/prices.json`: what models cost, to the pico-dollar.

The names of prices are those that the field uses, so entries of LiteLLM's price file fit in
(`policyengine import prices` takes them over):

    {"currency": "USD", "valid_from": "2026-01-01", "source": "price list of the provider",
     "models": {"small": {"input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07}}}

What has no price is an error, and never free: a price of 0 is written as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from math import inf
from typing import Any, Final, NamedTuple

from policyengine.charges import Costs, Usage, check_usage
from policyengine.errors import FactError

# Pico-dollars in a dollar, and in a micro-dollar.
_PICO: Final = 10**12
_PICO_IN_MICRO: Final = 10**6
# More than anyone asks for a token, or for a picture: a slip of the decimal point.
_DEAREST: Final = {"token": _PICO, "image": 1000 * _PICO}
_MOST: Final = 10**9

# What each price is for, by its name in the file.
KINDS: Final[Mapping[str, str]] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_token_batches": "input_batch",
    "output_cost_per_token_batches": "output_batch",
    "cache_read_input_token_cost_batches": "cache_read_batch",
    "cache_creation_input_token_cost_batches": "cache_write_batch",
    "input_cost_per_image": "input_image",
    "output_cost_per_image": "output_image",
}
SIZES: Final = ("max_input_tokens", "max_output_tokens")
ABOUT: Final = ("mode", "litellm_provider")

# The price from so many thousand tokens of the prompt on: of all tokens, not of those above.
_TIERED: Final = re.compile(r"(\w+?)_above_([1-9][0-9]{0,5})k_tokens(_batches)?")
_DATE: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def kind_of(name: str) -> tuple[str, int] | None:
    """What a price is for, and from how many tokens of the prompt on; None for no price of ours.

    >>> kind_of("input_cost_per_token"), kind_of("output_cost_per_token_above_200k_tokens")
    (('input', 0), ('output', 200000))
    """
    if name in KINDS:
        return KINDS[name], 0
    tiered = _TIERED.fullmatch(name)
    kind = KINDS.get(tiered[1] + (tiered[3] or "")) if tiered else None
    return (kind, int(tiered[2]) * 1000) if tiered and kind else None


_PRICE: Final = {"type": "number", "minimum": 0}
_SIZE: Final = {"type": "integer", "minimum": 1, "maximum": _MOST}
_TEXT: Final = {"type": "string", "maxLength": 500}
_MODEL: Final = {
    "type": "object",
    "description": "What a model costs, in dollars for a token or a picture, and what it can do.",
    "properties": {
        **dict.fromkeys(KINDS, _PRICE),
        **dict.fromkeys(SIZES, _SIZE),
        **dict.fromkeys(ABOUT, _TEXT),
    },
    "patternProperties": {"_above_[0-9]+k_tokens": _PRICE, "^supports_": {"type": "boolean"}},
}
SCHEMA: Final[Mapping[str, Any]] = {
    "description": "What models cost.",
    "type": "object",
    "required": ["currency", "valid_from", "models"],
    "additionalProperties": False,
    "properties": {
        "currency": {"enum": ["USD"], "description": "The currency of all prices."},
        "valid_from": {
            "type": "string",
            "pattern": _DATE,
            "x-wanted": "must be a date such as `2026-01-31`",
            "description": "First day on which the prices hold (UTC).",
        },
        "valid_until": {
            "type": "string",
            "pattern": _DATE,
            "x-wanted": "must be a date such as `2026-01-31`",
            "description": "Last day on which they hold; after it, every price is an error.",
        },
        "source": {**_TEXT, "description": "Where the prices come from."},
        "aliases": {
            "type": "object",
            "description": "Other names of models.",
            "additionalProperties": {"type": "string"},
        },
        "models": {
            "type": "object",
            "description": "Prices by model, under the very name that is asked for.",
            "additionalProperties": _MODEL,
        },
    },
}


def normal(value: Any) -> dict[str, Any]:
    """A price book in its long form: prices in whole pico-dollars, rounded up.

    >>> book = {"currency": "USD", "valid_from": "2026-01-01",
    ...         "models": {"small": {"input_cost_per_token": 1.5e-07}}}
    >>> normal(book)["models"]
    {'small': {'input_cost_per_token': 150000}}
    """
    return {
        "currency": value["currency"],
        "valid_from": value["valid_from"],
        "valid_until": value.get("valid_until", ""),
        "source": value.get("source", ""),
        "aliases": dict(value.get("aliases", {})),
        "models": {
            name: {key: _normal(key, part) for key, part in about.items() if _is_known(key)}
            for name, about in value["models"].items()
        },
    }


def _is_known(name: str) -> bool:
    """Whether a key of a model matters: a price we do not understand does."""
    return name in SIZES or name in ABOUT or name.startswith("supports_") or "cost" in name


def _normal(name: str, value: Any) -> Any:
    if "cost" not in name:
        return value
    return _pico(value) if kind_of(name) else None


def _pico(value: Any) -> int | str:
    """A price in pico-dollars; what no price can be stays as text, for `problems`."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return "no number"
    # By way of its digits: those of a float are the shortest that mean it.
    exact = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    if not exact.is_finite() or exact > _MOST:
        return "out of range"
    return int((exact * _PICO).to_integral_value(ROUND_CEILING))


Problem = tuple[tuple[str | int, ...], str]


def problems(normal: Any) -> Iterator[Problem]:
    """What is wrong with a price book in its long form, beyond what `SCHEMA` says: path and text.

    >>> list(problems({"valid_from": "2026-02-30", "valid_until": "", "aliases": {"a": "b"},
    ...                "models": {}}))
    [(('valid_from',), 'there is no such day'), (('aliases', 'a'), 'there is no model `b`')]
    """
    yield from _of_dates(normal)
    models = normal["models"]
    for alias, meant in normal["aliases"].items():
        if alias in models:
            yield ("aliases", alias), "there is a model of this name"
        elif meant not in models:
            yield ("aliases", alias), f"there is no model `{meant[:80]}`"
    for name, about in models.items():
        for key, value in about.items():
            if "cost" in key and (text := _of_price(key, value)):
                yield ("models", name, key), text


def _of_dates(normal: Mapping[str, Any]) -> Iterator[Problem]:
    days: dict[str, date] = {}
    for name in ("valid_from", "valid_until"):
        try:
            if normal[name]:
                days[name] = date.fromisoformat(normal[name])
        except ValueError:
            yield (name,), "there is no such day"
    if len(days) > 1 and days["valid_until"] < days["valid_from"]:
        yield ("valid_until",), "the prices end before they begin"


def _of_price(name: str, value: Any) -> str:
    kind = kind_of(name)
    if kind is None:
        return f"`{name[:80]}` is no kind of price that is counted here"
    most = _DEAREST["image" if kind[0].endswith("image") else "token"]
    if type(value) is not int or not 0 <= value <= most:
        return f"`{name[:80]}` must be a number from 0 to {most // _PICO:,}"
    return ""


class _Rates(NamedTuple):
    """Pico-dollars by what they are for, from so many tokens of the prompt on."""

    above: int
    of: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PriceBook(Costs):
    """What models cost. Prices hold from `starts` until `ends`, in seconds since 1970."""

    models: Mapping[str, Mapping[str, Any]]
    aliases: Mapping[str, str]
    starts: float
    ends: float
    _rates: dict[str, tuple[_Rates, ...]] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(plain: Mapping[str, Any]) -> PriceBook:
        """The price book of a normal form without problems.

        >>> book = {"currency": "USD", "valid_from": "2026-01-01", "models": {"small": {
        ...     "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07}}}
        >>> usage = Usage(input_tokens=1000, output_tokens=100)
        >>> PriceBook.of(normal(book)).cost("small", usage, 1_800_000_000)
        210
        """
        starts = _midnight(date.fromisoformat(plain["valid_from"]))
        last = plain["valid_until"]
        ends = _midnight(date.fromisoformat(last) + timedelta(1)) if last else inf
        return PriceBook(plain["models"], plain["aliases"], starts, ends)

    def cost(self, model: str, usage: Usage, now: float) -> int:
        """What a use of a model costs in micro-dollars, rounded up.

        Raises `FactError`: `outdated-price` where the book does not hold at this time (seconds
        since 1970), `unknown-price` where it lacks the model or a price that is needed, and
        `bad-usage` for numbers that make no sense.
        """
        if not self.starts <= now < self.ends:
            raise self._outdated(now)
        check_usage(usage)
        rates = self._rates_of(model)
        of = next(rate.of for rate in rates if usage.input_tokens > rate.above or not rate.above)
        pico = sum(count * _rate(of, kinds) for count, kinds in _counts(usage) if count)
        return -(-pico // _PICO_IN_MICRO)

    def rates(self, model: str, input_tokens: int, now: float) -> tuple[int | None, int | None]:
        """Pico-dollars for a token of a prompt of this length, and for a token of its answer.

        None where the book does not say. It is `cost` for those who compare many models. Raises
        `FactError`: `outdated-price`, and `unknown-price` where it lacks the model.
        """
        if not self.starts <= now < self.ends:
            raise self._outdated(now)
        for rate in self._rates.get(model) or self._rates_of(model):
            if not rate.above or input_tokens > rate.above:
                return rate.of.get("input"), rate.of.get("output")
        raise AssertionError("the last prices of a model hold from the first token on")

    def _outdated(self, now: float) -> FactError:
        """Which days the prices hold, and which it is: both are needed to see what is wrong."""
        last = f" until {_day(self.ends - 1)}" if self.ends < inf else ""
        message = f"the prices hold from {_day(self.starts)}{last}, and it is {_day(now)}"
        return FactError("outdated-price", message)

    def output_limit(self, model: str) -> int | None:
        """The most tokens that a model answers with, where that is known."""
        most: int | None = self.about(model).get("max_output_tokens")
        return most

    def about(self, model: str) -> Mapping[str, Any]:
        """What the book says of a model under the names of the file, prices in pico-dollars.

        Empty for an unknown model.
        """
        return self.models.get(self.aliases.get(model, model), {})

    def _rates_of(self, model: str) -> tuple[_Rates, ...]:
        found = self._rates.get(model)
        if found is None:
            about = self.about(model)
            if not about:
                raise FactError("unknown-price", "the price book does not have the model")
            found = self._rates[model] = _tiers(about)
        return found


def _day(seconds: float) -> str:
    """The day of a time in seconds since 1970, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "no day of this calendar"


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _tiers(about: Mapping[str, Any]) -> tuple[_Rates, ...]:
    """The prices of a model by length of the prompt, longest first.

    What has no price of its own from some length on keeps the one that it had below.
    """
    rows = [(*kind, value) for name, value in about.items() if (kind := kind_of(name))]
    of: dict[str, int] = {}
    tiers = []
    for start in sorted({0, *(above for _, above, _ in rows)}):
        of = {**of, **{kind: value for kind, above, value in rows if above == start}}
        tiers.append(_Rates(start, of))
    return tuple(reversed(tiers))


# What is used, and the prices that may be asked for it, the first that there is: cached tokens
# are never dearer than others, and thinking is charged as answering where nothing else is said.
# Writing to a cache is dearer, so that its price must be known.
_PLAIN: Final = (
    ("input",),
    ("cache_read", "input"),
    ("cache_write",),
    ("output",),
    ("reasoning", "output"),
    ("input_image",),
    ("output_image",),
)
_BATCH: Final = (
    ("input_batch",),
    ("cache_read_batch", "cache_read", "input_batch"),
    ("cache_write_batch", "cache_write"),
    ("output_batch",),
    ("reasoning", "output_batch"),
    ("input_image",),
    ("output_image",),
)


def _counts(usage: Usage) -> Iterator[tuple[int, tuple[str, ...]]]:
    counts = (
        usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.output_tokens - usage.reasoning_tokens,
        usage.reasoning_tokens,
        usage.input_images,
        usage.output_images,
    )
    return zip(counts, _BATCH if usage.batch else _PLAIN, strict=True)


def _rate(of: Mapping[str, int], kinds: tuple[str, ...]) -> int:
    for kind in kinds:
        if kind in of:
            return of[kind]
    raise FactError("unknown-price", f"the price book lacks the model's price for {kinds[-1]}")


def priced(prices: Costs | None, model: str, usage: Usage, now: float) -> int:
    """The cost of a usage in micro-dollars; without a price book, `FactError("unknown-price")`."""
    if prices is None:
        raise FactError("unknown-price", "the bundle has no `data/prices.json`")
    return prices.cost(model, usage, now)
