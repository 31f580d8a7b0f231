"""A policy by itself, as programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from policyengine.cel.ast import Constant, Expr
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.environment import Environment, Program
from policyengine.cel.types import Type
from policyengine.rules.cel_policy.composing import Composing, checked_policy
from policyengine.rules.cel_policy.typing import Typed
from policyengine.rules.model import CelPolicy, Match
from policyengine.source import Text


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy as two programs of the same input.

    `output` gives what the policy gives. Where it may give nothing (`total` is false) it gives an
    optional; an `aggregate` gives a list. `explanation` gives the explanations of the matches
    that `output` takes, in the same form; one that has none is the empty text. Where there is
    an aggregate anywhere, they come as lists.
    """

    name: str
    total: bool
    output: Program
    explanation: Program


def compile(policy: CelPolicy, environment: Environment) -> CompiledPolicy:
    """The programs of a policy. The environment must have the library `optionals`.

    Raises `CompileError` with everything that is wrong with the rules and their expressions.
    """

    named = environment.extended({}, policy.imports)

    def check(
        text: Text, variables: Mapping[str, Type], expected: Type | None
    ) -> CheckedExpression:
        return named.extended(variables).check(text, expected)

    checked = checked_policy(policy, check)
    # Beside an aggregate outputs are lists already, explanations have to become some.
    listed = any(rule.aggregate for rule in policy.rule.within())
    output = _Part(policy, checked, lambda match: match.output)
    explanation = _Part(policy, checked, lambda match: match.explanation, listed=listed)
    return CompiledPolicy(
        policy.name,
        checked.total(policy.rule),
        named.compile_tree(output.tree(output.whole())),
        named.compile_tree(explanation.tree(explanation.whole())),
    )


class _Part(Composing):
    """The outputs, or the explanations, just as they are."""

    def __init__(
        self,
        policy: CelPolicy,
        checked: Typed,
        part: Callable[[Match], Text | None],
        *,
        listed: bool = False,
    ) -> None:
        super().__init__(policy, checked, listed=listed)
        self._written = part

    def leaf(self, match: Match) -> Expr:
        text = self._written(match)
        if text is None:
            return self.otherwise()
        return self.expression(text)

    def otherwise(self) -> Expr:
        return Constant(self.new_id(), self.at, self.at, "string", "")
