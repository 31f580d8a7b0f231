"""What a request asks of budgets and rates, what is held for it, and what agents have done.

Amounts are integers: micro-dollars (`micro_usd`), `tokens`, `requests`, `steps`, `parallel`.
A counter adds amounts up by slot, the beginning of a stretch of time in seconds since 1970. A
calendar window has one slot; a rolling window is cut into slots of equal width, and a slot counts
until all of it has left the window, so that no true window ever holds more than the limit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

from policyengine.errors import FactError
from policyengine.plugins import Finding

Unit = Literal["micro_usd", "tokens", "requests", "steps", "parallel"]
UNITS: Final[tuple[str, ...]] = get_args(Unit)


class Charge(NamedTuple):
    """What one request adds to one counter.

    `key` names the counter: meter, unit, window and scope. `amount` is added in `slot`, unless the
    sum of all slots from `since` on would be more than `limit` (None: it is only counted). `width`
    is the length of a slot and `lasts` how long after its last charge a counter is of use, both in
    seconds. `resets` is when the window ends, or 0 where it rolls or never ends. `scope` and
    `window` say the same for people: `subject.id=sam`, `day in Europe/Berlin`.
    """

    key: str
    unit: Unit
    amount: int
    limit: int | None
    slot: int
    since: int
    width: int
    lasts: int
    resets: int
    scope: str
    window: str


class Standing(NamedTuple):
    """How a counter stands: settled, and held for requests under way.

    `slots` are the amounts (settled and held) by slot, oldest first, of those that still count.
    """

    spent: int
    reserved: int
    slots: tuple[tuple[int, int], ...] = ()

    @property
    def used(self) -> int:
        """What counts against a limit."""
        return self.spent + self.reserved


def frees_at(charge: Charge, standing: Standing) -> int | None:
    """When there will be room for a charge if nothing else happens, in seconds since 1970.

    None where no time helps: the window never ends, or the amount is above the limit itself.

    >>> charge = Charge("k", "requests", 1, 2, 120, 60, 10, 70, 0, "all", "60s")
    >>> frees_at(charge, Standing(2, 0, ((60, 1), (100, 1))))
    130
    """
    limit = charge.limit
    if limit is None or charge.amount > limit:
        return None
    if charge.resets:
        return charge.resets
    if not charge.width:
        return None
    over = standing.used + charge.amount - limit
    for slot, amount in standing.slots:
        over -= amount
        if over <= 0:
            return slot + (charge.slot - charge.since) + charge.width
    return None


class Hold(NamedTuple):
    """An amount that a reservation holds in a slot of a counter."""

    key: str
    unit: Unit
    amount: int
    slot: int
    lasts: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held for one request until it is settled or released, or expires.

    It is all that is needed to settle, also in another process (`to_dict`, `from_dict`). `model`
    is the one whose price was assumed; `expires` is in seconds since 1970. `charges` are those
    that were held, in the order of `holds`: what raises them later (`policyengine.engine`) needs
    their limits. `looks` are the positions of those that only look at a counter which others are
    charged to: they stay at nothing.
    """

    id: str
    holds: tuple[Hold, ...]
    expires: float
    model: str = ""
    charges: tuple[Charge, ...] = ()
    looks: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The reservation as plain JSON values.

        >>> held = Reservation("r1", (Hold("k", "tokens", 900, 0, 60),), 10.0)
        >>> Reservation.from_dict(held.to_dict()) == held
        True
        """
        return {
            "id": self.id,
            "holds": [list(hold) for hold in self.holds],
            "expires": self.expires,
            "model": self.model,
            "charges": [list(charge) for charge in self.charges],
            "looks": list(self.looks),
        }

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> Reservation:
        """What `to_dict` gave. Raises `ValueError` for anything else."""
        try:
            holds = tuple(_hold(*hold) for hold in plain["holds"])
            charges = tuple(_charge(*charge) for charge in plain.get("charges", ()))
            if charges and tuple(map(_hold_of, charges)) != holds:
                raise ValueError("charges and holds differ")
            looks = tuple(plain.get("looks", ()))
            if any(type(at) is not int or not 0 <= at < len(holds) for at in looks):
                raise ValueError("there is no such hold")
            id, expires, model = plain["id"], float(plain["expires"]), plain.get("model", "")
            if not (isinstance(id, str) and isinstance(model, str) and isfinite(expires)):
                raise ValueError("its id or time is none")
            return Reservation(id, holds, expires, model, charges, looks)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError("this is no reservation") from error


def _hold(key: Any, unit: Any, amount: Any, slot: Any, lasts: Any) -> Hold:
    numbers = (amount, slot, lasts)
    if not isinstance(key, str) or unit not in UNITS or any(type(n) is not int for n in numbers):
        raise ValueError("this is no hold")
    if amount < 0 or lasts < 0:
        raise ValueError("this is no hold")
    return Hold(key, unit, amount, slot, lasts)


def _hold_of(charge: Charge) -> Hold:
    return Hold(charge.key, charge.unit, charge.amount, charge.slot, charge.lasts)


def _charge(*parts: Any) -> Charge:
    made = Charge(*parts)
    key, unit, amount, limit, *numbers, scope, window = made
    _hold(key, unit, amount, made.slot, made.lasts)
    known = [n for n in (limit, *numbers) if n is not None]
    if any(type(n) is not int for n in known) or not isinstance(scope + window, str):
        raise ValueError("this is no charge")
    return made


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request really took, as the provider tells it; every number counts once.

    `input_tokens` are all tokens of the prompt, `cached_tokens` and `cache_write_tokens` those of
    them that were read from or written to the provider's cache; `output_tokens` are all tokens of
    the answer, `reasoning_tokens` those of them that nobody sees. `cost_micro_usd` is what the
    provider or the gateway says it cost, and then no price is looked up.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_images: int = 0
    output_images: int = 0
    batch: bool = False
    cost_micro_usd: int | None = None


class Costs(Protocol):
    """What says what models cost; `policyengine.prices.PriceBook` does."""

    def cost(self, model: str, usage: Usage, now: float) -> int:
        """Micro-dollars, rounded up; raises `FactError` for an unknown or outdated price."""

    def output_limit(self, model: str) -> int | None:
        """The most tokens that a model answers with, where that is known."""


# More tokens or pictures than any request has, and more micro-dollars than one costs.
_MOST_TOKENS: Final = 10**9
_MOST_MICRO_USD: Final = 10**15


def check_usage(usage: Usage) -> None:
    """Raises `FactError("bad-usage")` for numbers that make no sense: they would be a discount.

    >>> check_usage(Usage(100, 20, cached_tokens=60))
    """
    numbers = (
        usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens,
        usage.reasoning_tokens, usage.input_images, usage.output_images,
    )  # fmt: skip
    if any(type(n) is not int or not 0 <= n <= _MOST_TOKENS for n in numbers):
        raise FactError("bad-usage", "a number of the usage is negative or absurd")
    parts = usage.cached_tokens + usage.cache_write_tokens
    if parts > usage.input_tokens or usage.reasoning_tokens > usage.output_tokens:
        raise FactError("bad-usage", "a part of the usage is more than the whole")
    if type(usage.batch) is not bool:
        raise FactError("bad-usage", "`batch` of the usage is neither true nor false")
    cost = usage.cost_micro_usd
    if cost is not None and (type(cost) is not int or not 0 <= cost <= _MOST_MICRO_USD):
        raise FactError("bad-usage", "the cost of the usage is negative or absurd")


def settled(
    holds: Sequence[Hold], usage: Usage, model: str, prices: Costs | None, now: float
) -> list[int]:
    """What each hold settles to once it is known what a request really took.

    Money is what the provider says, else the price of the usage; requests and steps stay as they
    were held, and nothing runs any more in parallel. What the usage says nothing about stays as it
    was held too: no request takes no tokens. Raises `FactError` where the price is unknown or the
    usage makes no sense.

    >>> settled([Hold("k", "tokens", 900, 0, 60)], Usage(100, 20), "m", None, 0.0)
    [120]
    """
    check_usage(usage)
    tokens = usage.input_tokens + usage.output_tokens
    says = bool(tokens or usage.input_images or usage.output_images)
    amounts: list[int] = []
    for hold in holds:
        match hold.unit:
            case "micro_usd" if says or usage.cost_micro_usd is not None:
                amounts.append(_cost(usage, model, prices, now))
            case "tokens" if says:
                amounts.append(tokens)
            case "parallel":
                amounts.append(0)
            case _:
                amounts.append(hold.amount)
    return amounts


def _cost(usage: Usage, model: str, prices: Costs | None, now: float) -> int:
    if usage.cost_micro_usd is not None:
        return usage.cost_micro_usd
    if prices is None:
        raise FactError("unknown-price", "the bundle has no `data/prices.json`")
    return prices.cost(model, usage, now)


class Asked(NamedTuple):
    """A request as limits see it: `model` is the one that will serve it, `now` in seconds.

    `memo`, where there is one, is for what the limits of this very request share.
    """

    input: Mapping[str, Any]
    model: str
    now: float
    prices: Costs | None
    memo: dict[str, Any] | None = None


class Meter(Protocol):
    """What `build` of a provider with `READS = "charges"` gives: a limit clause, ready."""

    def charges(self, asked: Asked) -> Sequence[Charge]:
        """What the request adds, a charge for each limit; raises `FactError` where that cannot be
        known: a scope without a value, an unknown price."""

    def finding(self, charge: Charge, standing: Standing, now: float) -> Finding:
        """What is found where a charge goes beyond its limit."""


class Event(NamedTuple):
    """Something that an agent or a session did, at a time in seconds since 1970.

    `name` is a tool's or a kind's, `same` a digest that equal calls share, `cost` micro-dollars.
    Never text of a request. `attributes` are small and flat.
    """

    at: float
    kind: str
    name: str = ""
    same: str = ""
    cost: int = 0
    amount: float = 0.0
    ok: bool = True
    attributes: Mapping[str, str | int | float | bool] = {}


class Watch(Protocol):
    """What `build` of a provider with `READS = "events"` gives: a question about the past, ready.

    `keep` is the most events that it needs of a stream, `lasts` for how many seconds. A watch may
    have `wants(event)`: whether what a host records belongs into its stream.
    """

    @property
    def keep(self) -> int: ...

    @property
    def lasts(self) -> int: ...

    def stream(self, input: Mapping[str, Any]) -> str:
        """The stream of events that is asked about; raises `FactError` where there is none."""

    def event(self, input: Mapping[str, Any], now: float) -> Event | None:
        """What the request itself adds to the stream if it is allowed."""

    def found(
        self, events: Sequence[Event], input: Mapping[str, Any], now: float
    ) -> Sequence[Finding]:
        """What is found in the events of the stream, oldest first, without the request itself."""


# What a stream keeps of one event at most: longer names are cut, what is beyond is left out.
MAX_NAME: Final = 200
MAX_ATTRIBUTES: Final = 16
_MAX_EVENT: Final = 32_768
_DEFAULTS: Final = (0.0, "", "", "", 0, 0.0, True)


def encoded(event: Event) -> bytes:
    """An event as a store keeps it: JSON of mostly less than a hundred bytes, and at most 32 KiB.

    Texts longer than `MAX_NAME` characters are cut and attributes beyond `MAX_ATTRIBUTES` left
    out. Raises `ValueError` for numbers that are no numbers.

    >>> encoded(Event(5.0, "tool.call", "shell"))
    b'[5.0,"tool.call","shell"]'
    """
    attributes = {
        key[:MAX_NAME]: value[:MAX_NAME] if isinstance(value, str) else value
        for key, value in list(event.attributes.items())[:MAX_ATTRIBUTES]
    }
    texts = [text[:MAX_NAME] for text in (event.kind, event.name, event.same)]
    parts = [event.at, *texts, event.cost, event.amount, event.ok]
    if attributes:
        parts.append(attributes)
    else:
        while len(parts) > 2 and parts[-1] == _DEFAULTS[len(parts) - 1]:
            parts.pop()
    text = json.dumps(parts, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    # Half a character of a host stays one: `json.loads` reads it so.
    return text.encode("utf-8", "surrogatepass")


# The events of a stream are read again with each request.
@lru_cache(16_384)
def decoded(data: bytes) -> Event | None:
    """The event that `encoded` made bytes of; None for any others, which a reader leaves out.

    >>> decoded(encoded(Event(5.0, "tool.call", "shell", cost=3))).cost, decoded(b"[")
    (3, None)
    """
    if len(data) > _MAX_EVENT:
        return None
    try:
        parts = json.loads(data)
    # Numbers may have more digits than Python reads.
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or not 2 <= len(parts) <= 8:
        return None
    attributes = parts.pop() if len(parts) == 8 else {}
    values = [*parts, *_DEFAULTS[len(parts) :]]
    if not (_are_event(values) and _are_attributes(attributes)):
        return None
    at, kind, name, same, cost, amount, ok = values
    return Event(float(at), kind, name, same, cost, float(amount), ok, MappingProxyType(attributes))


def _are_event(values: Sequence[Any]) -> bool:
    at, kind, name, same, cost, amount, ok = values
    texts = all(type(text) is str for text in (kind, name, same))
    numbers = all(map(_is_number, (at, cost, amount)))
    return texts and numbers and type(cost) is int and type(ok) is bool


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _MOST


def _are_attributes(attributes: Any) -> bool:
    return isinstance(attributes, dict) and all(
        type(value) in (str, bool) or _is_number(value) for value in attributes.values()
    )


# Further than any time or sum; not so for what is not a number.
_MOST: Final = 1e18
