"""Why each rule matched an input or did not: the conditions, step by step, with their values.

It runs the reference evaluator, one node at a time, and shares no code with the compiled rules,
so an explanation is a second opinion as well. Of facts it has the answers that the decision got.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.interpret import Outcome, evaluate
from policyengine.cel.macros import HISTORY
from policyengine.cel.unparse import unparse
from policyengine.codegen.passes import named_variables, question
from policyengine.engine.accounts import Account, LimitSource
from policyengine.engine.facts import Answer, Known, Request
from policyengine.engine.outcome import effect_of
from policyengine.errors import EvaluationError, FactError
from policyengine.program import Mode
from policyengine.request import texts
from policyengine.rules.model import CheckedBundle, CheckedCondition, CheckedPoint, CheckedRule
from policyengine.source import Span
from policyengine.values import conform, failures
from policyengine.values.budget import Allowance
from policyengine.values.conversions import to_string
from policyengine.values.kinds import type_name
from policyengine.values.times import Timestamp

if TYPE_CHECKING:
    from policyengine.decision import Decision
    from policyengine.engine import Engine

Result = Literal["matched", "not matched", "error"]
MAX_SHOWN = 120
# For the questions that an explanation asks.
MILLISECONDS = 600_000
_NOT_ASKED = FactError("fact-not-asked", "the decision did not ask for this fact")
# Steps within steps, those of variables too.
MAX_STEPS_DEEP = 60


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
            "path": self.span.path,
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
    ask: bool = False,
) -> Explanation:
    """Explains the decision of an input (a JSON object) at a decision point.

    `engine` must run the program of `checked`; `facts` and `now` are as in `Engine.decide`.
    With `ask` the questions that the decision did not ask are asked now; else the rules that need
    their answers did not match. A point that the bundle does not know has no rules to explain.
    """
    decision, answers = engine.answered(point, input, facts=facts, now=now)
    known = checked.points.get(point)
    if known is None or not isinstance(input, dict):
        return Explanation(decision, ())
    moment = Timestamp(decision.time_ns)
    asked = _Facts(engine, point, input, facts, answers, ask, moment.nanoseconds / 1e9)
    tracer = _Tracer(checked, known, input, moment, asked)
    return Explanation(decision, tuple(tracer.rule(rule) for rule in known.rules))


class _Facts:
    """The answers to the questions of fact calls, those of the decision."""

    def __init__(
        self,
        engine: Engine,
        point: str,
        input: Mapping[str, Any],
        known: Known | None,
        answers: Mapping[int, Answer],
        ask: bool,
        seconds: float,
    ) -> None:
        self._point = program = engine.program.points[point]
        self._positions = {question(fact): i for i, fact in enumerate(program.facts)}
        # The questions of a whole trace take longer than those of one decision may.
        scan = replace(engine.program.scan, milliseconds=MILLISECONDS)
        account = Account(engine.store, None, seconds, hold=False)
        self._request = Request(program, input, known, scan, account)
        self._sources = engine.sources(point)
        self._answers = dict(answers)
        self._ask = ask

    def answer(self, condition: CheckedCondition, node: cel.Call) -> Any:
        position = self._positions[question(condition.facts[node.id])]
        source = self._sources[position]
        # A limit is only asked with all others, by the decision.
        if position not in self._answers and self._ask and not isinstance(source, LimitSource):
            self._answers[position] = source.ask_now(self._request)
        found = self._answers.get(position, _NOT_ASKED)
        if isinstance(found, FactError):
            raise EvaluationError(found.code, found.message)
        return found

    def texts(self) -> frozenset[str] | None:
        """The texts that must not be shown, None where they cannot be told from the rest."""
        try:
            found = texts(self._request.input, self._point.texts, self._point.origins)
        except FactError:
            return None
        return frozenset(text.text for text in found)


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
        self.bundle = bundle
        self.input = input
        self.now = now
        self._point = point
        self._facts = facts
        self._allowance = Allowance()
        self._shown = _Shown(input, facts.texts(), bundle.constants)
        self._variables: dict[tuple[str, str], Outcome] = {}
        # The variables that are told of in this clause already, and how deep its steps are.
        self._told: set[str] = set()
        self._deep = 0

    def rule(self, rule: CheckedRule) -> RuleTrace:
        clauses = tuple(self._clause(rule, condition) for condition in rule.conditions)
        holds = [clause.holds for clause in clauses]
        result: Result = "matched"
        why = "all its clauses hold" if clauses else "it has no conditions"
        if False in holds:
            result = "not matched"
            why = f"`{clauses[holds.index(False)].clause}` does not hold"
        elif any(map(_was_not_asked, clauses)):
            result = "not matched"
            why = "the decision did not ask for its facts: nothing hung on them"
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
        self._told = set()
        outcome, step = self._traced(condition, rule.policy.name)
        holds: bool | None = None
        if outcome.error is None and isinstance(outcome.value, bool):
            holds = outcome.value is not condition.negate
        return ClauseTrace(condition.clause, holds, condition.span, step)

    def _traced(self, condition: CheckedCondition, policy: str) -> tuple[Outcome, Step]:
        seen: dict[int, Outcome] = {}
        outcome = self._run(
            condition, policy, lambda node, outcome: seen.__setitem__(node.id, outcome)
        )
        return outcome, self._step(condition, condition.expression.ast.root, seen, policy)

    def _run(
        self,
        condition: CheckedCondition,
        policy: str,
        trace: Callable[[cel.Expr, Outcome], None] | None = None,
    ) -> Outcome:
        """What an expression gives, a value or an error."""
        try:
            return Outcome(
                evaluate(
                    condition.expression,
                    {},
                    facts=lambda node: self._facts.answer(condition, node),
                    trace=trace,
                    inputs=_Inputs(self, policy),
                    allowance=self._allowance,
                )
            )
        except EvaluationError as error:
            return Outcome(error=error)
        except RecursionError:
            return Outcome(error=failures.too_deep(0))

    def variable(self, policy: str, name: str) -> Outcome:
        """What a policy's variable gives, computed once, those that it needs before it."""
        if (policy, name) not in self._variables:
            variables = self._point.variables[policy]
            needed = _needed(variables, name)
            for each, condition in variables.items():
                if each in needed and (policy, each) not in self._variables:
                    self._variables[policy, each] = self._run(condition, policy)
        return self._variables[policy, name]

    def _step(
        self,
        condition: CheckedCondition,
        node: cel.Expr,
        seen: Mapping[int, Outcome],
        policy: str,
    ) -> Step:
        expression = condition.expression
        outcome = seen.get(node.id)
        parts: tuple[Step, ...] = ()
        if outcome is not None and self._deep < MAX_STEPS_DEEP:
            self._deep += 1
            parts = tuple(self._parts(condition, node, seen, policy))
            self._deep -= 1
        # Variables of a CEL policy are locals whose names no text can spell.
        text = _shortened(unparse(node).replace("@variables.", "variables."))
        span = expression.ast.span(node) if condition.clause in _CEL else condition.span
        if outcome is None:
            return Step(text, "", "", False, span, ())
        if outcome.error is not None:
            return Step(
                text, "", f"{outcome.error.message} ({outcome.error.code})", True, span, parts
            )
        return Step(text, self._shown(outcome.value, expression), "", True, span, parts)

    def _parts(
        self, condition: CheckedCondition, node: cel.Expr, seen: Mapping[int, Outcome], policy: str
    ) -> Iterator[Step]:
        """The steps behind a node; a variable is taken apart once."""
        variable = _variable_of(condition.expression, node)
        if variable is None:
            for part in _telling(node):
                yield self._step(condition, part, seen, policy)
        elif variable not in self._told:
            self._told.add(variable)
            yield self._traced(self._point.variables[policy][variable], policy)[1]


class _Inputs:
    """The variables of an expression: fields of the input, constants, and those of its policy."""

    def __init__(self, tracer: _Tracer, policy: str) -> None:
        self._tracer = tracer
        self._policy = policy

    def read(self, name: str, kind: str) -> Any:
        if name == "now":
            return self._tracer.now
        room, _, rest = name.partition(".")
        if room == "constants" and rest:
            return self._tracer.bundle.constants[rest]
        if room == "variables" and rest:
            outcome = self._tracer.variable(self._policy, rest)
            if outcome.error is not None:
                raise outcome.error
            return outcome.value
        return conform.read(self._tracer.input, name, kind)

    def part(self, name: str) -> Any:
        return conform.part(self._tracer.input, name)


class _Shown:
    """Values as a person may see them: never a text of the request, nor what was made of one.

    Of strings only those are shown that stand in the policy, or in the input where no text is.
    """

    def __init__(
        self,
        input: Mapping[str, Any],
        texts: frozenset[str] | None,
        constants: Mapping[str, Any],
    ) -> None:
        self._texts = texts
        plain = set() if texts is None else _strings(input) - texts
        self._plain = frozenset(plain | _strings(constants))

    def __call__(self, value: Any, expression: CheckedExpression) -> str:
        match value:
            case bool():
                return "true" if value else "false"
            case None:
                return "null"
            case str() if self._may_show(value, expression):
                return _shortened(unparse(cel.Constant(0, 0, 0, "string", value)))
            case str():
                return f"a text of {len(value)} characters"
            case bytes():
                return f"{len(value)} bytes"
            case list() | tuple():
                if value and all(isinstance(item, str | int | float) for item in value):
                    items = (self(item, expression) for item in value[:MAX_SHOWN])
                    return _shortened(f"[{', '.join(items)}]")
                return f"a list of {len(value)}" if value else "[]"
            case dict():
                return f"an object of {len(value)} fields" if value else "{}"
            case _:
                return self._scalar(value)

    def _may_show(self, value: str, expression: CheckedExpression) -> bool:
        if self._texts and value in self._texts:
            return not value
        return value in self._plain or not value or _is_literal(value, expression)

    def _scalar(self, value: Any) -> str:
        """A number, a time or a type by its CEL text, or its type's name."""
        try:
            text = str(to_string(value))
        except EvaluationError:
            return f"a {type_name(value)}"
        hidden = self._texts is None or text in self._texts
        return f"a {type_name(value)}" if hidden else text


def _strings(value: Any) -> set[str]:
    """All strings in a JSON value, its keys too."""
    found: set[str] = set()
    pending = [value]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            found.add(part)
        elif isinstance(part, Mapping | list | tuple) and id(part) not in seen:
            seen.add(id(part))
            pending += part
            pending += part.values() if isinstance(part, Mapping) else ()
    return found


def _is_literal(value: str, expression: CheckedExpression) -> bool:
    """Whether a string stands in an expression."""
    pending = [expression.ast.root]
    while pending:
        node = pending.pop()
        if isinstance(node, cel.Constant) and node.value == value:
            return True
        pending += cel.children(node)
    return False


def _needed(variables: Mapping[str, CheckedCondition], name: str) -> set[str]:
    """A variable and all that it uses, directly or through others."""
    found: set[str] = set()
    pending = [name]
    while pending:
        each = pending.pop()
        if each not in found:
            found.add(each)
            pending += named_variables(variables[each].expression)
    return found


def _was_not_asked(clause: ClauseTrace) -> bool:
    return clause.holds is None and clause.step.error.endswith(f"({_NOT_ASKED.code})")


_CEL = frozenset({"when", "unless", "policy", "variable"})


def _telling(node: cel.Expr) -> list[cel.Expr]:
    """The parts of a node whose values tell why it gave what it gave."""
    if isinstance(node, cel.Constant | cel.Ident) or _is_path(node):
        return []
    if isinstance(node, cel.Comprehension):
        return [node.range]
    # `history.count(...)`: what was found says it all.
    if isinstance(node, cel.Bind) and node.name == HISTORY:
        return [node.value]
    return [part for part in cel.children(node) if not _constant(part)]


def _is_path(node: cel.Expr) -> bool:
    """Whether a node is a chain of fields from a name: its value says it all."""
    reached = node
    while isinstance(reached, cel.Select):
        reached = reached.operand
    return isinstance(reached, cel.Ident)


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


__all__ = ["ClauseTrace", "Explanation", "RuleTrace", "Step", "explain"]
