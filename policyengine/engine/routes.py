"""From the tier that a rule chose to a model: what the bundle's tiers, prices and the host say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from policyengine.charges import Costs
from policyengine.decision import Reason, Routing
from policyengine.engine.uses import Detected
from policyengine.errors import FactError
from policyengine.routing.choice import choose
from policyengine.routing.needs import draw_of, kinds_of, needs_of
from policyengine.routing.observed import Observed
from policyengine.routing.tiers import Tiers

# The decision point whose requests go to the default tier where no rule routes them.
_REQUESTS = "llm.request"
# The name under which a recorded snapshot of what was observed is given back for a replay.
OBSERVED = "observed"


class Routes:
    """The tiers of a bundle, by its data file, and what the host has observed of their models."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self.tiers = Tiers.of(plain)
        self.observed = Observed(self.tiers.health)

    def choose(
        self,
        fields: dict[str, Any],
        input: Mapping[str, Any],
        found: Detected,
        known: Mapping[str, Any],
        now: float,
        prices: Costs | None,
    ) -> None:
        """Puts the model into the decision's route; denies where no model may serve it.

        `found` is what guards found in the request. A recorded snapshot in `known` is used instead
        of what is observed now. Chance is drawn from the input and the time, so that a replay
        draws alike.
        """
        obligations = fields["obligations"]
        route = next((o for o in obligations if isinstance(o, Routing)), None)
        if route is None:
            if fields["point"] != _REQUESTS or not self.tiers.default:
                return
            route = Routing(self.tiers.default, "", 0)
        recorded = known.get(OBSERVED)
        snapshot = recorded[0] if recorded else self.observed.snapshot(now)
        try:
            draw = draw_of(fields["input_digest"], int(now * 1e9))
            needs = needs_of(self.tiers, route.to, input, kinds_of(found), draw)
            chosen = choose(self.tiers, route.to, needs, snapshot, prices, now)
        except FactError as error:
            fields["verdict"] = "deny"
            fields["reasons"] = (*fields["reasons"], _no_route(route, error))
            return
        made = replace(
            route, model=chosen.model, fallbacks=chosen.fallbacks, why=chosen.why,
            rejected=chosen.rejected,
        )  # fmt: skip
        rest = tuple(o for o in obligations if o is not route)
        fields["obligations"] = (made, *rest)


def _no_route(route: Routing, error: FactError) -> Reason:
    return Reason(
        code="no-route",
        effect="deny",
        rule=route.rule,
        message=f"no model of the tier `{route.to}` may serve this request",
        admin=error.message,
    )
