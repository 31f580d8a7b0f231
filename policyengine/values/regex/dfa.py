"""A lazy deterministic automaton: states are made when a text first needs them.

A state is the list of instructions at which the threads of the NFA stand, before they are followed
through splits and assertions; those wait for the next character, since `$` and `\\b` look at it.
That a match ended is therefore known one character late, and the state after says so.

The cache has a fixed room. When it is full all states are dropped and made again as needed, so a
text can at worst make each character cost what it costs the NFA: a visit of each instruction.
"""

from __future__ import annotations

from enum import Enum

from policyengine.values import failures
from policyengine.values.regex.alphabet import EDGE, Alphabet, holding, place
from policyengine.values.regex.program import Op, Program

# In instruction numbers and transitions held; about four megabytes.
_ROOM = 1 << 16
_STATE_COST = 16
# A search that could visit more instructions than this counts them, and stops there.
MAX_VISITS = 1 << 21


def may_cost(program: Program, text: str) -> bool:
    """Whether a search could need more than `MAX_VISITS`: a cached state costs nothing."""
    return len(program.ops) * len(text) > MAX_VISITS


class Order(Enum):
    """Which match an automaton looks for."""

    ANY = "any"  # unanchored: whether there is one
    FIRST = "first"  # unanchored: the end of the leftmost one that the pattern prefers
    LONGEST = "longest"  # from the place of start: the furthest end


class State(dict[int, "State"]):
    """Transitions by character class, and the threads that miss a transition to find it."""

    __slots__ = ("automaton", "before", "matched", "searching", "stop", "threads")

    def __init__(
        self,
        automaton: Automaton,
        threads: tuple[int, ...],
        before: int,
        searching: bool,
        matched: bool,
    ) -> None:
        super().__init__()
        self.automaton = automaton
        self.threads = threads
        self.before = before
        self.searching = searching
        # A match ended before the character that led here.
        self.matched = matched
        self.stop = matched or not (threads or searching)

    def __missing__(self, code: int) -> State:
        return self.automaton.follow(self, code)


_Key = tuple[tuple[int, ...], int, bool, bool]


class Automaton:
    """One program with its cache of states.

    Threads share it: what two of them compute at once is equal, and a dropped state still works.
    `steps` counts visits of instructions and characters looked at, for tests. With a `limit` of
    visits it serves one text alone, and what it raises depends on that text alone.
    """

    def __init__(self, program: Program, order: Order, limit: int | None = None) -> None:
        self.program = program
        self.order = order
        self.asserts = program.asserts
        self.searching = order is not Order.LONGEST and not program.anchored
        self.alphabet = Alphabet(program.sets, asserts=self.asserts)
        self.states: dict[_Key, State] = {}
        self.room = _ROOM
        self.steps = 0
        self.left = limit

    def start(self, before: int) -> State:
        """The state after the character class `before`, or at the edge of the text."""
        threads = () if self.searching else (self.program.start,)
        return self._state(threads, place(before) if self.asserts else EDGE, self.searching, False)

    def follow(self, state: State, code: int) -> State:
        """The state after one more character, remembered in `state`."""
        before = self.steps
        targets, matched = self._advance(state, code)
        if self.left is not None:
            self.left -= self.steps - before
            if self.left < 0:
                raise failures.search_too_long(MAX_VISITS)
        if self.order is not Order.FIRST:
            targets = sorted(targets)
        found = self._state(
            tuple(targets),
            place(code) if self.asserts else EDGE,
            state.searching and not matched,
            matched,
        )
        self.room -= 1
        state[code] = found
        return found

    def _advance(self, state: State, code: int) -> tuple[list[int], bool]:
        program = self.program
        ops, args, outs, alts = program.ops, program.args, program.outs, program.alts
        hits = self.alphabet.sets_with(code)
        held = holding(state.before, code) if self.asserts else 0
        targets: dict[int, None] = {}
        matched = False
        seen: set[int] = set()
        todo = [program.start] if state.searching else []
        todo += reversed(state.threads)
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            match ops[at]:
                case Op.CHARS:
                    if args[at] in hits:
                        targets[outs[at]] = None
                case Op.SPLIT:
                    todo.append(alts[at])
                    todo.append(outs[at])
                case Op.SAVE:
                    todo.append(outs[at])
                case Op.ASSERT:
                    if held >> args[at] & 1:
                        todo.append(outs[at])
                case Op.MATCH:
                    matched = True
                    if self.order is not Order.LONGEST:
                        break  # what is left is preferred less
        self.steps += len(seen)
        return list(targets), matched

    def _state(
        self, threads: tuple[int, ...], before: int, searching: bool, matched: bool
    ) -> State:
        if self.room <= 0:
            self._drop()
        key = (threads, before, searching, matched)
        found = self.states.get(key)
        if found is None:
            self.room -= len(threads) + _STATE_COST
            found = self.states.setdefault(key, State(self, threads, before, searching, matched))
        return found

    def _drop(self) -> None:
        old, self.states, self.room = self.states, {}, _ROOM
        # Without their transitions the states do not hold each other, and go at once.
        for state in list(old.values()):
            state.clear()

    def search(self, text: str) -> bool:
        """Whether a match lies anywhere in the text (`Order.ANY`).

        Raises `EvaluationError` (`cost-exceeded`).
        """
        if self.left is None and may_cost(self.program, text):
            return Automaton(self.program, self.order, MAX_VISITS).search(text)
        state = self.start(EDGE)
        codes = self.alphabet
        for code in map(codes.__getitem__, text):
            state = state[code]
            if state.stop:
                return state.matched
        self.steps += len(text)
        return state[EDGE].matched

    def end(self, text: str, pos: int) -> tuple[int | None, int]:
        """The end of the first match that starts at `pos` or later (`Order.FIRST`).

        The second number is how far the search had to look to know it.
        """
        codes = self.alphabet
        state = self.start(codes[text[pos - 1]] if pos else EDGE)
        found: int | None = None
        for index in range(pos, len(text)):
            state = state[codes[text[index]]]
            self.steps += 1
            if state.stop:
                if state.matched:
                    found = index
                if not (state.threads or state.searching):
                    return found, index
        return (len(text) if state[EDGE].matched else found), len(text)

    def begin(self, text: str, pos: int, end: int) -> int:
        """The earliest start, from `pos` on, of a match that ends at `end` (`Order.LONGEST`).

        The program is a backward one.
        """
        codes = self.alphabet
        state = self.start(codes[text[end]] if end < len(text) else EDGE)
        found = end
        for index in range(end - 1, pos - 1, -1):
            state = state[codes[text[index]]]
            self.steps += 1
            if state.stop:
                if state.matched:
                    found = index + 1
                if not state.threads:
                    return found
        return pos if state[codes[text[pos - 1]] if pos else EDGE].matched else found
