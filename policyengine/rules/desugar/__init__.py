"""Clauses as CEL: what an author may write shortly, built as the tree that it stands for.

One kind of clause, one file. Trees are built from nodes, never from pasted text, so nothing that
an author or a plug-in says can become code.
"""

from __future__ import annotations

from policyengine.rules.desugar.facts import fact_condition
from policyengine.rules.desugar.models import models_condition
from policyengine.rules.desugar.tools import tools_condition
from policyengine.rules.model import Clause, Condition, Point


def desugar(clause: Clause, point: Point) -> Condition:
    """The condition that a clause other than `when` and `unless` stands for at a point.

    Raises `CompileError` where the clause has no meaning at that point.
    """
    match clause.name:
        case "models":
            return models_condition(clause, point)
        case "tools":
            return tools_condition(clause, point)
        case _:
            return fact_condition(clause, point)


__all__ = ["desugar"]
