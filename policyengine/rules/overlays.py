"""Putting a bundle on top of its bases, and proving that it only tightens what is `final`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from policyengine.diagnostics import Diagnostic, Related
from policyengine.program import RESTRICTING, VERDICTS, Allow, Route, Tag, Verdict, Warn
from policyengine.rules.model import Bundle, Policy, Rule
from policyengine.source import Span


@dataclass(frozen=True, slots=True)
class Merged:
    """What holds after all overlays.

    `groups` maps a policy's name to its parts: the policy, then what overlays add to it.
    """

    groups: Mapping[str, tuple[Policy, ...]]
    constants: Mapping[str, Any]
    defaults: Mapping[str, Verdict]
    problems: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Layer:
    bundle: Bundle
    below: frozenset[str]


@dataclass(slots=True)
class _State:
    groups: dict[str, list[tuple[_Layer, Policy]]] = field(default_factory=dict)
    constants: dict[str, tuple[_Layer, Any]] = field(default_factory=dict)
    defaults: dict[str, tuple[_Layer, Verdict]] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)


def merge(bundle: Bundle, constants_of: Mapping[Span, frozenset[str]]) -> Merged:
    """Lay bundles over each other, bases first.

    `constants_of` says which constants a policy uses, by its span.
    """
    state = _State()
    layers = _layers(bundle)
    for layer in layers:
        for policy in layer.bundle.policies:
            _lay(state, layer, policy)
        for name, value in layer.bundle.constants.items():
            state.constants[name] = (layer, value)
        for point, verdict in layer.bundle.defaults.items():
            state.defaults[point] = (layer, verdict)
    for owner in layers:
        finals = [policy for policy in owner.bundle.policies if policy.final]
        for other in layers:
            if finals and _is_over(other, owner):
                state.problems += _loosened(owner, finals, other, constants_of)
    return Merged(
        {name: tuple(policy for _, policy in parts) for name, parts in state.groups.items()},
        {name: value for name, (_, value) in state.constants.items()},
        {name: verdict for name, (_, verdict) in state.defaults.items()},
        tuple(state.problems),
    )


def _layers(bundle: Bundle) -> list[_Layer]:
    """All bundles, bases before what builds on them, each once."""
    found: dict[str, _Layer] = {}

    def visit(one: Bundle) -> frozenset[str]:
        if one.root not in found:
            below: frozenset[str] = frozenset()
            for base in one.extends:
                below |= visit(base) | {base.root}
            found[one.root] = _Layer(one, below)
        return found[one.root].below

    visit(bundle)
    return list(found.values())


def _is_over(layer: _Layer, owner: _Layer) -> bool:
    """Whether a layer is bound by what is final in another: all are but itself and its bases."""
    return layer.bundle.root != owner.bundle.root and layer.bundle.root not in owner.below


def _lay(state: _State, layer: _Layer, policy: Policy) -> None:
    """A policy of a layer takes the place of one with its name, or adds to it if that is final."""
    parts = state.groups.get(policy.name)
    if parts is None:
        state.groups[policy.name] = [(layer, policy)]
        return
    owner, first = parts[0]
    if first.final:
        problems = list(_not_tightening(policy, [part for _, part in parts]))
        state.problems += problems
        if not problems:
            parts.append((layer, policy))
    elif policy.final and _is_over(owner, layer):
        state.problems.append(
            _final(policy, first, f"policy `{policy.name}` of another base is final")
        )
    else:
        state.groups[policy.name] = [(layer, policy)]


def _not_tightening(policy: Policy, parts: list[Policy]) -> Iterator[Diagnostic]:
    """Why an overlay's policy is more than added restrictions to the final one of its name."""
    first = parts[0]
    rules = {rule.id for part in parts for rule in part.rules}
    variables = {variable.name for part in parts for variable in part.variables}
    for rule in policy.rules:
        if rule.id in rules:
            yield _final(rule, first, f"rule `{rule.id}` of a final policy cannot be redefined")
        elif not _only_restricts(rule):
            yield _final(rule, first, f"rule `{rule.id}` adds to a final policy but does not deny, "
                         "hold, redact or trigger only")  # fmt: skip
    for variable in policy.variables:
        if variable.name in variables:
            message = f"variable `{variable.name}` of a final policy cannot be redefined"
            yield Diagnostic("final-policy", message, variable.span, related=_because(first))


def _only_restricts(rule: Rule) -> bool:
    effects = [*([rule.verdict] if rule.verdict else []), *rule.obligations]
    return all(isinstance(e, (*RESTRICTING, Warn, Tag)) for e in effects) and any(
        isinstance(e, RESTRICTING) for e in effects
    )


def _final(what: Policy | Rule, final: Policy, message: str) -> Diagnostic:
    return Diagnostic("final-policy", message, what.span, related=_because(final))


def _because(policy: Policy) -> tuple[Related, ...]:
    span = policy.spans.get(("final",), policy.span)
    return (Related(span, f"policy `{policy.name}` is final"),)


def _loosened(
    owner: _Layer,
    finals: list[Policy],
    other: _Layer,
    constants_of: Mapping[Span, frozenset[str]],
) -> Iterator[Diagnostic]:
    """How a layer loosens what is final in another."""
    for final in finals:
        for policy in other.bundle.policies:
            shared = [point for point in policy.on if point in final.on]
            # What adds to the final policy itself was judged when it was laid.
            if shared and policy.name != final.name:
                yield from _new_allows(final, policy, shared[0])
                yield from _new_routes(final, policy, shared[0])
        yield from _looser_defaults(owner, final, other)
        for name in sorted(constants_of.get(final.span, frozenset()) & set(other.bundle.constants)):
            if name in _all_constants(owner.bundle) and not _same(
                _all_constants(owner.bundle)[name], other.bundle.constants[name]
            ):
                message = f"constant `{name}` is used by the final policy `{final.name}`"
                span = _place(other.bundle, ("constants", name))
                yield Diagnostic("final-constant", message, span, related=_because(final))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def _all_constants(bundle: Bundle) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for base in bundle.extends:
        found.update(_all_constants(base))
    return {**found, **bundle.constants}


def _new_allows(final: Policy, policy: Policy, point: str) -> Iterator[Diagnostic]:
    if not any(isinstance(rule.verdict, Allow) for rule in final.rules):
        return
    for rule in policy.rules:
        if isinstance(rule.verdict, Allow):
            message = f"`{rule.id}` allows at `{point}`, where a final policy says what is allowed"
            yield Diagnostic("final-allow", message, rule.span, related=_because(final))


def _new_routes(final: Policy, policy: Policy, point: str) -> Iterator[Diagnostic]:
    mine = {(r.priority, r.to) for rule in final.rules for r in _routes(rule)}
    if not mine:
        return
    lowest = min(priority for priority, _ in mine)
    for rule in policy.rules:
        for route in _routes(rule):
            if route.priority >= lowest and (route.priority, route.to) not in mine:
                message = f"`{rule.id}` routes at `{point}` before a final policy does"
                help = f"give it a priority below {lowest}"
                yield Diagnostic(
                    "final-route", message, rule.span, help=help, related=_because(final)
                )


def _routes(rule: Rule) -> list[Route]:
    return [effect for effect in rule.obligations if isinstance(effect, Route)]


def _looser_defaults(owner: _Layer, final: Policy, other: _Layer) -> Iterator[Diagnostic]:
    for point, verdict in other.bundle.defaults.items():
        before = _default(owner.bundle, point)
        if point in final.on and VERDICTS.index(verdict) < VERDICTS.index(before):
            message = f"the default `{verdict}` at `{point}` is looser than `{before}`"
            span = _place(other.bundle, ("defaults", point))
            yield Diagnostic("final-default", message, span, related=_because(final))


def _default(bundle: Bundle, point: str) -> Verdict:
    if point in bundle.defaults:
        return bundle.defaults[point]
    found = [_default(base, point) for base in bundle.extends if _states(base, point)]
    return found[-1] if found else "deny"


def _states(bundle: Bundle, point: str) -> bool:
    return point in bundle.defaults or any(_states(base, point) for base in bundle.extends)


def _place(bundle: Bundle, path: tuple[str, ...]) -> Span:
    return bundle.spans.get(path) or bundle.spans.get(()) or Span.start_of(bundle.root)
