"""Which trees Python's backtracking `re` searches in time linear in the text.

`re.search` tries each start in turn, so `a*b` is quadratic on a run of `a`: every attempt reads
the rest of the run. A tree is let through when its branches at the top have the form

    A X1* B1 X2* B2 ... Xk* Bk

with single characters sets Xi and pieces A, Bi that have no endless repeats, where

1. trying A and the Bi takes at most `MAX_COST` steps in all, backtracking included;
2. for all Xi but the last, what follows Xi* takes at least one character, and its first is
   never in Xi. So of all the ways to leave a run of Xi only its end can go on, and for the last
   Xi, if anything follows, each way out costs at most the bound of 1;
3. A begins with the start of the text, or A takes at least one character, and its first is in no
   Xi. (An Xi* that ends the pattern is exempt: an attempt that reaches it succeeds.)

Proof sketch. By 1 and 2 one attempt costs a constant times the length of the runs it reads. By 3
no attempt starts inside a run that an earlier attempt read. So if two attempts read the same
character as part of a run, the later one started in an A or Bi of the earlier, and those are
bounded: each character is read in the runs of boundedly many attempts, and the sum over all
attempts is linear. With an anchored A there is one attempt.

Everything else goes to the automata, also where `re` might have been linear. Groups inside repeats
and repeats of what can be empty go there too, since `re` reports other spans than RE2.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from policyengine.values.regex.charset import NONE, Ranges, overlap, union
from policyengine.values.regex.syntax import (
    Alternate,
    Assert,
    At,
    Chars,
    Concat,
    Group,
    Node,
    Repeat,
    fold,
)

MAX_COST = 200


class _Piece(NamedTuple):
    """What is known of a node without endless repeats, or of a sequence of them."""

    cost: int  # steps to try all its ways from one place
    ways: int  # how many ways there are
    first: Ranges  # the characters it can begin with
    nullable: bool
    groups: bool


_NOTHING = _Piece(0, 1, NONE, True, False)
# Costs more than is ever let through: marks what has an endless repeat inside.
_ENDLESS = _Piece(MAX_COST + 1, MAX_COST + 1, NONE, True, False)


def is_linear(root: Node) -> bool:
    """Whether `re.search` of the translated tree is linear, and its spans are RE2's.

    >>> from policyengine.values.regex.parser import parse
    >>> [is_linear(parse(p).root) for p in ("a*b", "-a*b", "foo|ba+", "(a+)+")]
    [False, True, True, False]
    """
    if fold(root, _size) > MAX_COST:
        return False
    branches = root.items if isinstance(root, Alternate) else (root,)
    return all(_linear_branch(_sequence(branch)) for branch in branches)


def is_anchored(root: Node) -> bool:
    """Whether a sequence of nodes begins with the start of the text."""
    items = _sequence(root)
    return bool(items) and isinstance(items[0], Assert) and items[0].at is At.TEXT_START


def _size(node: Node, below: list[int]) -> int:
    return 1 + sum(below)


def _sequence(node: Node) -> list[Node]:
    """The node as items one after another; groups that are not repeated are seen through."""
    match node:
        case Concat(items):
            return [part for item in items for part in _sequence(item)]
        case Group(item):
            return _sequence(item)
        case _:
            return [node]


def _linear_branch(items: list[Node]) -> bool:
    parts: list[_Piece] = [_NOTHING]
    runs: list[Ranges] = []
    for item in items:
        match item:
            case Repeat(Chars(ranges), low, None):
                parts[-1] = _then(parts[-1], _Piece(low, 1, ranges, False, False) if low else None)
                runs.append(ranges)
                parts.append(_NOTHING)
            case _:
                parts[-1] = _then(parts[-1], fold(item, _piece))
    if reduce(_then, parts).cost > MAX_COST:
        return False
    open_end = bool(runs) and _is_run(items[-1])
    return _leaves_once(parts, runs) and _starts_outside(
        items, parts[0], runs[:-1] if open_end else runs
    )


def _is_run(item: Node) -> bool:
    return isinstance(item, Repeat) and item.high is None


def _leaves_once(parts: list[_Piece], runs: list[Ranges]) -> bool:
    """Condition 2, from the back."""
    first, nullable = NONE, True
    for i in range(len(runs) - 1, -1, -1):
        after = parts[i + 1]
        first = union((*after.first, *first)) if after.nullable else after.first
        nullable = nullable and after.nullable
        if i < len(runs) - 1 and (nullable or overlap(first, runs[i])):
            return False
        first = union((*first, *runs[i]))
    return True


def _starts_outside(items: list[Node], head: _Piece, runs: list[Ranges]) -> bool:
    """Condition 3."""
    if not runs or is_anchored(Concat(tuple(items))):
        return True
    return not head.nullable and not any(overlap(head.first, run) for run in runs)


def _then(before: _Piece, after: _Piece | None) -> _Piece:
    if after is None:
        return before
    return _Piece(
        before.cost + before.ways * after.cost,
        before.ways * after.ways,
        union((*before.first, *after.first)) if before.nullable else before.first,
        before.nullable and after.nullable,
        before.groups or after.groups,
    )


def _piece(node: Node, below: list[_Piece]) -> _Piece:
    match node:
        case Chars(ranges):
            return _Piece(1, 1, ranges, False, False)
        case Assert():
            return _Piece(1, 1, NONE, True, False)
        case Concat():
            whole = _NOTHING
            for part in below:
                whole = _capped(_then(whole, part))
            return whole
        case Alternate():
            return _capped(
                _Piece(
                    sum(part.cost for part in below),
                    sum(part.ways for part in below),
                    union(pair for part in below for pair in part.first),
                    any(part.nullable for part in below),
                    any(part.groups for part in below),
                )
            )
        case Group():
            return below[0]._replace(groups=True)
        case Repeat(_, low, high):
            return _repeated(below[0], low, high)


def _repeated(part: _Piece, low: int, high: int | None) -> _Piece:
    if high is None or part.nullable or part.groups:
        return _ENDLESS
    cost = ways = 0
    reached = 1  # ways to have matched `count` times
    for count in range(high + 1):
        if count >= low:
            ways += reached
        if count < high:
            cost += reached * part.cost
            reached *= part.ways
        if cost + ways > MAX_COST:
            return _ENDLESS
    return _Piece(cost + 1, ways, part.first, low == 0, False)


def _capped(part: _Piece) -> _Piece:
    return _ENDLESS if part.cost > MAX_COST or part.ways > MAX_COST else part
