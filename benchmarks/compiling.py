"""From text to a program, and programs in files: what is done once, in milliseconds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import rulesets
from harness import OURS, Effort, Race, Target, Way, median_of, progress, race
from rulesets import MIX, written

import policyengine
from policyengine import cel
from policyengine.cel.parser import parse
from policyengine.program import dumps, loads
from policyengine.rules.points import builtin_points

SECTION = "compile"
CONDITION = 'request.max_tokens > 9 && subject.tier in ["lab", "pro"] && !request.stream'
OBJECTS = {"request": "object", "subject": "object"}
LOADS = "loads"
CHECK_AND_COMPILE = "check and compile"


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Parsing, compiling one condition and many rules, keeping programs."""
    for made in (_parsing, _compiling, _bundles, _keeping):
        if not wanted or any(word in f"{SECTION} {made.__doc__}" for word in wanted):
            progress(made.__doc__ or "")
            with tempfile.TemporaryDirectory() as place:
                yield made(Path(place), peers, effort)


def _parsing(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Race:
    """parse"""
    contestants = {OURS: Way(parse, read=lambda tree: tree.text.value)}
    return Race(
        SECTION,
        f"parse {len(CONDITION)} characters",
        f"`{CONDITION}` to a tree with places.",
        race(contestants, [CONDITION], effort),
        target=Target(20_000, "ns"),
    )


def _compiling(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Race:
    """compile one condition"""
    fields = builtin_points()["llm.request"].input.fields
    environment = cel.Environment(variables={name: f.type for name, f in fields.items()})
    contestants = {OURS: Way(environment.compile, read=bool)}
    absent: dict[str, str] = {}
    for name, peer in peers.items():
        if peer.LANGUAGE != "cel":
            absent[name] = "its language is another one"
            continue
        contestants[name] = Way(peer.compiler(OBJECTS), read=bool)
    return Race(
        SECTION,
        "compile one condition",
        "The same condition from text to something that can be called. Ours becomes Python code, "
        "twice, which is why it takes longer to make and less to run.",
        race(contestants, [CONDITION], effort),
        absent,
    )


def _bundles(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Race:
    """compile bundles"""
    count = 1_000 if effort.once > 1 else 100
    # Other numbers each time, so that nothing is remembered from before.
    folders = [
        rulesets.write(place / str(n), written(MIX, count, "cel", first=n * count))
        for n in range(effort.once)
    ]
    bundles = [policyengine.load(folder) for folder in folders]
    checked = [policyengine.check(bundle) for bundle in bundles]
    return Race(
        SECTION,
        f"compile {count:,} rules",
        "A bundle from its files to a program.",
        {
            CHECK_AND_COMPILE: median_of(_check_and_compile, bundles),
            "check alone": median_of(policyengine.check, bundles),
            "compile alone": median_of(policyengine.compile, checked),
            "load from YAML files": median_of(policyengine.load, folders),
        },
        target=Target(60e6, "ns"),
        judged=CHECK_AND_COMPILE,
    )


def _check_and_compile(bundle: Any) -> policyengine.Program:
    return policyengine.compile(policyengine.check(bundle))


def _keeping(place: Path, peers: Mapping[str, ModuleType], effort: Effort) -> Race:
    """keep a program in a file"""
    count = 10_000 if effort.once > 1 else 100
    program = rulesets.mixed(count)
    data = dumps(program)
    if loads(data) != program:
        raise SystemExit("a program is not what it was before it was kept")
    path = place / "program"
    program.save(path)
    again = range(effort.once)
    return Race(
        SECTION,
        f"a compiled program of {count:,} rules",
        f"{len(data) / 1e6:.2f} MB; `load` is `loads` and reading the file.",
        {
            LOADS: median_of(lambda _: loads(data), again),
            "dumps": median_of(lambda _: dumps(program), again[:3]),
            "load, and an Engine made of it": median_of(
                lambda _: policyengine.Engine(policyengine.Program.load(path)), again
            ),
        },
        target=Target(5e6, "ns") if effort.once > 1 else None,
        judged=LOADS,
    )
