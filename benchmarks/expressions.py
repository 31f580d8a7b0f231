"""Single conditions beside hand-written Python and every peer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import cases
from cases import Case
from harness import OURS, Effort, Race, Target, Way, progress, race
from inputs import LONG, REQUESTS
from peers import PeerError, of_texts

from policyengine import cel
from policyengine.rules.points import builtin_points

SECTION = "expressions"
BY_HAND = "hand-written Python"
LOOP = "hand-written, a loop for `any`"
CAREFUL = "hand-written, types checked"

_KINDS = (
    ("typed", cases.TYPED, REQUESTS, 1.15),
    ("pipelines", cases.PIPELINES, LONG, 1.5),
    ("untyped", cases.UNTYPED, REQUESTS, 2.5),
)


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Each condition whose title, or kind, has one of the wanted words."""
    for kind, group, inputs, most in _KINDS:
        for case in group:
            title = f"{case.title}, untyped" if kind == "untyped" else case.title
            if wanted and not any(word in f"{SECTION} {kind} {title}" for word in wanted):
                continue
            progress(title)
            asked = LONG if "numbers" in case.variables else inputs
            yield _race(title, case, kind == "untyped", asked, most, peers, effort)


def compiled(case: Case, untyped: bool) -> cel.Program:
    """The condition as a program of ours: with the types of `llm.request`, or with none."""
    if untyped:
        return cel.Environment(variables=dict.fromkeys(case.variables, "dyn")).compile(
            case.texts["cel"]
        )
    fields = builtin_points()["llm.request"].input.fields
    types = {name: fields[name].type if name in fields else t for name, t in case.variables.items()}
    return cel.Environment(variables=types).compile(case.texts["cel"])


def _race(
    title: str,
    case: Case,
    untyped: bool,
    inputs: Sequence[Mapping[str, Any]],
    most: float,
    peers: Mapping[str, ModuleType],
    effort: Effort,
) -> Race:
    contestants = {BY_HAND: Way(case.by_hand)}
    if case.loop is not None:
        contestants[LOOP] = Way(case.loop)
    contestants[CAREFUL] = Way(case.careful)
    contestants[OURS] = Way(compiled(case, untyped).evaluate)
    variables = dict.fromkeys(case.variables, "dyn") if untyped else case.variables
    absent: dict[str, str] = {}
    only = [{name: i[name] for name in case.variables} for i in inputs]
    for name, peer in peers.items():
        try:
            ways = peer.conditions(of_texts(case.texts, peer.LANGUAGE), variables)
        except PeerError as reason:
            absent[name] = str(reason)
        else:
            contestants.update({f"{name}, {how}": way for how, way in ways.items()})
    medians = race(contestants, only, effort)
    note = f"`{case.texts['cel']}`"
    return Race(SECTION, title, note, medians, absent, Target(most, "times"))
