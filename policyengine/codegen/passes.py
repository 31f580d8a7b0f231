"""The passes over the decision IR that split, order and group; `lower` lists all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.paths import Leaf, Path, Used, path_of, used_paths
from policyengine.cel.emit.reference import chain as operands
from policyengine.cel.types import ObjectType
from policyengine.codegen.ir import Conjunct, Group, PointIR, RuleIR
from policyengine.program import FactInfo
from policyengine.rules.model import CheckedCondition, CheckedPoint, CheckedRule

_NO_FACTS: frozenset[int] = frozenset()

# A variable of at most this many nodes is cheaper to compute again than to remember.
INLINE_SIZE = 6


def split(point: CheckedPoint) -> PointIR:
    """`when: a && b` and `unless: c` become the conjuncts `a`, `b` and `not c`."""
    variables = {
        (policy, name): condition
        for policy, named in point.variables.items()
        for name, condition in named.items()
    }
    facts = _facts(point, variables)
    positions = {_question(fact): i for i, fact in enumerate(facts)}
    rules = []
    for position, checked in enumerate(point.rules):
        conjuncts = tuple(
            conjunct
            for condition in checked.conditions
            for conjunct in _conjuncts(condition, checked, variables, positions)
        )
        used = frozenset(fact for conjunct in conjuncts for fact in conjunct.facts)
        rules.append(RuleIR(position, checked, conjuncts, used))
    return PointIR(point, variables, facts, tuple(rules))


def order(ir: PointIR) -> PointIR:
    """Conjuncts that need no fact come first; `&&` does not care for order."""
    return replace(
        ir,
        rules=tuple(
            replace(rule, conjuncts=tuple(sorted(rule.conjuncts, key=lambda c: bool(c.facts))))
            if rule.facts
            else rule
            for rule in ir.rules
        ),
    )


def separate(ir: PointIR) -> PointIR:
    """Rules with facts run after the others, so that a settled verdict saves the asking."""
    asking = sorted(
        (rule for rule in ir.rules if rule.facts),
        key=lambda rule: (max(rule.facts), rule.position),
    )
    return replace(ir, asking=tuple(asking))


def partition(ir: PointIR) -> PointIR:
    """One group for each set of optional paths, so that a missing field slows only its rules."""
    groups: dict[frozenset[Leaf], list[RuleIR]] = {}
    every = []
    # By the tables of their expressions, which those of one shape share.
    known: dict[tuple[int, ...], tuple[Used, frozenset[Leaf]]] = {}
    for rule in ir.rules:
        key = tuple(
            [id(expression.types) for expression in _expressions(rule.checked, ir.variables)]
        )
        if key not in known:
            used = rule_uses(ir, rule)
            known[key] = used, frozenset(_granted(ir, used))
        uses, paths = known[key]
        every.append(RuleIR(rule.position, rule.checked, rule.conjuncts, rule.facts, uses, paths))
        groups.setdefault(paths, []).append(every[-1])
    made = []
    for paths, rules in groups.items():
        plain = tuple(rule for rule in rules if not rule.facts)
        if plain:
            made.append(Group(paths, plain))
    return replace(ir, rules=tuple(every), groups=tuple(made))


def is_given(name: str) -> bool:
    """Whether a variable is no part of the input: the time, a constant, a policy's variable."""
    return name == "now" or name.startswith(("variables.", "constants."))


def is_required(root: ObjectType, path: Path) -> bool:
    """Whether a valid input always has a path."""
    type_: Any = root
    for step in path:
        if not isinstance(type_, ObjectType):
            return False
        field = type_.fields[step]
        if not field.required:
            return False
        type_ = field.type
    return True


def rule_uses(ir: PointIR, rule: RuleIR) -> Used:
    """All paths that a rule reads and asks for, in its variables too."""
    read: set[Leaf] = set()
    tested: set[Leaf] = set()
    for expression in _expressions(rule.checked, ir.variables):
        used = used_paths(expression, is_given)
        read.update(used.read)
        tested.update(used.tested)
    return Used(frozenset(read), frozenset(tested))


def read_by(conjuncts: tuple[Conjunct, ...]) -> frozenset[Leaf] | None:
    """The paths that conjuncts read; None where variables stand before them."""
    read: set[Leaf] = set()
    for conjunct in conjuncts:
        pending = [conjunct.node]
        while pending:
            node = pending.pop()
            found = path_of(conjunct.expression, node)
            if found is None:
                pending.extend(cel.children(node))
            elif found[0][0].startswith("variables."):
                return None
            else:
                read.add((found[0], kind(found[1])))
    return frozenset(read)


def _granted(ir: PointIR, used: Used) -> Iterator[Leaf]:
    root = ir.checked.point.input
    for path, kind_ in used.read:
        asked = any(path[: len(tested)] == tested for tested, _ in used.tested)
        if not asked and not kind_.endswith("?") and not is_required(root, path):
            yield path, kind_


def _expressions(
    checked: CheckedRule, variables: Mapping[tuple[str, str], CheckedCondition]
) -> Iterator[CheckedExpression]:
    seen: set[str] = set()
    pending = [condition.expression for condition in checked.conditions]
    while pending:
        expression = pending.pop()
        yield expression
        for name in named_variables(expression) if variables else ():
            if name not in seen:
                seen.add(name)
                pending.append(variables[checked.policy.name, name].expression)


def named_variables(expression: CheckedExpression) -> list[str]:
    """The policy variables that an expression reads, without their prefix."""
    prefix = "variables."
    return [
        reference.name[len(prefix) :]
        for reference in expression.references.values()
        if isinstance(reference, VariableRef) and reference.name.startswith(prefix)
    ]


def _conjuncts(
    condition: CheckedCondition,
    rule: CheckedRule,
    variables: Mapping[tuple[str, str], CheckedCondition],
    positions: Mapping[str, int],
) -> Iterator[Conjunct]:
    root = condition.expression.ast.root
    joined = isinstance(root, cel.Call) and root.function == "_&&_" and not condition.negate
    nodes = operands(root) if joined and isinstance(root, cel.Call) else [root]
    for node in nodes:
        if not positions:
            yield Conjunct(condition.expression, node, condition.negate, _NO_FACTS)
            continue
        asked = facts_of(condition, node, positions)
        behind = _behind([(condition.expression, node)], rule.policy.name, variables)
        facts = frozenset(asked.values()) | {
            positions[_question(fact)]
            for name in behind
            for fact in variables[rule.policy.name, name].facts.values()
        }
        yield Conjunct(condition.expression, node, condition.negate, facts)


def facts_of(
    condition: CheckedCondition,
    node: cel.Expr,
    positions: Mapping[str, int],
) -> dict[int, int]:
    """The positions of the facts that calls in a node's tree ask for, by the call's id."""
    if not condition.facts:
        return {}
    inside = {part.id for part in _walk(node)}
    return {
        call: positions[_question(fact)] for call, fact in condition.facts.items() if call in inside
    }


def _behind(
    nodes: list[tuple[CheckedExpression, cel.Expr]],
    policy: str,
    variables: Mapping[tuple[str, str], CheckedCondition],
) -> frozenset[str]:
    """The variables of a policy that nodes need, directly or through others."""
    if not variables:
        return frozenset()
    found: set[str] = set()
    pending = list(nodes)
    while pending:
        within, node = pending.pop()
        if not named_variables(within):
            continue
        for each in _walk(node):
            reference = within.references.get(each.id)
            if not isinstance(reference, VariableRef):
                continue
            kind_, _, name = reference.name.partition(".")
            if kind_ == "variables" and name not in found:
                found.add(name)
                expression = variables[policy, name].expression
                pending.append((expression, expression.ast.root))
    return frozenset(found)


def variables_behind(
    ir: PointIR, policy: str, conjuncts: tuple[Conjunct, ...]
) -> dict[str, CheckedCondition]:
    """The variables that conjuncts need, in order: each uses only earlier ones."""
    nodes = [(conjunct.expression, conjunct.node) for conjunct in conjuncts]
    needed = _behind(nodes, policy, ir.variables)
    if not needed:
        return {}
    ordered = ir.checked.variables[policy]
    return {name: variable for name, variable in ordered.items() if name in needed}


def inlined(ir: PointIR) -> frozenset[tuple[str, str]]:
    """The variables that are cheaper to compute again than to remember, or used only once."""
    uses = Counter(
        (rule.checked.policy.name, name)
        for rule in ir.rules
        for condition in rule.checked.conditions
        for name in named_variables(condition.expression)
    )
    sizes: dict[tuple[str, str], int] = {}
    for (policy, name), variable in ir.variables.items():
        used = [(policy, other) for other in named_variables(variable.expression)]
        uses.update(used)
        written_out = variable.expression.ast.size + sum(sizes[each] for each in used)
        sizes[policy, name] = min(written_out, INLINE_SIZE + 1)
    return frozenset(key for key, size in sizes.items() if size <= INLINE_SIZE or uses[key] < 2)


def evidence(rule: RuleIR) -> frozenset[int]:
    """The facts whose findings speak for a rule, which those of its `unless` do not."""
    return frozenset(
        fact for conjunct in rule.conjuncts if not conjunct.negate for fact in conjunct.facts
    )


def _facts(
    point: CheckedPoint, variables: Mapping[tuple[str, str], CheckedCondition]
) -> tuple[FactInfo, ...]:
    """Every question of the point's rules once, cheapest first; a variable unused asks nothing."""
    conditions = chain.from_iterable(rule.conditions for rule in point.rules)
    if not any(condition.facts for condition in (*conditions, *variables.values())):
        return ()
    found: dict[str, FactInfo] = {}
    for rule in point.rules:
        nodes = [(c.expression, c.expression.ast.root) for c in rule.conditions]
        policy = rule.policy.name
        behind = [variables[policy, name] for name in sorted(_behind(nodes, policy, variables))]
        for condition in [*rule.conditions, *behind]:
            for fact in condition.facts.values():
                found.setdefault(_question(fact), fact)
    return tuple(sorted(found.values(), key=lambda fact: (fact.cost, _question(fact))))


def _question(fact: FactInfo) -> str:
    return json.dumps([fact.provider, fact.config], sort_keys=True)


def question(fact: FactInfo) -> str:
    """A fact's provider and configuration as one string; equal questions are equal."""
    return _question(fact)


def _walk(node: cel.Expr) -> Iterator[cel.Expr]:
    pending = [node]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(cel.children(part))
