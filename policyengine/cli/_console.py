"""Speaking to the person (or the pipe) at the other end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import click

from policyengine.cli._exits import Exit
from policyengine.diagnostics import Diagnostic


class Refusal(click.ClickException):
    """What was asked cannot be done: says what, where, and the way out."""

    def __init__(self, message: str, help: str = "", code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.help = help
        self.code = code
        # When it is shown, the options that were given are gone.
        self.color = colorful(sys.stderr)

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """What the process ends with."""
        return self.code

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message to the standard error stream."""
        from policyengine.output.text import block, paint

        told = f"{paint('error', 'bad', self.color)}: {block(self.message)}"
        if self.help:
            told += f"\n{paint('help', 'place', self.color)}: {block(self.help)}"
        click.echo(told, err=True, color=self.color)


def say(text: str) -> None:
    """Write to the standard output stream; characters that it cannot encode are escaped."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """Write to the standard error stream."""
    _write(sys.stderr, text)


def _write(stream: IO[str], text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    # What has colours by now is meant to keep them, on a pipe too.
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(safe, file=stream, color=colorful(stream))


def colorful(stream: IO[str]) -> bool:
    """Whether to use colours: as asked for (`--color`, NO_COLOR, FORCE_COLOR), or on a terminal.

    See https://no-color.org and https://force-color.org.
    """
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def show(format: str, kind: Any, value: Any) -> None:
    """Write a result in a format to the standard output stream."""
    from policyengine.output import renderer

    say(renderer(format, kind)(value, color=colorful(sys.stdout)))


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Write findings, with their lines of the files, to the standard error stream."""
    from policyengine.diagnostics.render import render

    found = tuple(diagnostics)
    if found:
        complain(render(found, sources_of(found), color=colorful(sys.stderr)))


def sources_of(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """The files that findings point into, as far as they can be read."""
    from policyengine.source import Source

    sources = {}
    for path in dict.fromkeys(d.span.path for d in diagnostics):
        try:
            sources[path] = Source(path, Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return sources


def shown(path: str | Path) -> str:
    """A path as people write it: relative to the working directory where it lies below it."""
    given = Path(path)
    if not given.is_absolute():
        return os.path.normpath(given)
    try:
        return os.path.normpath(given.relative_to(Path.cwd()))
    except ValueError:
        return str(given)
