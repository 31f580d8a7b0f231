"""Errors of evaluation, as cel-python raises them."""

from __future__ import annotations

from typing import Any, Final, Self

from policyengine.errors import EvaluationError


class CELSyntaxError(Exception):
    """A tree that is no expression; this engine raises `CELParseError` instead."""

    def __init__(self, arg: Any, line: int | None = None, column: int | None = None) -> None:
        super().__init__(arg)
        self.line = line
        self.column = column


class CELUnsupportedError(Exception):
    """Something of the language that is not there."""

    def __init__(self, arg: Any, line: int | None = None, column: int | None = None) -> None:
        super().__init__(arg)
        self.line = line
        self.column = column


class CELEvalError(Exception):
    """An expression could not be evaluated; as a value it absorbs every operator.

    The arguments are a message, a class of Python's exceptions, and that one's arguments. `line`
    and `column` (from 1) are where in the text it happened, if that is known.
    """

    def __init__(self, *args: Any, tree: Any = None, token: Any = None) -> None:
        super().__init__(*args)
        self.tree = tree
        self.token = token
        place = token or getattr(tree, "meta", None)
        self.line: int | None = getattr(place, "line", None)
        self.column: int | None = getattr(place, "column", None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(*{self.args})"

    def _absorb(self, *_: Any) -> Self:
        return self

    __neg__ = __call__ = _absorb
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _absorb
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _absorb
    __mod__ = __rmod__ = __pow__ = __rpow__ = _absorb

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CELEvalError) and self.args == other.args

    __hash__ = Exception.__hash__


class CarriedError(EvaluationError):
    """What a caller's function raised or returned, on its way through the engine."""

    def __init__(self, cause: CELEvalError) -> None:
        super().__init__("function-failed", "a function of the caller failed")
        self.cause = cause


# Which exception Python has for a failure, and what cel-python's users know it as.
_KNOWN: Final[dict[str, tuple[type[Exception], str]]] = {
    "divide-by-zero": (ZeroDivisionError, "divide by zero"),
    "overflow": (ValueError, "return error for overflow"),
    "no-such-overload": (TypeError, "found no matching overload"),
    "type-mismatch": (TypeError, "found no matching overload"),
    "no-such-variable": (KeyError, "undeclared reference"),
    "no-such-field": (KeyError, "no such member in mapping"),
    "no-such-key": (KeyError, "no such key"),
    "index-out-of-range": (IndexError, "invalid_argument"),
}


def eval_error(error: EvaluationError) -> CELEvalError:
    """The engine's error as cel-python's.

    >>> eval_error(EvaluationError("divide-by-zero", "division by zero")).args
    ('divide by zero', <class 'ZeroDivisionError'>, ('division by zero',))
    """
    if isinstance(error, CarriedError):
        return error.cause
    class_, text = _KNOWN.get(error.code, (ValueError, error.message))
    return CELEvalError(text, class_, (error.message,))
