"""A parsed expression, and what it becomes once it is known which names have values.

cel-python knows no declarations: what a name means is settled by what an activation holds. So an
expression is compiled when it is first evaluated, once for each set of names that it finds there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, Declarations
from policyengine.cel.checker import check
from policyengine.cel.emit.expression import expression
from policyengine.cel.environment import Program
from policyengine.cel.functions import Function, Overload
from policyengine.cel.interpret import Outcome, evaluate
from policyengine.cel.names import candidates, dotted
from policyengine.cel.types import DYN
from policyengine.compat.celpy import _hosts as hosts
from policyengine.compat.celpy._failures import CarriedError, CELEvalError, eval_error
from policyengine.compat.celpy._hosts import Messages, messages_in
from policyengine.compat.celpy._standard import functions as standard
from policyengine.compat.celpy._values import from_engine, is_host, to_engine
from policyengine.errors import EvaluationError

# How many compiled forms of one expression are kept.
_KEPT: Final = 32

Functions = Mapping[str, Callable[..., Any]]


def by_name(functions: Functions | Sequence[Callable[..., Any]] | None) -> Functions:
    """Functions by their names in expressions; a list goes by their names in Python."""
    if functions is None or isinstance(functions, Mapping):
        return functions or {}
    return {function.__name__: function for function in functions}


class Expression:
    """What `Environment.compile` gives; `ast` is the engine's tree."""

    __slots__ = ("_compiled", "ast")

    def __init__(self, ast: cel.Ast) -> None:
        self.ast = ast
        self._compiled: dict[Any, Compiled] = {}

    def compiled(
        self, package: str | None, functions: Functions, annotations: Mapping[str, Any]
    ) -> Compiled:
        """The expression in a package, with a caller's functions and classes of messages."""
        messages = messages_in(annotations)
        key = (package or "", tuple(functions.items()), tuple(messages.items()))
        found = self._compiled.get(key)
        if found is None:
            if len(self._compiled) >= _KEPT:
                self._compiled.clear()
            found = self._compiled[key] = Compiled(self.ast, package or "", functions, messages)
        return found

    def __repr__(self) -> str:
        return f"<celpy.Expression {self.ast.text.value[:60]!r}>"


class Compiled:
    """An expression that is ready for activations. Threads may share it."""

    __slots__ = ("_ast", "_forms", "_messages", "_names", "_package", "_theirs")

    def __init__(
        self, ast: cel.Ast, package: str, functions: Functions, messages: Messages
    ) -> None:
        self._ast = ast
        self._package = package
        self._messages = messages
        calls = set(_calls(ast.root))
        called = {name for name, _, _ in calls}
        self._theirs = {
            name: _row(name, function, calls)
            for name, function in functions.items()
            if name in called
        }
        self._names = frozenset(_names(ast.root, package))
        self._forms: dict[frozenset[str], Callable[[dict[str, Any]], Any]] = {}

    def evaluate(self, context: Mapping[str, Any]) -> Any:
        """The value for the variables of a context; raises `CELEvalError`."""
        variables = _opened(context, self._package)
        given = self._names.intersection(variables)
        run = self._forms.get(given)
        if run is None:
            if len(self._forms) >= _KEPT:
                self._forms.clear()
            run = self._forms[given] = self._form(given)
        try:
            return from_engine(run({name: to_engine(variables[name]) for name in given}))
        except EvaluationError as error:
            raise eval_error(error) from error

    def _form(self, given: frozenset[str]) -> Callable[[dict[str, Any]], Any]:
        variables = dict.fromkeys(given, DYN)
        table = {**hosts.functions(), **hosts.makers(self._messages), **self._theirs}
        ast = hosts.opened(self._ast, given, self._package, self._messages)
        slow = _Traced(
            check(ast, Declarations(variables, table, container=self._package, lenient=True))
        ).evaluate
        if self._theirs or self._messages:
            return slow
        fast = Declarations(variables, standard(), container=self._package, lenient=True)
        checked = check(self._ast, fast)
        compiled = Program(checked, expression(checked)).evaluate

        def run(bindings: dict[str, Any]) -> Any:
            if any(map(is_host, bindings.values())):
                return slow(bindings)
            try:
                return compiled(bindings)
            except EvaluationError:
                # Slowly again: to learn where, or for values that the engine does not know.
                return slow(bindings)

        return run


def _opened(context: Mapping[str, Any], package: str) -> Mapping[str, Any]:
    """The variables of a context. Where the package is one of them, so are its fields."""
    inside = context.get(package) if package else None
    return {**inside, **context} if isinstance(inside, Mapping) else context


class _Traced:
    """The reference evaluator, which calls a caller's functions once and knows where it fails."""

    def __init__(self, checked: CheckedExpression) -> None:
        self._checked = checked

    def evaluate(self, bindings: dict[str, Any]) -> Any:
        places: dict[int, cel.Expr] = {}
        errors: list[EvaluationError] = []

        def note(node: cel.Expr, outcome: Outcome) -> None:
            if outcome.error is not None and id(outcome.error) not in places:
                places[id(outcome.error)] = node
                errors.append(outcome.error)

        try:
            return evaluate(self._checked, bindings, trace=note)
        except EvaluationError as error:
            told = eval_error(error)
            node = places.get(id(error))
            if node is not None and told.line is None:
                text = self._checked.ast.text
                told.line, told.column = text.position(getattr(node, "name_start", node.start))
            raise CarriedError(told) from error


def _row(name: str, function: Callable[..., Any], calls: set[tuple[str, int, bool]]) -> Function:
    """A caller's function as a row of the table, with an overload for each way it is called."""
    uses = sorted((count, receiver) for called, count, receiver in calls if called == name)
    overloads = tuple(
        Overload(f"{name}_{count}_{receiver}", (DYN,) * count, DYN, True, receiver)
        for count, receiver in uses
    )
    return Function(name, overloads, _adapted(function))


def _adapted(function: Callable[..., Any]) -> Callable[..., Any]:
    def adapted(*args: Any) -> Any:
        try:
            result = function(*map(from_engine, args))
        except CELEvalError as error:
            raise CarriedError(error) from error
        # What functions raise for values that they do not take; all else is the caller's to see.
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            told = CELEvalError(str(error), type(error), error.args)
            raise CarriedError(told) from error
        if isinstance(result, CELEvalError):
            raise CarriedError(result)
        return to_engine(result)

    return adapted


def _walk(root: cel.Expr) -> Iterator[cel.Expr]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += cel.children(node)


def _calls(root: cel.Expr) -> Iterator[tuple[str, int, bool]]:
    """How functions are called: name, number of arguments, and whether the first is a receiver."""
    for node in _walk(root):
        if isinstance(node, cel.Call):
            count = len(node.args)
            if node.target is None:
                yield node.function.removeprefix("."), count, False
                continue
            yield node.function, count + 1, True
            space = dotted(node.target)
            if space is not None:
                yield f"{space}.{node.function}", count, False


def _names(root: cel.Expr, package: str) -> Iterator[str]:
    """Every name that a variable of the expression could have."""
    for node in _walk(root):
        if isinstance(node, cel.Ident | cel.Select):
            name = dotted(node)
            if name is not None:
                yield from candidates(name, package)
