"""A random expression as a tree of text, which a shrinker can cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from policyengine.cel.types import Type


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of CEL text of one type; `parts` are text and inner pieces in turn."""

    parts: tuple[str | Node, ...]
    type: Type

    def text(self) -> str:
        """The expression as it is written."""
        written: list[str] = []
        waiting: list[str | Node] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                written.append(part)
            else:
                waiting.extend(reversed(part.parts))
        return "".join(written)

    def below(self) -> Iterator[Node]:
        """All pieces inside, not the whole."""
        for part in self.parts:
            if isinstance(part, Node):
                yield part
                yield from part.below()

    def with_part(self, position: int, part: Node) -> Node:
        """The piece with one of its parts replaced."""
        return replace(self, parts=(*self.parts[:position], part, *self.parts[position + 1 :]))
