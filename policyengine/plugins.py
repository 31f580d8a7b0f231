"""Finding a plug-in by the name that users write.

A built-in is the file `policyengine/<group>/<name>.py`; a third party's is an entry point in the
group `policyengine.<group>`. There is no list to edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, Literal, Protocol

# The floors' rooms in which a provider of facts may live, in the order of search.
FACT_GROUPS = ("guards", "changes")

Finding = Mapping[str, Any]
"""A typed finding: `type`, and where it was found.

Guards over text give `type`, `field` (which text), `start` and `end` (characters in it), `score`
(0 to 1) and `why`. Never the text itself.
"""

Texts = Sequence[tuple[str, str]]
"""The texts of an input: a field's name such as `request.messages[0].content`, and its text."""

Finder = Callable[[Any], Sequence[Finding]]


class FactProvider(Protocol):
    """What a module that provides facts offers under these names.

    `READS` says what a finder is given: `texts` is a `Texts`, `input` the whole input, a dict.
    `COST` orders providers, cheapest first (about microseconds per 1,000 characters).
    `SCHEMA` is the JSON Schema of the clause's value, `FINDING` the CEL types of a finding's
    fields by name (`{"type": "string", "start": "int"}`).
    """

    READS: Literal["texts", "input"]
    COST: int
    SCHEMA: Mapping[str, Any]
    FINDING: Mapping[str, str]

    def normal(self, value: Any) -> Any:
        """The clause's value in its one long form, as JSON; equal questions become equal."""

    def build(self, config: Any) -> Finder:
        """A finder for a normal configuration; raises `ValueError` where it makes no sense."""


def find(group: str, name: str) -> Any:
    """The plug-in of a group; raises `KeyError` with the name when there is none."""
    if name.isidentifier() and not name.startswith("_"):
        module = f"policyengine.{group}.{name}"
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    for entry in entry_points(group=f"policyengine.{group}", name=name):
        return entry.load()
    raise KeyError(name)


def names(group: str) -> list[str]:
    """The names of all plug-ins of a group, sorted."""
    package = import_module(f"policyengine.{group}")
    own = [m.name for m in iter_modules(package.__path__) if not m.name.startswith("_")]
    return sorted({*own, *(entry.name for entry in entry_points(group=f"policyengine.{group}"))})


def fact_provider(name: str) -> FactProvider:
    """The provider of facts that a clause or a CEL call names.

    Raises `KeyError` with the name when no room has it.
    """
    for group in FACT_GROUPS:
        try:
            found = find(group, name)
        except KeyError:
            continue
        if hasattr(found, "build") and hasattr(found, "SCHEMA"):
            provider: FactProvider = found
            return provider
    raise KeyError(name)


def fact_provider_names() -> list[str]:
    """The names of all providers of facts, sorted."""
    found = []
    for name in sorted({name for group in FACT_GROUPS for name in names(group)}):
        try:
            fact_provider(name)
        except KeyError:
            continue
        found.append(name)
    return found
