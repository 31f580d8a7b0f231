"""The public functions, from a bundle in a folder to a decision. Each imports what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyengine import engine as engines
from policyengine.plugins import FactProvider

if TYPE_CHECKING:
    from policyengine.engine.facts import Known
    from policyengine.engine.transforms import Tokens
    from policyengine.explanation import Explanation
    from policyengine.program import Program
    from policyengine.rules.model import Bundle, CheckedBundle
    from policyengine.state.store import Ledger


def load(path: str | Path) -> Bundle:
    """The bundle in a folder (or the folder of a `bundle.yaml`), its overlays beside it.

    Raises `CompileError` with everything that is wrong with its files, each with its place.
    """
    from policyengine.rules.load import load

    return load(path)


def check(bundle: Bundle) -> CheckedBundle:
    """The bundle with every name resolved and every condition typed.

    Raises `CompileError` with everything that is wrong, each with its place.
    """
    from policyengine.rules.check import check

    return check(bundle)


def compile(checked: CheckedBundle) -> Program:
    """The program of a checked bundle: plain data and generated Python code."""
    from policyengine.codegen.compiler import compile_bundle

    return compile_bundle(checked)


def compile_cached(path: str | Path, cache: str | Path | None = None) -> Program:
    """The program of the bundle in a folder, compiled only if anything in it has changed.

    `cache` is the folder that keeps programs; without it, it is `policyengine` in
    `$XDG_CACHE_HOME` or `~/.cache`. Programs are code: a folder that others may write to is not
    used. Raises `CompileError` with everything that is wrong with the bundle.
    """
    from policyengine.codegen.cache import compile_cached

    return compile_cached(path, cache)


def explain(
    checked: CheckedBundle,
    point: str,
    input: Mapping[str, Any],
    *,
    facts: Known | None = None,
    now: datetime | None = None,
) -> Explanation:
    """Why each rule matched an input or did not: the tree of its conditions with their values."""
    from policyengine.explanation import explain

    return explain(checked, Engine(compile(checked)), point, input, facts=facts, now=now)


class Engine(engines.Engine):
    """Decides requests; see `policyengine.engine.Engine`."""

    @classmethod
    def from_bundle(
        cls,
        path: str | Path,
        store: Ledger | None = None,
        guards: Mapping[str, FactProvider] | None = None,
        clock: Callable[[], datetime] | None = None,
        *,
        keys: Mapping[str, bytes] | None = None,
        vault: Tokens | None = None,
        held_for: float = engines.HELD_FOR,
    ) -> Engine:
        """The engine of a bundle in a folder: loaded, checked and compiled.

        Raises `CompileError` with everything that is wrong with the bundle.
        """
        program = compile(check(load(path)))
        return cls(program, store, guards, clock, keys=keys, vault=vault, held_for=held_for)
