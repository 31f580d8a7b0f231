"""Whole bundles: the ids of the rules that match a request, from 1 rule to 10,000."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import rulesets
from harness import OURS, Effort, Race, Target, Way, progress, race
from inputs import REQUESTS, request
from peers import PeerError, of_texts
from rulesets import BEYOND_AND_MORE, EQUAL, GUARDED, MENTIONS, MIX, POINT, VARIABLES, written

import policyengine
from policyengine.codegen import index
from policyengine.values.times import Timestamp

SECTION = "rules"
SIZES = (1, 10, 50, 100, 1_000, 10_000)
BY_HAND = "hand-written `if`s"
TABLES = "hand-written tables"
NOW = Timestamp(1_768_478_400_000_000_000)
TARGETS = {1_000: Target(2_000, "ns"), 10_000: Target(3_000, "ns")}
DECIDE_TARGET = Target(8_000, "ns")
MENTIONS_TARGET = Target(10_000, "ns")

# Some match no rule, some one, some two.
ASKED = (
    *REQUESTS[:3],
    request("model-0", "free", 400, "eu"),
    request("vendor-2/large", "pro", 2400, "eu"),
    request("model-8", "free", 1_000_003, "us"),
)


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Bundles of every size, with fields missing, without an index, and the whole `decide`."""
    sizes = SIZES if effort.rounds > 10 else SIZES[:4]

    def chosen(title: str) -> bool:
        return not wanted or any(word in f"{SECTION} {title}" for word in wanted)

    with tempfile.TemporaryDirectory() as place:
        left_out: dict[str, str] = {}
        for count in sizes:
            if chosen(title := _rules(count)):
                progress(title)
                yield _mix(title, count, peers, effort, left_out)
        for made in (_missing, _guarded, _thresholds, _index, _decide, _mentions):
            if chosen(made.__doc__ or ""):
                progress(f"rules, {made.__doc__}")
                yield from made(Path(place), peers, effort)


def function(program: policyengine.Program) -> Callable[[Mapping[str, Any]], list[int]]:
    """The generated function of the point: the ids of matched rules."""
    judge = program.functions()[program.points[POINT].function]
    return lambda input: judge(input, NOW)[0]


def _judged(judge: Callable[..., Any], input: Mapping[str, Any]) -> Any:
    return judge(input, NOW)


def _with_errors(judged: Any) -> list[int]:
    matched, errors = judged
    return sorted({*matched, *(position for position, _ in errors)})


def _rules(count: int) -> str:
    return f"{count:,} rule" + ("s" if count > 1 else "")


def _mix(
    title: str,
    count: int,
    peers: Mapping[str, ModuleType],
    effort: Effort,
    left_out: dict[str, str],
) -> Race:
    contestants = {
        BY_HAND: Way(rulesets.tried(written(MIX, count, "python"))),
        TABLES: Way(rulesets.looked_up(count)),
        OURS: Way(function(rulesets.mixed(count))),
    }
    absent: dict[str, str] = dict(left_out)
    for name, peer in peers.items():
        if name in left_out:
            continue
        texts = written(MIX, count, peer.LANGUAGE)
        try:
            ways, why = _ready(peer, texts, effort)
        except PeerError as reason:
            ways, why = {}, str(reason)
        contestants.update({f"{name}, {how}": way for how, way in ways.items()})
        if why:
            left_out[name] = why
            if not ways:
                absent[name] = why
    note = "The ids of all rules that match, six requests in turn."
    medians = race(contestants, ASKED, effort)
    return Race(SECTION, title, note, medians, absent, TARGETS.get(count), size=count)


def _ready(peer: ModuleType, texts: list[str], effort: Effort) -> tuple[dict[str, Way], str]:
    """A peer's ways, and why it cannot take part with ten times as many rules."""
    began = time.perf_counter()
    ways = peer.rules(texts, VARIABLES)
    setup = time.perf_counter() - began
    if len(texts) < 10:
        return ways, ""  # Mostly what is done once, whatever the number of rules.
    slowest = 0.0
    for way in ways.values():
        argument = way.prepare(ASKED[0])
        began = time.perf_counter()
        way.ask(argument)
        slowest = max(slowest, time.perf_counter() - began)
    known = f"with {_rules(len(texts))}"
    if setup * 10 > effort.setup_s:
        return ways, f"left out: {setup:.1f} s to get ready {known}"
    if slowest * 10 > effort.call_s:
        return ways, f"left out: {slowest * 1000:.0f} ms a call {known}"
    return ways, ""


def _missing(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Iterator[Race]:
    """missing field"""
    # One rule in a hundred reads `subject.org`, which no request has; every fourth reads the team.
    rare = (*(MIX * 24), *MIX[:3], {k: t.replace("team", "org") for k, t in MIX[1].items()})
    without_org = ASKED
    without_team = [copy.deepcopy(each) for each in ASKED]
    for each in without_team:
        del each["subject"]["team"]
    # A quarter of all rules being errors is a mistake in the policy: there is no target for that.
    cases = (
        ("1 rule in 100 reads it", rare, without_org, "`subject.org`", TARGETS[1_000]),
        ("1 rule in 4 reads it", MIX, without_team, "`subject.team`", None),
    )
    for count in (1_000,) if effort.rounds > 10 else (100,):
        for how, kinds, inputs, name, target in cases:
            conditions = written(kinds, count, "cel")
            program = rulesets.program(place / f"missing{len(kinds)}", conditions)
            right = rulesets.errors_match(written(kinds, count, "python"))
            judge = program.functions()[program.points[POINT].function]
            contestants = {
                "hand-written, `try` for each": Way(right),
                OURS: Way(partial(_judged, judge), read=_with_errors),
            }
            medians = race(contestants, inputs, effort)
            title = f"{_rules(count)}, an optional field missing, {how}"
            note = f"No request has {name}. A rule that can't be evaluated counts as matched."
            yield Race(SECTION, title, note, medians, target=target)


def _guarded(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Iterator[Race]:
    """has guards"""
    count = 1_000 if effort.rounds > 10 else 100
    kinds = (EQUAL, GUARDED)
    yield _against_ifs(
        f"{_rules(count)}, half of them behind `has`",
        f"Every second rule is `{GUARDED['cel']}`; no request has `subject.org`.",
        kinds,
        count,
        place / "guarded",
        effort,
    )


def _thresholds(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Iterator[Race]:
    """thresholds that ask for more"""
    count = 1_000 if effort.rounds > 10 else 100
    yield _against_ifs(
        f"{_rules(count)}, half of them thresholds that ask for more",
        f"Every second rule is `{BEYOND_AND_MORE['cel']}`.",
        (EQUAL, BEYOND_AND_MORE),
        count,
        place / "thresholds",
        effort,
    )


def _against_ifs(
    title: str,
    note: str,
    kinds: Sequence[Mapping[str, str]],
    count: int,
    place: Path,
    effort: Effort,
) -> Race:
    contestants = {
        BY_HAND: Way(rulesets.tried(written(kinds, count, "python"))),
        OURS: Way(function(rulesets.program(place, written(kinds, count, "cel")))),
    }
    return Race(SECTION, title, note, race(contestants, ASKED, effort), target=TARGETS[1_000])


def _index(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Iterator[Race]:
    """with and without the index"""
    for count in (10, 50, 100):
        conditions = written(MIX, count, "cel")
        as_shipped = index.LEAST_RULES
        contestants: dict[str, Way] = {}
        for name, least in (
            ("no index", count + 1),
            (OURS, as_shipped),
            ("always an index", 1),
        ):
            index.LEAST_RULES = least
            try:
                made = rulesets.program(place / f"index{count}", conditions)
            finally:
                index.LEAST_RULES = as_shipped
            contestants[name] = Way(function(made))
        note = f"The index is used for {as_shipped} or more rules of one kind."
        # Two functions that are the same code differ by so much in a noisy run.
        target = Target(1.05, "times") if count == 10 else None
        medians = race(contestants, ASKED, effort)
        title = f"{_rules(count)}, with and without the index"
        yield Race(SECTION, title, note, medians, target=target)


def _decide(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Iterator[Race]:
    """Engine.decide"""
    engine = policyengine.Engine(rulesets.mixed(100))
    contestants = {
        "hand-written `if`s, matched ids only": Way(
            rulesets.tried(written(MIX, 100, "python")), read=lambda ids: (bool(ids), ids)
        ),
        OURS: Way(
            lambda input: engine.decide(POINT, input),
            read=lambda d: (not d.allowed, [int(r.rule[1:]) for r in d.reasons if r.rule]),
        ),
    }
    denied = [each for each in ASKED if contestants[OURS].read(engine.decide(POINT, each))[1]]
    note = "Reasons, obligations, digest, time and duration included; most requests are denied."
    yield Race(
        SECTION,
        "Engine.decide at 100 rules",
        note,
        race(contestants, denied, effort),
        target=DECIDE_TARGET,
    )


def _mentions(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Iterator[Race]:
    """contains"""
    conditions = written([MENTIONS], 200, "python")
    contestants = {
        BY_HAND: Way(rulesets.tried(conditions)),
        OURS: Way(function(rulesets.program(place / "mentions", written([MENTIONS], 200, "cel")))),
    }
    absent: dict[str, str] = {}
    for name, peer in peers.items():
        try:
            ways = peer.rules(
                [of_texts(MENTIONS, peer.LANGUAGE).replace("{n}", str(n)) for n in range(200)],
                VARIABLES,
            )
        except PeerError as reason:
            absent[name] = str(reason)
            continue
        contestants.update({f"{name}, {how}": way for how, way in ways.items()})
    inputs = []
    for number in (None, 17, 181):
        made = copy.deepcopy(ASKED[0])
        said = "" if number is None else f"secret word {number}. "
        made["request"]["system"] = ("All of this is quite harmless. " * 46)[
            : 1400 - len(said)
        ] + said
        inputs.append(made)
    yield Race(
        SECTION,
        "200 `contains` constants on one field",
        f"`{MENTIONS['cel']}` for 200 words; the field has 1,400 characters.",
        race(contestants, inputs, effort),
        absent,
        MENTIONS_TARGET,
    )
