"""Indentation, spacing and quotes of a YAML file, changed in the text itself.

Working on lines rather than on a re-emitted tree keeps every comment, every line break inside a
value and every block scalar as the author wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from policyengine.rules.yaml import Document, Items, Node, Pairs, Scalar
from policyengine.source import Span

_STEP = 2
_BEFORE_ITEM = re.compile(r" *- +\Z")
_BLOCK_HEADER = re.compile(r"[|>][-+]?(?:[ \t]|\Z)")


class UnusualLayoutError(ValueError):
    """The text is laid out in a way that this module does not change."""


@dataclass(slots=True)
class _Line:
    """What becomes of a line: `shift` moves it, `indent` places it; `edits` are within it."""

    indent: int | None = None
    shift: int = 0
    inner: bool = False
    edits: list[tuple[int, int, str]] = field(default_factory=list)


def laid_out(document: Document) -> str:
    """The file's text with two spaces for each level, double quotes and single blank lines.

    Raises `UnusualLayoutError` where the layout is one that needs a person.
    """
    return _Layout(document).text()


class _Layout:
    """The lines of a document while their places are worked out."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.lines = document.source.text.replace("\r\n", "\n").split("\n")
        self.plans = [_Line() for _ in self.lines]

    def text(self) -> str:
        self.place(self.document.root, 0)
        self.place_comments()
        kept = [self.rendered(number) for number in range(len(self.lines))]
        lines: list[str] = []
        for text, plan in zip(kept, self.plans, strict=True):
            if text == "" and not plan.inner and (not lines or lines[-1] == ""):
                continue
            lines.append(text)
        text = "\n".join(lines).rstrip("\n")
        return text + self.ending()

    def ending(self) -> str:
        """One line feed, except after a block scalar, of which they are a part."""
        last = next((n for n in range(len(self.lines) - 1, -1, -1) if self.lines[n].strip()), 0)
        if not self.plans[last].inner:
            return "\n"
        return "\n" * (len(self.lines) - 1 - last)

    def rendered(self, number: int) -> str:
        line, plan = self.lines[number], self.plans[number]
        for start, end, text in sorted(plan.edits, reverse=True):
            line = line[:start] + text + line[end:]
        if plan.inner:
            if not line.strip(" "):
                return line[max(0, -plan.shift) :] if plan.shift < 0 else line
            lead = len(line) - len(line.lstrip(" "))
            if lead + plan.shift < 0:
                raise UnusualLayoutError
            return " " * (lead + plan.shift) + line[lead:]
        line = line.rstrip(" \t")
        if plan.indent is None or not line:
            return line
        return " " * plan.indent + line.lstrip(" ")

    def place(self, node: Node, indent: int) -> None:
        """Plan the lines of a block node whose first character goes to column `indent`."""
        if self.is_flow(node.span):
            self.quote(node)
            return
        match node:
            case Pairs():
                self.place_pairs(node, indent)
            case Items():
                self.place_items(node, indent)
            case Scalar():
                self.quote(node)

    def place_pairs(self, node: Pairs, indent: int) -> None:
        for key, value in node.pairs:
            number, column = key.span.line - 1, key.span.column - 1
            before = self.lines[number][:column]
            if not before.strip(" "):
                self.plans[number].indent = indent
            elif not _BEFORE_ITEM.match(before):
                raise UnusualLayoutError
            self.place_value(key.span, value, indent, indent - column)

    def place_value(self, key: Span, value: Node, indent: int, shift: int) -> None:
        """Plan a value after its key, or after the dash of its item."""
        below = value.span.line > key.end_line
        if not below:
            self.space(key, value)
        is_block = isinstance(value, Pairs | Items) and not self.is_flow(value.span)
        if is_block and below:
            self.place(value, indent + _STEP)
        elif is_block:
            raise UnusualLayoutError
        else:
            self.shift_rest(value, key.end_line, indent, shift)
            self.quote(value)

    def space(self, key: Span, value: Node) -> None:
        number = key.end_line - 1
        start, end = key.end_column - 1, value.span.column - 1
        if re.fullmatch(r":[ \t]+", self.lines[number][start:end]):
            self.plans[number].edits.append((start, end, ": "))

    def shift_rest(self, value: Node, key_line: int, indent: int, shift: int) -> None:
        """Move the further lines of a scalar or a flow collection along with its first."""
        span = value.span
        header = self.lines[span.line - 1][span.column - 1 :]
        if isinstance(value, Scalar) and _BLOCK_HEADER.match(header):
            rest = self.lines[span.line : span.end_line]
            leads = [len(line) - len(line.lstrip(" ")) for line in rest if line.strip()]
            # The first line with text says how deep the block is.
            shift = indent + _STEP - leads[0] if leads else 0
        first = span.line if span.line == key_line else span.line - 1
        for number in range(first, span.end_line):
            self.plans[number].inner = True
            self.plans[number].shift = shift

    def place_items(self, node: Items, indent: int) -> None:
        for item in node.items:
            number, column = item.span.line - 1, item.span.column - 1
            before = self.lines[number][:column]
            if not _BEFORE_ITEM.match(before):
                raise UnusualLayoutError
            dash = before.index("-")
            self.plans[number].indent = indent
            self.plans[number].edits.append((dash, column, "- "))
            inside = indent + _STEP
            if isinstance(item, Scalar) or self.is_flow(item.span):
                self.shift_rest(item, number + 1, indent, inside - column)
                self.plans[number].inner = False
                self.quote(item)
            else:
                self.place(item, inside)

    def is_flow(self, span: Span) -> bool:
        return self.lines[span.line - 1][span.column - 1 : span.column] in ("{", "[")

    def quote(self, node: Node) -> None:
        """Prefer double quotes, unless single ones save escapes."""
        match node:
            case Items():
                for item in node.items:
                    self.quote(item)
            case Pairs():
                for _, value in node.pairs:
                    self.quote(value)
            case Scalar():
                self.quote_scalar(node)

    def quote_scalar(self, node: Scalar) -> None:
        span, value = node.span, node.text.value
        if span.line != span.end_line or not value.isprintable():
            return
        start, end = span.column - 1, span.end_column - 1
        raw = self.lines[span.line - 1][start:end]
        wanted = raw
        if raw[:1] == "'" and not {'"', "\\"} & set(value):
            wanted = f'"{value}"'
        elif raw[:1] == '"' and '"' in value and "'" not in value and "\\" not in value:
            wanted = f"'{value}'"
        if wanted != raw:
            self.plans[span.line - 1].edits.append((start, end, wanted))

    def place_comments(self) -> None:
        """Comments on lines of their own go where the line they speak of goes."""
        for number, line in enumerate(self.lines):
            plan = self.plans[number]
            if plan.inner or plan.indent is not None or not line.lstrip(" ").startswith("#"):
                continue
            column = len(line) - len(line.lstrip(" "))
            plan.indent = self.comment_indent(number, column)

    def comment_indent(self, number: int, column: int) -> int | None:
        following = next(self.placed(range(number + 1, len(self.lines))), None)
        if following is not None and following[0] == column:
            return following[1]
        alike = None
        for old, new in self.placed(range(number - 1, -1, -1)):
            if old == column:
                # A dash may stand as far left as the key around its list; the key is meant.
                alike = new if alike is None else min(alike, new)
            elif old < column:
                return new + _STEP if alike is None else alike
        if alike is None and following is not None:
            return following[1]
        return alike

    def placed(self, numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
        """The old and new columns of lines that begin with a key or a dash."""
        for number in numbers:
            indent, text = self.plans[number].indent, self.lines[number].lstrip(" ")
            if indent is not None and not text.startswith("#"):
                yield len(self.lines[number]) - len(text), indent
