"""Optionals: values that may be absent, without an error and without null.

`a.?b` and `a[?i]` read what may not be there, `[?x]` and `{?k: v}` build only with what is.
"""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import A, B, method, risky, safe
from policyengine.cel.types import BOOL, INT, ListType, MapType, OptionalType

_LIST = ListType(A)
_MAP = MapType(A, B)
_OPTIONAL = OptionalType(A)

_MAKING = (
    Function(
        "optional.of",
        (safe("optional_of", (A,), _OPTIONAL),),
        "optionals.of",
        "An optional that has this value; null is a value too.",
        (Example("optional.of(null).hasValue()", "true"),),
    ),
    Function(
        "optional.ofNonZeroValue",
        (safe("optional_ofNonZeroValue", (A,), _OPTIONAL),),
        "optionals.of_non_zero_value",
        "An optional of this value, empty for null, false, zero and what has no parts.",
        (
            Example("optional.ofNonZeroValue('').hasValue()", "false"),
            Example("optional.ofNonZeroValue([0]).hasValue()", "true"),
        ),
    ),
    Function(
        "optional.none",
        (safe("optional_none", (), _OPTIONAL),),
        "optionals.none",
        "The optional without a value.",
        (Example("optional.none() == optional.none()", "true"),),
    ),
    Function(
        "optional.unwrap",
        (safe("optional_unwrap", (ListType(_OPTIONAL),), _LIST),),
        "optionals.unwrap",
        "The values of the optionals in a list that have one.",
        (Example("optional.unwrap([optional.of(1), optional.none()])", "[1]"),),
    ),
    Function(
        "unwrapOpt",
        (method("optional_unwrapOpt", (ListType(_OPTIONAL),), _LIST),),
        "optionals.unwrap",
        "The values of the optionals in a list that have one.",
        (Example("[optional.none(), optional.of('a')].unwrapOpt()", "['a']"),),
    ),
)

_ASKING = (
    Function(
        "hasValue",
        (method("optional_hasValue", (_OPTIONAL,), BOOL),),
        "optionals.has_value",
        "Whether an optional has a value.",
        (Example("{'a': 1}.?b.hasValue()", "false"),),
    ),
    Function(
        "value",
        (method("optional_value", (_OPTIONAL,), A, can_fail=True),),
        "optionals.value",
        "The value of an optional that has one.",
        (
            Example("optional.of(7).value()", "7"),
            Example("optional.none().value()", error="no-value"),
        ),
    ),
    Function(
        "or",
        (method("optional_or_optional", (_OPTIONAL, _OPTIONAL), _OPTIONAL),),
        "optionals.or_optional",
        "The first of two optionals that has a value; the second is evaluated only if needed.",
        (Example("optional.none().or(optional.of(2)).value()", "2"),),
    ),
    Function(
        "orValue",
        (method("optional_orValue_value", (_OPTIONAL, A), A),),
        "optionals.or_value",
        "An optional's value, or else the one given, which is evaluated only if needed.",
        (
            Example("{'a': 1}.?b.orValue(0)", "0"),
            Example("optional.of(1).orValue(1 / 0)", "1"),
        ),
    ),
)

_READING = (
    Function(
        "_[_]",
        (
            risky("optional_list_index_int", (OptionalType(_LIST), INT), OptionalType(A)),
            risky("optional_map_index_value", (OptionalType(_MAP), A), OptionalType(B)),
        ),
        "containers.index",
    ),
    Function(
        "_[?_]",
        (
            risky("list_optindex_optional_int", (_LIST, INT), OptionalType(A)),
            risky("optional_list_optindex_optional_int", (OptionalType(_LIST), INT), _OPTIONAL),
            risky("map_optindex_optional_value", (_MAP, A), OptionalType(B)),
            risky("optional_map_optindex_optional_value", (OptionalType(_MAP), A), OptionalType(B)),
        ),
        "containers.optional_index",
        "The element at a position or of a key as an optional, empty where there is none.",
        (
            Example("[1, 2][?5].hasValue()", "false"),
            Example("{'a': 1}[?'a'].value()", "1"),
            Example("dyn(1)[?0].hasValue()", error="no-such-overload"),
        ),
    ),
    Function(
        "first",
        (method("list_first", (_LIST,), _OPTIONAL),),
        "optionals.first",
        "The first element of a list, empty where the list is.",
        (Example("[1, 2].first().value()", "1"), Example("[].first().hasValue()", "false")),
    ),
    Function(
        "last",
        (method("list_last", (_LIST,), _OPTIONAL),),
        "optionals.last",
        "The last element of a list, empty where the list is.",
        (Example("[1, 2].last().value()", "2"), Example("[].last().hasValue()", "false")),
    ),
)

LIBRARY = Library(
    name="optionals",
    functions=(*_MAKING, *_ASKING, *_READING),
    doc="Values that may be absent: `a.?b`, `a[?i]`, `[?x]`, `{?k: v}` and `optional.of(x)`.",
    macros=("optMap", "optFlatMap"),
)
