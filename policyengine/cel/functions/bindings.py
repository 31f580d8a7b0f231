"""Local names: `cel.bind(name, value, expression)`."""

from __future__ import annotations

from policyengine.cel.functions import Library

LIBRARY = Library(
    name="bindings",
    functions=(),
    doc="`cel.bind(name, value, expression)` evaluates a value at most once, under a name.",
    macros=("cel.bind",),
)
