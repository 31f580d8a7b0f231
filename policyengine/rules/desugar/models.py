"""`models: [opus-*, gpt-5]`: the model asked for is one of these."""

from __future__ import annotations

from policyengine.cel.ast import Expr
from policyengine.rules.desugar.fields import guarded, holds, not_here
from policyengine.rules.desugar.names import named
from policyengine.rules.desugar.tree import Tree
from policyengine.rules.model import Clause, Condition, Point

_MODEL = ("request", "model")


def models_condition(clause: Clause, point: Point) -> Condition:
    """`request.model in [...]`, with `startsWith` and the like for names with wildcards."""
    if not holds(point, _MODEL):
        raise not_here(clause, point, "it needs `request.model`")
    tree = Tree(clause)

    def model() -> Expr:
        return tree.select(tree.name("request"), "model")

    return tree.condition(guarded(tree, point, _MODEL, named(tree, clause.value, model)))
