"""Whole bundles of 10 and 100 rules, matched rule ids included."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from expressions import INPUT
from harness import Result, race
from peers import RUNNERS, activation, evaluators

import policyengine
from policyengine.values.times import Timestamp

NOW = Timestamp(1_768_478_400_000_000_000)
POINT = "llm.request"
MANIFEST = {
    "apiVersion": "policyengine.dev/v1",
    "kind": "Bundle",
    "name": "benchmark",
    "version": "0.1.0",
}
# CEL, and the same in Python; `{n}` is the rule's number. Rule 2 of every four may match.
RULES = (
    (
        'request.model == "model-{n}" && subject.tier == "free"',
        'request["model"] == "model-{n}" and subject["tier"] == "free"',
    ),
    (
        "request.max_tokens > {n} * 1000 && route.region != 'us'",
        'request["max_tokens"] > {n} * 1000 and route["region"] != "us"',
    ),
    (
        'subject.team in ["team-{n}", "group-{n}"] && !request.stream',
        'subject["team"] in ("team-{n}", "group-{n}") and not request["stream"]',
    ),
    (
        'request.model.startsWith("vendor-{n}/") || subject.id == "user-{n}"',
        'request["model"].startswith("vendor-{n}/") or subject["id"] == "user-{n}"',
    ),
)


def conditions(count: int, column: int) -> list[str]:
    """The conditions of a bundle, in CEL (column 0) or in Python (column 1)."""
    return [RULES[n % len(RULES)][column].replace("{n}", str(n)) for n in range(count)]


def program(count: int) -> policyengine.Program:
    """A compiled bundle with so many rules."""
    rules = [
        {"id": f"r{n}", "when": condition, "deny": "No."}
        for n, condition in enumerate(conditions(count, 0))
    ]
    policy = {
        "apiVersion": "policyengine.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "p"},
        "on": [POINT],
        "rules": rules,
    }
    with tempfile.TemporaryDirectory() as place:
        # JSON is YAML.
        (Path(place) / "bundle.yaml").write_text(json.dumps(MANIFEST, indent=1))
        (Path(place) / "policy.yaml").write_text(json.dumps(policy, indent=1))
        return policyengine.compile(policyengine.check(policyengine.load(place)))


def by_hand(count: int) -> Callable[[Mapping[str, Any]], list[int]]:
    """What a person would write: one function, one `if` for each rule."""
    lines = ["def matched(i):", ' request, subject, route = i["request"], i["subject"], i["route"]']
    lines.append(" found = []")
    for n, condition in enumerate(conditions(count, 1)):
        lines.append(f" if {condition}: found.append({n})")
    lines.append(" return found")
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    function: Callable[[Mapping[str, Any]], list[int]] = names["matched"]
    return function


def peer(texts: list[str], runner: str) -> Callable[[Mapping[str, Any]], list[int]]:
    """cel-python with one program for each rule, asked in turn."""
    programs = [evaluators(text)[runner] for text in texts]
    return lambda active: [n for n, evaluate in enumerate(programs) if evaluate(active)]


def results() -> Iterator[Result]:
    """Bundles beside hand-written Python and cel-python, then the whole of `Engine.decide`."""
    active = activation(INPUT)
    for count in (10, 100):
        compiled = program(count)
        function = compiled.functions()[compiled.points[POINT].function]

        def ours(function: Callable[..., Any] = function) -> list[int]:
            matched: list[int] = function(INPUT, NOW)[0]
            return matched

        contestants = {
            "hand-written Python": partial(by_hand(count), INPUT),
            "policyengine": ours,
        }
        for runner in RUNNERS:
            contestants[runner] = partial(peer(conditions(count, 0), runner), active)
        yield race(f"{count} rules", "matched rule ids of one request", contestants)

    engine = policyengine.Engine(program(100))
    matched = by_hand(100)

    def decided() -> list[int]:
        decision = engine.decide(POINT, INPUT)
        return [int(r.rule[1:]) for r in decision.reasons if r.rule]

    # What turns the decision into numbers costs time too, and is measured on its own.
    decision = engine.decide(POINT, INPUT)
    yield race(
        "Engine.decide at 100 rules",
        f"reasons, obligations, digest and time included; matched rules are {len(matched(INPUT))}",
        {
            "hand-written Python, matched rules only": lambda: bool(matched(INPUT)),
            "policyengine, Engine.decide": lambda: not engine.decide(POINT, INPUT).allowed,
        },
    )
    if decided() != matched(INPUT) or decision.verdict != "deny":
        raise SystemExit("Engine.decide reports other rules than hand-written Python")
