"""From `Bundle` to `CheckedBundle`: overlays merged, every expression typed at every point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policyengine.cel.functions import table
from policyengine.cel.suggestions import closest, listed
from policyengine.cel.types import TIMESTAMP, Type
from policyengine.diagnostics import CompileError, Diagnostic, ordered
from policyengine.rules.at_point import PointCheck, Scope
from policyengine.rules.combining import rule_warnings, tied_routes
from policyengine.rules.constants import type_of
from policyengine.rules.costs import budget_of, too_costly
from policyengine.rules.facts import fact_functions
from policyengine.rules.kinds import misspelt_kinds
from policyengine.rules.language import functions
from policyengine.rules.meters import in_pairs, uncharged
from policyengine.rules.model import (
    Budget,
    Bundle,
    CheckedBundle,
    CheckedPoint,
    CheckedRule,
    Point,
    Policy,
)
from policyengine.rules.overlays import Merged, merge
from policyengine.rules.parts import (
    Expressions,
    Group,
    constants_used,
    group,
    unused_variables,
)
from policyengine.rules.points import builtin_points
from policyengine.rules.priced import unpriced
from policyengine.rules.tiers import unasked_kinds, unknown_tiers
from policyengine.source import Span


def check(bundle: Bundle) -> CheckedBundle:
    """Merge a bundle's overlays and check all of it.

    Raises `CompileError` with everything that is wrong; warnings are kept in the result.

    >>> from policyengine.rules.load import load_text
    >>> manifest = "apiVersion: policyengine.dev/v1\\nkind: Bundle\\nname: b\\nversion: 1.0.0\\n"
    >>> check(load_text({"bundle.yaml": manifest})).points["llm.request"].default
    'deny'
    """
    points = {**builtin_points(), **bundle.points}
    expressions = Expressions()
    merged = merge(bundle, constants_used(bundle, expressions))
    problems = [*merged.problems, *_unknown_points(bundle, points)]
    groups = [
        group(parts, merged.constants, expressions, problems) for parts in merged.groups.values()
    ]
    typed = {name: type_of(value) for name, value in merged.constants.items()}
    found = _Findings(problems)
    budget = budget_of(bundle), bundle.spans.get(("limits",), bundle.spans[("name",)])
    checked = {
        name: _point(
            point, merged, groups, expressions, _scope(point, typed), found, budget, bundle.data
        )
        for name, point in points.items()
    }
    everything = [*expressions.problems, *found.settled(groups)]
    if any(diagnostic.severity == "error" for diagnostic in everything):
        raise CompileError(everything)
    warnings = [*bundle.warnings, *everything, *unasked_kinds(bundle, checked)]
    warnings += uncharged(checked.values())
    warnings += unpriced(bundle, checked.values())
    warnings += misspelt_kinds(checked)
    for one in groups:
        warnings += in_pairs(rule for part in one.parts for rule in part.rules)
        warnings += unused_variables(one, expressions)
        warnings += rule_warnings(one.parts)
    return CheckedBundle(bundle, checked, merged.constants, ordered(warnings))


class _Findings:
    """Diagnostics with the points at which each was found, so that each is said once."""

    def __init__(self, general: list[Diagnostic]) -> None:
        self._general = general
        self._at: dict[tuple[str, Span], dict[str, Diagnostic]] = {}

    def add(self, point: str, diagnostic: Diagnostic) -> None:
        """Note a diagnostic of one point."""
        self._at.setdefault((diagnostic.slug, diagnostic.span), {})[point] = diagnostic

    def settled(self, groups: list[Group]) -> list[Diagnostic]:
        """All of them; what holds at some points of a policy only says at which."""
        if not self._at:
            return list(self._general)
        points_of: dict[str, set[str]] = {}
        for one in groups:
            for part in one.parts:
                for path in (part.span.path, *_bodies(part)):
                    points_of.setdefault(path, set()).update(part.on)
        found = list(self._general)
        for (_, span), by_point in self._at.items():
            first = next(iter(by_point.values()))
            others = points_of.get(span.path, set()) - set(by_point)
            if others and not any(f"`{point}`" in first.message for point in by_point):
                where = f"at {listed(by_point)}"
                help = f"{first.help}; {where}" if first.help else where
                first = Diagnostic(
                    first.slug, first.message, first.span, first.note, help, first.related,
                    first.severity,
                )  # fmt: skip
            found.append(first)
        return found


def _bodies(policy: Policy) -> set[str]:
    """The files of the CEL policies that rules have as bodies."""
    clauses = (clause for rule in policy.rules for clause in rule.clauses)
    return {clause.policy.path for clause in clauses if clause.policy is not None}


def _scope(point: Point, constants: Mapping[str, Type]) -> Scope:
    fields = {name: field.type for name, field in point.input.fields.items()}
    known = table([*functions(), *fact_functions(point)])
    return Scope({**fields, "now": TIMESTAMP}, constants, known)


def _point(
    point: Point,
    merged: Merged,
    groups: list[Group],
    expressions: Expressions,
    scope: Scope,
    found: _Findings,
    budget: tuple[Budget, Span],
    data: Mapping[str, Any],
) -> CheckedPoint:
    rules: list[CheckedRule] = []
    variables = {}
    for one in groups:
        here = [part for part in one.parts if point.name in part.on]
        if not here:
            continue
        checking = PointCheck(point, one, expressions, scope, merged.constants)
        variables[one.name] = checking.variables(here)
        for part in here:
            for rule in part.rules:
                rules += checking.rule(rule, part)
        for diagnostic in checking.problems:
            found.add(point.name, diagnostic)
    for diagnostic in (*tied_routes(rules), *unknown_tiers(rules, data.get("tiers"))):
        found.add(point.name, diagnostic)
    default = merged.defaults.get(point.name, "deny")
    checked = CheckedPoint(point, default, tuple(rules), variables)
    for diagnostic in too_costly(checked, *budget):
        found.add(point.name, diagnostic)
    return checked


def _unknown_points(bundle: Bundle, points: Mapping[str, Point]) -> list[Diagnostic]:
    found = [problem for base in bundle.extends for problem in _unknown_points(base, points)]
    places = [
        (name, policy.spans.get(("on", i), policy.span))
        for policy in bundle.policies
        for i, name in enumerate(policy.on)
    ]
    whole = bundle.spans.get((), Span.start_of(bundle.root))
    places += [(n, bundle.spans.get(("defaults", n), whole)) for n in bundle.defaults]
    for name, span in places:
        if name not in points:
            meant = closest(name, points)
            found.append(
                Diagnostic(
                    "unknown-point",
                    f"there is no decision point `{name}`",
                    span,
                    f"did you mean `{meant}`?" if meant else "",
                    "" if meant else f"there are {listed(points)}",
                )
            )
    return found
