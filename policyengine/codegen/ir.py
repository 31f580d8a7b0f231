"""The decision IR: what a point's function must compute, before it is Python.

A rule is a row of conjuncts. Passes only reorder and group; none changes what a rule means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.emit.paths import Leaf, Used
from policyengine.cel.nodes import node
from policyengine.program import FactInfo
from policyengine.rules.model import CheckedCondition, CheckedPoint, CheckedRule

NO_USES = Used(frozenset(), frozenset())


@node
@dataclass(frozen=True, slots=True)
class Conjunct:
    """One condition that must hold, or with `negate` must not; `facts` are those it reads."""

    expression: CheckedExpression
    node: cel.Expr
    negate: bool
    facts: frozenset[int]


@node
@dataclass(frozen=True, slots=True)
class RuleIR:
    """A rule at its position; its fast form takes the optional `paths` of its uses for granted."""

    position: int
    checked: CheckedRule
    conjuncts: tuple[Conjunct, ...]
    facts: frozenset[int]
    uses: Used = NO_USES
    paths: frozenset[Leaf] = frozenset()


@node
@dataclass(frozen=True, slots=True)
class Found:
    """A rule that a look-up finds, and the conjuncts that are still to be tested."""

    rule: RuleIR
    rest: tuple[Conjunct, ...]


class Key(NamedTuple):
    """A path by whose value rules are looked up; `guarded` ones are false where it is absent."""

    leaf: Leaf
    guarded: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rules by the constant that a path must equal, or by the tuple for several paths."""

    keys: tuple[Key, ...]
    table: Mapping[Any, tuple[Found, ...]]

    @property
    def found(self) -> Iterator[Found]:
        """All rules, those under several constants more than once."""
        return chain.from_iterable(self.table.values())


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Rules by what a path must begin with, one table for each length."""

    keys: tuple[Key]
    tables: Mapping[int, Mapping[str, tuple[Found, ...]]]

    @property
    def found(self) -> Iterator[Found]:
        """All rules."""
        return chain.from_iterable(each for t in self.tables.values() for each in t.values())


@dataclass(frozen=True, slots=True)
class Mentions:
    """Rules by a text that a path must contain."""

    keys: tuple[Key]
    table: Mapping[str, tuple[Found, ...]]

    @property
    def found(self) -> Iterator[Found]:
        """All rules."""
        return chain.from_iterable(self.table.values())


@dataclass(frozen=True, slots=True)
class Threshold:
    """Rules that compare a path with a bound and ask the same besides, in order of bounds."""

    keys: tuple[Key]
    operator: str
    bounds: tuple[tuple[int, Found], ...]

    @property
    def found(self) -> Iterator[Found]:
        """All rules."""
        return (found for _, found in self.bounds)


AnyLookup = Lookup | Prefixes | Mentions | Threshold


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that take the same optional paths for granted, tested once for all of them."""

    paths: frozenset[Leaf]
    rules: tuple[RuleIR, ...]


@dataclass(frozen=True, slots=True)
class PointIR:
    """A decision point: rules in groups and look-ups, those with facts behind, cheapest first."""

    checked: CheckedPoint
    variables: Mapping[tuple[str, str], CheckedCondition]
    facts: tuple[FactInfo, ...]
    rules: tuple[RuleIR, ...]
    groups: tuple[Group, ...] = ()
    lookups: tuple[AnyLookup, ...] = ()
    asking: tuple[RuleIR, ...] = ()
