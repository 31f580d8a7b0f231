"""The decision engine: a program, sources of facts and a clock, and one path for sync and async."""

from __future__ import annotations

from policyengine.engine.engine import Engine
from policyengine.engine.reports import HELD_FOR, Settlement

__all__ = ["HELD_FOR", "Engine", "Settlement"]
