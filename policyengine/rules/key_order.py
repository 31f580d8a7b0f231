"""The order of keys in policy files, and moving the lines of a mapping into it.

Lines are moved as they are, each key with the comments above it, so nothing is lost or rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from policyengine.rules.yaml import Document, Items, Node, Pairs, Scalar

_HEAD = ("apiVersion", "kind")
_EFFECTS = (
    "allow", "require_approval", "deny", "redact", "route", "trigger", "warn", "tag",
)  # fmt: skip

# Keys in order; "*" stands for all others, which stay in the author's order. A step of a place is
# a key, or None for every item of a list.
_ORDERS: dict[str, dict[tuple[str | None, ...], tuple[str, ...]]] = {
    "Policy": {
        (): (*_HEAD, "metadata", "on", "mode", "final", "variables", "rules", "*"),
        ("metadata",): ("name", "description", "owner", "severity", "controls", "*"),
        ("rules", None): (
            "id", "description", "mode", "on_error", "*", "when", "unless", "policy", *_EFFECTS,
        ),
        ("rules", None, "policy"): (
            "file", "key", "id", "description", "variables", "match", "aggregate", "*",
        ),
    },
    "Bundle": {
        (): (
            *_HEAD, "name", "version", "description", "extends", "constants", "defaults",
            "limits", "*",
        ),
    },
    "TestSuite": {
        (): (
            *_HEAD, "name", "description", "clock", "point", "fixtures", "tests", "*",
        ),
        ("tests", None): (
            "name", "description", "skip", "point", "clock", "fixture", "fixtures", "matrix",
            "input", "facts", "policy", "files", "*", "expect",
        ),
    },
}  # fmt: skip

_BEFORE_KEY = re.compile(r" *(?:- +)?\Z")


def reordered(document: Document) -> str:
    """The file's text with its keys in order; what has an unusual layout stays as it is."""
    lines = document.source.text.split("\n")
    root = document.root
    kind = document.node(("kind",))
    orders = _ORDERS.get(str(kind.value), {}) if isinstance(kind, Scalar) else {}
    # Inner mappings first: moving their lines does not move the lines of those around them.
    for place, order in sorted(orders.items(), key=lambda item: -len(item[0])):
        for node in _nodes(root, place):
            _reorder(lines, node, order)
    return "\n".join(lines)


def _nodes(node: Node, place: Sequence[str | None]) -> Iterator[Pairs]:
    if not place:
        if isinstance(node, Pairs):
            yield node
        return
    step, rest = place[0], place[1:]
    match node:
        case Items() if step is None:
            for item in node.items:
                yield from _nodes(item, rest)
        case Pairs():
            for key, value in node.pairs:
                if key.value == step:
                    yield from _nodes(value, rest)
        case _:
            return


def _reorder(lines: list[str], node: Pairs, order: tuple[str, ...]) -> None:
    names = [str(key.value) for key, _ in node.pairs]
    wanted = sorted(range(len(names)), key=lambda i: _rank(names[i], order))
    starts = [key.span.line - 1 for key, _ in node.pairs]
    columns = {key.span.column for key, _ in node.pairs}
    if wanted == sorted(wanted) or len(set(starts)) != len(starts) or len(columns) != 1:
        return
    column = columns.pop() - 1
    if any(not _BEFORE_KEY.match(lines[start][:column]) for start in starts):
        return
    dash = lines[starts[0]][:column]
    lines[starts[0]] = " " * column + lines[starts[0]][column:]
    # A key owns all lines after the value before it, so its comments go with it.
    ends = [_last_line(key, value) for key, value in node.pairs]
    begins = [starts[0], *ends[:-1]]
    chunks = [lines[begin:end] for begin, end in zip(begins, ends, strict=True)]
    moved = [chunk for i in wanted for chunk in chunks[i]]
    first = moved.index(lines[starts[wanted[0]]])
    moved[first] = dash + moved[first][column:]
    lines[begins[0] : ends[-1]] = moved


def _rank(name: str, order: tuple[str, ...]) -> int:
    return order.index(name if name in order else "*")


def _last_line(key: Scalar, value: Node) -> int:
    """The number of lines up to the end of a value; one that is absent ends with its key."""
    return max(key.span.end_line, value.span.end_line)
