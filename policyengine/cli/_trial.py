"""Trying expressions: over the input of a decision point, or over whatever variables there are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyengine.cli._console import Refusal, colorful, complain
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.errors import EvaluationError
from policyengine.source import Source, Span

if TYPE_CHECKING:
    from policyengine.cel import Environment, Program
    from policyengine.cel.types import Type
    from policyengine.rules.model import CheckedBundle, Point

NAME = "<expr>"


@dataclass(frozen=True, slots=True)
class Tried:
    """What an expression gave, and the type that it was declared to have."""

    value: Any
    type: str


class Trial:
    """Variables, and the expressions over them.

    With a point its fields are typed as in rules; without one the fields of an input are `dyn`.
    `now` is the time, and `constants.<name>` are the bundle's.
    """

    def __init__(
        self,
        point: Point | None = None,
        constants: Mapping[str, Any] | None = None,
        now: Callable[[], Any] | None = None,
    ) -> None:
        self.point = point
        self.input: Mapping[str, Any] = {}
        self.own: dict[str, Any] = {}
        self._constants = dict(constants or {})
        self._now = now or _now

    def load(self, input: Mapping[str, Any]) -> None:
        """Take this input instead of the one before."""
        self.input = input
        self.__dict__.pop("environment", None)

    def let(self, name: str, value: Any) -> None:
        """Give a variable of one's own a value; it hides a field of the same name."""
        self.own[name] = value
        self.__dict__.pop("environment", None)

    @cached_property
    def types(self) -> dict[str, Type]:
        """The types of the fields, the constants and the time, by name."""
        from policyengine.cel.types import TIMESTAMP
        from policyengine.rules.constants import type_of

        fields = self.point.input.fields if self.point else {}
        return {
            **{name: field.type for name, field in fields.items()},
            **{f"constants.{name}": type_of(value) for name, value in self._constants.items()},
            "now": TIMESTAMP,
        }

    @cached_property
    def environment(self) -> Environment:
        """What the next expression may name."""
        from policyengine.cel import Environment
        from policyengine.cel.types import DYN
        from policyengine.rules.language import LIBRARIES

        loose = self.own if self.point else {**self.input, **self.own}
        variables = {**self.types, **{name: DYN for name in loose if name.isidentifier()}}
        return Environment(variables, extensions=LIBRARIES[1:])

    @property
    def bindings(self) -> dict[str, Any]:
        """The values of all variables."""
        constants = {f"constants.{name}": value for name, value in self._constants.items()}
        return {"now": self._now(), **constants, **self.input, **self.own}

    def compile(self, text: str) -> Program:
        """The expression as a program; raises `CompileError`."""
        return self.environment.compile(text)

    def value(self, text: str) -> Tried:
        """What an expression gives; raises `CompileError`, also for an error of evaluation.

        Such an error has a place in the text, which `EvaluationError` has not.
        """
        program = self.compile(text)
        bindings = self.bindings
        try:
            return Tried(program.evaluate(bindings), str(program.type))
        except EvaluationError as error:
            raise CompileError([_failure(program, bindings, error)]) from error


def _now() -> Any:
    from datetime import UTC, datetime

    from policyengine.values.times import Timestamp

    return Timestamp.of(datetime.now(UTC))


def _failure(program: Program, bindings: dict[str, Any], error: EvaluationError) -> Diagnostic:
    """The error with the place of the part that raised it, found by evaluating once more."""
    from policyengine.cel.interpret import Outcome, evaluate

    ast = program.checked.ast
    places: dict[int, Span] = {}
    kept: list[EvaluationError] = []

    def note(node: Any, outcome: Outcome) -> None:
        if outcome.error is not None and id(outcome.error) not in places:
            kept.append(outcome.error)
            places[id(outcome.error)] = ast.span(node)

    span = ast.span(ast.root)
    try:
        evaluate(program.checked, bindings, trace=note)
    except EvaluationError as again:
        span = places.get(id(again), span)
    return Diagnostic(error.code, error.message, span)


def complain_of(error: CompileError, text: str) -> None:
    """Write what is wrong with an expression to the standard error stream, with its lines."""
    import sys

    from policyengine.diagnostics.render import render

    sources = {NAME: Source(NAME, text)}
    complain(render(error.diagnostics, sources, color=colorful(sys.stderr)))


def trial_of(checked: CheckedBundle | None, point: str | None, now: Any = None) -> Trial:
    """A trial at a point of a bundle, or of this library where there is no bundle.

    `now` is a `datetime` for a time that stands still. Raises `Refusal` for an unknown point.
    """
    from policyengine.rules.points import builtin_points
    from policyengine.values.times import Timestamp

    points = builtin_points()
    if checked is not None:
        points = {name: checked_point.point for name, checked_point in checked.points.items()}
    if point is not None and point not in points:
        raise Refusal(
            f"there is no decision point `{point[:80]}`", f"there are: {', '.join(points)}"
        )
    at = None if now is None else Timestamp.of(now)
    return Trial(
        None if point is None else points[point],
        None if checked is None else checked.constants,
        None if at is None else lambda: at,
    )


def assigned(text: str) -> tuple[str, Any]:
    """`name=json` as a variable and its value; raises `Refusal`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier() or not name.isascii():
        raise Refusal(
            f"`{text[:80]}` is no variable", "write it as `name=json`: `--var 'n=[1, 2]'`"
        )
    try:
        return name.strip(), json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(
            f"the value of `{name.strip()}` is no JSON", "texts need quotes: `--var 's=\"text\"'`"
        ) from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)
