"""Finding disagreements: between our evaluators, and with the peer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celfuzz.encoding import as_peer
from celfuzz.known import reason
from celfuzz.ours import Outcome, outcomes
from celfuzz.peer import Answer, Peer
from celfuzz.tree import Node


@dataclass(frozen=True, slots=True)
class Case:
    """An expression and values for its variables."""

    tree: Node
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two answers to one case. `about` is what a smaller case must have in common with it."""

    case: Case
    about: str
    ours: Mapping[str, Outcome]
    peer: Answer | None


def disagreements(
    cases: Sequence[Case], peer: Peer | None, seen: dict[str, int]
) -> list[Disagreement]:
    """Those of the cases in which somebody disagrees, for no reason that is known.

    `seen` counts how the cases ended.
    """
    found: list[Disagreement] = []
    for case in cases:
        text = case.tree.text()
        answer = None if peer is None else peer.answer(text, case.inputs)
        ours = outcomes(text, dict(case.inputs))
        about = _among_us(ours) or _with_peer(text, next(iter(ours.values())), answer)
        if about.startswith("known: "):
            seen[about] = seen.get(about, 0) + 1
        elif about:
            found.append(Disagreement(case, about, ours, answer))
        else:
            how = next(iter(ours.values()))[0]
            seen[how] = seen.get(how, 0) + 1
    return found


def _among_us(ours: Mapping[str, Outcome]) -> str:
    different = {json.dumps(outcome) for outcome in ours.values()}
    return "our evaluators" if len(different) > 1 else ""


def _with_peer(text: str, ours: Outcome, answer: Answer | None) -> str:
    if answer is None:
        return ""
    theirs = answer[0]
    if theirs == "died":
        return "known: the peer dies or hangs"
    if ours[0] == theirs and (theirs != "value" or as_peer(ours[1]) == answer[1]):
        return ""
    known = reason(text, ours, answer)
    if known:
        return f"known: {known}"
    return "values" if ours[0] == theirs else f"{ours[0]} against {theirs}"
