"""Evaluating expressions, under the names that cel-python gives to the parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policyengine.compat.celpy._expression import Expression, by_name
from policyengine.compat.celpy._failures import (
    CELEvalError,
    CELSyntaxError,
    CELUnsupportedError,
)
from policyengine.compat.celpy._functions import base_functions

CELFunction = Callable[..., Any]
Annotation = Any
Context = Mapping[str, Any]
Result = Any


class Activation:
    """What an expression may name: a package, annotated names, functions and variables."""

    def __init__(
        self,
        annotations: Mapping[str, Annotation] | None = None,
        package: str | None = None,
        vars: Context | None = None,
        functions: Mapping[str, CELFunction] | Sequence[CELFunction] | None = None,
    ) -> None:
        self.annotations = dict(annotations or {})
        self.package = package
        self.variables = dict(vars or {})
        self.functions = by_name(functions)

    def nested_activation(
        self, annotations: Mapping[str, Annotation] | None = None, vars: Context | None = None
    ) -> Activation:
        """The activation with more variables."""
        return Activation(
            {**self.annotations, **(annotations or {})},
            self.package,
            {**self.variables, **(vars or {})},
            self.functions,
        )

    def clone(self) -> Activation:
        """A copy that can be added to."""
        return self.nested_activation()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(annotations={self.annotations!r}, package={self.package!r}, "
            f"vars={self.variables!r}, functions={self.functions!r})"
        )


class Evaluator:
    """Evaluates an expression in an activation."""

    def __init__(self, ast: Expression, activation: Activation) -> None:
        self.ast = ast
        self.activation = activation

    def evaluate(self, context: Context | None = None) -> Result:
        """The value for the activation's and the context's variables; raises `CELEvalError`."""
        known = self.activation
        variables: Context = context or {}
        if known.variables:
            variables = {**known.variables, **variables}
        compiled = self.ast.compiled(known.package, known.functions, known.annotations)
        return compiled.evaluate(variables)


__all__ = [
    "Activation",
    "Annotation",
    "CELEvalError",
    "CELFunction",
    "CELSyntaxError",
    "CELUnsupportedError",
    "Context",
    "Evaluator",
    "Result",
    "base_functions",
]
