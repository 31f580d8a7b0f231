"""The decision IR: what a point's function must compute, before it is Python.

A rule is a row of conjuncts. Passes only reorder and group; none changes what a rule means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.emit.paths import Leaf, Used
from policyengine.program import FactInfo
from policyengine.rules.model import CheckedCondition, CheckedPoint, CheckedRule

NO_USES = Used(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One condition that must hold, or with `negate` must not; `facts` are those it reads."""

    expression: CheckedExpression
    node: cel.Expr
    negate: bool
    facts: frozenset[int]


@dataclass(frozen=True, slots=True)
class RuleIR:
    """A rule at its position; its fast form takes the optional `paths` of its uses for granted."""

    position: int
    checked: CheckedRule
    conjuncts: tuple[Conjunct, ...]
    facts: frozenset[int]
    uses: Used = NO_USES
    paths: frozenset[Leaf] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that a look-up finds, and the conjuncts that are still to be tested."""

    rule: RuleIR
    rest: tuple[Conjunct, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rules by the constant that a path must equal, or by the tuple for several paths."""

    paths: tuple[Leaf, ...]
    table: Mapping[Any, tuple[Found, ...]]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Rules by what a path must begin with, one table for each length."""

    path: Leaf
    tables: Mapping[int, Mapping[str, tuple[Found, ...]]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Rules that compare a path with a bound and ask nothing else, in order of their bounds."""

    path: Leaf
    operator: str
    bounds: tuple[tuple[int, RuleIR], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that take the same optional paths for granted, tested once for all of them.

    `tried` are the rules that no look-up finds.
    """

    paths: frozenset[Leaf]
    rules: tuple[RuleIR, ...]
    tried: tuple[RuleIR, ...]
    lookups: tuple[Lookup, ...] = ()
    prefixes: tuple[Prefixes, ...] = ()
    thresholds: tuple[Threshold, ...] = ()

    @property
    def is_indexed(self) -> bool:
        """Whether rules are reported in another order than theirs."""
        return len(self.tried) < len(self.rules)


@dataclass(frozen=True, slots=True)
class PointIR:
    """A decision point: its rules in groups, those with facts behind, cheapest first."""

    checked: CheckedPoint
    variables: Mapping[tuple[str, str], CheckedCondition]
    facts: tuple[FactInfo, ...]
    rules: tuple[RuleIR, ...]
    groups: tuple[Group, ...] = ()
    asking: tuple[RuleIR, ...] = ()
