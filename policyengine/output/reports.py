"""What the formats of this room can say, and what they need to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policyengine.decision import Decision
from policyengine.diagnostics import Diagnostic
from policyengine.source import Source

# Version of the JSON outputs. It changes when a reader of an earlier one would misunderstand.
JSON_FORMAT = 1


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What checking found in one bundle. `name` and `version` are empty if it did not load."""

    path: str
    diagnostics: tuple[Diagnostic, ...]
    name: str = ""
    version: str = ""
    policies: int = 0
    rules: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)

    @property
    def errors(self) -> int:
        """How many findings make the bundle invalid."""
        return sum(d.severity == "error" for d in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many findings do not."""
        return len(self.diagnostics) - self.errors


@dataclass(frozen=True, slots=True)
class DecidedInput:
    """One of many inputs: its name (a file, or a file and line), and its decision."""

    name: str
    decision: Decision
