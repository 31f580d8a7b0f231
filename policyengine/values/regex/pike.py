"""Groups of a match whose span is known, by the Pike VM: threads in order of preference."""

from __future__ import annotations

from policyengine.values import failures
from policyengine.values.regex.alphabet import EDGE, holding
from policyengine.values.regex.charset import contains
from policyengine.values.regex.dfa import MAX_VISITS
from policyengine.values.regex.program import Op, Program

Slots = tuple[int, ...]


class Pike:
    """Runs one program. `steps` counts visits of instructions, for tests.

    With a `limit` of visits it serves one text alone.
    """

    def __init__(self, program: Program, groups: int, limit: int | None = None) -> None:
        self.program = program
        self.slots = 2 * groups + 2
        self.sets = tuple(program.sets)
        self.steps = 0
        self.left = limit

    def groups(self, text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """The spans of the match from `start` to `end` and of its groups, (-1, -1) where unused."""
        program = self.program
        best: Slots = (-1,) * self.slots
        threads: list[tuple[int, Slots]] = [(program.start, best)]
        for at in range(start, end + 1):
            ready, matched = self._closure(threads, text, at)
            if matched is not None:
                best = matched
            if at == end or not ready:
                break
            code = ord(text[at])
            threads = [
                (program.outs[pc], slots)
                for pc, slots in ready
                if contains(self.sets[program.args[pc]], code)
            ]
        best = (start, end, *best[2:])
        return tuple(zip(best[::2], best[1::2], strict=True))

    def _closure(
        self, threads: list[tuple[int, Slots]], text: str, at: int
    ) -> tuple[list[tuple[int, Slots]], Slots | None]:
        """The threads that wait for a character, down to the first that has matched."""
        program = self.program
        held = holding(ord(text[at - 1]) if at else EDGE, ord(text[at]) if at < len(text) else EDGE)
        ready: list[tuple[int, Slots]] = []
        seen: set[int] = set()
        todo = threads[::-1]
        matched: Slots | None = None
        while todo:
            pc, slots = todo.pop()
            if pc in seen:
                continue
            seen.add(pc)
            arg, out = program.args[pc], program.outs[pc]
            match program.ops[pc]:
                case Op.CHARS:
                    ready.append((pc, slots))
                case Op.SPLIT:
                    todo += ((program.alts[pc], slots), (out, slots))
                case Op.SAVE:
                    todo.append((out, (*slots[:arg], at, *slots[arg + 1 :])))
                case Op.ASSERT:
                    if held >> arg & 1:
                        todo.append((out, slots))
                case Op.MATCH:
                    matched = slots
                    break
        self.steps += len(seen)
        if self.left is not None:
            self.left -= len(seen)
            if self.left < 0:
                raise failures.search_too_long(MAX_VISITS)
        return ready, matched
