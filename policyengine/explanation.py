"""Why each rule matched an input or did not: the conditions, step by step, with their values.

It runs the reference evaluator, one node at a time, and shares no code with the compiled rules,
so an explanation is a second opinion as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.interpret import Outcome, evaluate
from policyengine.cel.unparse import unparse
from policyengine.engine.facts import Answer, Known, Request, Source
from policyengine.engine.outcome import effect_of
from policyengine.errors import EvaluationError, FactError
from policyengine.program import Mode
from policyengine.rules.model import CheckedBundle, CheckedCondition, CheckedPoint, CheckedRule
from policyengine.source import Span
from policyengine.values.times import Timestamp

if TYPE_CHECKING:
    from policyengine.decision import Decision
    from policyengine.engine import Engine

Result = Literal["matched", "not matched", "error"]
MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a condition: its CEL text, what it gave, and the parts that it is made of.

    `error` is set instead of `value` where it failed; `reached` is false where it was not
    evaluated because the answer was clear. Texts of the request are shown by their length only.
    """

    text: str
    value: str
    error: str
    reached: bool
    span: Span
    parts: tuple[Step, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The step as plain JSON values."""
        return {
            "text": self.text,
            "value": self.value,
            "error": self.error,
            "reached": self.reached,
            "line": self.span.line,
            "column": self.span.column,
            "parts": [part.to_dict() for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class ClauseTrace:
    """A clause of a rule: whether it holds (None where it could not be evaluated), and why."""

    clause: str
    holds: bool | None
    span: Span
    step: Step

    def to_dict(self) -> dict[str, Any]:
        """The clause as plain JSON values."""
        return {
            "clause": self.clause,
            "holds": self.holds,
            "path": self.span.path,
            "line": self.span.line,
            "step": self.step.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """A rule: whether it matched, and its clauses."""

    rule: str
    policy: str
    effect: str
    mode: Mode
    result: Result
    why: str
    span: Span
    clauses: tuple[ClauseTrace, ...]

    def to_dict(self) -> dict[str, Any]:
        """The rule as plain JSON values."""
        return {
            "rule": self.rule,
            "policy": self.policy,
            "effect": self.effect,
            "mode": self.mode,
            "result": self.result,
            "why": self.why,
            "path": self.span.path,
            "line": self.span.line,
            "clauses": [clause.to_dict() for clause in self.clauses],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and for every rule of its point why it matched or did not."""

    decision: Decision
    rules: tuple[RuleTrace, ...]

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain JSON values."""
        return {
            "decision": self.decision.to_dict(),
            "rules": [rule.to_dict() for rule in self.rules],
        }


def explain(
    checked: CheckedBundle,
    engine: Engine,
    point: str,
    input: Mapping[str, Any],
    *,
    facts: Known | None = None,
    now: datetime | None = None,
) -> Explanation:
    """Explains the decision of an input (a JSON object) at a decision point.

    `engine` must run the program of `checked`; `facts` and `now` are as in `Engine.decide`.
    A point that the bundle does not know has no rules to explain.
    """
    decision = engine.decide(point, input, facts=facts, now=now)
    known = checked.points.get(point)
    if known is None or not isinstance(input, dict):
        return Explanation(decision, ())
    moment = Timestamp(decision.time_ns)
    asked = _Facts(engine, point, input, facts)
    tracer = _Tracer(checked, known, input, moment, asked)
    return Explanation(decision, tuple(tracer.rule(rule) for rule in known.rules))


class _Facts:
    """Answers the questions of fact calls, each once."""

    def __init__(
        self, engine: Engine, point: str, input: Mapping[str, Any], known: Known | None
    ) -> None:
        program = engine.program.points[point]
        self._request = Request(program, input, known)
        self._engine = engine
        self._answers: dict[str, Answer] = {}

    def answer(self, condition: CheckedCondition, node: cel.Call) -> Any:
        from policyengine.codegen.passes import question

        fact = condition.facts[node.id]
        key = question(fact)
        if key not in self._answers:
            recorded = self._request.known.get(fact.provider)
            source = Source(fact, self._engine.guards) if recorded is None else None
            self._answers[key] = source.ask_now(self._request) if source else recorded or []
        found = self._answers[key]
        if isinstance(found, FactError):
            raise EvaluationError(found.code, found.message)
        return found

    def texts(self) -> frozenset[str]:
        try:
            return frozenset(text for _, text in self._request.texts())
        except FactError:
            return frozenset()


class _Tracer:
    """Explains the rules of one point for one input."""

    def __init__(
        self,
        bundle: CheckedBundle,
        point: CheckedPoint,
        input: Mapping[str, Any],
        now: Timestamp,
        facts: _Facts,
    ) -> None:
        self._bundle = bundle
        self._point = point
        self._input = input
        self._now = now
        self._facts = facts
        self._texts = facts.texts()

    def rule(self, rule: CheckedRule) -> RuleTrace:
        clauses = tuple(self._clause(rule, condition) for condition in rule.conditions)
        holds = [clause.holds for clause in clauses]
        result: Result = "matched"
        why = "all its clauses hold" if clauses else "it has no conditions"
        if False in holds:
            result = "not matched"
            why = f"`{clauses[holds.index(False)].clause}` does not hold"
        elif None in holds:
            result = "error"
            failed = clauses[holds.index(None)]
            counts = "counts as matched" if rule.on_error == "match" else "counts as not matched"
            why = f"`{failed.clause}` could not be evaluated, so the rule {counts}"
        return RuleTrace(
            rule.rule.id,
            rule.policy.name,
            effect_of(rule.rule),
            rule.mode,
            result,
            why,
            rule.rule.span,
            clauses,
        )

    def _clause(self, rule: CheckedRule, condition: CheckedCondition) -> ClauseTrace:
        outcome, step = self._traced(condition, _Scope(self, rule.policy.name))
        holds: bool | None = None
        if outcome.error is None and isinstance(outcome.value, bool):
            holds = outcome.value is not condition.negate
        return ClauseTrace(condition.clause, holds, condition.span, step)

    def _traced(self, condition: CheckedCondition, scope: _Scope) -> tuple[Outcome, Step]:
        seen: dict[int, Outcome] = {}
        expression = condition.expression
        outcome = run(
            expression,
            scope,
            lambda node: self._facts.answer(condition, node),
            lambda node, outcome: seen.__setitem__(node.id, outcome),
        )
        return outcome, self._step(expression, expression.ast.root, seen, scope, condition)

    def _step(
        self,
        expression: CheckedExpression,
        node: cel.Expr,
        seen: Mapping[int, Outcome],
        scope: _Scope,
        condition: CheckedCondition,
    ) -> Step:
        outcome = seen.get(node.id)
        variable = _variable_of(expression, node)
        if variable is not None and outcome is not None:
            parts: tuple[Step, ...] = (self._traced(variable_of(self, scope, variable), scope)[1],)
        else:
            parts = tuple(
                self._step(expression, part, seen, scope, condition)
                for part in _telling(expression, node)
            )
        text = _shortened(unparse(node))
        span = expression.ast.span(node) if condition.clause in _CEL else condition.span
        if outcome is None:
            return Step(text, "", "", False, span, ())
        if outcome.error is not None:
            return Step(
                text, "", f"{outcome.error.message} ({outcome.error.code})", True, span, parts
            )
        return Step(text, self._shown(outcome.value), "", True, span, parts)

    def _shown(self, value: Any) -> str:
        """A value as a person may see it: never a text of the request."""
        match value:
            case bool():
                return "true" if value else "false"
            case None:
                return "null"
            case str():
                if value in self._texts and value:
                    return f"a text of {len(value)} characters"
                return _shortened(unparse(cel.Constant(0, 0, 0, "string", value)))
            case int() | float():
                return str(value)
            case list() | tuple():
                if value and all(isinstance(item, str | int | float) for item in value):
                    return _shortened("[" + ", ".join(map(self._shown, value)) + "]")
                return f"a list of {len(value)}" if value else "[]"
            case dict():
                return f"an object of {len(value)} fields" if value else "{}"
            case _:
                return type_name_of(value)


class _Scope(Mapping[str, Any]):
    """The variables of an expression, those of the policy computed when they are read."""

    def __init__(self, tracer: _Tracer, policy: str) -> None:
        self._tracer = tracer
        self.policy = policy

    def __getitem__(self, name: str) -> Any:
        kind, _, rest = name.partition(".")
        if name == "now":
            return self._tracer._now
        if kind == "constants" and rest:
            return self._tracer._bundle.constants[rest]
        if kind == "variables" and rest:
            condition = variable_of(self._tracer, self, rest)
            outcome = run(
                condition.expression,
                self,
                lambda node: self._tracer._facts.answer(condition, node),
                None,
            )
            if outcome.error is not None:
                raise outcome.error
            return outcome.value
        return self._tracer._input[name]

    def __contains__(self, name: object) -> bool:
        kind = str(name).partition(".")[0]
        return kind in ("now", "constants", "variables") or name in self._tracer._input

    def __iter__(self) -> Iterator[str]:
        return iter(self._tracer._input)

    def __len__(self) -> int:
        return len(self._tracer._input)


def variable_of(tracer: _Tracer, scope: _Scope, name: str) -> CheckedCondition:
    """A policy's variable, by its name without the prefix."""
    return tracer._point.variables[scope.policy][name]


def run(
    expression: CheckedExpression,
    scope: Mapping[str, Any],
    ask: Callable[[cel.Call], Any],
    trace: Callable[[cel.Expr, Outcome], None] | None,
) -> Outcome:
    """What an expression gives, a value or an error."""
    try:
        return Outcome(evaluate(expression, scope, facts=ask, trace=trace))
    except EvaluationError as error:
        return Outcome(error=error)


_CEL = frozenset({"when", "unless", "variable"})
_LOGICAL = frozenset({"_&&_", "_||_", "!_", "_?_:_"})


def _telling(expression: CheckedExpression, node: cel.Expr) -> list[cel.Expr]:
    """The parts of a node whose values tell why it gave what it gave."""
    if isinstance(node, cel.Constant | cel.Ident) or node.id in _paths(expression, node):
        return []
    if isinstance(node, cel.Comprehension):
        return [node.range]
    return [part for part in cel.children(node) if not _constant(part)]


def _paths(expression: CheckedExpression, node: cel.Expr) -> frozenset[int]:
    """The node itself where it is a chain of fields from a name: its value says it all."""
    reached = node
    while isinstance(reached, cel.Select):
        reached = reached.operand
    return frozenset({node.id}) if isinstance(reached, cel.Ident) else frozenset()


def _constant(node: cel.Expr) -> bool:
    """Whether a node says its value itself."""
    if isinstance(node, cel.ListExpr | cel.MapExpr):
        return all(map(_constant, cel.children(node)))
    return isinstance(node, cel.Constant)


def _variable_of(expression: CheckedExpression, node: cel.Expr) -> str | None:
    reference = expression.references.get(node.id)
    if isinstance(reference, VariableRef) and reference.name.startswith("variables."):
        return reference.name.removeprefix("variables.")
    return None


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def type_name_of(value: Any) -> str:
    """A value of another class by its CEL text, or its type's name."""
    from policyengine.values.conversions import to_string
    from policyengine.values.kinds import type_name

    try:
        return str(to_string(value))
    except EvaluationError:
        return f"a {type_name(value)}"


__all__ = ["ClauseTrace", "Explanation", "RuleTrace", "Step", "explain"]
