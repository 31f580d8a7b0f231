"""Chooses how to answer whether a text contains a match: the cheapest way that is linear."""

from __future__ import annotations

from collections.abc import Callable

from policyengine.values.regex.charset import only
from policyengine.values.regex.dfa import Automaton, Order
from policyengine.values.regex.linear import is_anchored, is_linear
from policyengine.values.regex.program import build
from policyengine.values.regex.syntax import Alternate, Assert, At, Chars, Concat, Node, Repeat
from policyengine.values.regex.translate import to_re
from policyengine.values.regex.trim import trimmed

Search = Callable[[str], bool]

# A few scans by `in` are faster than one by an automaton.
_MAX_LITERALS = 16


def searcher(root: Node) -> Search:
    """A function that tells whether a text contains a match of the tree."""
    tree = trimmed(root)
    plain = _plain(tree) or _literals(tree)
    if plain is not None:
        return plain
    search = _by_re(tree) if is_linear(tree) else Automaton(build(tree), Order.ANY).search
    literal = required(tree)
    # A search of `str` is many times faster than the rest, and most texts have no match.
    return (lambda text: literal in text and search(text)) if literal else search


def _by_re(tree: Node) -> Search:
    compiled = to_re(tree)
    find = compiled.match if is_anchored(tree) else compiled.search
    return lambda text: find(text) is not None


def required(root: Node) -> str:
    """A text that every match contains, the longest that is easy to see; perhaps empty.

    >>> from policyengine.values.regex.parser import parse
    >>> required(parse("[0-9]+foo+d.*ba").root)
    'foo'
    """
    longest = run = ""
    for item in _items(root):
        least = _least(item)
        run = "" if least is None else run + least
        longest = max(longest, run, key=len)
        if least and isinstance(item, Repeat) and item.high != item.low:
            run = least
    return longest


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Concat) else (node,)


def _least(node: Node) -> str | None:
    """The text that the node takes, or begins and ends with, whatever it takes; else None."""
    match node:
        case Chars(ranges):
            code = only(ranges)
            return None if code is None else chr(code)
        case Repeat(Chars(ranges), low) if low:
            code = only(ranges)
            return None if code is None else chr(code) * low
        case _:
            return None


def _literal(items: tuple[Node, ...]) -> str | None:
    """The text that these items are, if they are one."""
    texts = [
        None if isinstance(item, Repeat) and item.high != item.low else _least(item)
        for item in items
    ]
    known = [text for text in texts if text is not None]
    return "".join(known) if len(known) == len(texts) else None


def _plain(tree: Node) -> Search | None:
    """For a literal, at most held to the start or the end of the text."""
    items = _items(tree)
    start = bool(items) and _is_assertion(items[0], At.TEXT_START)
    end = len(items) > start and _is_assertion(items[-1], At.TEXT_END)
    literal = _literal(items[start : len(items) - end])
    if literal is None:
        return None
    if start and end:
        return lambda text: text == literal
    if start:
        return lambda text: text.startswith(literal)
    if end:
        return lambda text: text.endswith(literal)
    return lambda text: literal in text


def _is_assertion(node: Node, at: At) -> bool:
    return isinstance(node, Assert) and node.at is at


def _literals(tree: Node) -> Search | None:
    """For a short list of literals."""
    if not isinstance(tree, Alternate) or len(tree.items) > _MAX_LITERALS:
        return None
    literals = [_literal(_items(item)) for item in tree.items]
    known = tuple(literal for literal in literals if literal is not None)
    if len(known) < len(literals):
        return None

    def search(text: str) -> bool:
        for literal in known:  # noqa: SIM110 - faster than `any` with a generator
            if literal in text:
                return True
        return False

    return search
