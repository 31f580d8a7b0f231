"""Diagnostics as text for people: the line, what is wrong underlined, and the way out.

error[unknown-field]: `request.modle` is not a field of `llm.request`
  --> routing.yaml:14:11
14 |     when: request.modle == "opus"
   |           ^^^^^^^^^^^^^ did you mean `request.model`?
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from unicodedata import category, east_asian_width

from policyengine.diagnostics import Diagnostic
from policyengine.source import Source, Span

# Columns of a line that are shown, and how many of them stand before a mark far to the right.
_WIDTH = 120
_BEFORE = 40
_TAB = 4

_STYLES = {
    "error": "\x1b[1;31m", "warning": "\x1b[1;33m", "strong": "\x1b[1m", "frame": "\x1b[34m",
    "related": "\x1b[36m",
}  # fmt: skip
_RESET = "\x1b[0m"
# What a terminal obeys instead of showing, and what reorders the text around it.
_UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def render(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], color: bool = False
) -> str:
    """Diagnostics as lines of text, in the order given, a blank line between them.

    `sources` maps display paths to files; where one is missing the line is left out. `color` adds
    ANSI colours. Control characters of any text are shown as escapes.

    >>> source = Source("p.yaml", "when: request.modle")
    >>> span = Span("p.yaml", 1, 7, 1, 20)
    >>> problem = Diagnostic("unknown-field", "`request.modle` is not a field", span, "oh")
    >>> print(render([problem], {"p.yaml": source}))
    error[unknown-field]: `request.modle` is not a field
      --> p.yaml:1:7
    1 | when: request.modle
      |       ^^^^^^^^^^^^^ oh
    """
    page = _Page(sources, color)
    return "\n\n".join("\n".join(page.block(diagnostic)) for diagnostic in diagnostics)


@dataclass(frozen=True, slots=True)
class _Page:
    sources: Mapping[str, Source]
    color: bool
    lines: dict[str, list[str]] = field(default_factory=dict)

    def block(self, diagnostic: Diagnostic) -> list[str]:
        """The lines of one diagnostic."""
        severity = diagnostic.severity
        title = self.paint(severity, f"{severity}[{visible(diagnostic.slug)}]")
        spans = [diagnostic.span, *(related.span for related in diagnostic.related)]
        gutter = max(len(str(span.line)) for span in spans)
        found = [f"{title}{self.paint('strong', f': {visible(diagnostic.message)}')}"]
        found += self.excerpt(diagnostic.span, diagnostic.note, gutter, severity, "^")
        for related in diagnostic.related:
            found += self.excerpt(related.span, related.note, gutter, "related", "-")
        if diagnostic.help:
            mark = self.paint("frame", f"{' ' * gutter} = ")
            found.append(f"{mark}help: {visible(diagnostic.help)}")
        return found

    def excerpt(self, span: Span, note: str, gutter: int, style: str, mark: str) -> list[str]:
        """A place: where it is, its line, and the underline with a note."""
        arrow = self.paint("frame", f"{' ' * max(gutter, 2)}--> ")
        found = [f"{arrow}{visible(str(span))}"]
        line = self.line(span)
        if line is None:
            mark = self.paint("frame", f"{' ' * gutter} = ")
            return [*found, f"{mark}{visible(note)}"] if note else found
        shown, before, width = _window(line, span)
        number = self.paint("frame", f"{span.line:>{gutter}} |")
        found.append(f"{number} {shown}".rstrip())
        under = self.paint(style, f"{mark * width} {visible(note)}".rstrip())
        edge = self.paint("frame", f"{' ' * gutter} |")
        found.append(f"{edge} {' ' * before}{under}")
        return found

    def line(self, span: Span) -> str | None:
        """The first line of a span, or None where the file or the line is not there."""
        if span.path not in self.lines:
            source = self.sources.get(span.path)
            self.lines[span.path] = source.text.split("\n") if source is not None else []
        lines = self.lines[span.path]
        return lines[span.line - 1].rstrip("\r") if 0 < span.line <= len(lines) else None

    def paint(self, style: str, text: str) -> str:
        """Text in a colour, if there are colours."""
        return f"{_STYLES[style]}{text}{_RESET}" if self.color and text.strip() else text


def visible(text: str) -> str:
    r"""Text whose control characters are written out, so that no terminal obeys them.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _UNSEEN.sub(lambda match: _escaped(match.group()), text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _cell(character: str) -> tuple[str, int]:
    """How a character of a source line is shown, and how many columns that takes."""
    if character == "\t":
        return " " * _TAB, _TAB
    if _UNSEEN.match(character):
        shown = _escaped(character)
        return shown, len(shown)
    if " " <= character < "\x7f":
        return character, 1
    if category(character) in ("Mn", "Me"):
        return character, 0
    return character, 2 if east_asian_width(character) in "WF" else 1


def _window(line: str, span: Span) -> tuple[str, int, int]:
    """What is shown of a line, the columns before the mark, and the width of the mark."""
    start = min(max(span.column - 1, 0), len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    left = 0 if start < _WIDTH - _BEFORE else start - _BEFORE
    lead = "..." if left else ""
    shown, before, width, columns = [lead], len(lead), 0, len(lead)
    for at in range(left, len(line)):
        if columns >= _WIDTH:
            shown.append("...")
            break
        text, cells = _cell(line[at])
        shown.append(text)
        columns += cells
        if at < start:
            before += cells
        elif at < end:
            width += cells
    return "".join(shown), before, max(width, 1)
