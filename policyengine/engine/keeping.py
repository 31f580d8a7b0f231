"""Deciding where a store keeps what limits count and what agents have done.

Deciding is a generator: it yields what is to be asked, a source of facts or a step of the store,
and is sent what that gave. So the engine drives it at once or awaits it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from policyengine.charges import Asked, Costs
from policyengine.decision import Routing
from policyengine.engine.accounts import Account, LimitSource, PastSource
from policyengine.engine.facts import Request
from policyengine.engine.holding import Adding, Holding, Releasing
from policyengine.engine.stream import Ready
from policyengine.engine.uses import Result
from policyengine.errors import FactError
from policyengine.request import digest
from policyengine.values.times import Timestamp

Asking = Generator[Any, Any, Any]
Settle = Callable[[Any, Request, Result, Timestamp, str], dict[str, Any]]


def deciding(
    point: Ready,
    request: Request,
    moment: Timestamp,
    prices: Costs | None,
    settle: Settle,
    key: str | None = None,
) -> Asking:
    """Decides, and holds what the rules asked for; again, until both agree.

    Every time round at least one more counter of a limit is known to have no room, or a limit to be
    an error, so it ends: the counters of a limit differ by the model only, and there are as many of
    these as the tiers have. `settle` makes the fields of a decision from what the rules say; `key`
    is the host's name of the request. Gives the fields, None for an input that is no plain JSON.
    """
    try:
        input_digest = digest(request.input)
    except (TypeError, ValueError, RecursionError):
        return None
    account: Account = request.account
    if key:
        account.use_key(key, input_digest)
    while True:
        result = yield from _judged(point, request, moment)
        fields = settle(point, request, result, moment, input_digest)
        if fields["verdict"] != "allow":
            return fields
        model = _model_of(fields, request.input)
        asked = Asked(request.input, model, account.now, prices, account.memo)
        if (yield from _held(point, request, asked)):
            fields["reservation"] = account.reservation
            return fields


def _judged(point: Ready, request: Request, moment: Timestamp) -> Asking:
    """Runs the rules once more; only limits are asked anew, and they know their answers."""
    known, request.answers = request.answers, {}
    run: Any = point.function(request.input, moment)
    try:
        asked = next(run)
        while True:
            source = point.sources[asked]
            answer = None if isinstance(source, LimitSource) else known.get(asked)
            if answer is None:
                answer = yield source
            request.answers[asked] = answer
            asked = run.send(answer)
    except StopIteration as end:
        return end.value


def _held(point: Ready, request: Request, asked: Asked) -> Asking:
    """Holds what an allowed request may take, and remembers it; whether all of that is done."""
    account: Account = request.account
    wanted = account.wanted(point.sources, request.answers, asked, request.known)
    if wanted is None:
        return False
    if wanted:
        holding = Holding(account, wanted, asked.model)
        held = yield holding
        if isinstance(held, FactError):
            holding.failed(held)
        if held is not True:
            return False
    return (yield from _remembered(point, request))


def _remembered(point: Ready, request: Request) -> Asking:
    account: Account = request.account
    if not account.hold or account.failed is not None:
        return True
    adding = Adding(account, point.sources, request)
    failed = (yield adding) if adding else None
    if not isinstance(failed, FactError):
        return True
    yield Releasing(account)
    account.start_again(failed)
    # The rules about the past decide once more, now knowing that it cannot be kept.
    past = [i for i in request.answers if isinstance(point.sources[i], PastSource)]
    for position in past:
        del request.answers[position]
    return False


def _model_of(fields: Mapping[str, Any], input: Mapping[str, Any]) -> str:
    """The model that will serve: the one routed to, else the one asked for."""
    routed = next((o.model for o in fields["obligations"] if isinstance(o, Routing)), "")
    if routed:
        return routed
    for part in ("request", "route"):
        asked = input.get(part)
        model = asked.get("model") if isinstance(asked, Mapping) else None
        if isinstance(model, str):
            return model
    return ""
