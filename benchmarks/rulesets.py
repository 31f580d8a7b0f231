"""Bundles of any number of rules, in every peer's language and as people write them in Python.

Four kinds of rules take turns. Each has a constant to look up, and all but the last ask for more.
"""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import policyengine

POINT = "llm.request"
VARIABLES = {"request": "object", "subject": "object", "route": "object"}

Texts = Mapping[str, str]
"""A condition by language; `{n}` is the rule's number, `{m}` a million more. In Python `and` joins
what CEL joins with `&&`."""

EQUAL = {
    "cel": 'request.model == "model-{n}" && subject.tier == "free"',
    "python": 'request["model"] == "model-{n}" and subject["tier"] == "free"',
    "cedar": 'context.request.model == "model-{n}" && context.subject.tier == "free"',
    "rego": 'input.request.model == "model-{n}"; input.subject.tier == "free"',
    "casbin": 'r.request.model == "model-{n}" && r.subject.tier == "free"',
}
ONE_OF = {
    "cel": 'subject.team in ["team-{n}", "group-{n}"] && !request.stream',
    "python": 'subject["team"] in ("team-{n}", "group-{n}") and not request["stream"]',
    "cedar": '["team-{n}", "group-{n}"].contains(context.subject.team) && !context.request.stream',
    "rego": 'input.subject.team in ["team-{n}", "group-{n}"]; not input.request.stream',
    "casbin": '(r.subject.team == "team-{n}" || r.subject.team == "group-{n}")'
    " && !r.request.stream",
}
PREFIX = {
    "cel": 'request.model.startsWith("vendor-{n}/") && route.region != "us"',
    "python": 'request["model"].startswith("vendor-{n}/") and route["region"] != "us"',
    "cedar": 'context.request.model like "vendor-{n}/*" && context.route.region != "us"',
    "rego": 'startswith(input.request.model, "vendor-{n}/"); input.route.region != "us"',
    "casbin": 'r.request.model.startswith("vendor-{n}/") && r.route.region != "us"',
}
BEYOND = {
    "cel": "request.max_tokens > {m}",
    "python": 'request["max_tokens"] > {m}',
    "cedar": "context.request.max_tokens > {m}",
    "rego": "input.request.max_tokens > {m}",
    "casbin": "r.request.max_tokens > {m}",
}
BEYOND_AND_MORE = {
    "cel": 'request.max_tokens > {m} && route.region != "us"',
    "python": 'request["max_tokens"] > {m} and route["region"] != "us"',
}
GUARDED = {
    "cel": 'has(subject.org) && subject.org == "org-{n}" && !request.stream',
    "python": 'subject.get("org") == "org-{n}" and not request["stream"]',
}
MENTIONS = {
    "cel": 'request.system.contains("secret word {n}.")',
    "python": '"secret word {n}." in request["system"]',
    "cedar": 'context.request.system like "*secret word {n}.*"',
    "rego": 'contains(input.request.system, "secret word {n}.")',
    "casbin": '"secret word {n}." in r.request.system',
}
MIX = (EQUAL, ONE_OF, PREFIX, BEYOND)


def written(kinds: Sequence[Texts], count: int, language: str, first: int = 0) -> list[str]:
    """The conditions of a bundle in a language; `first` is the number of the first rule."""
    return [
        kinds[n % len(kinds)][language]
        .replace("{n}", str(n + first))
        .replace("{m}", str(1_000_000 + n + first))
        for n in range(count)
    ]


def write(folder: Path, conditions: Sequence[str]) -> Path:
    """A bundle of rules that deny, as files. JSON is YAML, but this is YAML as people write it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bundle.yaml").write_text(
        "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: benchmark\nversion: 0.1.0\n"
    )
    rules = "".join(
        f"  - id: r{n}\n    when: {json.dumps(condition)}\n    deny: No.\n"
        for n, condition in enumerate(conditions)
    )
    (folder / "policy.yaml").write_text(
        "apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata:\n  name: p\n"
        f"on: [{POINT}]\nrules:\n{rules}"
    )
    return folder


def program(folder: Path, conditions: Sequence[str]) -> policyengine.Program:
    """A bundle of such rules, compiled."""
    return policyengine.compile(policyengine.check(policyengine.load(write(folder, conditions))))


@cache
def mixed(count: int) -> policyengine.Program:
    """The mix with so many rules, compiled once in a process."""
    with tempfile.TemporaryDirectory() as place:
        return program(Path(place), written(MIX, count, "cel"))


def tried(conditions: Sequence[str]) -> Callable[[Mapping[str, Any]], list[int]]:
    """What a person writes first: one function, one `if` for each rule."""
    lines = ["def matched(i):", ' request, subject, route = i["request"], i["subject"], i["route"]']
    lines.append(" found = []")
    lines += [f" if {text}: found.append({n})" for n, text in enumerate(conditions)]
    lines.append(" return found")
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    function: Callable[[Mapping[str, Any]], list[int]] = names["matched"]
    return function


def looked_up(count: int) -> Callable[[Mapping[str, Any]], list[int]]:
    """What a good engineer writes for the mix, once it is slow: dicts and bisection by hand."""
    models = {f"model-{n}": n for n in range(0, count, 4)}
    teams = {f"{kind}-{n}": n for n in range(1, count, 4) for kind in ("team", "group")}
    vendors = {f"vendor-{n}/": n for n in range(2, count, 4)}
    lengths = sorted({len(vendor) for vendor in vendors})
    bounds = [1_000_000 + n for n in range(3, count, 4)]
    over = list(range(3, count, 4))

    def matched(i: Mapping[str, Any]) -> list[int]:
        request, subject, route = i["request"], i["subject"], i["route"]
        found = []
        model = request["model"]
        n = models.get(model)
        if n is not None and subject["tier"] == "free":
            found.append(n)
        n = teams.get(subject["team"])
        if n is not None and not request["stream"]:
            found.append(n)
        for length in lengths:
            n = vendors.get(model[:length])
            if n is not None and route["region"] != "us":
                found.append(n)
        found += over[: bisect_left(bounds, request["max_tokens"])]
        found.sort()
        return found

    return matched


def errors_match(conditions: Sequence[str]) -> Callable[[Mapping[str, Any]], list[int]]:
    """What is right where fields are missing, slowly: `&&` absorbs errors, others match."""
    rules = [[eval(f"lambda i: {_read(part)}") for part in c.split(" and ")] for c in conditions]

    def holds(parts: Sequence[Callable[[Any], bool]], input: Mapping[str, Any]) -> bool:
        answers = []
        for part in parts:
            try:
                answers.append(bool(part(input)))
            except KeyError:
                answers.append(True)
        return all(answers)

    return lambda i: [n for n, parts in enumerate(rules) if holds(parts, i)]


def _read(text: str) -> str:
    for name in VARIABLES:
        text = text.replace(f"{name}[", f'i["{name}"][').replace(
            f"{name}.get(", f'i["{name}"].get('
        )
    return text
