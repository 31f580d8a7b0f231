"""Whether the expressions of a decision point stay within the bundle's budget."""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.cel.cost import costliest, estimate, quick_bound
from policyengine.diagnostics import Diagnostic
from policyengine.rules.model import Budget, Bundle, CheckedCondition, CheckedPoint
from policyengine.source import Span

_HELP = "`limits` in the bundle's manifest sets the budget, and the sizes that are assumed"


def budget_of(bundle: Bundle) -> Budget:
    """The tightest budget of a bundle and its bases, for the largest inputs that one assumes."""
    budget = bundle.budget
    for base in map(budget_of, bundle.extends):
        sizes = type(budget.sizes)(
            max(budget.sizes.elements, base.sizes.elements),
            max(budget.sizes.characters, base.sizes.characters),
        )
        budget = Budget(
            min(budget.expression, base.expression), min(budget.point, base.point), sizes
        )
    return budget


def too_costly(point: CheckedPoint, budget: Budget, whole: Span) -> list[Diagnostic]:
    """Each expression over the budget at its costliest part, or all of them together at `whole`."""
    found: list[Diagnostic] = []
    bounds = 0
    conditions = list(_conditions(point))
    for condition in conditions:
        expression = condition.expression
        bound = quick_bound(expression, budget.sizes)
        if bound is None or bound > budget.expression:
            bound = estimate(expression, budget.sizes).most
        bounds += bound
        if bound > budget.expression:
            span = expression.ast.span(costliest(expression, budget.expression, budget.sizes))
            message = f"this may take {_steps(bound)}, at most {budget.expression:,} are allowed"
            found.append(Diagnostic("too-costly", message, span, help=_HELP))
    if found or bounds <= budget.point:
        return found
    # The bounds seen at a glance are too high.
    most = sum(estimate(c.expression, budget.sizes).most for c in conditions)
    if most <= budget.point:
        return []
    name = point.point.name
    message = f"all rules at `{name}` may take {_steps(most)}, at most {budget.point:,} are allowed"
    return [Diagnostic("too-costly", message, whole, help=_HELP)]


def _conditions(point: CheckedPoint) -> Iterator[CheckedCondition]:
    """The variables, which are evaluated once, and the conditions."""
    for variables in point.variables.values():
        yield from variables.values()
    for rule in point.rules:
        yield from rule.conditions


def _steps(count: int) -> str:
    return f"{count:,} steps" if count < 10**15 else "more than 10^15 steps"
