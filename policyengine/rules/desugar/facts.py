"""`words: [...]` and every other clause of a provider of facts: it found something."""

from __future__ import annotations

from policyengine.rules.desugar.fields import not_here
from policyengine.rules.desugar.tree import Tree
from policyengine.rules.facts import exists_at, points_with
from policyengine.rules.model import Clause, Condition, Point


def fact_condition(clause: Clause, point: Point) -> Condition:
    """`size(words(<the clause's value>)) > 0`."""
    if not exists_at(clause.name, point):
        raise not_here(clause, point, points_with(clause.name))
    tree = Tree(clause)
    value = tree.literal(clause.value)
    tree.stand_at(())
    found = tree.call("size", tree.call(clause.name, value))
    return tree.condition(tree.call("_>_", found, tree.constant(0)))
