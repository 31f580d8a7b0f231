"""What is wrong with a text, where, and the way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from policyengine.errors import PolicyEngineError
from policyengine.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains the first, such as an earlier definition."""

    span: Span
    note: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a text.

    `slug` is a stable lower-case name with hyphens (`unknown-field`); `message` is one short
    sentence, lower case, without a full stop, with user text in backticks; `note` stands beside
    the underline (``did you mean `request.model`?``); `help` is a line of its own below.
    """

    slug: str
    message: str
    span: Span
    note: str = ""
    help: str = ""
    related: tuple[Related, ...] = ()
    severity: Severity = "error"

    def to_dict(self) -> dict[str, Any]:
        """The diagnostic as plain JSON values."""
        return {
            "slug": self.slug,
            "severity": self.severity,
            "message": self.message,
            "note": self.note,
            "help": self.help,
            **_place(self.span),
            "related": [{"note": r.note, **_place(r.span)} for r in self.related],
        }

    def __str__(self) -> str:
        return f"{self.span}: {self.severity}[{self.slug}]: {self.message}"


def _place(span: Span) -> dict[str, Any]:
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, each said once."""
    return tuple(sorted(set(diagnostics), key=lambda d: (d.span, d.slug, d.message)))


class CompileError(PolicyEngineError):
    """A text was refused. `diagnostics` holds every finding, sorted by place."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = ordered(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))
