"""The tree that answers whether there is a match, which is often simpler than where it is.

    .*foo.*            foo
    [a-z]{2,5}-\\d+     [a-z]{2}-\\d
    (key|token)s?      key|token

A search may start and end anywhere. So where `x` begins the pattern, `x{n,m}` may be `x{n}`: if the
longer match exists then so does the one that starts later, with the same text around its places.
The same holds at the end. Groups go, since nobody asks for them.
"""

from __future__ import annotations

from policyengine.values.regex.syntax import (
    EMPTY,
    Alternate,
    Assert,
    Chars,
    Concat,
    Group,
    Node,
    Repeat,
    fold,
)

# How far below the top the ends are trimmed; less trimming is only slower.
_DEPTH = 20


def trimmed(root: Node) -> Node:
    """A tree without groups that finds a match in the same texts."""
    return _trim(fold(root, _without_groups), True, True, _DEPTH)


def _without_groups(node: Node, below: list[Node]) -> Node:
    match node:
        case Group():
            return below[0]
        case Concat():
            return _concat(below)
        case Alternate():
            return Alternate(tuple(below))
        case Repeat(_, low, high, greedy):
            return Repeat(below[0], low, high, greedy)
        case _:
            return node


def _concat(items: list[Node]) -> Node:
    flat: list[Node] = []
    for item in items:
        flat += item.items if isinstance(item, Concat) else (item,)
    if not flat:
        return EMPTY
    return flat[0] if len(flat) == 1 else Concat(tuple(flat))


def _trim(node: Node, left: bool, right: bool, depth: int) -> Node:
    """`left` and `right` tell whether the node begins and ends the pattern."""
    if depth == 0 or not (left or right):
        return node
    match node:
        case Chars() | Assert() | Group():
            return node
        case Alternate(items):
            branches = [_trim(item, left, right, depth - 1) for item in items]
            return EMPTY if EMPTY in branches else Alternate(tuple(branches))
        case Repeat(item, low, _, greedy):
            if low > 1:
                return Repeat(item, low, low, greedy)
            return _trim(item, left, right, depth - 1) if low else EMPTY
        case Concat(items):
            return _trim_concat(list(items), left, right, depth)


def _trim_concat(items: list[Node], left: bool, right: bool, depth: int) -> Node:
    if left:
        items = _trim_first(items, right, depth)
    if right:
        items.reverse()
        items = _trim_last(items, left, depth)
        items.reverse()
    return _concat(items)


def _trim_first(items: list[Node], right: bool, depth: int) -> list[Node]:
    for i, item in enumerate(items):
        whole = right and i == len(items) - 1
        first = _trim(item, True, whole, depth - 1)
        if first is not EMPTY:
            return [first, *items[i + 1 :]]
    return []


def _trim_last(items: list[Node], left: bool, depth: int) -> list[Node]:
    for i, item in enumerate(items):
        whole = left and i == len(items) - 1
        last = _trim(item, whole, True, depth - 1)
        if last is not EMPTY:
            return [last, *items[i + 1 :]]
    return []
