"""What was done before a request, for policies: short forms of the fact `history`."""

from __future__ import annotations

from policyengine.cel.functions import Library

LIBRARY = Library(
    name="history",
    functions=(),
    doc=(
        "Short forms of the fact `history`, whose argument is a kind of event or what the clause "
        "`history` takes. `history.count(...)` is how many such events there were before, "
        "`history.failed(...)` how many of them failed, `history.distinct(...)` how many were not "
        "alike, `history.sum(...)` and `history.cost_usd(...)` what they add up to, and "
        "`history.last(...)` when the last one was (1970, where there was none). "
        '`history.within("10m")` and `history.within("10m", {...})` say whether there was one '
        "in that time."
    ),
    macros=(
        "history.count",
        "history.failed",
        "history.distinct",
        "history.sum",
        "history.cost_usd",
        "history.last",
        "history.within",
    ),
)
