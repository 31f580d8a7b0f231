"""Making a disagreement small: less expression first, then fewer and plainer inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from celfuzz.compare import Case, Disagreement, disagreements
from celfuzz.literals import LITERALS
from celfuzz.peer import Peer
from celfuzz.tree import Node

_WORD = re.compile(r"[a-z]+")
_MOST_TRIES = 2_000


def shrunk(found: Disagreement, peer: Peer | None) -> Disagreement:
    """The smallest case found in which the same ones still disagree."""
    tries = 0
    smaller = True
    while smaller and tries < _MOST_TRIES:
        smaller = False
        for case in _smaller(found.case):
            tries += 1
            again = disagreements([case], peer, {})
            if again and again[0].about == found.about:
                found, smaller = again[0], True
                break
            if tries >= _MOST_TRIES:
                break
    return found


def _smaller(case: Case) -> Iterator[Case]:
    for tree in _cuts(case.tree):
        yield Case(tree, case.inputs)
    used = inputs_used(case)
    if len(used) < len(case.inputs):
        yield Case(case.tree, used)
    for name, value in case.inputs.items():
        for plain in _plainer(value):
            yield Case(case.tree, {**case.inputs, name: plain})


def _cuts(tree: Node) -> Iterator[Node]:
    """Trees of the same type with fewer pieces, the smallest first."""
    if len(tree.parts) == 1 and isinstance(tree.parts[0], str):
        literals = LITERALS.get(tree.type, ())
        if tree.parts[0] in literals:
            literals = literals[: literals.index(tree.parts[0])]
        for text in literals:
            yield Node((text,), tree.type)
        return
    for text in LITERALS.get(tree.type, ())[:4]:
        yield Node((text,), tree.type)
    below = [node for node in tree.below() if node.type == tree.type]
    yield from sorted(below, key=lambda node: len(node.text()))
    yield from _shorter(tree)
    for position, part in enumerate(tree.parts):
        if isinstance(part, Node):
            for cut in _cuts(part):
                yield tree.with_part(position, cut)


def _shorter(tree: Node) -> Iterator[Node]:
    """A list literal with one element less."""
    if tree.parts[0] != "[":
        return
    elements = [part for part in tree.parts if isinstance(part, Node)]
    if len(elements) < 2:
        return
    for left_out in range(len(elements)):
        kept = [element for at, element in enumerate(elements) if at != left_out]
        parts: list[str | Node] = ["["]
        for at, element in enumerate(kept):
            parts += [", ", element] if at else [element]
        yield Node((*parts, "]"), tree.type)


def _plainer(value: Any) -> Iterator[Any]:
    match value:
        case list():
            for at in range(len(value)):
                yield [*value[:at], *value[at + 1 :]]
            for at, item in enumerate(value):
                for plain in _plainer(item):
                    yield [*value[:at], plain, *value[at + 1 :]]
        case dict():
            for key in value:
                yield {name: item for name, item in value.items() if name != key}
            for key, item in value.items():
                for plain in _plainer(item):
                    yield {**value, key: plain}
        case bool() | None:
            return
        case str() | bytes():
            for at in range(len(value)):
                yield value[:at] + value[at + 1 :]
        case int():
            for plain in (0, 1, value // 2):
                if abs(plain) < abs(value):
                    yield value.__class__(plain)


def inputs_used(case: Case) -> Mapping[str, Any]:
    """The inputs whose names stand in the text."""
    words = set(_WORD.findall(case.tree.text()))
    return {name: value for name, value in case.inputs.items() if name in words}
