"""`tools: [shell, fs.*]`: the tool that is called, or one of those offered, is one of these."""

from __future__ import annotations

from policyengine.cel.ast import Expr
from policyengine.rules.desugar.fields import guarded, holds, not_here
from policyengine.rules.desugar.names import named
from policyengine.rules.desugar.tree import Tree
from policyengine.rules.model import Clause, Condition, Point

_NAME = ("tool", "name")
_OFFERED = ("request", "tools")


def tools_condition(clause: Clause, point: Point) -> Condition:
    """`tool.name in [...]`; at `llm.request` the same of any element of `request.tools`."""
    tree = Tree(clause)

    def called() -> Expr:
        return tree.select(tree.name("tool"), "name")

    def offered() -> Expr:
        return tree.select(tree.name("t"), "name")

    if holds(point, _NAME):
        body = named(tree, clause.value, called)
        return tree.condition(guarded(tree, point, _NAME, body))
    if holds(point, (*_OFFERED, "[]", "name")):
        body = named(tree, clause.value, offered)
        tree.stand_at(())
        tools = tree.select(tree.name("request"), "tools")
        return tree.condition(guarded(tree, point, _OFFERED, tree.exists(tools, "t", body)))
    raise not_here(clause, point, "it needs `tool.name` or `request.tools`")
