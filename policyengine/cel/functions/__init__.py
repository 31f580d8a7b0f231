"""CEL's functions as tables: a row says what a function takes, gives and is made of.

`impl` names a callable in `policyengine.values` (`"strings.contains"` is
`policyengine.values.strings.contains`). It is total over CEL values: it looks at the run-time
classes of its arguments and raises `EvaluationError("no-such-overload", ...)` when none of the
overloads fits. An overload may name a `fast` callable instead, used only where the checker has
proved the argument types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from policyengine.cel.types import Type


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature. For a receiver style overload `args[0]` is the receiver.

    `id` is the name from cel-spec or cel-go (`contains_string`). `can_fail` says whether a call
    with arguments of these types can raise.
    """

    id: str
    args: tuple[Type, ...]
    result: Type
    can_fail: bool = False
    receiver: bool = False
    fast: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """`expression` gives `result` (another CEL expression), or fails with the code `error`."""

    expression: str
    result: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or operator: all its overloads, and the one callable behind them.

    A `fact` function (`words([...])`) is not called by generated code: its constant argument
    becomes a fact that the engine supplies.
    """

    name: str
    overloads: tuple[Overload, ...]
    impl: str | Callable[..., Any]
    doc: str = ""
    examples: tuple[Example, ...] = ()
    fact: bool = False


@dataclass(frozen=True, slots=True)
class Library:
    """A named set of functions, such as `standard` or `strings`; its file has the same name.

    `macros` names the parser macros that come with it (rows of `policyengine.cel.macros`).
    """

    name: str
    functions: tuple[Function, ...]
    doc: str = ""
    macros: tuple[str, ...] = ()


def library(name: str) -> Library:
    """The library in `policyengine/cel/functions/<name>.py`.

    Raises `KeyError` with the name when there is none.
    """
    if not name.isidentifier() or name.startswith("_"):
        raise KeyError(name)
    try:
        module = import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise KeyError(name) from None
    found: Library = module.LIBRARY
    return found


def table(functions: Iterable[Function]) -> Mapping[str, Function]:
    """Functions by name; overloads of the same name from several libraries are put together."""
    merged: dict[str, Function] = {}
    for function in functions:
        before = merged.get(function.name)
        merged[function.name] = function if before is None else _joined(before, function)
    return merged


def _joined(first: Function, second: Function) -> Function:
    if first.impl != second.impl:
        raise ValueError(f"`{first.name}` has two implementations: {first.impl}, {second.impl}")
    return Function(
        first.name,
        first.overloads + second.overloads,
        first.impl,
        first.doc or second.doc,
        first.examples + second.examples,
        first.fact,
    )


__all__ = ["Example", "Function", "Library", "Overload", "library", "table"]
