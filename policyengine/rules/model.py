"""Bundles, policies and rules as values, before and after checking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from policyengine.cel.ast import Ast
from policyengine.cel.checked import CheckedExpression
from policyengine.cel.cost import DEFAULT_SIZES, Sizes
from policyengine.cel.nodes import node
from policyengine.cel.types import ObjectType
from policyengine.diagnostics import Diagnostic
from policyengine.program import (
    DEFAULT_SCAN,
    FactInfo,
    Mode,
    ObligationEffect,
    Origin,
    Scan,
    Severity,
    TextPath,
    Verdict,
    VerdictEffect,
)
from policyengine.source import Source, Span, Text


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a rule as written: `when` and `unless` hold CEL, others a value.

    `spans` gives the place of each part of `value` by its path, `()` being the whole. A clause
    `policy` has the CEL policy that it names or holds in `policy`.
    """

    name: str
    value: Any
    text: Text | None
    span: Span
    spans: Mapping[tuple[str | int, ...], Span] = field(default_factory=dict, repr=False)
    policy: CelPolicy | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A named expression of a policy, usable as `variables.<name>` in it."""

    name: str
    text: Text
    span: Span


@dataclass(frozen=True, slots=True)
class Match:
    """One entry of `match` or `aggregate`: an output or a nested rule, under a condition.

    Without a condition it is always taken. `explanation` says why, in words. With `negate` the
    condition must be false for the output to be given, as in a validation.
    """

    span: Span
    condition: Text | None
    output: Text | None
    explanation: Text | None
    rule: PolicyRule | None
    negate: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of a CEL policy: its variables, then what it gives.

    With `aggregate` it gives the outputs of all matches that are taken as a list, else that of
    the first one.
    """

    span: Span
    id: str
    description: str
    variables: tuple[Variable, ...]
    matches: tuple[Match, ...]
    aggregate: bool

    def within(self) -> Iterator[PolicyRule]:
        """The rule and all that are nested in it, outermost first."""
        yield self
        for match in self.matches:
            if match.rule is not None:
                yield from match.rule.within()

    def texts(self) -> Iterator[Text]:
        """All CEL of the rule and of those that are nested in it."""
        for rule in self.within():
            for variable in rule.variables:
                yield variable.text
            for match in rule.matches:
                written = (match.condition, match.output, match.explanation)
                yield from (text for text in written if text is not None)


@dataclass(frozen=True, slots=True)
class CelPolicy:
    """A CEL policy: a file, or the body of a rule. `imports` are qualified names of types."""

    path: str
    name: str
    description: str
    imports: tuple[str, ...]
    rule: PolicyRule


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as written. All clauses must hold; `verdict` and `obligations` are its effects.

    `span` is where its `id` stands. `mode` and `on_error` are None where not written.
    """

    id: str
    clauses: tuple[Clause, ...]
    verdict: VerdictEffect | None
    obligations: tuple[ObligationEffect, ...]
    span: Span
    mode: Mode | None = None
    on_error: Literal["match", "skip"] | None = None
    description: str = ""
    spans: Mapping[tuple[str | int, ...], Span] = field(
        default_factory=dict, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file. `span` is where its name stands.

    `spans` gives the places of its keys and points (`("on", 0)`), for a rule those of its keys.
    """

    name: str
    on: tuple[str, ...]
    rules: tuple[Rule, ...]
    span: Span
    variables: tuple[Variable, ...] = ()
    mode: Mode = "enforce"
    final: bool = False
    severity: Severity = "medium"
    owner: str = ""
    controls: tuple[str, ...] = ()
    description: str = ""
    spans: Mapping[tuple[str | int, ...], Span] = field(
        default_factory=dict, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Point:
    """A decision point: the type of its input, and where text stands in it.

    `input` is an object type whose fields are the CEL variables of the point. `schema` is the
    JSON Schema it was made from. `origins` says for each text whose words it is.
    """

    name: str
    description: str
    input: ObjectType
    texts: tuple[TextPath, ...]
    schema: Mapping[str, Any] = field(repr=False)
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """What expressions may cost: `expression` each and `point` all of a decision point, in steps.

    `sizes` are those that inputs are assumed to have (`policyengine.cel.cost`).
    """

    expression: int = 100_000_000
    point: int = 10_000_000_000
    sizes: Sizes = DEFAULT_SIZES


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as read from its folder, overlays not yet merged.

    `root` is the folder as it was given. `sources` maps display paths to files. `digest` covers
    every file that can change a decision. `defaults` maps points to verdicts, `data` the names of
    data files (`prices`, `tiers`) to their normal forms.
    """

    root: str
    name: str
    version: str
    digest: str
    policies: tuple[Policy, ...]
    points: Mapping[str, Point]
    constants: Mapping[str, Any]
    defaults: Mapping[str, Verdict]
    extends: tuple[Bundle, ...]
    sources: Mapping[str, Source] = field(repr=False)
    spans: Mapping[tuple[str | int, ...], Span] = field(repr=False)
    description: str = ""
    warnings: tuple[Diagnostic, ...] = ()
    budget: Budget = Budget()
    scan: Scan = DEFAULT_SCAN
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """A clause as CEL: `ast` is the author's own, or what the sugar stands for."""

    clause: str
    ast: Ast
    negate: bool
    span: Span


@node
@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """A condition with types; `facts` are the questions that its fact calls ask, by node id."""

    clause: str
    expression: CheckedExpression
    negate: bool
    span: Span
    facts: Mapping[int, FactInfo]


@node
@dataclass(frozen=True, slots=True)
class CheckedRule:
    """A rule at one decision point, ready for code generation.

    `mode` and `on_error` are settled.
    """

    rule: Rule
    policy: Policy
    conditions: tuple[CheckedCondition, ...]
    mode: Mode
    on_error: Literal["match", "skip"]


@dataclass(frozen=True, slots=True)
class CheckedPoint:
    """All rules of a decision point, in the order in which they are reported.

    `variables` maps a policy's name to its variables by name, in order, so that each uses only
    earlier ones. In expressions a variable is `VariableRef("variables.<name>")`, a constant
    `VariableRef("constants.<name>")`, the time `VariableRef("now")`.
    """

    point: Point
    default: Verdict
    rules: tuple[CheckedRule, ...]
    variables: Mapping[str, Mapping[str, CheckedCondition]]


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle without errors, its overlays merged. Only `check()` makes one."""

    bundle: Bundle
    points: Mapping[str, CheckedPoint]
    constants: Mapping[str, Any]
    warnings: tuple[Diagnostic, ...] = ()
