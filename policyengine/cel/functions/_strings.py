"""Sizes, and the functions of strings."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function
from policyengine.cel.functions._rows import A, B, method, risky, safe
from policyengine.cel.types import BOOL, BYTES, INT, STRING, ListType, MapType, Type

_SIZED: tuple[tuple[str, Type], ...] = (
    ("string", STRING),
    ("bytes", BYTES),
    ("list", ListType(A)),
    ("map", MapType(A, B)),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "size",
        (
            *(safe(f"size_{name}", (type_,), INT, fast="typed.size") for name, type_ in _SIZED),
            *(method(f"{name}_size", (type_,), INT, fast="typed.size") for name, type_ in _SIZED),
        ),
        "containers.size",
        "The number of a string's code points, of bytes, of a list's elements or a map's entries.",
        (
            Example("size('naïve')", "5"),
            Example("[1, 2].size()", "2"),
            Example("size({})", "0"),
            Example("size(dyn(1))", error="no-such-overload"),
        ),
    ),
    Function(
        "contains",
        (method("contains_string", (STRING, STRING), BOOL, fast="typed.string_contains"),),
        "strings.contains",
        "Whether a string holds another.",
        (Example("'policy'.contains('lic')", "true"), Example("'policy'.contains('x')", "false")),
    ),
    Function(
        "startsWith",
        (method("starts_with_string", (STRING, STRING), BOOL, fast="typed.string_starts_with"),),
        "strings.starts_with",
        "Whether a string begins with another.",
        (
            Example("'policy'.startsWith('pol')", "true"),
            Example("'policy'.startsWith('licy')", "false"),
        ),
    ),
    Function(
        "endsWith",
        (method("ends_with_string", (STRING, STRING), BOOL, fast="typed.string_ends_with"),),
        "strings.ends_with",
        "Whether a string ends with another.",
        (
            Example("'policy'.endsWith('licy')", "true"),
            Example("'policy'.endsWith('pol')", "false"),
        ),
    ),
    Function(
        "matches",
        (
            risky("matches", (STRING, STRING), BOOL),
            method("matches_string", (STRING, STRING), BOOL, can_fail=True),
        ),
        "strings.matches",
        "Whether an RE2 pattern is found anywhere in a string. A pattern that is a constant is "
        "checked when the policy is compiled.",
        (
            Example("'banana'.matches('^ba(na)*$')", "true"),
            Example("matches('cows', 'x')", "false"),
            Example("'a'.matches(dyn('('))", error="bad-regex"),
        ),
    ),
)
