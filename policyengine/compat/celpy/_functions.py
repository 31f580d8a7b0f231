"""The functions of the standard library as functions of Python, by their names in CEL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policyengine.cel.functions import Function, library
from policyengine.compat.celpy._failures import eval_error
from policyengine.compat.celpy._standard import implementation
from policyengine.compat.celpy._values import from_engine, to_engine
from policyengine.errors import EvaluationError


def _callable(row: Function) -> Callable[..., Any]:
    known = implementation(row)

    def function(*args: Any) -> Any:
        try:
            return from_engine(known(*map(to_engine, args)))
        except EvaluationError as error:
            return eval_error(error)

    function.__name__ = row.name
    function.__doc__ = row.doc
    return function


# Lazily evaluated operators have no function; the others give an error as a value.
_LAZY = frozenset({"_&&_", "_||_", "_?_:_"})

base_functions: dict[str, Callable[..., Any]] = {
    row.name: _callable(row) for row in library("standard").functions if row.name not in _LAZY
}
