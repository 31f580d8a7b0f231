"""Comprehensions with two variables: index and element of a list, key and value of a map."""

from __future__ import annotations

from policyengine.cel.functions import Library

LIBRARY = Library(
    name="comprehensions",
    functions=(),
    doc="`all`, `exists`, `existsOne` with two variables; `transformList`, `transformMap` and "
    "`transformMapEntry`.",
    macros=(
        "all/3",
        "exists/3",
        "exists_one/3",
        "existsOne/3",
        "transformList",
        "transformMap",
        "transformMapEntry",
    ),
)
