"""Typing the rules and variables of a policy at one decision point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policyengine.cel.ast import Ast, Shape
from policyengine.cel.checked import CheckedExpression, Declarations
from policyengine.cel.checks import Checks
from policyengine.cel.functions import Function
from policyengine.cel.suggestions import closest, listed
from policyengine.cel.types import BOOL, Type
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.program import FactInfo, Redact
from policyengine.rules.cel_policy import condition
from policyengine.rules.clauses import providers
from policyengine.rules.combining import on_error_of, split
from policyengine.rules.desugar import desugar
from policyengine.rules.facts import exists_at, points_with, questions
from policyengine.rules.model import (
    CelPolicy,
    CheckedCondition,
    CheckedRule,
    Clause,
    Condition,
    Point,
    Policy,
    Rule,
)
from policyengine.rules.names import Uses, place
from policyengine.rules.parts import Expressions, Group, unknown_name
from policyengine.rules.points import builtin_points
from policyengine.rules.variables import reachable
from policyengine.source import Span, Text


@dataclass(frozen=True, slots=True)
class Scope:
    """What every policy may use at a point: inputs and the time, constants, and functions."""

    variables: Mapping[str, Type]
    constants: Mapping[str, Type]
    functions: Mapping[str, Function]


class _BrokenError(Exception):
    """An expression that was found wrong already."""


class PointCheck:
    """One policy, with all its parts, at one point. `problems` collects what is wrong."""

    def __init__(
        self,
        point: Point,
        group: Group,
        expressions: Expressions,
        scope: Scope,
        constants: Mapping[str, Any],
    ) -> None:
        self.problems: list[Diagnostic] = []
        self._point = point
        self._group = group
        self._expressions = expressions
        self._scope = scope
        self._constants = constants
        # By the types of the variables and constants that are declared beside the inputs.
        self._checks: dict[tuple[tuple[str, Type], ...], Checks] = {}
        self._checked: dict[str, CheckedCondition] = {}
        # Shapes of expressions whose names all exist at the point.
        self._placed: set[Shape | None] = set()
        # Variables found wrong: what uses them is not judged, so one mistake shouts once.
        self._broken = set(group.broken)

    def variables(self, here: Iterable[Policy]) -> Mapping[str, CheckedCondition]:
        """The variables that exist at this point, in order.

        Those of the parts that are on this point, and whatever their rules and they use.
        """
        if not self._group.order:
            return {}
        here = list(here)
        own = {variable.name for part in here for variable in part.variables}
        rules = tuple(rule for part in here for rule in part.rules)
        direct = own | self._group.used_by(rules, self._expressions)
        wanted = reachable(frozenset(direct), self._group.needs)
        spans = {v.name: v.span for part in self._group.parts for v in part.variables}
        for name in self._group.order:
            if name in wanted and name not in self._broken:
                self._variable(name, spans[name])
        return dict(self._checked)

    def _variable(self, name: str, span: Span) -> None:
        try:
            ast = self._group.variables[name].ast
            self._checked[name] = self._typed(name, ast, None, False, span)
        except (CompileError, _BrokenError) as error:
            self._note(error)
            self._broken.add(name)

    def _note(self, error: CompileError | _BrokenError) -> None:
        if isinstance(error, CompileError):
            self.problems += error.diagnostics

    def rule(self, rule: Rule, policy: Policy) -> list[CheckedRule]:
        """A rule with its conditions typed; none where something is wrong with it."""
        conditions: list[CheckedCondition] = []
        right = True
        for clause in rule.clauses:
            try:
                condition = self._condition(clause)
                conditions.append(
                    self._typed(
                        condition.clause, condition.ast, BOOL, condition.negate, condition.span
                    )
                )
            except (CompileError, _BrokenError) as error:
                self._note(error)
                right = False
        if not right:
            return []
        self._redactable(rule, conditions)
        mode = rule.mode or policy.mode
        limits = self._limits(conditions)
        return [
            CheckedRule(part, policy, tuple(conditions), mode, on_error_of(part, limits=limits))
            for part in split(rule)
        ]

    def _limits(self, conditions: list[CheckedCondition]) -> bool:
        """Whether conditions ask how a budget or a rate stands."""
        facts = (fact for condition in conditions for fact in self._facts(condition))
        return any(providers()[fact.provider].READS == "charges" for fact in facts)

    def _condition(self, clause: Clause) -> Condition:
        if clause.policy is not None:
            return self._policy(clause, clause.policy)
        if clause.text is None:
            return desugar(clause, self._point)
        expression = self._expressions.of(clause.text)
        if expression is None or (self._group.unnamed and clause.text in self._group.unnamed):
            raise _BrokenError
        return Condition(clause.name, expression.ast, clause.name == "unless", clause.span)

    def _policy(self, clause: Clause, policy: CelPolicy) -> Condition:
        key = clause.value.get("key") if isinstance(clause.value, dict) else None
        ast = condition(policy, key, self._part)
        if ast is None:
            raise _BrokenError
        return Condition(clause.name, ast, False, clause.span)

    def _part(
        self, text: Text, variables: Mapping[str, Type], expected: Type | None
    ) -> CheckedExpression | None:
        """An expression of a CEL policy, which has variables of its own."""
        expression = self._expressions.of(text)
        if expression is None or text in self._group.unnamed:
            return None
        own = {name.removeprefix("variables.") for name in variables}
        unknown = [
            unknown_name("variable", name, place(expression.ast, node), own)
            for name, node in expression.uses.variables.items()
            if name not in own
        ]
        if unknown:
            raise CompileError(unknown)
        declared = {
            f"variables.{name}": variables[f"variables.{name}"]
            for name in expression.uses.variables
        }
        return self._check(expression.ast, expression.uses, declared, expected)

    def _typed(
        self, clause: str, ast: Ast, expected: Type | None, negate: bool, span: Span
    ) -> CheckedCondition:
        found = self._expressions.uses_of(ast)
        if not self._broken.isdisjoint(found.variables):
            raise _BrokenError
        declared = {
            f"variables.{name}": self._checked[name].expression.type for name in found.variables
        }
        checked = self._check(ast, found, declared, expected)
        facts, problems = questions(checked, self._constants, self._point)
        if problems:
            raise CompileError(problems)
        return CheckedCondition(clause, checked, negate, span, facts)

    def _check(
        self, ast: Ast, found: Uses, variables: Mapping[str, Type], expected: Type | None
    ) -> CheckedExpression:
        """An expression with types.

        Of variables and constants only those are declared that it uses: all of them for each of
        ten thousand expressions would be quadratic.
        """
        if ast.shape not in self._placed:
            elsewhere = [
                *self._elsewhere(ast, found.roots),
                *self._facts_elsewhere(ast, found.calls),
            ]
            if elsewhere:
                raise CompileError(elsewhere)
            if ast.shape is not None:
                self._placed.add(ast.shape)
        named = dict(variables)
        for name in found.constants:
            named[f"constants.{name}"] = self._scope.constants[name]
        key = tuple(named.items())
        checks = self._checks.get(key)
        if checks is None:
            declared = Declarations({**self._scope.variables, **named}, self._scope.functions)
            checks = self._checks[key] = Checks(declared)
        return checks.check(ast, expected)

    def _elsewhere(self, ast: Ast, roots: Mapping[str, int]) -> list[Diagnostic]:
        """Inputs that exist at other points but not at this one."""
        found = []
        for name, node in roots.items():
            if name in self._scope.variables:
                continue
            points = [p.name for p in builtin_points().values() if name in p.input.fields]
            if points:
                help = f"it exists at {', '.join(f'`{point}`' for point in points)}"
                message = f"`{name}` does not exist at `{self._point.name}`"
                found.append(Diagnostic("wrong-point", message, place(ast, node), help=help))
        return found

    def _facts_elsewhere(self, ast: Ast, calls: Mapping[str, int]) -> list[Diagnostic]:
        found = []
        for name, node in calls.items():
            if name in providers() and not exists_at(name, self._point):
                message = f"`{name}` does not exist at `{self._point.name}`"
                span = place(ast, node)
                found.append(Diagnostic("wrong-point", message, span, help=points_with(name)))
        return found

    def _redactable(self, rule: Rule, conditions: list[CheckedCondition]) -> None:
        """A rule that redacts must find text, of the types that it redacts in their own styles."""
        effect = next((e for e in rule.obligations if isinstance(e, Redact)), None)
        if effect is None:
            return
        self._types_found(rule, effect, conditions)
        if not any(self._finds_text(c) for c in conditions if not c.negate):
            message = f"rule `{rule.id}` redacts, but no clause of it finds text"
            help = "add a clause such as `words`"
            if not self._point.texts:
                message = f"rule `{rule.id}` redacts, but `{self._point.name}` has no text"
                help = ""
            span = rule.spans.get(("redact",), rule.span)
            self.problems.append(Diagnostic("nothing-to-redact", message, span, help=help))

    def _types_found(self, rule: Rule, effect: Redact, conditions: list[CheckedCondition]) -> None:
        """A style for a type that nothing finds is a mistake: the type is then in another style."""
        facts = [fact for c in conditions if not c.negate for fact in self._facts(c)]
        known: set[str] = set()
        for fact in facts:
            types = getattr(providers()[fact.provider], "types", None)
            if types is None:
                return
            known.update(types(fact.config))
        for name in effect.types if known else ():
            if name not in known:
                meant = closest(name, sorted(known))
                self.problems.append(
                    Diagnostic(
                        "unknown-type",
                        f"nothing that rule `{rule.id}` finds is of type `{name}`",
                        rule.spans.get(("redact",), rule.span),
                        f"did you mean `{meant}`?" if meant else "",
                        "" if meant else f"it finds {listed(sorted(known), most=20)}",
                    )
                )

    def _facts(self, condition: CheckedCondition) -> Iterator[FactInfo]:
        """The questions of a condition, and of the variables behind it."""
        yield from condition.facts.values()
        used = self._expressions.uses_of(condition.expression.ast).variables
        for name in used:
            if name in self._checked:
                yield from self._facts(self._checked[name])

    def _finds_text(self, condition: CheckedCondition) -> bool:
        if any(providers()[fact.provider].READS == "texts" for fact in condition.facts.values()):
            return True
        used = self._expressions.uses_of(condition.expression.ast).variables
        return any(self._finds_text(self._checked[name]) for name in used if name in self._checked)
