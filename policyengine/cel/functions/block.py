"""Shared parts of an expression, as optimizers write them: `cel.block([a, b], expression)`."""

from __future__ import annotations

from policyengine.cel.functions import Library

LIBRARY = Library(
    name="block",
    functions=(),
    doc="`cel.block([a, b], e)`: in e and in later parts, `cel.index(0)` is a.",
    macros=("cel.block", "cel.index", "cel.iterVar", "cel.accuVar"),
)
