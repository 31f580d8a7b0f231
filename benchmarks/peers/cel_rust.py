"""common-expression-language: cel-rust for Python. It checks no types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cel
from harness import Way

from peers import DICT, READY

NAME = "common-expression-language"
PACKAGE = "common-expression-language"
LANGUAGE = "cel"


def compiler(variables: Mapping[str, str]) -> Callable[[str], Any]:
    """From text to a program."""
    return cel.compile


def conditions(text: str, variables: Mapping[str, str]) -> dict[str, Way]:
    """A compiled program; with a context made beforehand, and with a dict."""
    execute = cel.compile(text).execute
    return {READY: Way(execute, prepare=_context), DICT: Way(execute)}


def rules(texts: Sequence[str], variables: Mapping[str, str]) -> dict[str, Way]:
    """One program for each rule, asked in turn."""
    programs = [cel.compile(text).execute for text in texts]

    def matched(context: Any) -> list[int]:
        return [n for n, execute in enumerate(programs) if execute(context)]

    def of_dict(input: Any) -> list[int]:
        return matched(cel.Context(variables=input))

    return {READY: Way(matched, prepare=_context), DICT: Way(of_dict)}


def _context(input: Mapping[str, Any]) -> Any:
    return cel.Context(variables=dict(input))
