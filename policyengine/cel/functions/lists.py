"""The `lists` extension, as cel-go defines it. `first` and `last` come with `optionals`."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import A, method, risky
from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    Type,
)

_LIST = ListType(A)
_ORDERED: tuple[Type, ...] = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "slice",
        (method("list_slice", (_LIST, INT, INT), _LIST, can_fail=True),),
        "lists.slice",
        "The elements from one position on, up to but not including another one.",
        (
            Example("[1, 2, 3, 4].slice(1, 3)", "[2, 3]"),
            Example("[1].slice(0, 2)", error="index-out-of-range"),
        ),
    ),
    Function(
        "flatten",
        (
            method("list_flatten", (ListType(_LIST),), _LIST, can_fail=True),
            method("list_flatten_int", (ListType(DYN), INT), ListType(DYN), can_fail=True),
        ),
        "lists.flatten",
        "With the lists in a list replaced by their elements, one level deep or as many as given.",
        (
            Example("[1, [2, 3], [4]].flatten()", "[1, 2, 3, 4]"),
            Example("[1, [2, [3, [4]]]].flatten(2)", "[1, 2, 3, [4]]"),
            Example("[[1]].flatten(-1)", error="bad-argument"),
        ),
    ),
    Function(
        "distinct",
        (method("list_distinct", (_LIST,), _LIST, can_fail=True),),
        "lists.distinct",
        "Without the elements that equal an earlier one.",
        (
            Example("['b', 'b', 'a', 'b'].distinct()", "['b', 'a']"),
            Example("[1, 1.0, [2], [2.0]].distinct()", "[1, [2]]"),
            Example("dyn(1).distinct()", error="no-such-overload"),
        ),
    ),
    Function(
        "reverse",
        (method("list_reverse", (_LIST,), _LIST),),
        "lists.reverse",
        "The characters of a string, or the elements of a list, from the back.",
        (Example("[3, 1, 2].reverse()", "[2, 1, 3]"),),
    ),
    Function(
        "sort",
        tuple(
            method(f"list_{type_}_sort", (ListType(type_),), ListType(type_), can_fail=True)
            for type_ in _ORDERED
        ),
        "lists.sort",
        "The elements in their order; they must be of one type that has an order.",
        (
            Example("[3, 1, 2].sort()", "[1, 2, 3]"),
            Example("['b', 'B', 'a'].sort()", "['B', 'a', 'b']"),
            Example("[dyn(1), 'b'].sort()", error="bad-argument"),
        ),
    ),
    Function(
        "@sortBy",
        tuple(
            method(
                f"list_{type_}_sortByAssociatedKeys",
                (_LIST, ListType(type_)),
                _LIST,
                can_fail=True,
            )
            for type_ in _ORDERED
        ),
        "lists.sort_by",
        "`xs.sortBy(x, key)`: the elements in the order of a key that is computed from each.",
        (
            Example("['bb', 'a', 'ccc'].sortBy(s, size(s))", "['a', 'bb', 'ccc']"),
            Example("[{'n': 2}, {'n': 1}].sortBy(p, p.n).map(p, p.n)", "[1, 2]"),
            Example("[1, 2].sortBy(x, dyn([x]))", error="bad-argument"),
        ),
    ),
    Function(
        "lists.range",
        (risky("lists_range", (INT,), ListType(INT)),),
        "lists.range_of",
        "The ints from 0 on, as many as given, and at most 1048576.",
        (
            Example("lists.range(3)", "[0, 1, 2]"),
            Example("lists.range(-1)", "[]"),
            Example("lists.range(1000000000)", error="too-large"),
        ),
    ),
)

LIBRARY = Library(
    name="lists",
    functions=FUNCTIONS,
    macros=("sortBy",),
    doc="Parts and orders of lists.",
)
