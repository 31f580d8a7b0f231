"""The public interface of cel-python over this engine: change one import.

    from policyengine.compat import celpy        # was: import celpy

>>> env = Environment()
>>> runner = env.program(env.compile("name.startsWith('a') && size(tags) > 1"))
>>> runner.evaluate({"name": "abc", "tags": json_to_cel(["x", "y"])})
BoolType(True)

What cel-python has, how its own tests fare here, and where this engine follows the specification
instead is told in docs/celpy.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from policyengine.compat.celpy import adapter, celparser, celtypes, evaluation
from policyengine.compat.celpy._expression import Compiled, Expression, by_name
from policyengine.compat.celpy._values import TYPES
from policyengine.compat.celpy.adapter import JSON, CELJSONDecoder, CELJSONEncoder, json_to_cel
from policyengine.compat.celpy.celparser import CELParseError, CELParser
from policyengine.compat.celpy.evaluation import (
    Activation,
    Annotation,
    CELEvalError,
    CELFunction,
    CELSyntaxError,
    CELUnsupportedError,
    Context,
    Evaluator,
    Result,
    base_functions,
)

Functions = Mapping[str, CELFunction] | Sequence[CELFunction]


class Int32Value(celtypes.IntType):
    """A `google.protobuf.Int32Value`."""

    _bounds = (-(1 << 31), (1 << 31) - 1)


googleapis: dict[str, type] = {
    f"google.protobuf.{name}": TYPES[kind]
    for name, kind in {
        "Int32Value": "int",
        "UInt32Value": "uint",
        "Int64Value": "int",
        "UInt64Value": "uint",
        "FloatValue": "double",
        "DoubleValue": "double",
        "BoolValue": "bool",
        "BytesValue": "bytes",
        "StringValue": "string",
        "ListValue": "list",
    }.items()
} | {"google.protobuf.Struct": celtypes.MessageType}


class Runner:
    """An expression with the functions that it may call, ready for contexts.

    `functions` maps names to callables, or is a list of callables that go by their own names.
    They are called with values of `celtypes`; what they return may be of plain Python. One that
    raises `ValueError`, `TypeError`, an arithmetic or a look-up error, or that returns or raises
    `CELEvalError`, makes an error of CEL; everything else that it raises is seen by the caller.
    """

    tree_node_class: type = Expression

    def __init__(
        self, environment: Environment, ast: Expression, functions: Functions | None = None
    ) -> None:
        self.logger = logging.getLogger(f"celpy.{type(self).__name__}")
        self.environment = environment
        self.ast = ast
        self.functions = functions
        self._compiled: Compiled | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.environment}, {self.ast}, {self.functions})"

    def new_activation(self) -> Activation:
        """What the environment and the functions let the expression name."""
        return Activation(
            self.environment.annotations, self.environment.package, None, by_name(self.functions)
        )

    def evaluate(self, context: Context) -> Any:
        """The value for the variables of a context (by their names, which may be dotted).

        Raises `CELEvalError`.
        """
        if self._compiled is None:
            known = self.environment
            self._compiled = self.ast.compiled(
                known.package, by_name(self.functions), known.annotations
            )
        return self._compiled.evaluate(context)


class InterpretedRunner(Runner):
    """The same as `CompiledRunner`: this engine always compiles."""


class CompiledRunner(Runner):
    """The same as `InterpretedRunner`: this engine always compiles."""


class Environment:
    """What expressions are compiled in.

    `package` is the namespace in which names are looked up first. `annotations` gives the types
    of names; as in cel-python they declare nothing, and values are taken as they come.
    """

    def __init__(
        self,
        package: str | None = None,
        annotations: dict[str, Annotation] | None = None,
        runner_class: type[Runner] | None = None,
    ) -> None:
        self.logger = logging.getLogger(f"celpy.{type(self).__name__}")
        self.package = package
        self.annotations: dict[str, Annotation] = {**(annotations or {}), **googleapis}
        self.runner_class = runner_class or InterpretedRunner
        self.cel_parser = CELParser(tree_class=Expression)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.package}, {self.annotations}, {self.runner_class})"

    def compile(self, text: str) -> Expression:
        """The expression of a text; raises `CELParseError` with the place of the mistake."""
        return self.cel_parser.parse(text)

    def program(self, expr: Expression, functions: Functions | None = None) -> Runner:
        """An expression with the functions that it may call."""
        return self.runner_class(self, expr, functions)


__all__ = [
    "JSON",
    "Activation",
    "Annotation",
    "CELEvalError",
    "CELFunction",
    "CELJSONDecoder",
    "CELJSONEncoder",
    "CELParseError",
    "CELParser",
    "CELSyntaxError",
    "CELUnsupportedError",
    "CompiledRunner",
    "Context",
    "Environment",
    "Evaluator",
    "Expression",
    "Int32Value",
    "InterpretedRunner",
    "Result",
    "Runner",
    "adapter",
    "base_functions",
    "celparser",
    "celtypes",
    "evaluation",
    "googleapis",
    "json_to_cel",
]
