"""The expressions of a policy, each checked where it stands, and what is wrong with the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from policyengine.cel.ast import Constant
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.types import BOOL, DYN, ERROR, STRING, ListType, Type
from policyengine.cel.unify import Unifier
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.model import Match, PolicyRule
from policyengine.source import Text

Check = Callable[[Text, Mapping[str, Type], Type | None], CheckedExpression | None]
"""Checks an expression, given the policy's variables that it may read and the type that it must
have. Raises `CompileError`; gives None for what is wrong and told of elsewhere."""


@dataclass(slots=True)
class Typed:
    """What checking has learnt: every expression, by its text, and everything that is wrong.

    `broken` says that something is wrong that is told of elsewhere.
    """

    expressions: dict[Text, CheckedExpression] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    broken: bool = False

    def literally(self, text: Text | None, value: bool) -> bool:
        """Whether a condition is the literal `true` or `false`; without one it is true."""
        if text is None:
            return value
        checked = self.expressions.get(text)
        root = None if checked is None else checked.ast.root
        return isinstance(root, Constant) and root.value is value

    def always(self, match: Match) -> bool:
        """Whether a match is taken whatever the input."""
        return self.literally(match.condition, match.negate is False)

    def total(self, rule: PolicyRule) -> bool:
        """Whether a rule always gives something."""
        if rule.aggregate:
            return True
        for match in rule.matches:
            conditional = not self.always(match)
            if match.rule is None:
                if not conditional:
                    return True
            elif conditional:
                # Once its condition holds, what a nested rule gives is final, be it nothing.
                if not self.total(match.rule):
                    return False
            elif self.total(match.rule):
                return True
        return False


def typed(rule: PolicyRule, check: Check) -> Typed:
    """All expressions of a rule, checked. What is wrong is in `problems`."""
    checking = _Checking(check)
    checking.rule(rule, {})
    return checking.found


class _Checking:
    def __init__(self, check: Check) -> None:
        self._check_one = check
        self._unifier = Unifier()
        self.found = Typed()

    def rule(self, rule: PolicyRule, outer: Mapping[str, Type]) -> Type:
        """The type that a rule gives, where it gives something."""
        scope = dict(outer)
        for variable in rule.variables:
            checked = self._check(variable.text, scope, None)
            scope[f"variables.{variable.name}"] = ERROR if checked is None else checked.type
        given: Type | None = None
        for at, match in enumerate(rule.matches):
            type_ = self._match(match, scope)
            given = self._joined(given, type_, match)
            last = at == len(rule.matches) - 1
            self._reachable(rule, match, last=last)
        given = DYN if given is None else given
        return ListType(given) if rule.aggregate else given

    def _match(self, match: Match, scope: Mapping[str, Type]) -> Type:
        if match.condition is not None:
            self._check(match.condition, scope, BOOL)
        if match.explanation is not None:
            self._check(match.explanation, scope, STRING)
        if match.rule is not None:
            return self.rule(match.rule, scope)
        assert match.output is not None
        checked = self._check(match.output, scope, None)
        return ERROR if checked is None else checked.type

    def _check(
        self, text: Text, scope: Mapping[str, Type], expected: Type | None
    ) -> CheckedExpression | None:
        try:
            checked = self._check_one(text, scope, expected)
        except CompileError as error:
            self.found.problems += error.diagnostics
            return None
        if checked is None:
            self.found.broken = True
            return None
        self.found.expressions[text] = checked
        return checked

    def _joined(self, before: Type | None, type_: Type, match: Match) -> Type:
        if before is None:
            return type_
        joined = self._unifier.join(before, type_)
        if joined is None:
            message = f"this gives `{type_}`, matches before it give `{before}`"
            help = "all outputs of a policy have one type"
            span = match.span
            if match.output is not None:
                span = match.output.span(0, len(match.output.value))
            self.found.problems.append(Diagnostic("incompatible-outputs", message, span, help=help))
            return ERROR
        return joined

    def _reachable(self, rule: PolicyRule, match: Match, *, last: bool) -> None:
        found = self.found
        if rule.aggregate:
            if match.condition is not None and found.literally(match.condition, False):
                span = match.condition.span(0, len(match.condition.value))
                found.problems.append(
                    Diagnostic("always-false", "this condition is always false", span)
                )
            return
        if last or not found.always(match):
            return
        if match.rule is None or found.total(match.rule):
            what = "match" if match.rule is None else "rule"
            message = f"this {what} is always taken, so those behind it never are"
            help = "give it a condition, or put it last"
            slug = f"unreachable-behind-{what}"
            found.problems.append(Diagnostic(slug, message, match.span, help=help))
