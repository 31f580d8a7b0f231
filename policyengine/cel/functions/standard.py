"""The standard library of CEL: the operators and functions that cel-spec defines.

Overload ids are those of cel-go. The rows stand in one file for each kind of function.
"""

from __future__ import annotations

from policyengine.cel.functions import Library, _conversions, _operators, _strings, _times

LIBRARY = Library(
    name="standard",
    functions=(
        *_operators.FUNCTIONS,
        *_conversions.FUNCTIONS,
        *_strings.FUNCTIONS,
        *_times.FUNCTIONS,
    ),
    macros=("has", "all", "exists", "exists_one", "existsOne", "filter", "map"),
    doc="Operators, conversions, strings and times, as cel-spec defines them.",
)
