"""The bundle under test, and engines that remember nothing of other tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import policyengine
from policyengine import plugins
from policyengine.rules.files import Files, folder_of

if TYPE_CHECKING:
    from policyengine.api import Engine
    from policyengine.program import Program
    from policyengine.rules.model import Bundle, CheckedBundle

# What providers read that a store keeps.
_KEPT = ("charges", "events")


@dataclass(frozen=True, slots=True)
class Subject:
    """The bundle under test. `keeps` is whether its rules ask about what a store keeps."""

    checked: CheckedBundle
    program: Program
    engine: Engine
    rules: frozenset[str]
    guards: frozenset[str]
    keeps: bool
    files: Files

    @staticmethod
    def of(bundle: str | Path | Bundle | CheckedBundle, files: Files | None = None) -> Subject:
        """The subject of a bundle. Raises `CompileError` where that is invalid."""
        from policyengine.rules.model import CheckedBundle

        if isinstance(bundle, str | Path):
            bundle = policyengine.load(bundle)
        checked = bundle if isinstance(bundle, CheckedBundle) else policyengine.check(bundle)
        rules = [(r.policy.name, r.rule.id) for p in checked.points.values() for r in p.rules]
        names = {name for policy, rule in rules for name in (rule, f"{policy}/{rule}")}
        program = policyengine.compile(checked)
        guards = frozenset(f.provider for p in program.points.values() for f in p.facts)
        keeps = any(plugins.fact_provider(name).READS in _KEPT for name in guards)
        engine = policyengine.Engine(program)
        where = files or folder_of(checked.bundle.root)
        return Subject(checked, program, engine, frozenset(names), guards, keeps, where)

    def fresh(self, clock: Callable[[], datetime] | None = None) -> Engine:
        """An engine over an empty store, where that matters."""
        if clock is None and not self.keeps:
            return self.engine
        from policyengine.state.memory import MemoryStore

        return policyengine.Engine(self.program, store=MemoryStore(), clock=clock)
