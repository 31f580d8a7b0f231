"""cel-python as a peer: programs and activations made beforehand, as its best users do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import celpy

RUNNERS = {
    "cel-python, interpreted": celpy.InterpretedRunner,
    "cel-python, compiled": celpy.CompiledRunner,
}


def evaluators(text: str) -> dict[str, Callable[[Any], Any]]:
    """By name, a function from an activation to the value of the expression."""
    found = {}
    for name, runner in RUNNERS.items():
        # Its parser is made once for all runners, and the second runner cannot read the first's.
        celpy.CELParser.CEL_PARSER = None
        environment = celpy.Environment(runner_class=runner)
        found[name] = environment.program(environment.compile(text)).evaluate
    return found


def activation(input: Mapping[str, Any]) -> dict[str, Any]:
    """An input in cel-python's own types."""
    return {name: celpy.json_to_cel(value) for name, value in input.items()}
