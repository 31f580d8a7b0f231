"""A compiled regular expression and its matches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from policyengine.values import failures
from policyengine.values.regex.contains import required, searcher
from policyengine.values.regex.dfa import MAX_VISITS, Automaton, Order, may_cost
from policyengine.values.regex.linear import is_anchored, is_linear
from policyengine.values.regex.pike import Pike
from policyengine.values.regex.program import Program, build
from policyengine.values.regex.syntax import Node, Pattern
from policyengine.values.regex.translate import to_re

Spans = tuple[tuple[int, int], ...]
# The match, and how far the search had to look for it.
Locate = Callable[[str, int], tuple[Spans | None, int]]

# How often a search for all matches looks at the characters of a text. A pattern that does not
# look behind the end of a match looks at most three times.
_LOOKS: Final = 16
_FREE_LOOKS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Match:
    """One match: the spans of the whole (group 0) and of the groups, in characters.

    The text itself is not shown by `repr`, so that a match can be logged.
    """

    text: str = field(repr=False)
    spans: Spans
    names: dict[str, int] = field(repr=False)

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """Start and end (exclusive) of a group; (-1, -1) where it took no part.

        Raises `IndexError` when there is no such group.
        """
        return self.spans[self._number(group)]

    def group(self, group: int | str = 0) -> str | None:
        """The text of a group, None where it took no part.

        Raises `IndexError` when there is no such group.
        """
        start, end = self.span(group)
        return None if start < 0 else self.text[start:end]

    def groups(self) -> tuple[str | None, ...]:
        """The texts of groups 1 and up."""
        return tuple(self.group(number) for number in range(1, len(self.spans)))

    def _number(self, group: int | str) -> int:
        number = self.names.get(group, -1) if isinstance(group, str) else group
        if not 0 <= number < len(self.spans):
            raise IndexError("no such group")
        return number


class Regex:
    """A compiled pattern, shared freely by threads.

    `search(text) -> bool` tells whether the text contains a match; it is an attribute, so that
    callers can bind it once. `groups` counts the capturing groups and `names` gives the numbers of
    the named ones.

    >>> from policyengine.values.regex import compile
    >>> compile("[a-z]+-[0-9]+").search("see abc-12")
    True
    """

    __slots__ = ("_locate", "_root", "groups", "names", "pattern", "search")

    def __init__(self, pattern: str, parsed: Pattern) -> None:
        self.pattern = pattern
        self.groups = parsed.groups
        self.names = parsed.names
        self.search: Callable[[str], bool] = searcher(parsed.root)
        self._root = parsed.root
        # Made when first asked for. Two threads may both make it; either serves.
        self._locate: tuple[Program | None, Locate] | None = None

    def find(self, text: str, pos: int = 0) -> Match | None:
        """The leftmost match that starts at `pos` or later, preferred as RE2 and Perl do.

        What lies before `pos` still counts for `^` and `\\b`.

        >>> from policyengine.values.regex import compile
        >>> compile("(?P<key>[a-z]+)=").find("a b c=1").span("key")
        (4, 5)
        """
        spans, _ = self._located(text)(text, pos)
        return None if spans is None else Match(text, spans, self.names)

    def find_all(self, text: str) -> Iterator[Match]:
        """All matches from left to right, none overlapping; after an empty one, one on.

        Each step is linear in the text. A pattern such as `.*b|a` must look far ahead at every
        match, so all steps together would be quadratic, as in RE2: raises `EvaluationError`
        (`cost-exceeded`) where they look at too many characters.
        """
        locate = self._located(text)
        looks = left = _FREE_LOOKS + _LOOKS * len(text)
        pos = 0
        while pos <= len(text):
            spans, reach = locate(text, pos)
            if spans is None:
                return
            left -= reach - pos
            if left < 0:
                raise failures.search_too_long(looks)
            yield Match(text, spans, self.names)
            start, end = spans[0]
            pos = end + 1 if end == start else end

    def _located(self, text: str) -> Locate:
        found = self._locate
        if found is None:
            found = self._locate = _locator(self._root, self.groups)
        program, locate = found
        if program is not None and may_cost(program, text):
            return _by_automata(self._root, program, self.groups, MAX_VISITS)
        return locate

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"


def _locator(root: Node, groups: int) -> tuple[Program | None, Locate]:
    """How spans are found, and the program that it runs, if it is one of ours."""
    if is_linear(root):
        return None, _by_re(root)
    program = build(root)
    return program, _by_automata(root, program, groups)


def _by_re(root: Node) -> Locate:
    compiled = to_re(root)
    anchored = is_anchored(root)
    numbers = range(compiled.groups + 1)

    def locate(text: str, pos: int) -> tuple[Spans | None, int]:
        if anchored and pos:
            return None, pos
        found = compiled.match(text) if anchored else compiled.search(text, pos)
        return (None, pos) if found is None else (tuple(map(found.span, numbers)), found.end())

    return locate


def _by_automata(root: Node, program: Program, groups: int, limit: int | None = None) -> Locate:
    """The end by one automaton, the start by a second one run backwards, then the groups."""
    forwards = Automaton(program, Order.FIRST, limit)
    backwards = Automaton(build(root, backwards=True), Order.LONGEST, limit)
    pike = Pike(program, groups, limit) if groups else None
    literal = required(root)

    def locate(text: str, pos: int) -> tuple[Spans | None, int]:
        if literal and text.find(literal, pos) < 0:
            return None, pos
        end, reach = forwards.end(text, pos)
        if end is None:
            return None, reach
        start = backwards.begin(text, pos, end)
        return ((start, end),) if pike is None else pike.groups(text, start, end), reach

    return locate
