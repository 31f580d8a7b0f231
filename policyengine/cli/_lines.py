"""Reading lines: from a person at a terminal with history and completion, or from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from policyengine.cli._history import is_kept, read_history, write_history

Completer = Callable[[str], list[str]]
# Where a word ends for the completion; dots are part of it, as fields are completed with owners.
_DELIMITERS = " \t\n()[]{},+-*/%<>=!&|?;'\""


class Lines(Protocol):
    """Where a session's lines come from."""

    interactive: bool

    def read(self, prompt: str) -> str:
        """The next line; raises `EOFError` after the last, `KeyboardInterrupt` for Ctrl-C."""


class Piped:
    """Lines of the standard input, without prompts."""

    interactive = False

    def read(self, prompt: str) -> str:
        """The next line; raises `EOFError`."""
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


class Terminal:
    """Lines that a person types. Without `readline` there is neither history nor completion."""

    interactive = True

    def __init__(self, completer: Completer, history: Path | None) -> None:
        self._history = history
        self._lines: list[str] = []
        self._readline = _readline()
        if self._readline is not None:
            self._complete_with(self._readline, completer)

    def __enter__(self) -> Terminal:
        if self._history is not None:
            self._lines = read_history(self._history)
            for line in self._lines if self._readline is not None else ():
                self._readline.add_history(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._history is not None:
            write_history(self._history, self._lines)

    def read(self, prompt: str) -> str:
        """The next line; raises `EOFError` for Ctrl-D, `KeyboardInterrupt` for Ctrl-C."""
        line = input(prompt)
        if is_kept(line) and self._history is not None and line != self._last():
            self._lines.append(line)
        if line.strip() and self._readline is not None:
            self._readline.add_history(line)
        return line

    def _last(self) -> str:
        return self._lines[-1] if self._lines else ""

    def _complete_with(self, readline: Any, completer: Completer) -> None:
        def next_completion(_: str, state: int) -> str | None:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            found = completer(line)
            return found[state] if state < len(found) else None

        readline.set_completer_delims(_DELIMITERS)
        readline.set_completer(next_completion)
        # We decide what is remembered.
        readline.set_auto_history(False)
        edits = "libedit" in (getattr(readline, "__doc__", None) or "")
        readline.parse_and_bind("bind ^I rl_complete" if edits else "tab: complete")


def _readline() -> Any:
    try:
        import readline
    except ImportError:
        return None
    return readline
