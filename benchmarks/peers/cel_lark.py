"""cel-python, with both of its runners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import celpy
from harness import Way

from peers import DICT, READY

NAME = "cel-python"
PACKAGE = "cel-python"
LANGUAGE = "cel"

RUNNERS = {"compiled": celpy.CompiledRunner, "interpreted": celpy.InterpretedRunner}


def compiler(variables: Mapping[str, str]) -> Callable[[str], Any]:
    """From text to a program of the compiled runner."""
    celpy.CELParser.CEL_PARSER = None
    environment = celpy.Environment(runner_class=celpy.CompiledRunner)
    return lambda text: environment.program(environment.compile(text))


def conditions(text: str, variables: Mapping[str, str]) -> dict[str, Way]:
    """A program of either runner; with an activation made beforehand, and with a dict."""
    ways: dict[str, Way] = {}
    for name, runner in RUNNERS.items():
        evaluate = _evaluators([text], runner)[0]
        ways[f"{name}, {READY}"] = Way(evaluate, prepare=activation, read=bool)
        if runner is celpy.CompiledRunner:
            ways[f"{name}, {DICT}"] = Way(_converting(evaluate), read=bool)
    return ways


def rules(texts: Sequence[str], variables: Mapping[str, str]) -> dict[str, Way]:
    """One program for each rule, asked in turn with one activation."""
    ways: dict[str, Way] = {}
    for name, runner in RUNNERS.items():
        matched = _matching(_evaluators(texts, runner))
        ways[f"{name}, {READY}"] = Way(matched, prepare=activation)
        if runner is celpy.CompiledRunner:
            ways[f"{name}, {DICT}"] = Way(_converting(matched))
    return ways


def activation(input: Mapping[str, Any]) -> dict[str, Any]:
    """An input in cel-python's own types."""
    return {name: celpy.json_to_cel(value) for name, value in input.items()}


def _evaluators(texts: Sequence[str], runner: Any) -> list[Callable[[Any], Any]]:
    # Its parser is made once for all runners, and the second runner cannot read the first's.
    celpy.CELParser.CEL_PARSER = None
    environment = celpy.Environment(runner_class=runner)
    return [environment.program(environment.compile(text)).evaluate for text in texts]


def _matching(evaluators: Sequence[Callable[[Any], Any]]) -> Callable[[Any], list[int]]:
    return lambda active: [n for n, evaluate in enumerate(evaluators) if evaluate(active)]


def _converting(evaluate: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda input: evaluate(activation(input))
