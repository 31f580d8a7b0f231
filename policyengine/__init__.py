"""Declarative policy as code for AI gateways and agents.

    engine = policyengine.Engine.from_bundle("policies/gateway")
    decision = engine.decide("llm.request", {"request": {"model": "gpt-4o", "messages": []}})
    if not decision.allowed:
        print(decision.reasons[0].message)

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyengine.api import Engine, check, compile, compile_cached, explain, load
    from policyengine.decision import Decision
    from policyengine.diagnostics import CompileError, Diagnostic
    from policyengine.errors import EvaluationError, FactError, PolicyEngineError
    from policyengine.program import Program

_ROOMS = {
    "Engine": "api",
    "check": "api",
    "compile": "api",
    "compile_cached": "api",
    "explain": "api",
    "load": "api",
    "Decision": "decision",
    "CompileError": "diagnostics",
    "Diagnostic": "diagnostics",
    "EvaluationError": "errors",
    "FactError": "errors",
    "PolicyEngineError": "errors",
    "Program": "program",
}

__all__ = [
    "CompileError",
    "Decision",
    "Diagnostic",
    "Engine",
    "EvaluationError",
    "FactError",
    "PolicyEngineError",
    "Program",
    "check",
    "compile",
    "compile_cached",
    "explain",
    "load",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("policyengine-gateway")
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
