"""Recorded requests decided again by a bundle, at their own times, over a store that is empty.

What is allowed is settled with what it took as recorded, at the price of the model that the bundle
routes to, once the request has ended; so budgets fill as they would have.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import policyengine
from policyengine import tokens
from policyengine.analysis.recorded import POINT, Recorded
from policyengine.charges import Reservation, Usage
from policyengine.errors import FactError
from policyengine.prices import PriceBook
from policyengine.state.memory import MemoryStore

if TYPE_CHECKING:
    from policyengine.decision import Decision
    from policyengine.program import PointProgram, Program

# Tokens of an answer where neither usage nor `max_tokens` say how many; as limits assume.
ASSUMED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the verdict, the model and tier, and micro-dollars.

    `cost` is None where it is not known, and `unpriced` says why. `limits` are the meters that it
    exceeded, `errors` the codes of what could not be evaluated.
    """

    verdict: str
    model: str
    cost: int | None
    unpriced: str = ""
    tier: str = ""
    rules: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    task: str = ""
    errors: tuple[str, ...] = ()

    @property
    def sent(self) -> bool:
        """Whether the request goes to a model at once."""
        return self.verdict == "allow"


def prices_of(program: Program) -> PriceBook | None:
    """The price book of a program, if its bundle has one."""
    plain = program.data.get("prices")
    return None if plain is None else PriceBook.of(plain)


def usage_of(recorded: Recorded, prices: PriceBook | None) -> Usage | None:
    """What a request took, or about what it will take; None where there is no telling."""
    if recorded.usage is not None:
        return recorded.usage
    request = recorded.input.get("request")
    try:
        asked = tokens.count(request, "max_tokens") if isinstance(request, Mapping) else None
        answered = ASSUMED if asked is None else asked
        most = prices.output_limit(recorded.model) if prices is not None else None
        answered = answered if most is None else min(answered, most)
        return Usage(tokens.estimated(recorded.input), answered)
    except FactError:
        return None


def as_recorded(recorded: Recorded, usage: Usage | None, prices: PriceBook | None) -> Outcome:
    """What did become of a request: it was sent, at the price of the model that served it."""
    cost, why = _cost(recorded, usage, recorded.model, prices)
    return Outcome("allow", recorded.model, cost, why, task=recorded.task)


def replayed(
    program: Program,
    requests: Sequence[Recorded],
    usages: Sequence[Usage | None],
    prices: PriceBook | None,
) -> Iterator[Outcome]:
    """What would become of each request, in the order of their times, which is theirs."""
    replay = _Replay(program, prices)
    for recorded, usage in zip(requests, usages, strict=True):
        yield replay.outcome(recorded, usage)


_Ending = tuple[datetime, int, Reservation, Usage, str]


class _Replay:
    def __init__(self, program: Program, prices: PriceBook | None) -> None:
        self._program = program
        self._prices = prices
        self._now = datetime.min
        self._engine = policyengine.Engine(program, store=MemoryStore(), clock=lambda: self._now)
        self._tasks = {name: _tasks(point) for name, point in program.points.items()}
        # Requests under way, the first to end first.
        self._endings: list[_Ending] = []
        self._count = 0

    def outcome(self, recorded: Recorded, usage: Usage | None) -> Outcome:
        """What becomes of the next request."""
        self._end(recorded.now)
        self._now = recorded.now
        decision = self._engine.decide(recorded.point, recorded.input, facts=recorded.facts)
        route = decision.route
        model = (route.model if route is not None else "") or _asked(recorded)
        cost, why = _cost(recorded, usage, model, self._prices)
        if decision.reservation is not None:
            taken = _taken(recorded, usage, model)
            if taken is not None:
                self._count += 1
                ends = recorded.now + timedelta(seconds=recorded.lasts)
                ending = (ends, self._count, decision.reservation, taken, model)
                heapq.heappush(self._endings, ending)
        return Outcome(
            decision.verdict,
            model,
            cost if decision.allowed else 0,
            why if decision.allowed else "",
            route.to if route is not None else "",
            tuple(dict.fromkeys(f"{r.policy}/{r.rule}" for r in decision.reasons if r.rule)),
            tuple(dict.fromkeys(_meters(decision))),
            recorded.task or self._task(recorded.point, decision),
            tuple(dict.fromkeys(error.code for error in decision.errors)),
        )

    def _end(self, now: datetime) -> None:
        while self._endings and self._endings[0][0] <= now:
            self._now, _, held, usage, model = heapq.heappop(self._endings)
            self._engine.settle(held, usage, model=model)

    def _task(self, point: str, decision: Decision) -> str:
        kinds = self._tasks.get(point, {})
        for reason in decision.reasons:
            for found in reason.evidence:
                if found.get("type") in kinds.get((reason.policy, reason.rule), ()):
                    return str(found["type"]).lower()
        return ""


def _tasks(point: PointProgram) -> dict[tuple[str, str], set[str]]:
    """The types of findings that say what a request's task is, by policy and rule."""
    found: dict[tuple[str, str], set[str]] = {}
    for fact, asking in zip(point.facts, point.asked_by, strict=True):
        if fact.provider == "task":
            kinds = {str(kind).upper() for kind in fact.config.get("any", ())}
            for rule in point.rules:
                if rule.id in asking:
                    found.setdefault((rule.policy, rule.id), set()).update(kinds)
    return found


def _meters(decision: Decision) -> Iterator[str]:
    for reason in decision.reasons:
        for found in reason.evidence:
            if "meter" in found:
                yield str(found["meter"])


def _asked(recorded: Recorded) -> str:
    """The model where nothing is routed: the one asked for, or if nobody asked, what served."""
    request: Any = recorded.input.get("request")
    asked = request.get("model") if isinstance(request, Mapping) else None
    return asked if isinstance(asked, str) and asked else recorded.model


def _taken(recorded: Recorded, usage: Usage | None, model: str) -> Usage | None:
    """The usage for a model; what another one cost does not count for it."""
    if usage is None or model == recorded.model or usage.cost_micro_usd is None:
        return usage
    tokens_known = usage.input_tokens or usage.output_tokens
    return replace(usage, cost_micro_usd=None) if tokens_known else None


def _cost(
    recorded: Recorded, usage: Usage | None, model: str, prices: PriceBook | None
) -> tuple[int | None, str]:
    """Micro-dollars, or why they are not known."""
    if recorded.point != POINT:
        return 0, ""
    taken = _taken(recorded, usage, model)
    if taken is None:
        return None, "its usage is not known"
    if taken.cost_micro_usd is not None:
        return taken.cost_micro_usd, ""
    if prices is None:
        return None, "the bundle has no `data/prices.json`"
    try:
        return prices.cost(model, taken, recorded.now.timestamp()), ""
    except FactError as error:
        return None, error.message
