"""The order of a policy's variables: each uses only earlier ones."""

from __future__ import annotations

from collections.abc import Mapping

from policyengine.diagnostics import Diagnostic
from policyengine.rules.model import Variable


def in_order(
    variables: Mapping[str, Variable], needs: Mapping[str, frozenset[str]]
) -> tuple[list[str], list[Diagnostic]]:
    """Names so that each comes after those it needs, and a diagnostic for each cycle.

    `needs` gives the known variables that each uses. Variables on a cycle, and those that need
    one, are left out of the order.
    """
    order: list[str] = []
    waiting = {name: set(needs.get(name, ())) for name in variables}
    users: dict[str, list[str]] = {name: [] for name in variables}
    for name, needed in waiting.items():
        for other in needed:
            users[other].append(name)
    ready = [name for name in variables if not waiting[name]]
    while ready:
        name = ready.pop(0)
        order.append(name)
        for user in users[name]:
            waiting[user].discard(name)
            if not waiting[user]:
                ready.append(user)
    left = [name for name in variables if waiting[name]]
    return order, _cycles(left, waiting, variables)


def _cycles(
    left: list[str], waiting: Mapping[str, set[str]], variables: Mapping[str, Variable]
) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    seen: set[str] = set()
    for start in left:
        path: list[str] = []
        name = start
        while name not in seen and name not in path:
            path.append(name)
            name = min(waiting[name])
        if name in path:
            cycle = path[path.index(name) :]
            first = min(cycle, key=left.index)
            turned = cycle[cycle.index(first) :] + cycle[: cycle.index(first)]
            said = " -> ".join(f"`{step}`" for step in [*turned, first][:10])
            message = f"variables use each other: {said}"
            found.append(Diagnostic("variable-cycle", message, variables[first].span))
        seen.update(path)
    return found


def reachable(names: frozenset[str], needs: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The variables that these names use, directly or through others, themselves included."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in needs:
            found.add(name)
            waiting += needs[name]
    return frozenset(found)
