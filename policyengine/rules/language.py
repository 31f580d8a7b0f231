"""The CEL of policies: the standard library and all extensions, but for those made for tools."""

from __future__ import annotations

from functools import lru_cache

from policyengine.cel.functions import Function, library

# `block` is left out: optimisers write it, people do not.
LIBRARIES = (
    "standard", "bindings", "comprehensions", "encoders", "history", "lists", "math", "network",
    "optionals", "regex", "sets", "strings",
)  # fmt: skip


@lru_cache(1)
def functions() -> tuple[Function, ...]:
    """Every function that a policy may call, but for facts."""
    return tuple(row for name in LIBRARIES for row in library(name).functions)


@lru_cache(1)
def macros() -> tuple[str, ...]:
    """The names of the macros of policies."""
    return tuple(macro for name in LIBRARIES for macro in library(name).macros)
