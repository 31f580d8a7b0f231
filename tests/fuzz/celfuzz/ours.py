"""Our three evaluators over one expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celfuzz.encoding import encoded
from celfuzz.generate import OURS_ALONE, SHARED, VARIABLES

from policyengine.cel.environment import Environment, Program
from policyengine.cel.interpret import evaluate
from policyengine.diagnostics import CompileError
from policyengine.errors import EvaluationError

ENVIRONMENT = Environment(VARIABLES, extensions=(*SHARED, *OURS_ALONE))

Outcome = tuple[str, Any]
"""`("value", encoded)`, `("error", code)` or `("compile", slug)`."""


def outcomes(text: str, inputs: dict[str, Any]) -> dict[str, Outcome]:
    """What each evaluator gives: `interpreter`, `fast` and `reference`."""
    try:
        program = ENVIRONMENT.compile(text)
    except CompileError as error:
        return {"compiler": ("compile", error.diagnostics[0].slug)}
    return runs(program, inputs)


def runs(program: Program, inputs: dict[str, Any]) -> dict[str, Outcome]:
    """What each evaluator of a program gives."""
    ways: dict[str, Callable[[dict[str, Any]], Any]] = {
        "interpreter": lambda given: evaluate(program.checked, given),
        "fast": program.evaluate,
        "reference": program._reference,
    }
    return {name: _outcome(run, inputs) for name, run in ways.items()}


def _outcome(run: Callable[[dict[str, Any]], Any], inputs: dict[str, Any]) -> Outcome:
    try:
        return "value", encoded(run(inputs))
    except EvaluationError as error:
        return "error", error.code
