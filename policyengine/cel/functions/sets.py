"""The `sets` extension, as cel-go defines it."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import A, risky
from policyengine.cel.types import BOOL, ListType

_LIST = ListType(A)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "sets.contains",
        (risky("list_sets_contains_list", (_LIST, _LIST), BOOL),),
        "sets.contains",
        "Whether all elements of the second list are in the first.",
        (
            Example("sets.contains(['read', 'write'], ['read'])", "true"),
            Example("sets.contains([1], [1, 2])", "false"),
            Example("sets.contains([], [])", "true"),
            Example("sets.contains(dyn('abc'), ['a'])", error="no-such-overload"),
        ),
    ),
    Function(
        "sets.equivalent",
        (risky("list_sets_equivalent_list", (_LIST, _LIST), BOOL),),
        "sets.equivalent",
        "Whether two lists have the same elements, however often and in whatever order.",
        (
            Example("sets.equivalent([1, 2, 2], [2, 1])", "true"),
            Example("sets.equivalent([1], [1, 2])", "false"),
            Example("sets.equivalent(dyn({}), [])", error="no-such-overload"),
        ),
    ),
    Function(
        "sets.intersects",
        (risky("list_sets_intersects_list", (_LIST, _LIST), BOOL),),
        "sets.intersects",
        "Whether two lists have an element in common.",
        (
            Example("sets.intersects(['a', 'b'], ['c', 'b'])", "true"),
            Example("sets.intersects([1], [])", "false"),
            Example("sets.intersects(dyn(null), [1])", error="no-such-overload"),
        ),
    ),
)

LIBRARY = Library(
    name="sets",
    functions=FUNCTIONS,
    doc="Lists compared as sets, in time linear in their size.",
)
